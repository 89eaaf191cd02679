"""What an event hands on from the one that caused it is handed on as it was said there."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import orjson

from libs import clock
from libs.contracts.envelope import new_event
from libs.contracts.invoice import InvoiceReleased, InvoiceRouted, InvoiceValidated
from libs.contracts.parts import DocumentRef, Identifier, InvoiceSummary, Receiver, Words
from libs.contracts.registry import decode

ACCOUNT = UUID(int=1)
_SAID = InvoiceValidated(
    invoice_id=clock.uuid7(),
    account_id=ACCOUNT,
    sequence=1,
    rule_pack="x",
    original=DocumentRef(document_id=UUID(int=2), sha256="a" * 64, size=1, media_type="application/xml"),
    summary=InvoiceSummary(number="F1", issue_date=date(2026, 11, 2)),
)


def _routed(said: InvoiceValidated, summary: InvoiceSummary) -> InvoiceRouted:
    to = Receiver(party_id=UUID(int=3), name="X", identifier=Identifier(scheme="0106", value="58070036"))
    return InvoiceRouted(
        invoice_id=said.invoice_id, account_id=ACCOUNT, sequence=2, receiver=to, explanation=Words(nl="", en=""),
        original=said.original, summary=summary,
    )  # fmt: skip


def test_fields_this_release_does_not_know_go_on_and_nothing_else_changes() -> None:
    raw = orjson.loads(new_event(_SAID, source="/test", account=ACCOUNT).encode())
    raw["data"]["summary"]["newer"] = {"term": "BT-999"}
    heard = decode(raw)
    assert isinstance(heard.data, InvoiceValidated)
    routed = _routed(heard.data, heard.data.summary)
    written = orjson.loads(new_event(routed, source="/test", account=ACCOUNT, cause=heard).encode())["data"]
    assert written["summary"].pop("newer") == {"term": "BT-999"}
    assert written == orjson.loads(routed.model_dump_json())
    mended = _routed(heard.data, heard.data.summary.model_copy(update={"number": "F2"}))
    written = orjson.loads(new_event(mended, source="/test", account=ACCOUNT, cause=heard).encode())["data"]
    assert written["summary"]["number"] == "F2"
    assert "newer" not in written["summary"]


def test_what_a_sender_said_beside_its_invoice_is_told_on_and_a_release_before_says_nothing() -> None:
    said = _SAID.model_copy(update={"fields": {"Notes": "Pand 12"}})
    raw = orjson.loads(new_event(said, source="/test", account=ACCOUNT).encode())
    assert decode(raw).data == said
    del raw["data"]["fields"]
    assert decode(raw).data == _SAID


def test_an_event_all_of_which_is_handed_on_is_whole() -> None:
    heard = decode(orjson.loads(new_event(_SAID, source="/test", account=ACCOUNT).encode()))
    again = new_event(heard.data, source="/test", account=ACCOUNT, cause=heard)
    assert decode(orjson.loads(again.encode())).data == _SAID
    released = InvoiceReleased(invoice_id=_SAID.invoice_id, account_id=ACCOUNT, sequence=1, by="x")
    assert (
        decode(orjson.loads(new_event(released, source="/t", account=ACCOUNT, cause=heard).encode())).data
        == released
    )
