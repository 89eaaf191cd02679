"""From bytes to a judgement, and to the fact that travels."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.contracts.envelope import new_event
from libs.contracts.invoice import InvoiceReceived, InvoiceRejected, InvoiceValidated
from libs.contracts.parts import (
    DocumentRef,
    Finding,
    Identifier,
    InvoiceSummary,
    PartyFacts,
    ReceiverCandidate,
    Words,
)
from libs.errors import Unprocessable
from libs.rules import engine
from libs.testing import builders
from services.validate import judgement
from services.validate.judgement import KEPT, SHOWN, fact, judge, unreadable

RECEIVED = InvoiceReceived(
    invoice_id=UUID(int=1),
    account_id=UUID(int=2),
    sequence=1,
    submission_id=UUID(int=3),
    channel="api",
    syntax="ubl-invoice",
    original=DocumentRef(
        document_id=UUID(int=4), sha256="a" * 64, size=1, media_type="application/xml", filename="F1.xml"
    ),
    pdf=DocumentRef(document_id=UUID(int=5), sha256="b" * 64, size=1, media_type="application/pdf"),
)


@pytest.mark.proves("R4")
def test_a_lawful_invoice_is_validated_with_everything_route_needs() -> None:
    said = judge(builders.invoice(number="F7"))
    assert said.verdict == "valid"
    told = fact(said, RECEIVED, 1)
    assert isinstance(told, InvoiceValidated)
    assert (told.original, told.pdf, told.sequence) == (RECEIVED.original, RECEIVED.pdf, 1)
    assert told.summary.number == "F7"
    assert told.summary.candidates[0].identifier == Identifier(scheme="0106", value="58070036")


@pytest.mark.proves("R4")
def test_an_unlawful_one_is_rejected_naming_rule_line_and_what_to_mend() -> None:
    data = builders.invoice(break_rule="BR-CO-15")
    said = judge(data)
    assert (said.verdict, said.fatals) == ("invalid", 1)
    told = fact(said, RECEIVED, 2)
    assert isinstance(told, InvoiceRejected)
    (finding,) = told.findings
    assert finding.rule == "BR-CO-15"
    assert finding.line is not None
    assert b"TaxInclusiveAmount" in data.splitlines()[finding.line - 1]
    assert finding.message.nl != finding.message.en
    assert (told.fatals, told.sequence) == (1, 2)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4", b"<html/>", b"<!DOCTYPE x><Invoice/>"])
def test_what_does_not_pass_the_gate_is_refused_and_never_judged(data: bytes) -> None:
    with pytest.raises(Unprocessable) as refused:
        judge(data)
    said = unreadable(refused.value)
    assert (said.verdict, said.fatals) == ("invalid", 1)
    assert said.findings[0].rule == refused.value.code
    assert said.findings[0].message.nl == refused.value.extra["words"]["nl"]  # type: ignore[index]


def _finding(severity: str, line: int, text: str = "x") -> Finding:
    words = Words(nl=text, en=text)
    return Finding.model_validate(
        {
            "rule": f"R-{line}", "severity": severity, "line": line, "xpath": text, "seen": text,
            "expected": text, "message": words, "hint": words,
        }
    )  # fmt: skip


def _judging(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], summary: InvoiceSummary | None = None
) -> judgement.Judgement:
    verdict = engine.Verdict("pack", "nlcius-2.0", tuple(findings))
    if summary is not None:
        vars(verdict)["summary"] = summary
    monkeypatch.setattr(engine, "validate", lambda data: verdict)
    return judge(b"")


def test_findings_stand_in_the_order_of_the_document_and_travel_fatal_ones_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = _judging(monkeypatch, [_finding("warning", n) for n in range(40, 0, -1)] + [_finding("fatal", 99)])
    assert [f.line for f in said.findings] == [*range(1, 41), 99]
    assert len(said.first) == SHOWN
    assert [f.line for f in said.first][:3] == [99, 1, 2]
    assert (said.fatals, said.warnings) == (1, 40)


def test_of_too_many_findings_the_fatal_ones_are_kept_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [_finding("warning", n) for n in range(KEPT + 10)]
    said = _judging(monkeypatch, [*many, _finding("fatal", 9)])
    assert len(said.findings) == KEPT
    assert (said.fatals, said.warnings) == (1, KEPT + 10)
    assert said.verdict == "invalid"
    assert any(f.severity == "fatal" for f in said.findings)


@pytest.mark.parametrize("severity", ["fatal", "warning"])
def test_an_event_stays_far_below_what_a_message_may_have(
    monkeypatch: pytest.MonkeyPatch, severity: str
) -> None:
    """Whatever an invoice holds: megabytes in one element, thousands of wrong lines, thousands of numbers."""
    text = "\U0001f4a9" * 100_000
    identifiers = tuple(Identifier(scheme="0106", value="1" * 90) for _ in range(5_000))
    crowd = PartyFacts(name=text, identifiers=identifiers, country=text)
    summary = InvoiceSummary(
        number=text,
        type_code=text,
        currency=text,
        seller=crowd,
        buyer=crowd,
        candidates=tuple(ReceiverCandidate(identifier=i, path=text) for i in identifiers),
    )
    said = _judging(monkeypatch, [_finding(severity, n, text) for n in range(200)], summary)
    event = new_event(fact(said, RECEIVED, 1), source="/test", account=RECEIVED.account_id)
    assert len(event.encode()) < 200_000


def test_an_identifier_is_kept_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Identifier(scheme="0106", value="5807003699" * 20)
    whole = Identifier(scheme="0106", value="58070036")
    summary = InvoiceSummary(
        buyer=PartyFacts(identifiers=(long, whole)),
        candidates=tuple(ReceiverCandidate(identifier=i, path="/") for i in (long, whole)),
    )
    said = _judging(monkeypatch, [], summary)
    assert [c.identifier for c in said.summary.candidates] == [whole]
    assert said.summary.buyer.identifiers == (whole,)


def test_a_path_that_is_cut_is_still_a_path() -> None:
    deep = b"<cac:%s>" % (b"N" * 90)
    data = builders.invoice().replace(
        b"<cac:TaxTotal>", deep * 5 + b"<cbc:X/>" + deep.replace(b"<", b"</") * 5 + b"<cac:TaxTotal>"
    )
    paths = [finding.xpath for finding in judge(data).findings]
    assert any(len(path) > 200 for path in paths)
    assert all(len(path) <= 300 and "…" not in path and not path.endswith("/") for path in paths)
