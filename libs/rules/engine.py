"""Bytes in, verdict out: gate, one parse, schema, one pass for the facts, then the packs that apply.

A pack is chosen by the profile the invoice claims. ``validate`` never raises for bytes that pass the gate
and are an invoice: whatever is wrong inside is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from libs.contracts.parts import Finding, InvoiceSummary
from libs.einvoice import detect, gate, schema, ubl, xml
from libs.einvoice.facts import Facts, collect, path_of
from libs.rules import messages
from libs.rules.packs import en16931, nlcius
from libs.rules.rule import Breach, Rule

_PACKS: Mapping[detect.Profile, tuple[str, tuple[Rule, ...]]] = {
    "nlcius-2.0": ("nlcius-2.0", (*en16931.PACK, *nlcius.PACK)),
    "nlcius-gaccount": ("nlcius-2.0", (*en16931.PACK, *nlcius.PACK)),
    "peppol-bis-3": ("en16931-ubl", en16931.PACK),
    "en16931": ("en16931-ubl", en16931.PACK),
}
_PLAIN = ("ubl-2.1", en16931.PLAIN)
MOST_OF_ONE_RULE = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say. ``findings`` stand in the order of schema, then rule table."""

    rule_pack: str
    profile: detect.Profile
    findings: tuple[Finding, ...]
    summary: InvoiceSummary

    @property
    def fatal(self) -> bool:
        return any(finding.severity == "fatal" for finding in self.findings)


def rules() -> dict[str, Rule]:
    """Every rule of every pack, by id."""
    return {rule.id: rule for rule in (*en16931.PACK, *nlcius.PACK)}


def validate(data: bytes) -> Verdict:
    """Judge one document. Raises ``Unprocessable`` or ``TooLarge`` for what does not pass the gate, is not
    an invoice, or is XML only to one of the two parsers."""
    passed = gate.check(data)
    syntax = detect.root(passed).syntax
    root = xml.parse(passed.data)
    facts = collect(root, syntax)
    pack, table = _PACKS.get(facts.profile, _PLAIN)
    findings = schema.check(root, syntax)
    findings.extend(finding for rule in table for finding in _apply(rule, facts))
    return Verdict(pack, facts.profile, tuple(findings), ubl.summarise(facts))


def _apply(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for number, breach in enumerate(rule.check(facts)):
        if number == MOST_OF_ONE_RULE:
            return
        yield _finding(rule, breach)


def _finding(rule: Rule, breach: Breach) -> Finding:
    said = messages.of(rule.id)
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        terms=rule.terms,
        xpath=path_of(breach.element),
        line=breach.element.sourceline,
        seen=breach.seen,
        expected=breach.expected,
        message=said.message,
        hint=said.hint,
    )
