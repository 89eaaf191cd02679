"""NLCIUS (SI-UBL 2.0.3): what Dutch law and practice add to EN 16931.

Condition S: the CustomizationID names NLCIUS and the seller's country is NL. BR-NL-13 holds for any seller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from libs.einvoice.facts import CAC, CBC, Facts, Party, Text
from libs.rules.rule import Breach, Rule

Check = Callable[[Facts], Iterator[Breach]]
_KVK_OR_OIN = ("0106", "0190")
_TYPE_CODES = ("380", "381", "384", "389")
_MEANS = ("30", "48", "49", "57", "58", "59")
_LEGAL_ID = "cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0106']"


def _dutch_seller(check: Check) -> Check:
    """Condition S around a check."""

    def guarded(facts: Facts) -> Iterator[Breach]:
        if facts.seller is not None and facts.seller.country == "NL":
            yield from check(facts)

    return guarded


def _registered(ids: tuple[Text, ...]) -> bool:
    return any(text.attribute("schemeID") in _KVK_OR_OIN and text.value for text in ids)


def _seller_id(facts: Facts) -> Iterator[Breach]:
    if facts.seller is not None and not _registered(facts.seller.legal_ids):
        yield Breach(facts.seller.element, seen=_ids(facts.seller), expected=_LEGAL_ID)


def _buyer_id(facts: Facts) -> Iterator[Breach]:
    buyer = facts.buyer
    if buyer is None or buyer.country != "NL":
        return
    if any(not text.value for text in buyer.legal_ids):
        yield Breach(buyer.element, seen="", expected=_LEGAL_ID)
    elif buyer.legal_ids and not _registered(buyer.legal_ids):
        yield Breach(buyer.legal_ids[0].element, seen=_ids(buyer), expected=_LEGAL_ID)


def _ids(party: Party) -> str:
    return ", ".join(f"{text.attribute('schemeID') or '?'}:{text.value}" for text in party.legal_ids)[:200]


def _reference(facts: Facts) -> Iterator[Breach]:
    if facts.text("BuyerReference") is None and facts.find(f"{CAC}OrderReference", f"{CBC}ID") is None:
        yield Breach(facts.root, expected="cbc:BuyerReference")


def _address(party: Party) -> Iterator[Breach]:
    wanted = ("StreetName", "CityName", "PostalZone")
    missing = [name for name in wanted if not ((found := party.of_address(f"{CBC}{name}")) and found.value)]
    if missing:
        where = party.element if party.address is None else party.address
        yield Breach(where, expected=", ".join(f"cbc:{name}" for name in missing))


def _seller_address(facts: Facts) -> Iterator[Breach]:
    if facts.seller is not None:
        yield from _address(facts.seller)


def _buyer_address(facts: Facts) -> Iterator[Breach]:
    # No country at all counts as Dutch here: the official rule only lets off what says another country.
    if facts.buyer is not None and facts.buyer.country in ("NL", ""):
        yield from _address(facts.buyer)


def _representative_address(facts: Facts) -> Iterator[Breach]:
    if facts.tax_representative is not None and facts.tax_representative.country == "NL":
        yield from _address(facts.tax_representative)


def _type_code(facts: Facts) -> Iterator[Breach]:
    code = facts.type_code
    if code is not None and code.value not in _TYPE_CODES:
        yield Breach(code.element, seen=code.value, expected=", ".join(_TYPE_CODES))


def _type_and_root(facts: Facts) -> Iterator[Breach]:
    code = facts.type_code
    if code is None:
        return
    if (code.value == "381") is not facts.is_credit_note and code.value in _TYPE_CODES:
        yield Breach(
            code.element, seen=code.value, expected="381" if facts.is_credit_note else "380, 384, 389"
        )


def _correction(facts: Facts) -> Iterator[Breach]:
    preceding = f"{CAC}BillingReference/{CAC}InvoiceDocumentReference", f"{CBC}ID"
    if facts.type_code is not None and facts.type_code.value == "384" and facts.find(*preceding) is None:
        yield Breach(facts.root, expected="cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")


def _needs_means(facts: Facts) -> Iterator[Breach]:
    payable = facts.totals.get("PayableAmount")
    if facts.is_credit_note or payable is None or payable.value is None or payable.value <= 0:
        return
    if facts.root.find(f"{CAC}PaymentMeans") is None:
        yield Breach(facts.root, expected="cac:PaymentMeans")


def _means(facts: Facts) -> Iterator[Breach]:
    for code in facts.payment_means_codes:
        if code.value not in _MEANS:
            yield Breach(code.element, seen=code.value, expected=", ".join(_MEANS))


def _order_line(facts: Facts) -> Iterator[Breach]:
    if facts.find(f"{CAC}OrderReference", f"{CBC}ID") is not None:
        return
    for line in facts.lines:
        reference = line.element.find(f"{CAC}OrderLineReference/{CBC}LineID")
        if reference is not None:
            yield Breach(reference, expected="cac:OrderReference/cbc:ID")


PACK: tuple[Rule, ...] = (
    Rule("BR-NL-1", "fatal", ("BT-30",), _dutch_seller(_seller_id)),
    Rule("BR-NL-2", "fatal", ("BT-10", "BT-13"), _dutch_seller(_reference)),
    Rule("BR-NL-3", "fatal", ("BT-35", "BT-37", "BT-38"), _dutch_seller(_seller_address)),
    Rule("BR-NL-4", "fatal", ("BT-50", "BT-52", "BT-53"), _dutch_seller(_buyer_address)),
    Rule("BR-NL-5", "fatal", ("BT-64", "BT-66", "BT-67"), _dutch_seller(_representative_address)),
    Rule("BR-NL-7", "fatal", ("BT-3",), _dutch_seller(_type_code)),
    Rule("BR-NL-8", "fatal", ("BT-3",), _dutch_seller(_type_and_root)),
    Rule("BR-NL-9", "fatal", ("BT-25",), _dutch_seller(_correction)),
    Rule("BR-NL-10", "fatal", ("BT-47",), _dutch_seller(_buyer_id)),
    Rule("BR-NL-11", "fatal", ("BG-16",), _dutch_seller(_needs_means)),
    Rule("BR-NL-12", "fatal", ("BT-81",), _dutch_seller(_means)),
    Rule("BR-NL-13", "fatal", ("BT-132", "BT-13"), _order_line),
)
