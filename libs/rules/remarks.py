"""What is to be said of one finding besides the words of its rule: things that only its place in the document tells.

Blanks around a value are not seen by whoever reads it; a rule about countries or VAT numbers does not say whose; and
an empty field that must be filled in is not to be left out, whatever the warning about empty fields says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from libs.contracts.parts import Finding, Words
from libs.einvoice.text import BLANKS
from libs.einvoice.tree import CBC, Element
from libs.rules import messages

EMPTY = "SI-UBL-2"


class Remark(NamedTuple):
    """A sentence behind the message, the hint that fits this place (a name), and the business term it is about."""

    words: Words | None = None
    hint: str | None = None
    term: str | None = None


_BLANKS = Words(
    nl="Om de waarde staat een spatie of regeleinde, en dat telt mee: haal het weg.",
    en="There is a blank or a line break around the value, and it counts: take it out.",
)
_CURRENCY = Words(
    nl="Om de valuta van de factuur staat een spatie of regeleinde: haal het weg.",
    en="There is a blank or a line break around the currency of the invoice: take it out.",
)
_MUST = Words(
    nl="Dit veld is leeg en mag hier niet ontbreken: vul het in.",
    en="This field is empty and must not be missing here: fill it in.",
)

_SELLER = Words(nl="Het gaat om de verkoper (uzelf).", en="It is about the seller (yourself).")
_BUYER = Words(nl="Het gaat om de koper.", en="It is about the buyer.")
_REPRESENTATIVE = Words(
    nl="Het gaat om de fiscaal vertegenwoordiger.", en="It is about the tax representative."
)
_DELIVERY = Words(nl="Het gaat om het afleveradres.", en="It is about the place of delivery.")

_OF_PARTY: dict[str, dict[str, Remark]] = {
    "BR-CL-14": {
        "AccountingSupplierParty": Remark(_SELLER, "company", "BT-40"),
        "AccountingCustomerParty": Remark(_BUYER, "country", "BT-55"),
        "TaxRepresentativeParty": Remark(_REPRESENTATIVE, "representative", "BT-69"),
        "Delivery": Remark(_DELIVERY, "delivery", "BT-80"),
    },
    "BR-CO-09": {
        "AccountingSupplierParty": Remark(_SELLER, "company-vat", "BT-31"),
        "AccountingCustomerParty": Remark(_BUYER, "vat-number", "BT-48"),
        "TaxRepresentativeParty": Remark(_REPRESENTATIVE, "representative", "BT-63"),
    },
}
_CURRENCY_RULE = "BR-CO-15"


def remark(rule: str, where: Element, seen: str | None) -> Remark | None:
    """What there is to say of a breach at ``where``; ``seen`` is the value as the rule read it."""
    if rule == _CURRENCY_RULE and _padded(
        where.getroottree().getroot().findtext(f"{{{CBC}}}DocumentCurrencyCode")
    ):
        return Remark(_CURRENCY)
    if _padded(seen):
        return Remark(_BLANKS)
    parties = _OF_PARTY.get(rule)
    if parties is None:
        return None
    for above in where.iterancestors():
        found = parties.get(above.tag.rpartition("}")[2])
        if found is not None:
            return found
    return None


def _padded(text: str | None) -> bool:
    return bool(text) and text != (text or "").strip(BLANKS) and not (text or "").isspace()


def consistent(findings: Sequence[Finding]) -> list[Finding]:
    """A warning that a field is empty says no *leave it out* where a fatal rule wants that field."""
    empty = [finding for finding in findings if finding.rule == EMPTY]
    if not empty:
        return list(findings)
    fatal = {finding.xpath: finding for finding in findings if finding.severity == "fatal" and finding.xpath}
    return [
        finding.model_copy(update={"message": _MUST, "hint": fatal[finding.xpath].hint})
        if finding.rule == EMPTY and finding.xpath in fatal
        else finding
        for finding in findings
    ]


def told(message: Words, hint: Words, found: Remark) -> tuple[Words, Words]:
    """Message and hint of a rule with what there is to say of this place."""
    if found.words is not None:
        message = Words(nl=f"{message.nl} {found.words.nl}", en=f"{message.en} {found.words.en}")
    return message, messages.hints()[found.hint] if found.hint else hint
