"""What SI-UBL 1.x, e-FFF and their like say in their own way, said in the way of EN 16931 (exact.md §2.1).

The model keeps what a document says; whoever writes a format of today takes it through here first. Each change is a
stated rule in the report. Only what means the same under another name is changed; whatever else is wrong stays, for
the rules of the target to say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from libs.contracts.parts import Words
from libs.einvoice.formats.reading import Filled
from libs.einvoice.model import (
    Buyer,
    Identifier,
    Invoice,
    Item,
    Line,
    Payee,
    PaymentInstructions,
    Seller,
    SupportingDocument,
)
from libs.identifiers import canonical_scheme, vat

P = TypeVar("P", Seller, Buyer)

_MUTUAL = "ZZZ"
_GTIN = "0160"
_DEBIT_TRANSFER, _CREDIT_TRANSFER = "31", "30"
_OLD_PROFILES = ("si-ubl:ver1.", "si-ubl:invoice:ver1.", "biitrns010", "biitrns014")
_SUFFIXES = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
}

_SCHEME = Words(
    nl="De soort nummer onder de code die er nu voor is (ISO 6523, EAS); de bron gebruikte een oudere naam.",
    en="The kind of number by the code it has now (ISO 6523, EAS); the source used an older name.",
)
_TRANSFER = Words(
    nl="In SI-UBL 1.x heette een overboeking 31; EN 16931 en NLCIUS noemen haar 30.",
    en="SI-UBL 1.x called a credit transfer 31; EN 16931 and NLCIUS call it 30.",
)
_NAME = Words(
    nl="Een bijlage moet een bestandsnaam hebben; de bron gaf er geen.",
    en="An attachment must have a file name; the source gave none.",
)


def modern(invoice: Invoice) -> tuple[Invoice, tuple[Filled, ...]]:
    """The same invoice without names of another age, and what was said otherwise. The very same object when nothing was."""
    names = _Names()
    delivery = invoice.delivery
    changed = replace(
        invoice,
        seller=names.party(invoice.seller, "BT-29", "BT-30", "BT-34") if invoice.seller else None,
        buyer=names.party(invoice.buyer, "BT-46", "BT-47", "BT-49") if invoice.buyer else None,
        payee=names.payee(invoice.payee) if invoice.payee else None,
        delivery=replace(delivery, location_identifier=names.maybe(delivery.location_identifier, "BT-71"))
        if delivery
        else None,
        lines=tuple(names.line(line) for line in invoice.lines),
        supporting_documents=tuple(
            names.document(each, number) for number, each in enumerate(invoice.supporting_documents, 1)
        ),
        payment_instructions=tuple(names.payment(each, invoice) for each in invoice.payment_instructions),
    )
    return (changed, tuple(names.filled)) if names.filled else (invoice, ())


class _Names:
    def __init__(self) -> None:
        self.filled: list[Filled] = []

    def party(self, party: P, own: str, legal: str, electronic: str) -> P:
        return replace(
            party,
            identifiers=tuple(self.one(each, own) for each in party.identifiers),
            legal_registration_identifier=self.maybe(party.legal_registration_identifier, legal),
            electronic_address=self.maybe(party.electronic_address, electronic, address=True),
        )

    def payee(self, payee: Payee) -> Payee:
        return replace(
            payee,
            identifiers=tuple(self.one(each, "BT-60") for each in payee.identifiers),
            legal_registration_identifier=self.maybe(payee.legal_registration_identifier, "BT-61"),
        )

    def maybe(self, identifier: Identifier | None, term: str, *, address: bool = False) -> Identifier | None:
        return self.one(identifier, term, address=address) if identifier is not None else None

    def one(self, identifier: Identifier, term: str, *, address: bool = False) -> Identifier:
        """An ``address`` (EAS) may be a VAT number; other places (ISO 6523) have no code for it, nor for ZZZ."""
        scheme = identifier.scheme
        if scheme is None or (scheme.isdigit() and (address or scheme not in (vat.NL, vat.BE))):
            return identifier
        code = canonical_scheme(scheme)
        if not address and (code in (vat.NL, vat.BE) or scheme.upper() == _MUTUAL):
            return self._said(identifier._replace(scheme=None), term, identifier.value)
        if code is None or not code.isdigit():
            return identifier
        return self._said(identifier._replace(scheme=code), term, f"{code}:{identifier.value}")

    def line(self, line: Line) -> Line:
        item = line.item
        changed = self.item(item) if item is not None else None
        # Nearly always the very same: copying each line would cost more than looking at it.
        return line if changed is item else replace(line, item=changed)

    def item(self, item: Item) -> Item:
        standard = item.standard_identifier
        if standard is None or (standard.scheme or "").upper() not in ("GTIN", "EAN", "EAN13"):
            return item
        return replace(
            item,
            standard_identifier=self._said(
                standard._replace(scheme=_GTIN), "BT-157", f"{_GTIN}:{standard.value}"
            ),
        )

    def payment(self, payment: PaymentInstructions, invoice: Invoice) -> PaymentInstructions:
        profile = (invoice.specification_identifier or "").lower()
        if (
            payment.means_type_code != _DEBIT_TRANSFER
            or payment.account_identifier is None
            or not any(part in profile for part in _OLD_PROFILES)
        ):
            return payment
        self.filled.append(Filled("BT-81", _CREDIT_TRANSFER, _TRANSFER))
        return replace(payment, means_type_code=_CREDIT_TRANSFER)

    def document(self, document: SupportingDocument, number: int) -> SupportingDocument:
        attached = document.attached
        if attached is None or attached.filename:
            return document
        name = f"bijlage-{number}.{_SUFFIXES.get(attached.mime_code or '', 'bin')}"
        self.filled.append(Filled("BT-125-2", name, _NAME))
        return replace(document, attached=attached._replace(filename=name))

    def _said(self, identifier: Identifier, term: str, value: str) -> Identifier:
        self.filled.append(Filled(term, value, _SCHEME))
        return identifier
