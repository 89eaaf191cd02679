"""eExact ``<Invoices>`` of Exact Globe, exported by hand: one file, any number of sales invoices (exact.md §1.2).

Such an invoice names no seller and has no totals. So the seller is the sender's account, the totals are worked out
from the lines, and the report says both. ``split`` cuts a file into files of one invoice; ``signed`` puts the account of
its sender into an ``<Account>`` of such a file: from then on the document says by itself who the seller is.

The buyer is the *invoice* debtor (``InvoiceTo``, R38); Globe made the document, so "Adres 2" names the receiver
before anything else does (R31, C18).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from lxml import etree

from libs.einvoice import money, xml
from libs.einvoice.formats import adres_2, eexact_lines
from libs.einvoice.formats.cursor import Cursor
from libs.einvoice.formats.reading import Read
from libs.einvoice.model import (
    Amount,
    Buyer,
    Contact,
    Delivery,
    Identifier,
    Invoice,
    Line,
    Note,
    PaymentInstructions,
    PostalAddress,
    PrecedingInvoice,
    Seller,
)
from libs.einvoice.receivers import Found, Place, ranked
from libs.einvoice.refusals import refuse
from libs.einvoice.tree import Element, line_of

ROOT = "eExact"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
SENDER = "postbode-sender"
"""Code of the ``<Account>`` that ``signed`` adds."""

_PATH = "/eExact/Invoices/Invoice"


@dataclass(frozen=True, slots=True)
class Sender:
    """The account a file comes from, as far as an invoice must name its seller."""

    name: str
    kvk: str | None = None
    vat: str | None = None
    iban: str | None = None
    email: str | None = None
    address: PostalAddress | None = None


def invoices(root: Element) -> list[Element]:
    """The invoices of a file, in order. Raises ``Unprocessable`` (code ``exact-online-xml``) for Exact Online's own."""
    said = _online(root)
    if said is not None:
        raise refuse("exact-online-xml", line_of(root) or 1, seen=said)
    return root.findall("Invoices/Invoice")


def _online(root: Element) -> str | None:
    """By what a file shows to be Exact Online's own dialect; None for Globe's.

    Both have the root ``eExact``. Exact Online's names another schema, and its invoices refer to customers by an
    attribute where Globe has the debtor with name and address (public writers of such files; exact.md §3.6).
    """
    schema = root.get(_SCHEMA_LOCATION, "")
    if "eexact-xml.xsd" in schema.lower():
        return schema.strip()[:60]
    for group in ("InvoiceTo", "OrderedBy"):
        if root.find(f"Invoices/Invoice/{group}[@code]") is not None:
            return f"{group} code"
    return None


def split(root: Element) -> list[bytes]:
    """A file of one invoice for each ``Invoice``.

    What else the file holds (items, settings) is left out: it is no part of an invoice. The same file gives the
    same bytes.
    """
    files = []
    for invoice in invoices(root):
        one = etree.Element(ROOT)
        group = etree.SubElement(one, "Invoices", dict(invoice.getparent().attrib))  # type: ignore[union-attr]
        copy = deepcopy(invoice)
        copy.tail = None
        group.append(copy)
        files.append(etree.tostring(one, encoding="UTF-8", xml_declaration=True))
    return files


def signed(data: bytes, sender: Sender) -> bytes:
    """A file that ``split`` made, with the account it came from in it."""
    root = xml.parse(data)
    root.insert(0, _account(sender))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _account(sender: Sender) -> Element:
    accounts = etree.Element("Accounts")
    account = etree.SubElement(accounts, "Account", code=SENDER)
    etree.SubElement(account, "Name").text = sender.name
    if sender.email:
        etree.SubElement(account, "Email").text = sender.email
    if sender.address is not None:
        place = sender.address
        address = etree.SubElement(etree.SubElement(account, "Addresses"), "Address", type="VIS")
        for name, value in (
            ("AddressLine1", place.address_line_1),
            ("AddressLine2", place.address_line_2),
            ("AddressLine3", place.address_line_3),
            ("PostalCode", place.post_code),
            ("City", place.city),
        ):
            if value:
                etree.SubElement(address, name).text = value
        etree.SubElement(address, "Country", code=place.country_code or "NL")
    if sender.iban:
        creditor = etree.SubElement(account, "Creditor", code=SENDER)
        etree.SubElement(etree.SubElement(creditor, "BankAccounts"), "BankAccount", code=sender.iban)
    if sender.vat:
        etree.SubElement(account, "VATNumber").text = sender.vat
    if sender.kvk:
        etree.SubElement(account, "ChamberOfCommerce").text = sender.kvk
    return accounts


def read(root: Element, sender: Sender | None = None) -> tuple[Read, ...]:
    """Every invoice of a file. Never raises for what is inside; a file without an invoice gives no reading."""
    return tuple(_read(root, invoice, sender) for invoice in invoices(root))


def _read(root: Element, element: Element, sender: Sender | None) -> Read:
    at = Cursor(element, _PATH)
    number = (element.get("number") or "").strip() or None
    currency = at.attribute("Currency", "code") or "EUR"
    at.reading.currency = currency
    at.skip(
        "Currency",
        "Rate",
        "Warehouse",
        "DeliveryMethod",
        "InvoiceGroup",
    )
    at.leave("Resource", "Selection")
    for each in element.iterfind("Freight//*"):
        if money.read(each.text):
            at.reading.wrong("READ-FREIGHT", each, seen=each.text)
    issue_date = at.day("Date", "BT-2")
    debtor = "InvoiceTo" if element.find("InvoiceTo") is not None else "OrderedBy"
    buyer = _buyer(at, debtor)
    condition = element.find("PaymentCondition")
    days = at.number("PaymentCondition/DaysToPayment", "BT-9") if condition is not None else None
    due = None
    if days is not None and issue_date is not None and 0 <= days < 10_000:
        due = issue_date + timedelta(days=int(days))
        at.took(
            "BT-9",
            due.isoformat(),
            "Vervaldatum berekend: factuurdatum plus de dagen van de betalingsconditie.",
            "Due date worked out: invoice date plus the days of the payment condition.",
        )
    notes = tuple(
        Note(text=text)
        for name in ("Description", "Reference1", "Reference2", "Reference3")
        if (text := at.text(name)) is not None
    )
    lines = tuple(eexact_lines.read(at, each, currency) for each in element.findall("InvoiceLine"))
    original = (element.get("original") or "").strip()
    invoice = Invoice(
        number=number,
        issue_date=issue_date,
        type_code="380",
        currency_code=currency,
        payment_due_date=due,
        purchase_order_reference=at.text("YourRef"),
        sales_order_reference=(at.attribute("Order", "number") or at.text("OurRef")),
        buyer_accounting_reference=at.attribute("Costcenter", "code"),
        payment_terms=at.text("PaymentCondition/Description"),
        notes=notes,
        preceding_invoices=(PrecedingInvoice(reference=original),) if original else (),
        buyer=buyer,
        delivery=_delivery(at),
        lines=lines,
    )
    at.skip(
        "OurRef", "CalcIncludeVAT", "PaymentMethod", "OrderedBy" if debtor == "InvoiceTo" else "InvoiceTo"
    )
    invoice, settled = adres_2.settle(invoice)
    at.reading.filled.extend(settled)
    invoice = _with_seller(invoice, at, root, element, sender)
    invoice = _credited(invoice, at)
    invoice = eexact_lines.with_totals(invoice, at)
    at.require(
        (
            ("BT-1", "@number", invoice.number),
            ("BT-2", "Date", invoice.issue_date),
            ("BG-4", "../@companyname", invoice.seller),
            ("BG-7", "InvoiceTo", invoice.buyer),
            ("BG-25", "InvoiceLine", invoice.lines),
        )
    )
    at.rest()
    return at.reading.done(invoice, _candidates(element, debtor))


def _buyer(at: Cursor, debtor: str) -> Buyer | None:
    if at.element.find(debtor) is None:
        return None
    if debtor != "InvoiceTo":
        at.took(
            "BG-7",
            debtor,
            "Koper genomen uit OrderedBy, omdat InvoiceTo ontbreekt.",
            "Buyer taken from OrderedBy, because InvoiceTo is absent.",
        )
    code = at.attribute(f"{debtor}/Debtor", "code")
    name = at.text(f"{debtor}/Debtor/Name")
    addressee = at.text(f"{debtor}/Address/Addressee/Name")
    contact = Contact(
        contact_point=addressee if name is not None else None,
        telephone_number=at.text(f"{debtor}/Address/Phone"),
        email_address=at.text(f"{debtor}/Address/Addressee/Email") or at.text(f"{debtor}/Address/Email"),
    )
    return Buyer(
        name=name or addressee,
        identifiers=(Identifier(code.strip()),) if code and code.strip() else (),
        vat_identifier=at.text(f"{debtor}/Debtor/VATNumber"),
        postal_address=_address(at, f"{debtor}/Address"),
        contact=contact if contact != Contact() else None,
    )


def _address(at: Cursor, path: str) -> PostalAddress | None:
    address = PostalAddress(
        address_line_1=at.text(f"{path}/AddressLine1"),
        address_line_2=at.text(f"{path}/AddressLine2"),
        address_line_3=at.text(f"{path}/AddressLine3"),
        city=at.text(f"{path}/City"),
        post_code=at.text(f"{path}/PostalCode"),
        country_subdivision=at.attribute(f"{path}/State", "code"),
        country_code=at.attribute(f"{path}/Country", "code"),
    )
    at.skip(f"{path}/Country/Description", f"{path}/State/Description")
    return address if address != PostalAddress() else None


def _delivery(at: Cursor) -> Delivery | None:
    delivery = Delivery(
        deliver_to_party_name=at.text("DeliverTo/Debtor/Name") or at.text("DeliverTo/Address/Addressee/Name"),
        actual_delivery_date=at.day("DeliverTo/Date", "BT-72"),
        address=_address(at, "DeliverTo/Address"),
    )
    return delivery if delivery != Delivery() else None


def _with_seller(
    invoice: Invoice, at: Cursor, root: Element, element: Element, sender: Sender | None
) -> Invoice:
    """The seller is whoever sent the file: a Globe invoice does not name it."""
    sender = sender or _sender(root)
    if sender is None:
        group = element.getparent()
        name = (group.get("companyname") or "").strip() if group is not None else ""
        if not name:
            return invoice
        at.took(
            "BT-27",
            name,
            "Verkoper genomen uit companyname: het bestand noemt verder geen verkoper.",
            "Seller taken from companyname: the file names no seller beside it.",
        )
        return replace(invoice, seller=Seller(name=name))
    at.took(
        "BG-4",
        sender.name,
        "Verkoper genomen uit het account van de verzender: een eExact-factuur noemt geen verkoper.",
        "Seller taken from the sender's account: an eExact invoice names no seller.",
    )
    seller = Seller(
        name=sender.name,
        legal_registration_identifier=Identifier(sender.kvk, "0106") if sender.kvk else None,
        vat_identifier=sender.vat,
        postal_address=sender.address,
        contact=Contact(email_address=sender.email) if sender.email else None,
    )
    if sender.iban is None:
        return replace(invoice, seller=seller)
    means = PaymentInstructions(
        means_type_code="30", account_identifier=sender.iban, remittance_information=invoice.number
    )
    return replace(invoice, seller=seller, payment_instructions=(means,))


def _sender(root: Element) -> Sender | None:
    """The account that ``signed`` put in."""
    account = next((a for a in root.findall("Accounts/Account") if a.get("code") == SENDER), None)
    name = (account.findtext("Name") or "").strip() if account is not None else ""
    if account is None or not name:
        return None
    at = Cursor(account, "/eExact/Accounts/Account")
    bank = account.find("Creditor/BankAccounts/BankAccount")
    return Sender(
        name=name,
        kvk=at.text("ChamberOfCommerce"),
        vat=at.text("VATNumber"),
        iban=bank.get("code") if bank is not None else None,
        email=at.text("Email"),
        address=_address(at, "Addresses/Address"),
    )


def _credited(invoice: Invoice, at: Cursor) -> Invoice:
    """Globe writes a credit as an invoice with negative lines; the standard as a credit note with positive ones."""
    nets = [line.net_amount.value for line in invoice.lines if line.net_amount is not None]
    if not nets or money.total(nets) >= 0:
        return invoice
    at.took(
        "BT-3",
        "381",
        "Soort 381 (creditnota), omdat het totaal negatief is; aantallen en bedragen zijn omgekeerd.",
        "Type 381 (credit note), because the total is negative; quantities and amounts are turned round.",
    )
    return replace(invoice, type_code="381", lines=tuple(_turned(line) for line in invoice.lines))


def _turned(line: Line) -> Line:
    def turn(value: Decimal) -> Decimal:
        return -value if value else value

    def turned(amount: Amount | None) -> Amount | None:
        return amount._replace(value=turn(amount.value)) if amount is not None else None

    return replace(
        line,
        quantity=turn(line.quantity) if line.quantity is not None else None,
        net_amount=turned(line.net_amount),
        allowances=tuple(
            replace(each, amount=turned(each.amount), base_amount=turned(each.base_amount))
            for each in line.allowances
        ),
    )


def _candidates(element: Element, debtor: str) -> list[Found]:
    """Adres 2 of the invoice debtor, and nothing of who ordered or who gets the goods (R38)."""
    path = f"{_PATH}/{debtor}"
    lines = [
        Place(each.text, None, f"{path}/Address/{name}")
        for name in ("AddressLine2", "AddressLine3")
        for each in element.findall(f"{debtor}/Address/{name}")
    ]
    taxed = [
        Place(each.text, None, f"{path}/Debtor/VATNumber")
        for each in element.findall(f"{debtor}/Debtor/VATNumber")
    ]
    return ranked((), taxed, lines, globe=True)
