"""What the packs of SI-UBL 1.x share: who claims which version, and the shapes of their rules."""

from __future__ import annotations

from collections.abc import Callable, Container

from libs.einvoice.facts import Facts
from libs.einvoice.text import blank, normal
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown
from libs.rules.rule import Breach, Check, Condition, Rule

_BII = (
    "urn:www.cenbii.eu:transaction:biitrns010:ver2.0:extended:urn:www.peppol.eu:bis:peppol4a:ver2.0:extended:"
)
CLAIM_12 = f"{_BII}urn:www.simplerinvoicing.org:si:si-ubl:ver1.2"
CLAIM_11 = f"{_BII}urn:www.simplerinvoicing.org:si:si-ubl:ver1.1"
CLAIM_10 = (
    "urn:www.cenbii.eu:transaction:biicoretrdm010:ver1.0:#urn:www.peppol.eu:bis:peppol4a:ver1.0#"
    "urn:www.simplerinvoicing.org:si-ubl:invoice:ver1.0.x"
)
SHORT_10 = "urn:www.simplerinvoicing.org:si-ubl:invoice:ver1.0.x"
SUBTOTAL = "cac:TaxSubtotal"
LINE = "Line"


def invoice(facts: Facts) -> bool:
    """SI-UBL 1.x knows no credit notes; what is about an invoice is not asked of one."""
    return not facts.is_credit_note


def _claims(facts: Facts, claim: str) -> bool:
    return any(claim in (leaf.text or "") for leaf in facts.root.leaves.get("CustomizationID", ()))


def claims_12(facts: Facts) -> bool:
    return _claims(facts, CLAIM_12)


def claims_11(facts: Facts) -> bool:
    return _claims(facts, CLAIM_11)


def claims_10(facts: Facts) -> bool:
    return _claims(facts, CLAIM_10)


def invoice_12(facts: Facts) -> bool:
    return invoice(facts) and claims_12(facts)


def invoice_11(facts: Facts) -> bool:
    return invoice(facts) and claims_11(facts)


def invoice_10(facts: Facts) -> bool:
    return invoice(facts) and claims_10(facts)


def tagged(claim: str) -> Check:
    """The CustomizationID has the claim in it."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        found = normal(leaf.text)
        return None if claim in found else Breach(leaf, seen=shown(found), expected=claim)

    return check


def an_invoice(facts: Facts, root: Group) -> Breach | None:
    return Breach(root.element, seen="CreditNote", expected="Invoice") if facts.is_credit_note else None


def attribute_is(name: str, value: str) -> Check:
    def check(_: Facts, leaf: Element) -> Breach | None:
        seen = leaf.get(name)
        return None if seen == value else Breach(leaf, seen=shown(seen), expected=f"@{name} {value}")

    return check


def attribute_in(name: str, codes: Container[str]) -> Check:
    """Of an attribute that is there (its pattern says so): with single blanks at most it is in the list."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        code = normal(leaf.get(name))
        return None if code in codes else Breach(leaf, seen=shown(code))

    return check


def written(_: Facts, leaf: Element) -> Breach | None:
    """There is some text."""
    return Breach(leaf) if blank(leaf.text) else None


def vat_totals(root: Group) -> list[Group]:
    """Tax totals of the invoice with a part whose scheme is VAT, letter by letter."""
    return [
        each
        for each in root.groups.get("TaxTotal", ())
        if any(leaf.text == "VAT" for leaf in each.at("TaxSubtotal", "TaxCategory", "TaxScheme", "ID"))
    ]


def is_vat(subtotal: Group) -> bool:
    return any(leaf.text == "VAT" for leaf in subtotal.at("TaxCategory", "TaxScheme", "ID"))


def of_vat(check: Check) -> Check:
    """Asked of the parts of a tax total whose scheme is VAT."""
    return lambda facts, subtotal: check(facts, subtotal) if is_vat(subtotal) else None


def indicated(root: Group, indicator: str) -> list[Group]:
    """Allowances (``false``) or charges (``true``) of the document, letter by letter."""
    return [
        each
        for each in root.groups.get("AllowanceCharge", ())
        if any(leaf.text == indicator for leaf in each.leaves.get("ChargeIndicator", ()))
    ]


Maker = Callable[..., Rule]


def fatal(id_: str, terms: str, check: Check, where: str, when: Condition) -> Rule:
    return Rule(id_, "fatal", tuple(terms.split()), check, where, when)


def warning(id_: str, terms: str, check: Check, where: str, when: Condition) -> Rule:
    return Rule(id_, "warning", tuple(terms.split()), check, where, when)
