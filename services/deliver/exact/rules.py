"""The rules by which somebody's invoices are coded in its own books (R6 (a)), as data.

One list, read from top to bottom. A rule says when it holds and what it gives; for the journal, the account, the VAT code
and the rest the first rule that holds **and** gives one counts. So "this supplier: account 4400" and "21 %: code 4" stand
side by side, and a rule without conditions at the end is the default.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from libs.contracts.envelope import Frozen
from libs.text import PlainText
from services.deliver.exact.amounts import Part

MOST_RULES = 500
_NOT_SAID = re.compile(r"[^0-9A-Z]")


def bare(number: str) -> str:
    """An identifier as it is compared: letters and digits alone."""
    return _NOT_SAID.sub("", number.upper())


class Rule(Frozen):
    """When, and what then. Everything that is not said is not asked, or not given."""

    model_config = ConfigDict(extra="forbid")

    party: PlainText | None = Field(
        default=None,
        max_length=50,
        description="KvK, VAT, enterprise or other number of the supplier (of the customer, for sales) as invoices give it",
    )
    text: PlainText | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="stands in the line's name, description, number or note; capitals do not matter",
    )
    of: Literal["line", "allowance", "charge", "rounding", "prepaid"] | None = Field(
        default=None,
        description="what it is about; without it lines, allowances and charges, for a rounding and what was paid before "
        "have no account unless a rule names them",
    )
    category: str | None = Field(
        default=None, pattern=r"^[A-Z]{1,2}$", description="VAT category (BT-151): S, AE, E, K, G, O, Z"
    )
    rate: Decimal | None = Field(default=None, ge=0, le=100, description="VAT rate (BT-152), such as 21")
    journal: PlainText | None = Field(
        default=None, max_length=20, description="code of the journal (dagboek)"
    )
    account: PlainText | None = Field(default=None, max_length=20, description="code of the G/L account")
    vat_code: PlainText | None = Field(default=None, max_length=3, description="VAT code of the books")
    cost_center: PlainText | None = Field(default=None, max_length=8, description="code (kostenplaats)")
    cost_unit: PlainText | None = Field(default=None, max_length=8, description="code (kostendrager)")

    @field_validator("journal", "account", "vat_code", "cost_center", "cost_unit")
    @classmethod
    def _stripped(cls, given: str | None) -> str | None:
        return (given.strip() or None) if given is not None else None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        about_a_part = self.text or self.of or self.category or self.rate is not None
        if self.journal and about_a_part:
            raise ValueError(
                "an entry has one journal: a rule that gives one may name a party and nothing else"
            )
        if not any((self.journal, self.account, self.vat_code, self.cost_center, self.cost_unit)):
            raise ValueError("a rule gives something: a journal, account, vat_code, cost_center or cost_unit")
        return self

    def holds(self, numbers: frozenset[str], part: Part | None) -> bool:
        """Whether it holds for this part of an invoice with a party of these numbers (``bare``); without a part, for the
        whole."""
        if self.party is not None and bare(self.party) not in numbers:
            return False
        if part is None:
            return not (self.text or self.of or self.category or self.rate is not None)
        if self.of is None and part.of in ("rounding", "prepaid"):
            return False
        if self.of is not None and self.of != part.of:
            return False
        if self.category is not None and (part.vat is None or part.vat.category != self.category):
            return False
        if self.rate is not None and (part.vat is None or part.vat.rate != self.rate):
            return False
        return self.text is None or self.text.casefold() in part.searched.casefold()


class Rules(Frozen):
    """Of one kind of entry."""

    model_config = ConfigDict(extra="forbid")

    rules: tuple[Rule, ...] = Field(default=(), max_length=MOST_RULES)

    def codes(self) -> frozenset[str]:
        """Every G/L account they may give: what has to be known of the books."""
        return frozenset(rule.account for rule in self.rules if rule.account)
