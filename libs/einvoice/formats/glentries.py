"""A purchase entry as Exact Globe imports it: eExact ``<GLEntries>`` (exact.md §1.3).

An entry books amounts to accounts; it is no invoice and holds far less. Line 0 is the creditor for the whole
amount, then one line for each invoice line, then one for each VAT rate: debit and credit are equal. (Inference: how
Globe itself exports purchase entries; the order of the elements is that of the public schema.)

Which codes a receiver's administration uses is its own setting; where it is silent, a stated default stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from libs.contracts.parts import Words
from libs.einvoice import money, terms
from libs.einvoice.formats.reading import Filled
from libs.einvoice.formats.table import escape, quote
from libs.einvoice.formats.written import Written
from libs.einvoice.model import AllowanceCharge, Amount, Invoice, Line, VatBreakdown


@dataclass(frozen=True, slots=True)
class Books:
    """Codes of the receiver's administration (Globe: *Administratie*, *Dagboek*, *Grootboekrekening*)."""

    division: str = "001"
    journal: str = "70"
    creditor: str | None = None
    creditor_account: str = "1600"
    cost_account: str = "4999"
    vat_account: str = "1520"
    vat_codes: Mapping[str, str] = field(default_factory=dict)
    """By percentage as text, such as ``{"21": "2"}``."""


_DEFAULTS = Books()

KEPT = frozenset(
    {
        "BT-1", "BT-2", "BT-3", "BT-5", "BT-9", "BT-13", "BT-20", "BT-27", "BT-30", "BT-31", "BT-83", "BT-84", "BT-112",
        "BT-110", "BT-109", "BT-116", "BT-117", "BT-119", "BT-126", "BT-129", "BT-131", "BT-133", "BT-151", "BT-152",
        "BT-153", "BT-115", "BT-106", "BT-118", "BT-92", "BT-96", "BT-97", "BT-99", "BT-103", "BT-104",
    }
)  # fmt: skip
"""Terms an entry holds or is worked out from."""

_CODE = Words(
    nl="Standaardcode, omdat de administratie van de ontvanger er geen heeft ingesteld. Stel hem in bij uw pakket.",
    en="Default code, because the receiver's administration has set none. Set it with your package.",
)
_CREDITOR = Words(
    nl="Crediteur genoemd naar het KvK- of btw-nummer van de leverancier, omdat er geen crediteurnummer is ingesteld.",
    en="Creditor named after the supplier's KvK or VAT number, because no creditor number is set.",
)


def write(invoice: Invoice, books: Books = _DEFAULTS) -> Written:
    """One invoice or credit note as one ``GLEntry``."""
    filled = [
        Filled(name, getattr(books, name), _CODE)
        for name in ("division", "journal", "creditor_account", "cost_account", "vat_account")
        if getattr(books, name) == getattr(_DEFAULTS, name)
    ]
    creditor = books.creditor
    if creditor is None:
        creditor = _named(invoice)
        filled.append(Filled("creditor", creditor, _CREDITOR))
    missing = tuple(term for term in terms.walk(invoice) if term.number not in KEPT)
    return Written(_xml(invoice, books, creditor).encode(), missing, tuple(filled))


def _named(invoice: Invoice) -> str:
    seller = invoice.seller
    if seller is not None and seller.legal_registration_identifier is not None:
        return seller.legal_registration_identifier.value
    return (seller.vat_identifier if seller is not None else None) or "0"


class _Entry:
    """One entry as it is put together."""

    def __init__(self, invoice: Invoice, books: Books, creditor: str) -> None:
        self.invoice, self.books, self.creditor = invoice, books, creditor
        self.currency = invoice.currency_code or "EUR"
        self.subtype = "Q" if invoice.is_credit_note else "T"
        self.day = invoice.issue_date.isoformat() if invoice.issue_date is not None else ""
        self.out: list[str] = []
        self.number = 0

    def amount(self, value: Decimal, *, credit: bool, pad: str = "    ", vat: str | None = None) -> str:
        """A credit note books the other way round; a negative amount too."""
        side = credit is not self.invoice.is_credit_note
        if value < 0:
            side, value = not side, -value
        said = f'{pad}  <VAT code="{quote(vat)}"/>\n' if vat is not None else ""
        return (
            f"{pad}<Amount>\n"
            f'{pad}  <Currency code="{quote(self.currency)}"/>\n'
            f"{pad}  <Debit>{Decimal(0) if side else value:f}</Debit>\n"
            f"{pad}  <Credit>{value if side else Decimal(0):f}</Credit>\n{said}{pad}</Amount>\n"
        )

    def line(self, account: str, label: str, description: str | None, body: str) -> None:
        self.out.append(
            f'   <FinEntryLine number="{self.number}" subtype="{self.subtype}">\n'
            f"    <Date>{self.day}</Date>\n"
            f'    <GLAccount code="{quote(account)}">\n     <Description>{escape(label)}</Description>\n    </GLAccount>\n'
            f"    <Description>{escape((description or '')[:60])}</Description>\n{body}   </FinEntryLine>\n"
        )
        self.number += 1


def _xml(invoice: Invoice, books: Books, creditor: str) -> str:
    entry = _Entry(invoice, books, creditor)
    _creditor_line(entry)
    for line in invoice.lines:
        _cost_line(entry, line)
    for allowance in invoice.allowances:
        _adjustment(entry, allowance, "Korting", credit=True)
    for charge in invoice.charges:
        _adjustment(entry, charge, "Toeslag", credit=False)
    for breakdown in invoice.vat_breakdown:
        if breakdown.tax_amount is not None and breakdown.tax_amount.value:
            _vat_line(entry, breakdown)
    seller = invoice.seller.name if invoice.seller is not None else None
    total = _value(invoice.totals.total_with_vat if invoice.totals is not None else None)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<eExact>\n <GLEntries>\n  <GLEntry status="E">\n'
        f'   <Division code="{quote(books.division)}"/>\n'
        f"   <Description>{escape((seller or '')[:60])}</Description>\n"
        f"   <Date>{entry.day}</Date>\n   <DocumentDate>{entry.day}</DocumentDate>\n"
        f'   <Journal code="{quote(books.journal)}" type="I">\n    <Description>Inkoop</Description>\n   </Journal>\n'
        "   <Amount>\n"
        f'    <Currency code="{quote(entry.currency)}"/>\n    <Value>{total:f}</Value>\n   </Amount>\n'
        f"{''.join(entry.out)}  </GLEntry>\n </GLEntries>\n</eExact>\n"
    )


def _creditor_line(entry: _Entry) -> None:
    invoice = entry.invoice
    name = invoice.seller.name if invoice.seller is not None else None
    number = invoice.number or ""
    due = invoice.payment_due_date
    reference = next(
        (p.remittance_information for p in invoice.payment_instructions if p.remittance_information), None
    )
    account = next((p.account_identifier for p in invoice.payment_instructions if p.account_identifier), None)
    payment = f"     <Reference>{escape((reference or number)[:30])}</Reference>\n"
    if number.isdigit() and len(number) <= 9:
        payment += f"     <InvoiceNumber>{int(number)}</InvoiceNumber>\n"
    if account is not None:
        payment += f'     <BankAccount code="{quote(account)}"/>\n'
    if due is not None:
        payment += f"     <InvoiceDueDate>{due.isoformat()}</InvoiceDueDate>\n"
    total = _value(invoice.totals.total_with_vat if invoice.totals is not None else None)
    body = (
        f'    <Creditor code="{quote(entry.creditor)}">\n     <Name>{escape((name or "")[:50])}</Name>\n    </Creditor>\n'
        f"{entry.amount(total, credit=True)}"
        f"    <Payment>\n{payment}    </Payment>\n{_references(entry)}"
    )
    entry.line(entry.books.creditor_account, "Crediteuren", f"{name or ''} {number}".strip(), body)


def _references(entry: _Entry) -> str:
    number = (entry.invoice.number or "")[:30]
    return (
        f"    <FinReferences>\n     <YourRef>{escape(number)}</YourRef>\n"
        f"     <DocumentDate>{entry.day}</DocumentDate>\n    </FinReferences>\n"
    )


def _cost_line(entry: _Entry, line: Line) -> None:
    code = _vat_code(entry, line.vat_rate)
    centre = line.buyer_accounting_reference
    item = line.item.name if line.item is not None else None
    quantity = f"    <Quantity>{line.quantity:f}</Quantity>\n" if line.quantity is not None else ""
    body = (
        (f'    <Costcenter code="{quote(centre)}"/>\n' if centre is not None else "")
        + quantity
        + entry.amount(_value(line.net_amount), credit=False, vat=code)
        + _references(entry)
    )
    entry.line(entry.books.cost_account, "Kosten", item or f"Regel {line.identifier or ''}".strip(), body)


def _adjustment(entry: _Entry, of: AllowanceCharge, label: str, *, credit: bool) -> None:
    """An allowance or charge of the whole invoice is a cost of its own, or the entry would not balance."""
    body = entry.amount(_value(of.amount), credit=credit, vat=_vat_code(entry, of.vat_rate)) + _references(
        entry
    )
    entry.line(entry.books.cost_account, "Kosten", of.reason or label, body)


def _vat_line(entry: _Entry, breakdown: VatBreakdown) -> None:
    code = _vat_code(entry, breakdown.rate)
    tax, base = _value(breakdown.tax_amount), _value(breakdown.taxable_amount)
    rate = breakdown.rate or Decimal(0)
    body = (
        entry.amount(tax, credit=False)
        + f'    <VATTransaction code="{quote(code)}">\n     <VATAmount>{tax:f}</VATAmount>\n'
        f"     <VATBaseAmount>{base:f}</VATBaseAmount>\n     <VATPercentage>{rate:f}</VATPercentage>\n"
        f"    </VATTransaction>\n{_references(entry)}"
    )
    entry.line(entry.books.vat_account, "Te vorderen btw", f"Btw {money.plain(rate)}%", body)


def _vat_code(entry: _Entry, rate: Decimal | None) -> str:
    said = f"{(rate or Decimal(0)).normalize():f}"
    return entry.books.vat_codes.get(said, said)


def _value(amount: Amount | None) -> Decimal:
    return amount.value if amount is not None else Decimal(0)
