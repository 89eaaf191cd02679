"""A purchase entry as Exact Globe imports it: eExact ``<GLEntries>`` (exact.md §1.3).

An entry books amounts to accounts; it is no invoice and holds far less. Line 0 is the creditor for the whole
amount, then one line for each invoice line, then one for each VAT rate: debit and credit are equal. (Inference: how
Globe itself exports purchase entries; the order of the elements is that of the public schema.)

Which codes a receiver's administration uses is its own setting; where it is silent, a stated default stands. Its
amounts are in the administration's own currency, so an invoice in another is refused: only the administration knows
its rate.

What an entry holds is noted where it is written (``_Entry.keep``); every other term of the invoice is lost.
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
from libs.errors import Unprocessable


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
    """By percentage as text, such as ``{"21": "2"}``; for other categories than S by category: ``{"AE": "7"}``."""
    currency: str = "EUR"


_DEFAULTS = Books()

_REFERENCE, _LABEL = 30, 60
"""Characters Globe keeps of a reference and of a description."""
_ALLOWANCE = ("BT-92", "BT-95", "BT-96", "BT-97")
_CHARGE = ("BT-99", "BT-102", "BT-103", "BT-104")
"""Amount, category, rate and reason."""

_CODE = Words(
    nl="Standaardcode, omdat de administratie van de ontvanger er geen heeft ingesteld. Stel hem in bij uw pakket.",
    en="Default code, because the receiver's administration has set none. Set it with your package.",
)
_CREDITOR = Words(
    nl="Crediteur genoemd naar het KvK- of btw-nummer van de leverancier, omdat er geen crediteurnummer is ingesteld.",
    en="Creditor named after the supplier's KvK or VAT number, because no creditor number is set.",
)


def write(invoice: Invoice, books: Books = _DEFAULTS) -> Written:
    """One invoice or credit note as one ``GLEntry``.

    Raises ``Unprocessable`` (code ``foreign-currency``) for amounts in another currency than the administration's.
    """
    if (invoice.currency_code or books.currency) != books.currency:
        raise Unprocessable(
            f"the invoice is in {invoice.currency_code} and a purchase entry books in {books.currency}: choose another "
            "format, or book it by hand at your own rate",
            nl=f"de factuur is in {invoice.currency_code} en een inkoopboeking boekt in {books.currency}: kies een ander "
            "formaat, of boek haar met de hand tegen uw eigen koers",
            code="foreign-currency",
        )
    filled = [
        Filled(name, getattr(books, name), _CODE)
        for name in ("division", "journal", "creditor_account", "cost_account", "vat_account")
        if getattr(books, name) == getattr(_DEFAULTS, name)
    ]
    creditor = books.creditor
    if creditor is None:
        creditor = _named(invoice) or "0"
        filled.append(Filled("creditor", creditor, _CREDITOR))
    entry = _Entry(invoice, books, creditor)
    data = _xml(entry).encode()
    missing = tuple(term for term in terms.walk(invoice) if (term.number, term.value) not in entry.kept)
    return Written(data, missing, tuple(filled))


def _named(invoice: Invoice) -> str | None:
    """The number of the seller that a creditor without a code is named after."""
    seller = invoice.seller
    if seller is not None and seller.legal_registration_identifier is not None:
        return seller.legal_registration_identifier.value
    return seller.vat_identifier if seller is not None else None


class _Entry:
    """One entry as it is put together."""

    def __init__(self, invoice: Invoice, books: Books, creditor: str) -> None:
        self.invoice, self.books, self.creditor = invoice, books, creditor
        self.currency = books.currency
        self.subtype = "Q" if invoice.is_credit_note else "T"
        self.day = invoice.issue_date.isoformat() if invoice.issue_date is not None else ""
        self.out: list[str] = []
        self.number = 0
        self.kept: set[tuple[str, object]] = set()
        """Number and value of every term that stands whole in the entry."""

    def keep(self, *found: tuple[str, object]) -> None:
        self.kept.update(found)

    def text(self, term: str, value: str | None, most: int) -> str:
        """As much of a text as Globe takes; kept when that is all of it."""
        if value is not None and len(value) <= most:
            self.keep((term, value))
        return escape((value or "")[:most])

    def money(self, term: str, amount: Amount | None) -> Decimal:
        """An amount of a term; kept when it is in the currency of the entry."""
        if amount is None:
            return Decimal(0)
        if amount.currency in (None, self.currency):
            self.keep((term, amount))
        return amount.value

    def vat_code(self, category: tuple[str, str | None], rate: tuple[str, Decimal | None]) -> str:
        """The administration's code for a category and a rate, each with its term.

        The standard rate goes by its percentage, every other category by its own name: 0 % says nothing of why.
        """
        said = f"{(rate[1] or Decimal(0)).normalize():f}"
        codes = self.books.vat_codes
        if category[1] in (None, "S"):
            self.keep(category, rate)
            return codes.get(said, said)
        if category[1] not in codes and said in codes:
            # An administration with one code for all its zero rates: the category does not stand in it.
            self.keep(rate)
            return codes[said]
        self.keep(category)
        if not rate[1]:
            self.keep(rate)
        return codes.get(category[1], category[1])

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

    def line(self, account: str, label: str, description: str, body: str) -> None:
        """``description`` is escaped already, and no longer than Globe takes."""
        self.out.append(
            f'   <FinEntryLine number="{self.number}" subtype="{self.subtype}">\n'
            f"    <Date>{self.day}</Date>\n"
            f'    <GLAccount code="{quote(account)}">\n     <Description>{escape(label)}</Description>\n    </GLAccount>\n'
            f"    <Description>{description}</Description>\n{body}   </FinEntryLine>\n"
        )
        self.number += 1


def _xml(entry: _Entry) -> str:
    invoice, books = entry.invoice, entry.books
    entry.keep(("BT-2", invoice.issue_date), ("BT-5", invoice.currency_code))
    if invoice.type_code in ("380", "381"):
        # Every other type is booked as one of these two.
        entry.keep(("BT-3", invoice.type_code))
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
    seller = entry.text("BT-27", invoice.seller.name if invoice.seller is not None else None, _LABEL)
    total = _total(entry)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<eExact>\n <GLEntries>\n  <GLEntry status="E">\n'
        f'   <Division code="{quote(books.division)}"/>\n'
        f"   <Description>{seller}</Description>\n"
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
    payment = f"     <Reference>{entry.text('BT-83', reference or number, _REFERENCE)}</Reference>\n"
    if number.isdigit() and len(number) <= 9:
        payment += f"     <InvoiceNumber>{int(number)}</InvoiceNumber>\n"
    entry.keep(("BT-84", account), ("BT-9", due))
    if entry.creditor == _named(invoice) and invoice.seller is not None:
        by_number = invoice.seller.legal_registration_identifier
        entry.keep(
            ("BT-30", by_number) if by_number is not None else ("BT-31", invoice.seller.vat_identifier)
        )
    if account is not None:
        payment += f'     <BankAccount code="{quote(account)}"/>\n'
    if due is not None:
        payment += f"     <InvoiceDueDate>{due.isoformat()}</InvoiceDueDate>\n"
    total = _total(entry)
    body = (
        f'    <Creditor code="{quote(entry.creditor)}">\n     <Name>{escape((name or "")[:50])}</Name>\n    </Creditor>\n'
        f"{entry.amount(total, credit=True)}"
        f"    <Payment>\n{payment}    </Payment>\n{_references(entry)}"
    )
    both = escape(f"{name or ''} {number}".strip()[:_LABEL])
    entry.line(entry.books.creditor_account, "Crediteuren", both, body)


def _references(entry: _Entry) -> str:
    number = entry.text("BT-1", entry.invoice.number, _REFERENCE)
    return (
        f"    <FinReferences>\n     <YourRef>{number}</YourRef>\n"
        f"     <DocumentDate>{entry.day}</DocumentDate>\n    </FinReferences>\n"
    )


def _cost_line(entry: _Entry, line: Line) -> None:
    code = entry.vat_code(("BT-151", line.vat_category_code), ("BT-152", line.vat_rate))
    entry.keep(("BT-129", line.quantity), ("BT-133", line.buyer_accounting_reference))
    centre = line.buyer_accounting_reference
    item = line.item.name if line.item is not None else None
    quantity = f"    <Quantity>{line.quantity:f}</Quantity>\n" if line.quantity is not None else ""
    body = (
        (f'    <Costcenter code="{quote(centre)}"/>\n' if centre is not None else "")
        + quantity
        + entry.amount(entry.money("BT-131", line.net_amount), credit=False, vat=code)
        + _references(entry)
    )
    if item:
        label = entry.text("BT-153", item, _LABEL)
        if line.identifier == str(entry.number):
            entry.keep(("BT-126", line.identifier))
    else:
        label = f"Regel {entry.text('BT-126', line.identifier, _LABEL - 6)}".strip()
    entry.line(entry.books.cost_account, "Kosten", label, body)


def _adjustment(entry: _Entry, of: AllowanceCharge, label: str, *, credit: bool) -> None:
    """An allowance or charge of the whole invoice is a cost of its own, or the entry would not balance."""
    amount, category, rate, reason = _ALLOWANCE if credit else _CHARGE
    code = entry.vat_code((category, of.vat_category_code), (rate, of.vat_rate))
    body = entry.amount(entry.money(amount, of.amount), credit=credit, vat=code) + _references(entry)
    entry.line(
        entry.books.cost_account,
        "Kosten",
        entry.text(reason, of.reason, _LABEL) or label,
        body,
    )


def _vat_line(entry: _Entry, breakdown: VatBreakdown) -> None:
    code = entry.vat_code(("BT-118", breakdown.category_code), ("BT-119", breakdown.rate))
    tax, base = entry.money("BT-117", breakdown.tax_amount), entry.money("BT-116", breakdown.taxable_amount)
    entry.keep(("BT-119", breakdown.rate))
    rate = breakdown.rate or Decimal(0)
    body = (
        entry.amount(tax, credit=False)
        + f'    <VATTransaction code="{quote(code)}">\n     <VATAmount>{tax:f}</VATAmount>\n'
        f"     <VATBaseAmount>{base:f}</VATBaseAmount>\n     <VATPercentage>{rate:f}</VATPercentage>\n"
        f"    </VATTransaction>\n{_references(entry)}"
    )
    entry.line(entry.books.vat_account, "Te vorderen btw", f"Btw {money.plain(rate)}%", body)


def _total(entry: _Entry) -> Decimal:
    totals = entry.invoice.totals
    return entry.money("BT-112", totals.total_with_vat if totals is not None else None)
