"""What a check answers, the same on the command line and over HTTP: one object a document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from libs.contracts.parts import Finding, Words
from services.validate.judgement import Judgement, VerdictName


class Found(BaseModel):
    """One finding: which rule, where, what is wrong and where to mend it."""

    id: str = Field(description="official id of the rule; those of our own begin with POSTBODE-")
    severity: Literal["fatal", "warning"]
    line: int | None = Field(description="line in the document, from 1")
    xpath: str = Field(description="where in the document; empty for what is not about an element")
    terms: list[str] = Field(description="business terms of EN 16931, such as BT-47")
    value: str | None = Field(description="what the document says")
    expected: str | None = Field(description="what it should say")
    message: Words
    hint: Words | None = Field(description="where the sender usually mends it")


class Report(BaseModel):
    """The verdict on one document with every finding, at most 5,000, in the order of the document."""

    file: str | None = Field(description="its name, as far as the sender gave one")
    pack: str = Field(description="the rules it was held to; 'unreadable' where it never came to that")
    verdict: VerdictName
    findings: list[Found]


def found(finding: Finding) -> Found:
    return Found(
        id=finding.rule,
        severity=finding.severity,
        line=finding.line,
        xpath=finding.xpath,
        terms=list(finding.terms),
        value=finding.seen,
        expected=finding.expected,
        message=finding.message,
        hint=finding.hint,
    )


def report(file: str | None, judgement: Judgement) -> Report:
    return Report(
        file=file,
        pack=judgement.rule_pack,
        verdict=judgement.verdict,
        findings=[found(finding) for finding in judgement.findings],
    )


def as_json(said: Report) -> dict[str, Any]:
    """For one line of JSON."""
    return said.model_dump(mode="json")
