"""What rules and routing need to know of a UBL invoice: groups, parties, numbers, each with its place.

``collect`` sorts the tree once (``tree.grow``); what a rule asks for is worked out at the first question and
kept. Names are those of UBL; the business terms of EN 16931 stand beside them. Whoever has patterns of its own
(a rule pack) compiles them with ``trie_of`` and finds the places they match in ``Facts.found``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import TypeVar, cast

from libs.einvoice import detect, money
from libs.einvoice.text import BLANKS, normal
from libs.einvoice.tree import Element, Found, Group, grow
from libs.einvoice.trie import CBC, Trie

T = TypeVar("T")

_NONE: tuple[Group, ...] = ()

_WATCHED = (
    "cac:TaxCategory",
    "cac:ClassifiedTaxCategory",
    "cac:AllowanceCharge",
    "cac:TaxTotal",
    "cac:PartyIdentification/cbc:ID",
    "cbc:PaymentID",
    "cbc:PaymentMeansCode",
    "cbc:IdentificationCode",
    "cac:PaymentMeans",
    "Line",
)
_MARKS = {pattern: mark for mark, pattern in enumerate(_WATCHED)}
OFFSET = len(_WATCHED)
"""Marks below this are the facts' own; the patterns of a pack begin here."""


def trie_of(patterns: Sequence[str]) -> Trie:
    """A trie of these patterns for ``collect``; the n-th has the mark ``OFFSET + n``."""
    return Trie((*_WATCHED, *patterns))


_PLAIN = trie_of(())


class NotANumberError(Exception):
    """Something that should be a number is none. It is noted in ``Facts.unreadable``; no sum guesses."""


class Party:
    """Seller (BG-4), buyer (BG-7) or tax representative (BG-11): a ``Party`` group with names for its parts."""

    __slots__ = ("group",)

    def __init__(self, group: Group) -> None:
        self.group = group

    @property
    def address(self) -> Group | None:
        """BG-5, BG-8 or BG-12."""
        return self.group.group("PostalAddress")

    @property
    def name(self) -> str | None:
        """BT-27 / BT-44, else the trading name."""
        names = (
            *self.group.at("PartyLegalEntity", "RegistrationName"),
            *self.group.at("PartyName", "Name"),
        )
        return next((text for leaf in names if (text := (leaf.text or "").strip(BLANKS))), None)

    @property
    def post_code(self) -> str | None:
        """BT-38, BT-53, BT-67."""
        leaves = self.address.leaves.get("PostalZone", ()) if self.address is not None else ()
        return next((text for leaf in leaves if (text := (leaf.text or "").strip(BLANKS))), None)

    @property
    def country(self) -> str | None:
        """BT-40 / BT-55 in upper case."""
        codes = self.group.at("PostalAddress", "Country", "IdentificationCode")
        return next((text.upper() for leaf in codes if (text := (leaf.text or "").strip(BLANKS))), None)


class TaxCategory:
    """A VAT category of a line (BG-30), an allowance or charge, or a breakdown (BG-23)."""

    __slots__ = ("code", "group", "has_id", "is_vat", "raw")

    def __init__(self, group: Group) -> None:
        self.group = group
        leaf = group.leaf("ID")
        self.has_id = leaf is not None
        self.raw = "" if leaf is None else leaf.text or ""
        self.code = normal(self.raw)
        """BT-151 and its kin, with single blanks at most."""
        self.is_vat = is_vat(group)
        """Whether the tax scheme says VAT."""


def is_vat(group: Group) -> bool:
    """Whether the tax scheme of a category or of a party's tax registration says VAT."""
    for scheme in group.groups.get("TaxScheme", _NONE):
        for leaf in scheme.leaves.get("ID", ()):
            text = leaf.text
            if text == "VAT" or normal((text or "").upper()) == "VAT":
                return True
    return False


class Facts:
    """The invoice as the rules see it."""

    def __init__(
        self, root: Group, syntax: detect.Syntax, found: Found, folded: Sequence[Sequence[str]] = ()
    ) -> None:
        self.root = root
        self.syntax = syntax
        self.found = found
        self._folded = folded
        self.unreadable: dict[Element, None] = {}
        """What should be a number and is none, as far as anything asked for it."""
        self._numbers: dict[Element, Decimal] = {}
        self._categories: dict[Group, TaxCategory] = {}
        self._charges: dict[Group, bool | None] = {}
        self._known: dict[tuple[object, object], object] = {}

    @property
    def is_credit_note(self) -> bool:
        return self.syntax == "ubl-creditnote"

    @cached_property
    def customization(self) -> str:
        """BT-24 with single blanks at most (XPath ``normalize-space``)."""
        return normal(self.root.text("CustomizationID"))

    @cached_property
    def profile(self) -> detect.Profile:
        return detect.profile(self.customization, self.root.text("ProfileID"))

    def once(self, find: Callable[..., T], *of: object) -> T:
        """What ``find`` (a function of a module, not made on the spot) says of this document and these values, asked once.

        For what a rule wants to know of the whole document at each of its places: a hostile document has both by
        the ten thousand. That it is no number is kept as well.
        """
        key = (find, of)
        if key not in self._known:
            try:
                self._known[key] = find(self, *of)
            except NotANumberError:
                self._known[key] = NotANumberError
        found = self._known[key]
        if found is NotANumberError:
            raise NotANumberError
        return cast("T", found)

    @property
    def net_of_all(self) -> Decimal:
        """The sum of every BT-131, also of lines that stand in an extension: so the official rules have it."""
        return self.once(_net_of_all)

    @cached_property
    def lines_elsewhere(self) -> Sequence[Group]:
        """Lines in an extension, which are no lines of the invoice, though some official rules take them for such."""
        found = self.groups_everywhere("Line")
        if len(found) == len(self.lines):
            return ()
        own = {id(line) for line in self.lines}
        return [line for line in found if id(line) not in own]

    def net(self, lines: Sequence[Group]) -> Decimal:
        """The sum of BT-131 of these lines, and of those they stand for (``fold``)."""
        amounts = self.numbers(lines, "LineExtensionAmount")
        if not self._folded:
            return money.total(amounts)
        return money.total(chain(amounts, (self._stood_for[line.element] for line in lines)))

    @cached_property
    def _stood_for(self) -> Mapping[Element, Decimal]:
        # Plain digits: folding takes no others.
        return {
            line.element: money.total(map(Decimal, amounts))
            for line, amounts in zip(self.lines, self._folded, strict=True)
        }

    @cached_property
    def lines(self) -> Sequence[Group]:
        """BG-25, invoice and credit note lines."""
        groups = self.root.groups
        return (*groups.get("InvoiceLine", _NONE), *groups.get("CreditNoteLine", _NONE))

    @property
    def line_count(self) -> int:
        """How many lines the document has, those left out by ``fold`` too."""
        return len(self.lines) + sum(map(len, self._folded))

    @cached_property
    def totals(self) -> Sequence[Group]:
        """BG-22; the schema allows exactly one."""
        return self.root.groups.get("LegalMonetaryTotal", [])

    @cached_property
    def tax_totals(self) -> Sequence[Group]:
        """BT-110 and BT-111 with their breakdown (BG-23)."""
        return self.root.groups.get("TaxTotal", [])

    def groups_everywhere(self, pattern: str) -> list[Group]:
        """Every group of a watched pattern (``_WATCHED``), wherever it stands. ``KeyError`` for another."""
        return [item for item in self.found.at.get(_MARKS[pattern], ()) if isinstance(item, Group)]

    def leaves_everywhere(self, pattern: str) -> list[Element]:
        """The same for a ``cbc:`` element."""
        return [item for item in self.found.at.get(_MARKS[pattern], ()) if not isinstance(item, Group)]

    @cached_property
    def adjustments(self) -> tuple[list[Group], list[Group]]:
        """Allowances (BG-20) and charges (BG-21) of the document; what says neither is in neither."""
        return self._sorted(self.root.groups.get("AllowanceCharge", _NONE))

    @cached_property
    def all_adjustments(self) -> tuple[list[Group], list[Group]]:
        """Allowances and charges wherever they stand."""
        return self._sorted(self.groups_everywhere("cac:AllowanceCharge"))

    def category(self, group: Group) -> TaxCategory:
        """What a ``TaxCategory`` or ``ClassifiedTaxCategory`` says, read once."""
        found = self._categories.get(group)
        if found is None:
            found = self._categories[group] = TaxCategory(group)
        return found

    def is_charge(self, group: Group) -> bool | None:
        """Charge (True) or allowance (False) of an ``AllowanceCharge``, read once; None for neither."""
        if group not in self._charges:
            self._charges[group] = indicates(group)
        return self._charges[group]

    def categories(self, group: Group, name: str = "TaxCategory") -> list[TaxCategory]:
        """Those right below a group."""
        return [self.category(below) for below in group.groups.get(name, _NONE)]

    @cached_property
    def categories_of_lines(self) -> list[tuple[Group, list[TaxCategory]]]:
        """Each line with its categories (BG-30)."""
        return [
            (line, [self.category(below) for below in line.within("Item", "ClassifiedTaxCategory")])
            for line in self.lines
        ]

    def _sorted(self, groups: Iterable[Group]) -> tuple[list[Group], list[Group]]:
        kinds: dict[bool | None, list[Group]] = {False: [], True: [], None: []}
        for group in groups:
            kinds[self.is_charge(group)].append(group)
        return kinds[False], kinds[True]

    @cached_property
    def tax_categories(self) -> list[TaxCategory]:
        """Every ``TaxCategory``, wherever it stands."""
        return [self.category(group) for group in self.groups_everywhere("cac:TaxCategory")]

    @cached_property
    def line_categories(self) -> list[TaxCategory]:
        """Every ``ClassifiedTaxCategory``, wherever it stands (BG-30)."""
        return [self.category(group) for group in self.groups_everywhere("cac:ClassifiedTaxCategory")]

    @cached_property
    def breakdown(self) -> list[TaxCategory]:
        """The categories of the VAT breakdown (BG-23), of all totals of the document."""
        return [self.category(group) for group in self.root.within("TaxTotal", "TaxSubtotal", "TaxCategory")]

    @cached_property
    def tax_codes(self) -> frozenset[str]:
        """Every category code in use anywhere."""
        return frozenset(c.code for c in (*self.tax_categories, *self.line_categories))

    @cached_property
    def type_codes(self) -> list[Element]:
        """BT-3, of both spellings."""
        leaves = self.root.leaves
        return [*leaves.get("InvoiceTypeCode", ()), *leaves.get("CreditNoteTypeCode", ())]

    @cached_property
    def seller(self) -> Party | None:
        return self._party("AccountingSupplierParty")

    @cached_property
    def buyer(self) -> Party | None:
        return self._party("AccountingCustomerParty")

    def _party(self, role: str) -> Party | None:
        found = self.root.within(role, "Party")
        return Party(found[0]) if found else None

    def number(self, group: Group, name: str) -> Decimal | None:
        """The first leaf of that name in ``group``, read once; None when there is none.

        Raises ``NotANumberError`` when what stands there is not a number.
        """
        found = group.leaves.get(name)
        if not found:
            return None
        leaf = found[0]
        value = self._numbers.get(leaf)
        if value is not None:
            return value
        value = money.read(leaf.text)
        if value is None:
            self.unreadable[leaf] = None
            raise NotANumberError
        self._numbers[leaf] = value
        return value

    def numbers(self, groups: Sequence[Group], name: str) -> Iterator[Decimal]:
        """The leaf of that name of each group that has one."""
        for group in groups:
            value = self.number(group, name)
            if value is not None:
                yield value


def _net_of_all(facts: Facts) -> Decimal:
    elsewhere = facts.numbers(facts.lines_elsewhere, "LineExtensionAmount")
    return money.EXACT.add(facts.net(facts.lines), money.total(elsewhere))


def indicates(group: Group) -> bool | None:
    """Charge (True) or allowance (False); None where the indicator says neither."""
    return _INDICATES.get(group.text("ChargeIndicator"))


_INDICATES = {"false": False, "0": False, "true": True, "1": True}


def collect(
    root: Element, syntax: detect.Syntax, trie: Trie = _PLAIN, folded: Sequence[Sequence[str]] = ()
) -> Facts:
    """The facts of a parsed document; ``trie`` comes from ``trie_of``, ``folded`` from ``fold``."""
    found = Found()
    return Facts(grow(root, trie, found), syntax, found, folded)


def profile_of(root: Element) -> detect.Profile:
    """The profile of a parsed document, before anything else of it is looked at."""
    claim = profile = None
    for child in root:
        if child.tag == _CUSTOMIZATION and claim is None:
            claim = child.text or ""
        elif child.tag == _PROFILE and profile is None:
            profile = child.text or ""
        if claim is not None and profile is not None:
            break
    return detect.profile(normal(claim), (profile or "").strip(BLANKS))


_CUSTOMIZATION, _PROFILE = f"{{{CBC}}}CustomizationID", f"{{{CBC}}}ProfileID"
