"""A conversion as its report: what was lost, what a rule filled in, what could not be read. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

from libs.contracts.parts import Finding, Words
from libs.einvoice.convert import Conversion
from libs.rules import engine

_MOST = 500
_LONGEST = 200


class LostTerm(BaseModel):
    """A term that had a value and has no place in the target."""

    term: str = Field(description="EN 16931 business term, such as BT-89")
    path: str = Field(description="where in the model, groups counted from 1: lines[2].item.name")
    value: str


class FilledTerm(BaseModel):
    """A term that a stated rule supplied."""

    term: str
    value: str
    rule: Words


class Report(BaseModel):
    """What one conversion did to one invoice."""

    number: str | None = Field(description="BT-1")
    source: str = Field(description="syntax it was read from")
    format: str
    verdict: Literal["valid", "invalid", "not judged"] = Field(
        description="by the rule pack of the target, where there is one"
    )
    rule_pack: str | None = None
    lost: list[LostTerm]
    filled: list[FilledTerm]
    unread: list[str] = Field(description="places of the source that no term stands for")
    findings: list[Finding] = Field(description="of reading, then of the target's rules")
    remarks: list[Words] = Field(description="about the file the invoice was in, and the page that was made")


def report(done: Conversion) -> Report:
    """The report, with the verdict of the target's own rules on what was written."""
    findings = list(done.findings)
    verdict: Literal["valid", "invalid", "not judged"] = "not judged"
    if done.judged is not None:
        judged = engine.validate(*done.judged)
        findings += judged.findings if _seen(done) else (_unplaced(each) for each in judged.findings)
        verdict = "invalid" if judged.fatal else "valid"
    if any(finding.severity == "fatal" for finding in done.findings):
        verdict = "invalid"
    return Report(
        number=done.invoice.number,
        source=done.source,
        format=done.target.name,
        verdict=verdict,
        rule_pack=done.judged[1] if done.judged is not None else None,
        lost=[
            LostTerm(term=term.number, path=term.path, value=_shown(term.value)) for term in done.lost[:_MOST]
        ],
        filled=[FilledTerm(term=each.term, value=each.value, rule=each.rule) for each in done.filled[:_MOST]],
        unread=list(done.unread[:_MOST]),
        findings=findings[:_MOST],
        remarks=list(done.remarks),
    )


def _seen(done: Conversion) -> bool:
    """Whether whoever asked has the XML that was judged before them: as the file, or inside their page."""
    return done.judged is None or done.data is done.judged[0] or done.target.name == "pdf"


def _unplaced(finding: Finding) -> Finding:
    """Without line and path, which are those of a form nobody sees; the terms say what it is about."""
    return finding.model_copy(update={"line": None, "xpath": ""})


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return " ".join(_shown(each) for each in value if each is not None and not isinstance(each, bytes))[
            :_LONGEST
        ]
    return str(value)[:_LONGEST]
