"""What rules and routing need to know of a UBL invoice: groups, parties, numbers, each with its place.

``collect`` sorts the tree once (``tree.grow``); what a rule asks for is worked out at the first question and
kept. Names are those of UBL; the business terms of EN 16931 stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property

from libs.einvoice import detect, money
from libs.einvoice.tree import Element, Group, grow

_NONE: tuple[Group, ...] = ()


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
        return next((text for leaf in names if (text := (leaf.text or "").strip())), None)

    @property
    def country(self) -> str | None:
        """BT-40 / BT-55 in upper case."""
        codes = self.group.at("PostalAddress", "Country", "IdentificationCode")
        return next((text.upper() for leaf in codes if (text := (leaf.text or "").strip())), None)


class Facts:
    """The invoice as the rules see it."""

    def __init__(self, root: Group, syntax: detect.Syntax) -> None:
        self.root = root
        self.syntax = syntax
        self.unreadable: dict[Element, None] = {}
        """What should be a number and is none, as far as anything asked for it."""
        self._numbers: dict[Element, Decimal | None] = {}

    @property
    def is_credit_note(self) -> bool:
        return self.syntax == "ubl-creditnote"

    @cached_property
    def customization(self) -> str:
        """BT-24 with single blanks at most (XPath ``normalize-space``)."""
        return " ".join(self.root.text("CustomizationID").split())

    @cached_property
    def profile(self) -> detect.Profile:
        return detect.profile(self.customization, self.root.text("ProfileID"))

    @cached_property
    def lines(self) -> Sequence[Group]:
        """BG-25, invoice and credit note lines."""
        groups = self.root.groups
        return (*groups.get("InvoiceLine", _NONE), *groups.get("CreditNoteLine", _NONE))

    @cached_property
    def totals(self) -> Sequence[Group]:
        """BG-22; the schema allows exactly one."""
        return self.root.groups.get("LegalMonetaryTotal", [])

    @cached_property
    def tax_totals(self) -> Sequence[Group]:
        """BT-110 and BT-111 with their breakdown (BG-23)."""
        return self.root.groups.get("TaxTotal", [])

    @cached_property
    def adjustments(self) -> tuple[list[Group], list[Group]]:
        """Allowances (BG-20) and charges (BG-21) of the document; what says neither is in neither."""
        sorted_: dict[str, list[Group]] = {"false": [], "true": []}
        for group in self.root.groups.get("AllowanceCharge", _NONE):
            said = {"0": "false", "1": "true"}.get(word := group.text("ChargeIndicator"), word)
            sorted_.get(said, []).append(group)
        return sorted_["false"], sorted_["true"]

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
        leaf = group.leaf(name)
        if leaf is None:
            return None
        if leaf not in self._numbers:
            self._numbers[leaf] = money.read(leaf.text)
        value = self._numbers[leaf]
        if value is None:
            self.unreadable[leaf] = None
            raise NotANumberError
        return value

    def numbers(self, groups: Sequence[Group], name: str) -> Iterator[Decimal]:
        """The leaf of that name of each group that has one."""
        for group in groups:
            value = self.number(group, name)
            if value is not None:
                yield value


def collect(root: Element, syntax: detect.Syntax) -> Facts:
    """The facts of a parsed document."""
    return Facts(grow(root), syntax)
