"""UBL as one profile wants it: NLCIUS, Peppol BIS 3, plain 2.1, SI-UBL 1.2, 2.0 (exact.md §2.1, §2.2).

All are written by the one table of ``ubl``. A dialect first changes the model (identification of the profile,
names of schemes, terms its syntax has no place for), then dresses the text. Dressing is replacing tags of our own
making: whatever an invoice says is escaped by then, so a text never looks like a tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from libs.contracts.parts import Words
from libs.einvoice import money
from libs.einvoice.formats import ubl
from libs.einvoice.formats.modern import modern
from libs.einvoice.formats.older import older
from libs.einvoice.formats.reading import Filled
from libs.einvoice.formats.table import money_element
from libs.einvoice.formats.written import Written, lost
from libs.einvoice.model import Buyer, Identifier, Invoice, Line, PaymentInstructions, Seller
from libs.einvoice.terms import Term
from libs.identifiers import canonical_scheme

P = TypeVar("P", Seller, Buyer)

EN16931 = "urn:cen.eu:en16931:2017"
NLCIUS = f"{EN16931}#compliant#urn:fdc:nen.nl:nlcius:v1.0"
GACCOUNT = f"{NLCIUS}#conformant#urn:fdc:nen.nl:gaccount:v1.0"
PEPPOL = f"{EN16931}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_BII = (
    "urn:www.cenbii.eu:transaction:biitrns{}:ver2.0:extended:urn:www.peppol.eu:bis:peppol{}a:ver2.0:extended:"
)
SI_UBL_12 = _BII.format("010", "4") + "urn:www.simplerinvoicing.org:si:si-ubl:ver1.2"
# Inference: nobody published a credit note of SI-UBL 1.2; BII's own transaction and Peppol's profile of that age.
SI_UBL_12_CREDIT = _BII.format("014", "5") + "urn:www.simplerinvoicing.org:si:si-ubl:ver1.2"

_OLD_SCHEMES = {
    "0106": "NL:KVK",
    "0190": "NL:OIN",
    "9944": "NL:VAT",
    "0088": "GLN",
    "0208": "BE:CBE",
    "9925": "BE:VAT",
}


def nlcius(invoice: Invoice) -> Written:
    """NLCIUS (SI-UBL 2.0); with shares of a g-account its extension."""
    share = any(each.amount is not None for each in invoice.payment_instructions)
    return _modern(invoice, GACCOUNT if share else NLCIUS, BILLING)


def peppol(invoice: Invoice) -> Written:
    """Peppol BIS Billing 3. It has no place for the share of a g-account."""
    bare = tuple(replace(each, amount=None) for each in invoice.payment_instructions)
    shares = lost(invoice, {"NL-GACCOUNT-AMOUNT"})
    addressed, filled = _addressed(replace(invoice, payment_instructions=bare) if shares else invoice)
    written = _modern(addressed, PEPPOL, BILLING)
    return replace(written, lost=(*written.lost, *shares), filled=(*written.filled, *filled))


def _addressed(invoice: Invoice) -> tuple[Invoice, tuple[Filled, ...]]:
    """A party without electronic address is found on Peppol by its number in a register, where that is one of Peppol's."""
    seller, sold = _address(invoice.seller, "BT-34")
    buyer, bought = _address(invoice.buyer, "BT-49")
    return replace(invoice, seller=seller, buyer=buyer), (*sold, *bought)


def _address(party: P | None, term: str) -> tuple[P | None, tuple[Filled, ...]]:
    if party is None or party.electronic_address is not None:
        return party, ()
    number = party.legal_registration_identifier
    scheme = None if number is None else canonical_scheme(number.scheme)
    if number is None or scheme not in _ADDRESSES:
        return party, ()
    address = Identifier(number.value, scheme)
    return replace(party, electronic_address=address), (Filled(term, number.value, _ELECTRONIC),)


_ADDRESSES = ("0106", "0190", "0208")
_ELECTRONIC = Words(
    nl="Het elektronische adres is het nummer in het handels- of ondernemingsregister; de bron noemde er geen.",
    en="The electronic address is the number in the trade or enterprise register; the source named none.",
)


def ubl_21(invoice: Invoice) -> Written:
    """Plain UBL 2.1 that says it follows EN 16931 and no more."""
    return _modern(invoice, EN16931, None, version="2.1")


def siubl_12(invoice: Invoice) -> Written:
    """SI-UBL 1.2: names in ``PartyName``, schemes by their Dutch names, code lists named, VAT on each line."""
    customization = SI_UBL_12_CREDIT if invoice.is_credit_note else SI_UBL_12
    profile = (
        "urn:www.cenbii.eu:profile:bii05:ver2.0"
        if invoice.is_credit_note
        else "urn:www.cenbii.eu:profile:bii04:ver2.0"
    )
    gone = {"BT-11", "BT-17", "BT-89", "BT-91", "BT-90", "NL-GACCOUNT-ID", "NL-GACCOUNT-AMOUNT", "BT-8"}
    missing = _unplaced(invoice) + lost(invoice, gone)
    dated, renamed = older(invoice)
    filled = (*_said(invoice, customization, profile), *_added(invoice), *renamed)
    invoice = _old_names(
        _without_payment(
            replace(
                dated,
                specification_identifier=customization,
                business_process_type=profile,
                project_reference=None,
                tender_or_lot_reference=None,
                bank_assigned_creditor_identifier=None,
                vat_point_date_code=None,
            )
        )
    )
    text = _versioned(ubl.write(invoice).decode(), "2.1")
    for tag, dressed in _LISTED.items():
        text = text.replace(tag, dressed)
    for pattern, dressed in _MOVED:
        text = pattern.sub(dressed, text)
    return Written(_line_taxes(text, invoice.lines).encode(), missing, filled)


def _added(invoice: Invoice) -> tuple[Filled, ...]:
    """What SI-UBL 1.2 wants and EN 16931 does not say: names in ``PartyName``, VAT amounts on lines."""
    names = [
        Filled(term, party.name, _PARTY_NAME)
        for term, party in (("BT-28", invoice.seller), ("BT-45", invoice.buyer))
        if party is not None and party.name is not None and party.trading_name is None
    ]
    taxed = any(line.net_amount is not None and line.vat_rate is not None for line in invoice.lines)
    if invoice.is_credit_note or not taxed:
        return tuple(names)
    return (*names, Filled("BG-25", "cac:TaxTotal", _LINE_TAX))


_PARTY_NAME = Words(
    nl="SI-UBL 1.2 wil de naam ook als handelsnaam; de bron noemde geen andere.",
    en="SI-UBL 1.2 wants the name as trading name too; the source named no other.",
)
_LINE_TAX = Words(
    nl="SI-UBL 1.2 wil de btw per regel: berekend uit regelbedrag en tarief.",
    en="SI-UBL 1.2 wants the VAT of each line: worked out from its amount and rate.",
)


def ubl_20(invoice: Invoice) -> Written:
    """UBL 2.0 as the Belgian e-FFF used it. What came with 2.1 has no place; a due date stands with the means."""
    credit = invoice.is_credit_note
    gone = {"BT-10", "BT-11", "BT-33", "BT-89", "BT-91", "BG-26", "NL-GACCOUNT-ID", "NL-GACCOUNT-AMOUNT"}
    if credit:
        gone |= {
            "BT-3",
            "BT-9",
            "BT-17",
            "BT-20",
            "BG-11",
            "BG-13",
            "BG-16",
            "BT-90",
            "BT-132",
            "BG-27",
            "BG-28",
        }
        if invoice.type_code == "381":
            gone.remove("BT-3")
    missing = lost(invoice, gone)
    if not credit and not invoice.payment_instructions:
        missing += lost(invoice, {"BT-9"})
    filled = _said(invoice, "1.0", "e-fff")
    due = invoice.payment_due_date
    seller = invoice.seller
    invoice = _without_payment(
        replace(
            invoice,
            specification_identifier="1.0",
            business_process_type="e-fff",
            buyer_reference=None,
            project_reference=None,
            payment_due_date=None,
            seller=replace(seller, additional_legal_information=None) if seller is not None else None,
            lines=tuple(replace(line, period=None) for line in invoice.lines),
        )
    )
    if credit:
        invoice = replace(
            invoice,
            tender_or_lot_reference=None,
            payment_terms=None,
            tax_representative=None,
            delivery=None,
            payment_instructions=(),
            bank_assigned_creditor_identifier=None,
            lines=tuple(
                replace(line, order_line_reference=None, allowances=(), charges=()) for line in invoice.lines
            ),
        )
    text = _versioned(ubl.write(invoice).decode(), "2.0")
    text = _DESCRIPTION.sub(r"<\1cbc:DocumentType>", text)
    text = _CREDIT_CODE.sub("", text)
    if due is not None and not credit:
        said = f"\\1    <cbc:PaymentDueDate>{due.isoformat()}</cbc:PaymentDueDate>\n"
        text = _MEANS_HEAD.sub(said, text, count=1)
    return Written(text.encode(), missing, filled)


WRITERS: Mapping[str, Callable[[Invoice], Written]] = {
    "nlcius": nlcius,
    "siubl-1.2": siubl_12,
    "ubl-2.1": ubl_21,
    "ubl-2.0": ubl_20,
    "peppol": peppol,
}


def _modern(
    invoice: Invoice, customization: str, profile: str | None, *, version: str | None = None
) -> Written:
    filled = _said(invoice, customization, profile or invoice.business_process_type)
    missing = _unplaced(invoice)
    invoice, renamed = modern(invoice)
    invoice = replace(
        invoice,
        specification_identifier=customization,
        business_process_type=profile or invoice.business_process_type,
    )
    data = ubl.write(invoice)
    return Written(
        _versioned(data.decode(), version).encode() if version else data, missing, (*filled, *renamed)
    )


def _unplaced(invoice: Invoice) -> tuple[Term, ...]:
    """A credit note has no due date of its own: it stands with a means of payment, or nowhere."""
    if invoice.is_credit_note and not invoice.payment_instructions:
        return lost(invoice, {"BT-9"})
    return ()


def _said(invoice: Invoice, customization: str, profile: str | None) -> tuple[Filled, ...]:
    """That a document of another profile is not what its identification said any more."""
    filled = []
    for term, before, after in (
        ("BT-24", invoice.specification_identifier, customization),
        ("BT-23", invoice.business_process_type, profile),
    ):
        if after is not None and before != after:
            filled.append(Filled(term, after, _PROFILE))
    return tuple(filled)


_PROFILE = Words(
    nl="Het profiel van het formaat waarin de factuur geschreven is; de bron noemde een ander of geen.",
    en="The profile of the format the invoice is written in; the source named another or none.",
)


def _without_payment(invoice: Invoice) -> Invoice:
    """Without mandates (new in UBL 2.1) and shares of a g-account."""
    bare = (
        replace(
            each,
            mandate_reference_identifier=None,
            debited_account_identifier=None,
            identifier=None,
            amount=None,
        )
        for each in invoice.payment_instructions
    )
    return replace(
        invoice, payment_instructions=tuple(each for each in bare if each != PaymentInstructions())
    )


def _old_names(invoice: Invoice) -> Invoice:
    seller, buyer, payee, delivery = invoice.seller, invoice.buyer, invoice.payee, invoice.delivery
    return replace(
        invoice,
        seller=_old_party(seller) if seller is not None else None,
        buyer=_old_party(buyer) if buyer is not None else None,
        payee=replace(
            payee,
            identifiers=tuple(_old(each) for each in payee.identifiers),
            legal_registration_identifier=_old_maybe(payee.legal_registration_identifier),
        )
        if payee is not None
        else None,
        delivery=replace(delivery, location_identifier=_old_maybe(delivery.location_identifier))
        if delivery is not None
        else None,
    )


def _old_party(party: P) -> P:
    return replace(
        party,
        trading_name=party.trading_name or party.name,
        identifiers=tuple(_old(each) for each in party.identifiers),
        legal_registration_identifier=_old_maybe(party.legal_registration_identifier),
        electronic_address=_old_maybe(party.electronic_address),
    )


def _old(identifier: Identifier) -> Identifier:
    scheme = identifier.scheme
    return identifier._replace(scheme=_OLD_SCHEMES.get(scheme, scheme)) if scheme else identifier


def _old_maybe(identifier: Identifier | None) -> Identifier | None:
    return _old(identifier) if identifier is not None else None


def _versioned(text: str, version: str) -> str:
    return text.replace(
        "  <cbc:CustomizationID>",
        f"  <cbc:UBLVersionID>{version}</cbc:UBLVersionID>\n  <cbc:CustomizationID>",
        1,
    )


_LISTED = {
    "<cbc:InvoiceTypeCode>": '<cbc:InvoiceTypeCode listID="UNCL1001" listAgencyID="6">',
    "<cbc:DocumentCurrencyCode>": '<cbc:DocumentCurrencyCode listID="ISO4217" listAgencyID="6">',
    "<cbc:TaxCurrencyCode>": '<cbc:TaxCurrencyCode listID="ISO4217" listAgencyID="6">',
    "<cbc:IdentificationCode>": '<cbc:IdentificationCode listID="ISO3166-1:Alpha2" listAgencyID="6">',
    "<cbc:PaymentMeansCode>": '<cbc:PaymentMeansCode listID="UNCL4461">',
    "<cbc:PaymentMeansCode name": '<cbc:PaymentMeansCode listID="UNCL4461" name',
    "<cbc:AllowanceChargeReasonCode>": '<cbc:AllowanceChargeReasonCode listID="UNCL4465">',
    'schemeID="NL:KVK">': 'schemeID="NL:KVK" schemeAgencyID="ZZZ">',
    'schemeID="NL:OIN">': 'schemeID="NL:OIN" schemeAgencyID="82">',
    'schemeID="NL:VAT">': 'schemeID="NL:VAT" schemeAgencyID="ZZZ">',
    'schemeID="GLN">': 'schemeID="GLN" schemeAgencyID="9">',
}
_DESCRIPTION = re.compile(r"<(/?)cbc:DocumentDescription>")
_CREDIT_CODE = re.compile(r" *<cbc:CreditNoteTypeCode>[^<]*</cbc:CreditNoteTypeCode>\n")
_MEANS_HEAD = re.compile(
    r"(  <cac:PaymentMeans>\n(?: *<cbc:PaymentMeansCode[^<]*</cbc:PaymentMeansCode>\n)?)"
)
_LINE = re.compile(r"^  <cac:InvoiceLine>$.*?^  </cac:InvoiceLine>$", re.MULTILINE | re.DOTALL)
_MOVED: tuple[tuple[re.Pattern[str], str], ...] = (
    (_DESCRIPTION, r"<\1cbc:DocumentType>"),
    (re.compile(r"(<cac:TaxScheme>\s+<cbc:ID)>"), r'\1 schemeID="UN/ECE 5153" schemeAgencyID="6">'),
    (re.compile(r'(<cac:StandardItemIdentification>\s+<cbc:ID schemeID=")0160"'), r'\1GTIN"'),
    (re.compile(r"(<cac:(?:Classified)?TaxCategory>\s+<cbc:ID)>"), r'\1 schemeID="UNCL5305">'),
    (
        re.compile(r"(<cac:PartyTaxScheme>\s+<cbc:CompanyID)>([A-Z]{2})"),
        r'\1 schemeID="\2:VAT" schemeAgencyID="ZZZ">\2',
    ),
    # An IBAN is one for its rules only with the bank's BIC; else it is an account like any other.
    (
        re.compile(
            r"(<cac:PayeeFinancialAccount>\s+<cbc:ID)>([A-Z]{2}[0-9]{2}[^<]*</cbc:ID>(?:\s+<cbc:Name>[^<]*</cbc:Name>)?"
            r"\s+<cac:FinancialInstitutionBranch>)"
        ),
        r'\1 schemeID="IBAN">\2',
    ),
    (re.compile(r"(<cac:PayeeFinancialAccount>\s+<cbc:ID)>"), r'\1 schemeID="LOCAL">'),
    (
        re.compile(
            r"( +)<cac:FinancialInstitutionBranch>\s+<cbc:ID>([^<]*)</cbc:ID>\s+</cac:FinancialInstitutionBranch>"
        ),
        r"\1<cac:FinancialInstitutionBranch>\n\1  <cac:FinancialInstitution>\n"
        r'\1    <cbc:ID schemeID="BIC">\2</cbc:ID>\n\1  </cac:FinancialInstitution>\n\1</cac:FinancialInstitutionBranch>',
    ),
)


def _line_taxes(text: str, lines: tuple[Line, ...]) -> str:
    """The VAT of each invoice line before its item, from its net amount and rate."""
    each = iter(lines)

    def taxed(found: re.Match[str]) -> str:
        line = next(each)
        if line.net_amount is None or line.vat_rate is None:
            return found[0]
        tax = money.cents(money.EXACT.multiply(line.net_amount.value, line.vat_rate) / 100)
        said = money_element("cbc:TaxAmount", line.net_amount._replace(value=tax), "      ")
        return found[0].replace(
            "\n    <cac:Item>\n", f"\n    <cac:TaxTotal>\n{said}    </cac:TaxTotal>\n    <cac:Item>\n", 1
        )

    return _LINE.sub(taxed, text)
