"""A UBL invoice into which a sender's package wrote all 18 extra fields, in the words of Exact's screens."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from libs.einvoice.extra_fields import BY_NAME
from libs.testing import builders

VALUES = {
    "YourRef": "PO-4711",
    "PaymentReference": "RF18539007547034",
    "From": "2025-01-01",
    "To": "2025-03-31",
    "SerialNumber": "SN-1",
    "TrackingNumber": "TN-1",
    "ExternalLinkReference": "https://hub.example/i/1",
    "ExternalLinkDescription": "Factuur",
    "Notes": "Met dank",
    "IntraStatCountry": "DE",
    "StatisticalValue": "12.5",
    "StatisticalQuantity": "3",
    "StatisticalNumber": "84713000",
    "StatisticalNetWeight": "1.25",
    "IntraStatTransactionA": "1",
    "IntraStatTransactionB": "2",
    "IntraStatTransportMethod": "3",
    "IntraStatDeliveryTerm": "DAP",
}
HEADER = {name: value for name, value in VALUES.items() if BY_NAME[name].level == "header"}
LINE = {name: value for name, value in VALUES.items() if name not in HEADER}
MATCHING: dict[str, tuple[str, ...]] = {
    "YourRef": ("BT-10",),
    "PaymentReference": ("BT-83",),
    "ExternalLinkReference": ("document:Bestelling",),
    "ExternalLinkDescription": ("note:Omschrijving",),
    **{name: (f"property:{BY_NAME[name].words.nl}",) for name in LINE},
}


def ubl(**terms: Any) -> bytes:
    """As ``builders.invoice`` makes it, lawful, with the fields where ``MATCHING`` looks."""
    properties = "".join(
        f"<cac:AdditionalItemProperty><cbc:Name>{escape(BY_NAME[name].words.nl)}</cbc:Name>"
        f"<cbc:Value>{escape(value)}</cbc:Value></cac:AdditionalItemProperty>"
        for name, value in LINE.items()
    )
    document = (
        "<cac:AdditionalDocumentReference><cbc:ID>B-1</cbc:ID>"
        "<cbc:DocumentDescription>Bestelling</cbc:DocumentDescription>"
        f"<cac:Attachment><cac:ExternalReference><cbc:URI>{HEADER['ExternalLinkReference']}</cbc:URI>"
        "</cac:ExternalReference></cac:Attachment></cac:AdditionalDocumentReference>"
    )
    note = f"<cbc:Note>Omschrijving: {HEADER['ExternalLinkDescription']}</cbc:Note>"
    text = builders.invoice(reference=HEADER["YourRef"], **terms).decode()
    number = text.partition("<cbc:PaymentID>")[2].partition("</cbc:PaymentID>")[0]
    for before, after in (
        ("</cac:Item>", f"{properties}</cac:Item>"),
        ("  <cac:AccountingSupplierParty>", f"{document}  <cac:AccountingSupplierParty>"),
        ("  <cbc:DocumentCurrencyCode>", f"{note}  <cbc:DocumentCurrencyCode>"),
        (f"<cbc:PaymentID>{number}<", f"<cbc:PaymentID>{HEADER['PaymentReference']}<"),
    ):
        assert before in text
        text = text.replace(before, after)
    return text.encode()
