"""The published contracts are what the code says, and hang together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import export
from libs.contracts.registry import PAYLOADS
from libs.contracts.topology import TOPOLOGY
from libs.messaging.transport import BATCH_MEDIA_TYPE

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / export.FOLDER


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_the_published_files_are_current() -> None:
    assert export.stale(ROOT) == [], "run `make contracts`"


def test_every_reference_leads_somewhere() -> None:
    document = export.asyncapi()
    for ref in refs(document):
        if ref.startswith("#/"):
            node: Any = document
            for step in ref[2:].split("/"):
                node = node[step]
        else:
            assert (PUBLISHED / ref).is_file(), ref


def test_every_event_is_sent_and_received_by_somebody() -> None:
    operations = export.asyncapi()["operations"].values()
    for action in ("send", "receive"):
        named = {
            message["$ref"].rpartition("/")[2]
            for operation in operations
            if operation["action"] == action
            for message in operation["messages"]
        }
        assert named == set(PAYLOADS), action


def test_every_queue_and_exchange_is_a_channel() -> None:
    names = {*TOPOLOGY.exchanges, *(queue.name for queue in TOPOLOGY.queues)}
    assert set(export.asyncapi()["channels"]) == names


def test_the_media_type_is_the_one_on_the_wire() -> None:
    assert export.BATCH == BATCH_MEDIA_TYPE


def test_writing_checking_and_cleaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main([str(tmp_path), "--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert export.main([str(tmp_path)]) == 0
    assert export.main([str(tmp_path), "--check"]) == 0

    left_over = tmp_path / export.SCHEMAS / "invoice.forgotten.v1.json"
    left_over.write_text("{}", "utf-8")
    changed = tmp_path / export.FOLDER / "asyncapi.json"
    changed.write_text(json.dumps({"asyncapi": "2.6.0"}), "utf-8")
    capsys.readouterr()
    assert export.main([str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().out
    assert "asyncapi.json is out of date" in said
    assert "forgotten" in said
    assert export.main([str(tmp_path)]) == 0
    assert not left_over.exists()
    assert export.stale(tmp_path) == []
