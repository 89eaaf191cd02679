"""What OpenAPI says of submissions is what they are answered with."""

from __future__ import annotations

from typing import Any

from libs.http.problems import MEDIA_TYPE
from services.ingest.described import SUBMIT


def examples(operation: dict[str, Any], status: str) -> dict[str, Any]:
    found: dict[str, Any] = operation["responses"][status]["content"][MEDIA_TYPE]["examples"]
    return found


def test_every_code_has_an_example_that_says_what_to_do_in_both_languages() -> None:
    codes: set[str] = set()
    for status in ("400", "409", "413", "422", "503"):
        for code, example in examples(SUBMIT["post"], status).items():
            told = example["value"]
            assert (told["code"], told["status"], told["type"]) == (code, int(status), f"/problems/{code}")
            assert set(told["words"]) == {"nl", "en"}
            assert told["words"]["nl"] != told["words"]["en"]
            codes.add(code)
    assert {
        "no-invoice",
        "lone-pdf",
        "doctype",
        "zip",
        "zip-bomb",
        "zip-name",
        "cut-off",
        "idempotency-key-reused",
        "busy",
    } <= codes
    assert not {"mail-report", "pdf-not-added"} & codes
