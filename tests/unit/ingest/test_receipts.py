"""What the answer to a submission says is what a look at it says."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from services.ingest.uploads.receipts import Kept, receipt

OLD, NEW = UUID(int=1), UUID(int=2)
A, B = UUID(int=0xA), UUID(int=0xB)


def answer(*kept: Kept) -> tuple[str, dict[str, str], list[str]]:
    reply = receipt(NEW, kept)
    body: dict[str, Any] = json.loads(reply.body)
    assert reply.headers["Location"] == f"/v1/submissions/{body['submission_id']}"
    return body["submission_id"], dict(reply.headers), [item["status"] for item in body["invoices"]]


def test_new_invoices_are_received() -> None:
    shown, headers, statuses = answer(Kept(A, NEW, "a.xml"), Kept(B, NEW, "b.xml"))
    assert (shown, statuses) == (str(NEW), ["received", "received"])
    assert "Postbode-Repeat" not in headers


def test_the_same_again_gets_the_answer_of_the_first_time() -> None:
    shown, headers, statuses = answer(Kept(A, OLD, "a.xml", True), Kept(B, OLD, "b.xml", True))
    assert (shown, statuses) == (str(OLD), ["received", "received"])
    assert headers["Postbode-Repeat"] == "true"


def test_old_and_new_together_are_a_submission_of_their_own_in_either_order() -> None:
    old, new = Kept(A, OLD, "a.xml", True), Kept(B, NEW, "b.xml")
    assert answer(old, new)[0::2] == (str(NEW), ["duplicate", "received"])
    assert answer(new, old)[0::2] == (str(NEW), ["received", "duplicate"])


def test_repeats_of_two_submissions_are_a_submission_of_their_own() -> None:
    shown, headers, statuses = answer(Kept(A, OLD, "a.xml", True), Kept(B, UUID(int=3), "b.xml", True))
    assert (shown, statuses) == (str(NEW), ["duplicate", "duplicate"])
    assert headers["Postbode-Repeat"] == "true"


def test_one_file_twice_in_a_submission_is_one_invoice_also_when_it_comes_again() -> None:
    first = answer(Kept(A, NEW, "a.xml"), Kept(A, NEW, "b.xml", True))
    again = answer(Kept(A, NEW, "a.xml", True), Kept(A, NEW, "b.xml", True))
    assert first[0::2] == again[0::2] == (str(NEW), ["received", "duplicate"])


def test_a_pdf_that_came_too_late_is_said() -> None:
    reply = receipt(NEW, (Kept(A, OLD, "a.xml", True, "pdf-not-added"),))
    body = json.loads(reply.body)
    assert body["submission_id"] == str(NEW)
    (item,) = body["invoices"]
    assert (item["status"], item["code"]) == ("duplicate", "pdf-not-added")
    assert set(item["reason"]) == {"nl", "en"}
