"""Bytes in, verdict out.

::

    bytes ─▶ gate ─▶ fold ─▶ one parse ─▶ schema ─▶ facts ─▶ the rules of the pack ─▶ Verdict
                       │                              └──▶ summary ────────────────┘
                       └─ anything found on a line: judged again without folding

The pack is chosen by what the document claims to be, or by the caller. Whatever is wrong inside a document is a
finding; only what is no invoice at all is refused.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import islice
from operator import itemgetter

from libs.contracts.parts import Finding, InvoiceSummary, Words
from libs.einvoice import detect, encoding, fold, gate, schema, shelf, ubl, xml
from libs.einvoice.facts import Facts, NotANumberError, collect, profile_of
from libs.einvoice.printed import NOTHING, Printed
from libs.einvoice.refusals import refuse
from libs.einvoice.tree import CAC, CBC, Element, Item, Places, element_of, line_of
from libs.errors import Unprocessable
from libs.rules import messages, moulded, remarks
from libs.rules.packs import (
    beside,
    en16931,
    gaccount,
    nlcius,
    peppol,
    plausible,
    postbode,
    siubl,
    structure,
)
from libs.rules.rule import OFFSET, Breach, Condition, Finish, Pack, Rule, revised

PACKS: Mapping[str, Pack] = {
    pack.name: pack
    for pack in (
        structure.PACK,
        structure.UBL_20,
        structure.E_FFF,
        en16931.PACK,
        nlcius.PACK,
        gaccount.PACK,
        peppol.PACK,
        *siubl.PACKS,
    )
}
"""Every pack by name, in its newest release."""

_OLDER: Mapping[Pack, tuple[Pack, ...]] = {peppol.PACK: (peppol.BEFORE,)}


def releases() -> dict[str, tuple[Pack, ...]]:
    """Every release of every pack, newest first. Those of one pack stand side by side."""
    return {name: (pack, *_OLDER.get(pack, ())) for name, pack in PACKS.items()}


_WITH_GACCOUNT = Pack(
    nlcius.PACK.name,
    f"{nlcius.PACK.source}, {gaccount.PACK.source}",
    (*revised(nlcius.PACK.rules, {}, gaccount.MAY_STAND), *gaccount.RULES),
    nlcius.PACK.finish,
)
"""Who claims the extension is held to both, as the official extension is: without the warnings about what it needs."""

_BY_PROFILE: Mapping[detect.Profile, Pack] = {
    "nlcius-2.0": nlcius.PACK,
    "nlcius-gaccount": _WITH_GACCOUNT,
    "peppol-bis-3": peppol.PACK,
    "si-ubl-1.0": siubl.V10,
    "si-ubl-1.1": siubl.V11,
    "si-ubl-1.2": siubl.V12,
    "en16931": en16931.PACK,
    "e-fff": structure.E_FFF,
}

_INVOICES_ONLY: frozenset[detect.Profile] = frozenset(("si-ubl-1.0", "si-ubl-1.1", "si-ubl-1.2"))

MOST_OF_ONE_RULE = 100
"""Findings of one rule in one document; the next thousand lines say nothing new."""

MOST_VAT_GROUPS = 1_000
"""Groups of the VAT breakdown (BG-23) of one document; there are 9 categories of VAT, each with few rates."""
_ISSUED, _VERSION = f"{{{CBC}}}IssueDate", f"{{{CBC}}}UBLVersionID"
_VAT_GROUPS = f"{{{CAC}}}TaxTotal/{{{CAC}}}TaxSubtotal"

_LARGE = 64 * 1024
"""Bytes from which on the schema is asked in the way that stays linear however much is wrong."""

UNPARSED = "POSTBODE-XML"


@dataclass(frozen=True)
class Verdict:
    """What the rules say. ``findings`` stand in the order of schema, then rule table, then document."""

    rule_pack: str
    profile: detect.Profile
    findings: tuple[Finding, ...]
    facts: Facts | None = field(default=None, repr=False, compare=False)
    """None where there is no tree."""
    parsed: Callable[[], Facts] | None = field(default=None, repr=False, compare=False)
    """Where the facts know no lines and paths: reads the document once more, so that they do. Nothing was found in it."""

    @property
    def fatal(self) -> bool:
        return any(finding.severity == "fatal" for finding in self.findings)

    @cached_property
    def summary(self) -> InvoiceSummary:
        """What every later stage needs; made when asked for, since whoever checks a file does not."""
        return InvoiceSummary() if self.facts is None else ubl.summarise(self.facts)


def rules() -> dict[str, Rule | Finish]:
    """Every rule of every pack in every release, by id, as the newest has it, and those of our own."""
    older = (pack for every in _OLDER.values() for pack in every)
    return {rule.id: rule for pack in (*older, *PACKS.values(), postbode.PACK) for rule in pack.all()}


def pack_of(
    profile: detect.Profile,
    syntax: detect.Syntax,
    issued: str | None = None,
    release: str | None = None,
    version: str | None = None,
) -> Pack:
    """The pack for what a document claims to be, in the release that held on the day of its issue (BT-2, as it is
    written), or in the one named. Nobody published rules for credit notes of SI-UBL 1.x. ``version`` is that of UBL, for
    what claims nothing else."""
    if profile == "unknown" and (version or "").strip() == "2.0":
        return structure.UBL_20
    if profile in _INVOICES_ONLY and syntax != "ubl-invoice":
        return structure.PACK
    return in_release(_BY_PROFILE.get(profile, structure.PACK), issued, release)


def in_release(pack: Pack, issued: str | None, release: str | None = None) -> Pack:
    """That release of a pack, where it has one of the name; else the one that held on a day (``2026-08-17``)."""
    # By the pack itself: what goes by its name (NLCIUS with a g-account) has rules of its own besides.
    every = (pack, *_OLDER.get(pack, ()))
    if len(every) == 1:
        return pack
    named = next((each for each in every if each.release == release), None)
    if named is not None:
        return named
    day = (issued or "").strip()[:10]
    held = (each for each in every if each.since is None or not day or day >= each.since.isoformat())
    return next(held, every[-1])


def validate(data: bytes, pack: str | None = None, release: str | None = None) -> Verdict:
    """Judge one document by the pack it claims, or by the one named (``KeyError`` for an unknown name).

    Of a pack that has several releases the one holds that did on the day of issue, or, where it is named, ``release``; a
    named pack is the newest.

    Raises ``TooLarge`` or ``Unprocessable`` for what the gate refuses (``gate.check``) and for what is not an
    invoice (``detect.root``), and nothing else: all the rest are findings.
    """
    chosen = None if pack is None else in_release(PACKS[pack], None, release)
    clean, _ = encoding.transcode(data)
    # What is known needs no gate; whose size alone is out of the ordinary is looked at first.
    ordinary = gate.ordinary(clean)
    if not ordinary:
        clean = gate.bound(clean, names=True)
    folded = fold.fold(clean) if chosen is None or chosen.alike else None
    known = shelf.split(clean, folded)
    verdict = None if known is None else _known_way(known, folded, chosen, clean, release)
    if verdict is not None:
        return verdict
    if ordinary:
        # Where lines are alike their names are those of a few.
        unlike = len(clean if folded is None else folded.data) > _LARGE
        clean = gate.bound(clean, names=unlike)
    with _uncollected(len(clean)):
        return _judge(data, clean, chosen, folded, known, release)


@contextmanager
def _uncollected(size: int) -> Iterator[None]:
    """No garbage collection while a large document is judged: it would look through hundreds of thousands of objects
    again and again, of which none is garbage. What is made of a document has no cycles and goes without it."""
    if size <= _LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _judge(
    data: bytes,
    clean: bytes,
    chosen: Pack | None,
    folded: fold.Folded | None,
    known: shelf.Split | None,
    release: str | None,
) -> Verdict:
    if folded is not None:
        verdict = _short_way(folded, known, chosen, release)
        if verdict is not None:
            return verdict
    try:
        root, syntax, findings, more = _read(data, clean)
    except NotParsedError as error:
        return _unparsed(error, chosen or structure.PACK)
    if more:
        # Another layout altogether: its rules would be broken on each of its thousands of lines.
        return Verdict((chosen or pack_of(profile_of(root), syntax)).name, profile_of(root), tuple(findings))
    if folded is None and known is not None and not findings:
        shelf.learn(known, root, syntax)
    profile = profile_of(root)
    chosen = chosen or pack_of(profile, syntax, root.findtext(_ISSUED), release, root.findtext(_VERSION))
    facts = collect(root, syntax, chosen.compiled.trie)
    places = Places()
    # What the schema says of a value need not be said again.
    wrong = {finding.xpath for finding in findings if finding.xpath}
    findings.extend(
        finding
        for rule, breach in _breaches(chosen, facts)
        if (finding := _finding(rule, breach, places)).rule != structure.NUMBERS.id
        or finding.xpath not in wrong
    )
    return Verdict(chosen.name, profile, tuple(remarks.consistent(findings)), facts)


def own(verdict: Verdict, page: Printed = NOTHING, today: date | None = None) -> tuple[Finding, ...]:
    """What the hub has to say beside the pack of a verdict (``packs.postbode``): warnings only. ``page`` is what the PDF
    beside the invoice says, ``today`` the day it came.

    Where the pack calls the same place fatal, or the buyer's number missing, it has said enough.
    """
    told = {term for finding in verdict.findings if finding.severity == "fatal" for term in finding.terms}
    spoken = {finding.xpath for finding in verdict.findings if finding.severity == "fatal"}
    return tuple(
        finding
        for rule, breach, finding in _asked(verdict, (*postbode.PACK.finish, *_of_today(page, today)))
        if finding.xpath not in spoken
        and not (rule.id == postbode.RECEIVER and breach.seen is None and told.intersection(rule.terms))
    )


def unlikely(verdict: Verdict, page: Printed, today: date | None) -> tuple[Finding, ...]:
    """Of that what does not hang on how UBL says it: days, and the account on the page."""
    rules = (*plausible.RULES, *_of_today(page, today))
    return tuple(finding for _, _, finding in _asked(verdict, rules))


def _of_today(page: Printed, today: date | None) -> Iterator[Finish]:
    if page.accounts:
        yield from beside.rules(page)
    if today is not None:
        yield plausible.issued(today)


def _asked(verdict: Verdict, rules: Sequence[Finish]) -> Iterator[tuple[Finish, Breach, Finding]]:
    """What rules that are in no pack say of a document that was judged."""
    facts = verdict.facts
    if facts is None:
        return
    if verdict.parsed is not None:
        if not any(True for rule in rules for _ in rule.breaches(facts)):
            return
        facts = verdict.parsed()
    places = Places()
    for rule in rules:
        for breach in islice(rule.breaches(facts), MOST_OF_ONE_RULE):
            yield rule, breach, _finding(rule, breach, places)


def _known_way(
    known: shelf.Split,
    folded: fold.Folded | None,
    chosen: Pack | None,
    clean: bytes,
    release: str | None,
) -> Verdict | None:
    """The verdict on a document of known markup; None where anything may have to be said about it."""
    if known.mould is None:
        return None
    document = known.mould.cast(known.texts, () if folded is None else folded.amounts)
    if document is None:
        return None
    facts = document.facts
    profile = facts.profile
    chosen = chosen or pack_of(
        profile, facts.syntax, facts.root.text("IssueDate"), release, facts.root.text("UBLVersionID")
    )
    if folded is not None and not _alike(chosen, folded, facts):
        return None
    if not moulded.clean(chosen, known.mould, document):
        return None

    def parsed() -> Facts:
        # Without the lines left out: they are the end of an invoice, and no place before them moves.
        root = xml.parse(clean if folded is None else folded.data)
        return collect(root, facts.syntax, folded=() if folded is None else folded.amounts)

    return Verdict(chosen.name, profile, (), facts, parsed)


def _short_way(
    folded: fold.Folded, known: shelf.Split | None, chosen: Pack | None, release: str | None
) -> Verdict | None:
    """The verdict by lines of each kind only; None where that may not be all there is to say."""
    data = folded.data
    if len(data) > _LARGE:
        return None
    try:
        root = xml.parse(data)
        syntax = detect.root_of(root).syntax
    except Unprocessable:
        return None
    if not schema.holds(root, syntax):
        return None
    if known is not None:
        shelf.learn(known, root, syntax)
    profile = profile_of(root)
    chosen = chosen or pack_of(profile, syntax, root.findtext(_ISSUED), release, root.findtext(_VERSION))
    facts = collect(root, syntax, chosen.compiled.trie, folded.amounts)
    if not _alike(chosen, folded, facts):
        return None
    lines = {line.element for line in facts.lines}
    places = Places()
    findings: list[Finding] = []
    for rule, breach in _breaches(chosen, facts):
        if breach.element in lines or not lines.isdisjoint(breach.element.iterancestors()):
            return None
        findings.append(_finding(rule, breach, places))
    return Verdict(chosen.name, profile, tuple(remarks.consistent(findings)), facts)


def _alike(pack: Pack, folded: fold.Folded, facts: Facts) -> bool:
    """Whether the rules of a pack can say no more of the lines left out than of those that stand for them."""
    if not (pack.alike and folded.of(facts.lines)):
        return False
    return not pack.reckoned or folded.reckoned(within="InvoicePeriod" in facts.root.groups)


class NotParsedError(Exception):
    """The gate takes it, and libxml2 does not."""

    def __init__(self, refusal: Unprocessable) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _read(data: bytes, clean: bytes) -> tuple[Element, detect.Syntax, list[Finding], bool]:
    """The parsed document with what the schema says, by the way that suits its size, and whether it has more to say."""
    try:
        root = xml.parse(clean)
    except Unprocessable as error:
        # The bytes vouched for its bounds alone; whether it is XML at all is the gate's to say.
        detect.root(gate.check(data))
        raise NotParsedError(error) from None
    syntax = detect.root_of(root).syntax
    if len(clean) > _LARGE:
        groups = root.findall(_VAT_GROUPS)
        if len(groups) > MOST_VAT_GROUPS:
            line = line_of(groups[MOST_VAT_GROUPS])
            raise refuse("too-many-vat-groups", line or 1, limit=MOST_VAT_GROUPS)
        return root, syntax, *schema.check_large(clean, root, syntax)
    return root, syntax, schema.check(root, syntax), False


def _unparsed(error: NotParsedError, pack: Pack) -> Verdict:
    extra = error.refusal.extra
    line, words = extra.get("line"), extra.get("words")
    finding = Finding(
        rule=UNPARSED,
        severity="fatal",
        line=line if isinstance(line, int) else None,
        message=Words.model_validate(words),
        hint=messages.of(UNPARSED).hint,
    )
    return Verdict(pack.name, "unknown", (finding,))


def _breaches(pack: Pack, facts: Facts) -> list[tuple[Rule | Finish, Breach]]:
    """Every rule at every place it is about, in the order of the table: what is not in the document costs nothing."""
    _, by_mark, whole = pack.compiled
    broken: list[tuple[int, Rule, Breach]] = []
    holds: dict[Condition | None, bool] = {None: True}
    root = facts.root
    for when, rules in whole:
        if when is not None:
            holds[when] = when(facts)
            if not holds[when]:
                continue
        for placed in rules:
            try:
                breach = placed.check(facts, root)
            except NotANumberError:
                continue
            if breach is not None:
                broken.append((placed.order, placed.rule, breach))
    said: dict[int, int] = {}
    for mark, items in facts.found.at.items():
        if mark < OFFSET:
            continue
        order, rule, when, check, most = by_mark[mark - OFFSET]
        if when is not None:
            held = holds.get(when)
            if held is None:
                held = holds[when] = when(facts)
            if not held:
                continue
        if most is not None:
            if len(items) > most:
                broken.append((order, rule, _too_many(items, most)))
            continue
        for item in items:
            try:
                breach = check(facts, item)
            except NotANumberError:
                continue
            if breach is not None:
                count = said[order] = said.get(order, 0) + 1
                if count > MOST_OF_ONE_RULE:
                    break
                broken.append((order, rule, breach))
    broken.sort(key=itemgetter(0))
    found: list[tuple[Rule | Finish, Breach]] = [(rule, breach) for _, rule, breach in broken]
    for last in pack.finish:
        found += ((last, breach) for breach in islice(last.breaches(facts), MOST_OF_ONE_RULE))
    return found


def _too_many(items: Sequence[Item], most: int) -> Breach:
    item = items[most]
    return Breach(element_of(item), seen=str(len(items)), expected=f"0 – {most}")


def _finding(rule: Rule | Finish, breach: Breach, places: Places) -> Finding:
    place = places.of(breach.element)
    said = messages.of(rule.id, place, breach.seen, breach.expected)
    message, hint, terms = said.message, said.hint, rule.terms
    found = remarks.remark(rule.id, breach.element, breach.seen)
    if found is not None:
        message, hint = remarks.told(message, hint, found)
        terms = (found.term,) if found.term else terms
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        terms=terms,
        xpath=place,
        line=line_of(breach.element),
        seen=breach.seen,
        expected=breach.expected,
        message=message,
        hint=hint,
    )
