"""The EPC QR code (EPC069-12): scanned by a bank's app, it fills in a SEPA credit transfer."""

from __future__ import annotations

import io
from decimal import Decimal

import segno
from stdnum import iso11649

from libs.einvoice.model import Invoice
from libs.identifiers import iban

_LEAST, _MOST = Decimal("0.01"), Decimal("999999999.99")
_NAME, _TEXT = 70, 140


def payload(invoice: Invoice) -> str | None:
    """What the code says; None where nothing can be paid this way: no valid IBAN, no euros, nothing due."""
    due = invoice.totals.amount_due if invoice.totals is not None else None
    name = next(
        (
            party.name
            for party in (invoice.payee, invoice.seller)
            if party is not None and party.name is not None
        ),
        None,
    )
    means = next((each for each in invoice.payment_instructions if _pays(each.account_identifier)), None)
    if (
        due is None
        or name is None
        or means is None
        or invoice.is_credit_note
        or invoice.currency_code != "EUR"
    ):
        return None
    if not _LEAST <= due.value <= _MOST or due.value != round(due.value, 2):
        return None
    # Each term is one line of the code.
    name = " ".join((means.account_name or name).split())[:_NAME]
    reference = " ".join((means.remittance_information or invoice.number or "").split())
    structured = reference.replace(" ", "") if iso11649.is_valid(reference) else ""
    number = "".join((means.account_identifier or "").split()).upper()
    text = "" if structured else reference[:_TEXT]
    return "\n".join(
        ("BCD", "002", "1", "SCT", "", name, number, f"EUR{due.value:.2f}", "", structured, text)
    )


def _pays(account: str | None) -> bool:
    return account is not None and iban.read(account) is not None


def svg(invoice: Invoice) -> str | None:
    """The code as a picture; None where there is none. Error correction M, as the standard says."""
    text = payload(invoice)
    if text is None:
        return None
    out = io.BytesIO()
    segno.make(text, error="m", encoding="utf-8", micro=False).save(out, kind="svg", xmldecl=False, border=0)
    return out.getvalue().decode()
