"""What SI-UBL 1.2 asks for in words that EN 16931 no longer uses: the other way of ``modern``.

Its rules take no invoice without these: codes of means of payment that its list has, the bank's BIC beside an IBAN, a
number of each legal entity. Each is made of what the invoice says, by a stated rule that the report names; where nothing
can be made, it is left as it is, for the rules to say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from stdnum.be import iban as belgian

from libs.contracts.parts import Words
from libs.einvoice.formats.reading import Filled
from libs.einvoice.model import Buyer, Identifier, Invoice, PaymentInstructions, Seller
from libs.identifiers import iban

P = TypeVar("P", Seller, Buyer)

# UNCL 4461 of its age ends before these. 31, a debit transfer, is what SI-UBL 1.x called paying by bank.
_MEANS = {"57": "31", "58": "31", "59": "49", "54": "48", "55": "48", "68": "1"}
_BICS = {
    bic[:4]: bic
    for bic in (
        "ABNANL2A", "ASNBNL21", "BNGHNL2G", "BUNQNL2A", "FVLBNL22", "HANDNL2A", "INGBNL2A", "KNABNL2H", "RABONL2U",
        "RBRBNL21", "SNSBNL2A", "TRIONL2U",
    )
}  # fmt: skip
"""Of Dutch banks that keep accounts of companies, as they publish them; a Dutch IBAN has the first four letters in it."""

_CODE = Words(
    nl="SI-UBL 1.2 kent alleen de betaalwijzen van zijn tijd: een SEPA-overboeking is 31, een SEPA-incasso 49.",
    en="SI-UBL 1.2 knows only the means of payment of its time: a SEPA transfer is 31, a SEPA direct debit 49.",
)
_BANK = Words(
    nl="SI-UBL 1.2 wil de BIC van de bank bij een IBAN; zij volgt uit de IBAN.",
    en="SI-UBL 1.2 wants the bank's BIC beside an IBAN; it follows from the IBAN.",
)
_NUMBER = Words(
    nl="SI-UBL 1.2 wil een nummer van iedere rechtspersoon; de bron noemde alleen het btw-nummer.",
    en="SI-UBL 1.2 wants a number of each legal entity; the source named the VAT number alone.",
)


def older(invoice: Invoice) -> tuple[Invoice, tuple[Filled, ...]]:
    """The same invoice in the words of that age, and what was said otherwise."""
    filled: list[Filled] = []
    changed = replace(
        invoice,
        seller=_party(invoice.seller, "BT-30", filled),
        buyer=_party(invoice.buyer, "BT-47", filled),
        payment_instructions=tuple(_payment(each, filled) for each in invoice.payment_instructions),
    )
    return changed, tuple(filled)


def _party(party: P | None, term: str, filled: list[Filled]) -> P | None:
    number = None if party is None else party.vat_identifier
    if party is None or party.legal_registration_identifier is not None or number is None:
        return party
    if not (number.isascii() and number[:2].isalpha() and number[:2].isupper()):
        return party
    filled.append(Filled(term, number, _NUMBER))
    return replace(party, legal_registration_identifier=Identifier(number, f"{number[:2]}:VAT"))


def _payment(payment: PaymentInstructions, filled: list[Filled]) -> PaymentInstructions:
    code = _MEANS.get(payment.means_type_code or "")
    if code is not None:
        filled.append(Filled("BT-81", code, _CODE))
        payment = replace(payment, means_type_code=code)
    bank = None if payment.service_provider_identifier else _bic(payment.account_identifier)
    if bank is not None:
        filled.append(Filled("BT-86", bank, _BANK))
        payment = replace(payment, service_provider_identifier=bank)
    return payment


def _bic(account: str | None) -> str | None:
    number = iban.read(account or "")
    if number is None:
        return None
    if number.startswith("BE"):
        found: str | None = belgian.to_bic(number)
        return found
    return _BICS.get(number[4:8]) if number.startswith("NL") else None
