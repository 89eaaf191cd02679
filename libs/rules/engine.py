"""Bytes in, verdict out.

::

    bytes ─▶ gate ─▶ one parse ─▶ schema ─▶ facts ─▶ the rules of the pack ─▶ Verdict
                                                └──▶ summary ────────────────┘

The pack is chosen by what the document claims to be, or by the caller. Whatever is wrong inside a document is a
finding; only what is no invoice at all is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from libs.contracts.parts import Finding, InvoiceSummary, Words
from libs.einvoice import detect, gate, schema, ubl, xml
from libs.einvoice.facts import Facts, collect
from libs.einvoice.tree import Places
from libs.errors import Unprocessable
from libs.rules import messages
from libs.rules.packs import en16931, nlcius, structure
from libs.rules.rule import Breach, Pack, Rule

PACKS: Mapping[str, Pack] = {pack.name: pack for pack in (structure.PACK, en16931.PACK, nlcius.PACK)}
"""Every pack by name."""

_BY_PROFILE: Mapping[detect.Profile, Pack] = {
    "nlcius-2.0": nlcius.PACK,
    "nlcius-gaccount": nlcius.PACK,
    "peppol-bis-3": en16931.PACK,
    "en16931": en16931.PACK,
}

MOST_OF_ONE_RULE = 100
"""Findings of one rule in one document; the next thousand lines say nothing new."""

UNPARSED = "POSTBODE-XML"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say. ``findings`` stand in the order of schema, then rule table, then document."""

    rule_pack: str
    profile: detect.Profile
    findings: tuple[Finding, ...]
    summary: InvoiceSummary

    @property
    def fatal(self) -> bool:
        return any(finding.severity == "fatal" for finding in self.findings)


def rules() -> dict[str, Rule]:
    """Every rule of every pack, by id."""
    return {rule.id: rule for pack in PACKS.values() for rule in pack.rules}


def pack_of(profile: detect.Profile) -> Pack:
    """The pack for what a document claims to be."""
    return _BY_PROFILE.get(profile, structure.PACK)


def validate(data: bytes, pack: str | None = None) -> Verdict:
    """Judge one document by the pack it claims, or by the one named (``KeyError`` for an unknown name).

    Raises ``TooLarge`` or ``Unprocessable`` for what the gate refuses (``gate.check``) and for what is not an
    invoice (``detect.root``), and nothing else: all the rest are findings.
    """
    chosen = None if pack is None else PACKS[pack]
    try:
        root = xml.parse(gate.bounded(data))
    except Unprocessable as error:
        # One of the two parsers says no. The gate's word is final; what only libxml2 refuses is a finding.
        detect.root(gate.check(data))
        return _unparsed(error, chosen or structure.PACK)
    syntax = detect.root_of(root).syntax
    facts = collect(root, syntax)
    chosen = chosen or pack_of(facts.profile)
    findings = schema.check(root, syntax)
    findings.extend(_apply(chosen, facts))
    return Verdict(chosen.name, facts.profile, tuple(findings), ubl.summarise(facts))


def _unparsed(error: Unprocessable, pack: Pack) -> Verdict:
    line, words = error.extra.get("line"), error.extra.get("words")
    finding = Finding(
        rule=UNPARSED,
        severity="fatal",
        line=line if isinstance(line, int) else None,
        message=Words.model_validate(words),
        hint=messages.of(UNPARSED).hint,
    )
    return Verdict(pack.name, "unknown", (finding,), InvoiceSummary())


def _apply(pack: Pack, facts: Facts) -> Iterator[Finding]:
    places = Places()
    for rule in pack.rules:
        for number, breach in enumerate(rule.check(facts)):
            if number == MOST_OF_ONE_RULE:
                break
            yield _finding(rule, breach, places)


def _finding(rule: Rule, breach: Breach, places: Places) -> Finding:
    said = messages.of(rule.id)
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        terms=rule.terms,
        xpath=places.of(breach.element),
        line=breach.element.sourceline,
        seen=breach.seen,
        expected=breach.expected,
        message=said.message,
        hint=said.hint,
    )
