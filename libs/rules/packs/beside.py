"""The invoice beside its page: the account to pay to is the one that people see on the PDF.

Whoever changes one of the two on its way (an invoice in a mailbox that was broken into) mostly leaves the other. So a
difference is for a person to look at, before anybody pays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from libs.contracts.invoice import ACCOUNT_DIFFERS, GACCOUNT_UNNAMED
from libs.einvoice.facts import Facts
from libs.einvoice.printed import NOTHING, Printed
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.identifiers import iban
from libs.rules.checks import shown
from libs.rules.rule import Breach, Finish

_DEBITED = frozenset({"49", "59"})
"""Means of payment (UNCL4461) by which the seller takes the money: no account on the page is one to pay to."""
_CREDIT_NOTES = frozenset({"381", "396", "261", "262", "296", "308", "420", "458", "532", "81", "83"})
_BLOCKED = "GACCOUNT"
_SHOWN = 2


class _Asked(NamedTuple):
    """An account to pay to that the page does not name: where it stands, and whether it is marked as the blocked one."""

    leaf: Element
    account: str
    blocked: bool


def rules(printed: Printed) -> tuple[Finish, Finish]:
    """For one invoice: broken by each account to pay to that its page does not name, where that names another.

    A blocked account (g-rekening, where wage tax and VAT wait for the tax office) is the seller's second one. Where the
    page names the other and leaves it out, somebody looks at it too, for the mark is easily written; but it is not
    called fraud.
    """
    return (
        Finish(
            ACCOUNT_DIFFERS, "warning", ("BT-84",), lambda facts: _breaches(facts, printed, blocked=False)
        ),
        Finish(
            GACCOUNT_UNNAMED, "warning", ("BT-84",), lambda facts: _breaches(facts, printed, blocked=True)
        ),
    )


def _breaches(facts: Facts, printed: Printed, *, blocked: bool) -> Iterator[Breach]:
    others = ", ".join(iban.shown(account) for account in printed.accounts[:_SHOWN])
    told: set[str] = set()
    for asked in _unnamed(facts, printed):
        if asked.blocked is blocked and asked.account not in told:
            told.add(asked.account)
            yield Breach(asked.leaf, asked.account, others)


def _unnamed(facts: Facts, printed: Printed) -> Iterator[_Asked]:
    if not printed.accounts or facts.is_credit_note:
        return
    if normal(facts.root.text("InvoiceTypeCode")) in _CREDIT_NOTES:
        return
    to_pay = [
        means
        for means in facts.root.groups.get("PaymentMeans", ())
        if normal(means.text("PaymentMeansCode")) not in _DEBITED
    ]
    marked = {id(means) for means in to_pay if facts.profile == "nlcius-gaccount" and _is_marked(means)}
    ordinary = [
        leaf
        for means in to_pay
        if id(means) not in marked
        for leaf in means.at("PayeeFinancialAccount", "ID")
    ]
    if not ordinary or any(_differing(normal(leaf.text), printed) for leaf in ordinary):
        # With the ordinary account wrong, no mark is believed.
        marked = set()
    for means in to_pay:
        for leaf in means.at("PayeeFinancialAccount", "ID"):
            for account in _differing(normal(leaf.text), printed):
                yield _Asked(leaf, account, id(means) in marked)


def _is_marked(means: Group) -> bool:
    return any(leaf.text == _BLOCKED for leaf in means.leaves.get("ID", ()))


def _differing(text: str, printed: Printed) -> list[str]:
    """What a field asks for that its page does not name. What is no IBAN is looked at by a person too: else whoever
    changes an account need only write it so that it cannot be read. The buyer's own account on the page is no excuse
    either, for an invoice that names it so can have been changed as well."""
    accounts = iban.meant(text)
    found = [iban.shown(account) for account in accounts if not printed.names(account)]
    if accounts or not any(map(str.isdigit, text)):
        return found
    return [] if any(iban.older(account, text) for account in printed.accounts) else [shown(text)]


RULES = rules(NOTHING)
"""As they stand in the table; never broken without a page."""
