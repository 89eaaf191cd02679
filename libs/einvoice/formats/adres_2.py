"""*Adres 2* as what it means: senders on Exact Globe type the customer's KvK number there (R31, R32)."""

from __future__ import annotations

from dataclasses import replace

from libs.contracts.parts import Words
from libs.einvoice.formats.reading import Filled
from libs.einvoice.model import Buyer, Identifier, Invoice, PostalAddress
from libs.identifiers import kvk, read, vat

_RULE = Words(
    nl="Genomen uit Adres 2, waar afzenders met Exact Globe het KvK- of btw-nummer van de klant invullen.",
    en="Taken from Adres 2, where senders on Exact Globe fill in the customer's KvK or VAT number.",
)


def settle(invoice: Invoice) -> tuple[Invoice, tuple[Filled, ...]]:
    """The invoice with a KvK or VAT number of "Adres 2" in its own term, where the buyer has none there yet.

    Otherwise a Dutch buyer would have no legal identifier in the target, which NLCIUS does not allow.
    """
    buyer = invoice.buyer
    address = buyer.postal_address if buyer is not None else None
    if buyer is None or address is None:
        return invoice, ()
    found = read(address.address_line_2)
    if found is None:
        return invoice, ()
    if found.scheme == kvk.SCHEME and buyer.legal_registration_identifier is None:
        number = Identifier(found.value, kvk.SCHEME)
        lifted = _without(replace(buyer, legal_registration_identifier=number), address)
        return replace(invoice, buyer=lifted), (Filled("BT-47", found.value, _RULE),)
    if vat.is_scheme(found.scheme) and vat.valid(found.value) and buyer.vat_identifier is None:
        lifted = _without(replace(buyer, vat_identifier=found.value), address)
        return replace(invoice, buyer=lifted), (Filled("BT-48", found.value, _RULE),)
    return invoice, ()


def _without(buyer: Buyer, address: PostalAddress) -> Buyer:
    return replace(buyer, postal_address=replace(address, address_line_2=None))
