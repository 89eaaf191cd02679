"""The g-account extension of NLCIUS (1.0.13): an invoice paid in two parts, one to the blocked account.

Only its own rules: a document that claims the extension is held to NLCIUS as well.
"""

from __future__ import annotations

from itertools import islice

from libs.einvoice.facts import Facts
from libs.einvoice.money import plain, total
from libs.einvoice.tree import Element, Group
from libs.rules.checks import SHOWN, shown
from libs.rules.packs.structure import NUMBERS
from libs.rules.rule import Breach, Check, Pack, Rule

CLAIM = "#conformant#urn:fdc:nen.nl:gaccount:v1.0"
MAY_STAND = frozenset(("UBL-CR-411", "UBL-CR-453", "UBL-CR-459"))
"""Warnings of EN 16931 that the extension takes out: names of means of payment, and the part that each is for."""
_BLOCKED = "GACCOUNT"
_TERMS, _MEANS = "/cac:PaymentTerms", "/cac:PaymentMeans"


def _invoice(facts: Facts) -> bool:
    return not facts.is_credit_note


def _claims(_: Facts, leaf: Element) -> Breach | None:
    return None if CLAIM in (leaf.text or "") else Breach(leaf, seen=shown(leaf.text), expected=f"…{CLAIM}")


def _two(name: str) -> Check:
    def check(_: Facts, root: Group) -> Breach | None:
        found = root.groups.get(name, [])
        if len(found) == 2:
            return None
        return Breach(found[-1].element if found else root.element, seen=str(len(found)), expected="2")

    return check


def _one(name: str) -> Check:
    def check(_: Facts, group: Group) -> Breach | None:
        found = group.leaves.get(name, [])
        return (
            None if len(found) == 1 else Breach(group.element, seen=str(len(found)), expected=f"cbc:{name}")
        )

    return check


def _sum(facts: Facts, root: Group) -> Breach | None:
    parts = total(facts.numbers(root.groups.get("PaymentTerms", []), "Amount"))
    for group in facts.totals:
        payable = facts.number(group, "PayableAmount")
        if payable == parts:
            return None
        leaf = group.leaf("PayableAmount")
        seen = None if payable is None else plain(payable)
        return Breach(group.element if leaf is None else leaf, seen=seen, expected=plain(parts))
    return Breach(root.element, expected="cac:LegalMonetaryTotal")


def _ids_of_means(facts: Facts) -> dict[str, None]:
    # In their order, and found at once: a hostile document has them by the ten thousand.
    return dict.fromkeys(text for text in facts.root.texts_as_written("PaymentMeans", "ID") if text)


def _known_means(facts: Facts, leaf: Element) -> Breach | None:
    known = facts.once(_ids_of_means)
    if (leaf.text or "") in known:
        return None
    return Breach(leaf, seen=shown(leaf.text), expected=shown(", ".join(islice(known, SHOWN))))


def _blocked(_: Facts, root: Group) -> Breach | None:
    ids = [leaf for leaf in root.at("PaymentMeans", "ID") if leaf.text == _BLOCKED]
    if len(ids) == 1:
        return None
    return Breach(ids[1] if ids else root.element, seen=str(len(ids)), expected=_BLOCKED)


RULES: tuple[Rule, ...] = (
    Rule("BR-GA-0", "fatal", ("BT-24",), _claims, "cbc:CustomizationID"),
    Rule("BR-GA-1", "fatal", ("BT-20",), _two("PaymentTerms"), when=_invoice),
    Rule("BR-GA-2", "fatal", ("BG-16",), _two("PaymentMeans"), when=_invoice),
    Rule("BR-GA-3", "fatal", ("BT-115",), _sum, when=_invoice),
    Rule("BR-GA-4", "fatal", ("BT-20",), _one("PaymentMeansID"), _TERMS, _invoice),
    Rule("BR-GA-5", "fatal", ("BG-16",), _one("ID"), _MEANS, _invoice),
    Rule("BR-GA-6", "fatal", ("BT-20", "BG-16"), _known_means, f"{_TERMS}/cbc:PaymentMeansID", _invoice),
    Rule("BR-GA-7", "fatal", ("BG-16",), _blocked, when=_invoice),
)

PACK = Pack("gaccount", "SI-UBL 2.0 extension g-account 1.0.13", RULES, (NUMBERS,))
