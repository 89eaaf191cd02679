"""What attacks the reader is refused by name, cheaply (field.md §C.3, rows 1, 4-9, 11-13 and 30)."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import pytest

from libs.db.types import Pool
from libs.testing.hostile import ATTACKS, Attack
from libs.testing.machine import most_memory
from services.validate.api import routes
from services.validate.cli import check_file
from services.validate.settings import ValidateSettings
from tests.integration.validate.api_client import as_, served

_CPU_SECONDS = 1.0
_LARGEST_KB = 200 * 1024


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_each_is_one_named_problem_within_a_second(attack: Attack, tmp_path: Path) -> None:
    path = tmp_path / "invoice.xml"
    path.write_bytes(attack.make())
    begin = time.process_time()
    said, _ = check_file(str(path))
    assert time.process_time() - begin < _CPU_SECONDS
    assert said.verdict == "invalid"
    assert {finding.id for finding in said.findings if finding.severity == "fatal"} == attack.ids
    for finding in said.findings:
        assert finding.line is not None
        assert len(finding.value or "") <= 100
        assert len(finding.message.nl) <= 400
        assert "root:" not in finding.model_dump_json(), "nobody read /etc/passwd"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_over_http_it_is_a_problem_with_words(attack: Attack) -> None:
    data = attack.make()
    # A check reads no row, so there is no database.
    async with served(routes(ValidateSettings(), cast("Pool", None))) as hub:
        begin = time.process_time()
        reply = await hub.post("/v1/check", content=data, headers=as_("anna"))
        assert time.process_time() - begin < _CPU_SECONDS
    body = reply.json()
    if attack.refused:
        assert {body["code"]} == attack.ids
        assert reply.status_code == (413 if "too-large" in attack.ids else 422)
        assert body["words"]["nl"] != body["words"]["en"]
    else:
        assert (reply.status_code, body["verdict"]) == (200, "invalid")
        assert {each["id"] for each in body["findings"] if each["severity"] == "fatal"} == attack.ids
    assert "root:" not in reply.text


@pytest.mark.parametrize("name", ["4 billion laughs", "8 attributes", "12 UTF-32", "not there"])
def test_a_refused_document_does_not_wait_for_the_garbage_collector(name: str, tmp_path: Path) -> None:
    path = tmp_path / "invoice.xml"
    if name in ATTACKS:
        path.write_bytes(ATTACKS[name].make())
    check_file(str(path))  # What is loaded at the first of its kind is no part of this.
    gc.collect()
    gc.disable()
    try:
        said, _ = check_file(str(path))
        assert gc.collect() == 0, "an error kept in a frame keeps the document of that frame"
    finally:
        gc.enable()
    assert said.verdict == "invalid"


def test_one_process_judges_them_all_in_200_mb_with_a_line_for_each(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.xml" for n in range(len(ATTACKS))]
    for path, attack in zip(paths, ATTACKS.values(), strict=True):
        path.write_bytes(attack.make())
    command = [sys.executable, "-m", "services.cli", "check", "--json", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{path}\n" for path in paths).encode())
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in paths]
        used = most_memory(process.pid)
        process.stdin.close()
    assert process.returncode == 1
    said = [json.loads(line) for line in lines]
    assert [each["file"] for each in said] == [str(path) for path in paths]
    assert {each["verdict"] for each in said} == {"invalid"}
    assert used < _LARGEST_KB
