"""Samples of every event type and version, made once and never changed: what was said stays readable.

A change that breaks a reader of yesterday's events (a field renamed, removed, retyped, made required) fails
here; the way out is a new version with a sample of its own.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest

from libs.contracts.export import FOLDER, schema
from libs.contracts.registry import PAYLOADS, decode

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / FOLDER / "samples").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return sample


def lost(before: Any, after: Any, at: str = "") -> list[str]:
    """What of ``before`` is not in ``after``, by path; fields that came later may be there."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            where
            for key, value in before.items()
            for where in (lost(value, after[key], f"{at}/{key}") if key in after else [f"{at}/{key} is gone"])
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            where
            for n, (one, other) in enumerate(zip(before, after, strict=True))
            for where in lost(one, other, f"{at}/{n}")
        ]
    return [] if before == after else [f"{at}: {before!r} became {after!r}"]


def test_every_type_and_version_has_its_sample() -> None:
    assert {path.stem for path in SAMPLES} >= set(PAYLOADS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_and_written_without_loss(path: Path) -> None:
    sample = load(path)
    event = decode(sample)
    assert event.type == path.stem
    assert lost(sample, json.loads(event.encode())) == []


def test_an_event_about_rows_is_written_like_any_other() -> None:
    """The ids a database driver hands out are UUIDs of its own kind."""

    class OfARow(UUID):
        pass

    event = decode(load(SAMPLES[0]))
    about = replace(event, id=OfARow(int=event.id.int), account=OfARow(int=event.account.int))
    assert about.encode() == event.encode()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_says_every_field_it_can(path: Path) -> None:
    """So that no field is without a witness."""
    sample = load(path)
    assert set(sample["data"]) >= set(PAYLOADS[path.stem].model_fields) - ADDED_LATER.get(path.stem, set())


ADDED_LATER: dict[str, set[str]] = {
    "account.link_made.v1": {"sealed"},
    "invoice.bounced.v1": {"code"},
    "invoice.duplicate.v1": {"pdf", "silent", "reply_to"},
    "invoice.handed_over.v1": {"repeated", "agreed", "warnings"},
    "invoice.imported.v1": {"entry_number", "booked_at"},
    "invoice.paid.v1": {"by", "source", "paid", "open", "currency", "paid_on"},
    "invoice.parked.v1": {"first", "differences", "return_on"},
    "invoice.quarantined.v1": {"pdf", "silent", "reply_to"},
    "invoice.received.v1": {"source", "silent", "reply_to", "fields"},
    "invoice.released.v1": {"reason"},
    "invoice.returned.v1": {"first"},
    "invoice.routed.v1": {"warnings", "lifted", "fields"},
    "invoice.undeliverable.v1": {"returned"},
    "invoice.validated.v1": {"pdf_accounts", "fields"},
}
"""Fields that joined a version after its sample was made, by type."""


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_fits_the_published_schema(path: Path) -> None:
    validator = jsonschema_rs.validator_for(schema(PAYLOADS[path.stem]))
    assert [str(error) for error in validator.iter_errors(load(path))] == []


def test_a_newer_producer_may_say_more() -> None:
    sample = load(ROOT / FOLDER / "samples" / "invoice.routed.v1.json")
    sample["somethingnew"] = 1
    sample["data"]["later"] = {"more": True}
    sample["data"]["summary"]["later"] = "x"
    assert decode(sample).type == "invoice.routed.v1"
    assert jsonschema_rs.is_valid(schema(PAYLOADS["invoice.routed.v1"]), sample)


@pytest.mark.parametrize("gone", ["invoice_id", "receiver"])
def test_the_schema_and_the_reader_refuse_the_same(gone: str) -> None:
    sample = load(ROOT / FOLDER / "samples" / "invoice.routed.v1.json")
    del sample["data"][gone]
    assert not jsonschema_rs.is_valid(schema(PAYLOADS["invoice.routed.v1"]), sample)
    with pytest.raises(Exception, match=gone):
        decode(sample)
