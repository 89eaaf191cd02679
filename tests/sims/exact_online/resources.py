"""The endpoints there are, and their properties. Names from reference §3; lengths are inference where it gives none."""

from __future__ import annotations

from dataclasses import replace

from tests.sims.exact_online.shape import Field, Resource, fields

_ACCOUNT = fields("""
ID guid -
Code right18 w
Name text50 !
Status text1 w
IsSupplier bool w
Blocked bool w
ChamberOfCommerce text20 w
VATNumber text20 w
RSIN text9 w
OINNumber text20 w
GlnNumber text13 w
PeppolIdentifier text50 w
PeppolIdentifierType int w
PurchaseCurrency text3 w
PurchaseVATCode left3 w
GLAccountPurchase guid w
PaymentConditionPurchase text2 w
Email text128 w
InvoicingMethod int w
InvoiceAttachmentType int w
AddressLine1 text100 w
Postcode text20 w
City text30 w
Country text2 w
Created day -
Modified day -
""")
_BANK_ACCOUNT = fields("""
ID guid -
Account guid !
BankAccount text34 !
IBAN text34 -
BICCode text11 w
Main bool w
""")
_DOCUMENT = fields("""
ID guid -
HID int -
Subject text200 !
Type int !
Account guid w
DocumentDate day w
Created day -
""")
_ATTACHMENT = fields("""
ID guid -
Document guid !
FileName text255 !
Attachment text999999999 !
FileSize int -
Url text500 -
""")
_HEADER = """
Journal text8 !
Type int w
Document guid w
EntryDate day w
DueDate day w
YourRef text30 w
PaymentReference text50 w
PaymentCondition text2 w
Currency text3 w
Rate number6 w
Description text60 w
ReportingYear int w
ReportingPeriod int w
ExternalLinkReference text255 w
ExternalLinkDescription text50 w
GAccountAmountFC amount w
EntryID guid -
EntryNumber int -
InvoiceNumber int -
AmountDC amount -
AmountFC amount -
VATAmountDC amount -
VATAmountFC amount -
Status int -
BatchNumber int -
Created day -
Modified day -
"""
_LINE = fields("""
ID guid -
EntryID guid -
LineNumber int -
AmountFC amount !
GLAccount guid !
Description text60 w
VATCode left3 w
VATAmountFC amount w
VATPercentage number6 w
VATNonDeductiblePercentage number6 w
PrivateUsePercentage number6 w
CostCenter text8 w
CostUnit text8 w
Project guid w
Quantity number6 w
Asset guid w
From day w
To day w
Notes text2000 w
SerialNumber text60 w
TrackingNumber guid w
IntraStatArea text5 w
IntraStatCountry text2 w
IntraStatDeliveryTerm text10 w
IntraStatTransactionA text2 w
IntraStatTransactionB text2 w
IntraStatTransportMethod text10 w
StatisticalNetWeight number6 w
StatisticalNumber text10 w
StatisticalQuantity number6 w
StatisticalValue amount w
""")
_TERM = fields("""
ID guid -
Timestamp long -
Account guid -
LineType int -
Status int -
IsFullyPaid bool -
AmountFC amount -
AmountDC amount -
Currency text3 -
InvoiceNumber int -
InvoiceDate day -
DueDate day -
EndDate day -
LastPaymentDate day -
YourRef text30 -
EntryNumber int -
Journal text8 -
Description text60 -
PaymentReference text50 -
ApprovalStatus int -
TransactionEntryID guid -
TransactionID guid -
""")
_OPEN_ITEM = fields("""
HID long -
AccountId guid -
AccountCode right18 -
AccountName text50 -
InvoiceNumber int -
InvoiceDate day -
YourRef text30 -
Amount amount -
AmountInTransit amount -
CurrencyCode text3 -
DueDate day -
EntryNumber int -
JournalCode text8 -
Description text60 -
""")
_GL_ACCOUNT = fields("""
ID guid -
Code text9 -
Description text60 -
Type int -
IsBlocked bool -
VATCode left3 -
""")
_VAT_CODE = fields("""
ID guid -
Code left3 -
Description text60 -
Percentage number6 -
Type text1 -
VATTransactionType text1 -
IsBlocked bool -
""")
_COST = fields("""
ID guid -
Code text8 -
Description text60 -
Active bool -
""")
_CODED = fields("""
ID guid -
Code text60 -
Description text60 -
""")
_DIVISION = fields("""
Code int -
Description text50 -
CustomerName text50 -
Country text2 -
Currency text3 -
ChamberOfCommerceNumber text20 -
VATNumber text20 -
Current bool -
""")
_ME = fields("""
UserID guid -
UserName text50 -
FullName text50 -
Email text128 -
CurrentDivision int -
AccountingDivision int -
DivisionCustomerVatNumber text20 -
IsClientUser bool -
IsMyFirmPortalUser bool -
IsMyFirmLiteUser bool -
IsStarterUser bool -
IsEmployeeSelfServiceUser bool -
""")


def _entries(party: str, service: str, plural: str) -> tuple[Resource, Resource]:
    kind = service.removesuffix("entry")
    table, lines = f"{kind}_entries", f"{kind}_lines"
    singular = plural.removesuffix("ies") + "y"
    children = Resource(f"{service}/{singular}Lines", lines, _LINE)
    head = Resource(
        f"{service}/{plural}",
        table,
        fields(f"{party} guid !" + _HEADER),
        key="EntryID",
        nested={f"{singular}Lines": children.path},
    )
    return head, children


def _payments(row: dict[str, object]) -> bool:
    return row["LineType"] == 22


def _receivables(row: dict[str, object]) -> bool:
    return row["LineType"] == 20


def _synced(resource: Resource, path: str) -> Resource:
    stamped = {"Timestamp": _TERM["Timestamp"], **_read_only(resource)}
    return replace(resource, path=path, fields=stamped, twin=False, sync=True)


def _read_only(resource: Resource) -> dict[str, Field]:
    return {name: Field(name, each.kind) for name, each in resource.fields.items()}


ACCOUNTS = Resource("crm/Accounts", "accounts", _ACCOUNT, twin=True)
BANK_ACCOUNTS = Resource("crm/BankAccounts", "bank_accounts", _BANK_ACCOUNT)
DOCUMENTS = Resource("documents/Documents", "documents", _DOCUMENT, twin=True)
ATTACHMENTS = Resource("documents/DocumentAttachments", "attachments", _ATTACHMENT, twin=True)
PURCHASE, PURCHASE_LINES = _entries("Supplier", "purchaseentry", "PurchaseEntries")
SALES, SALES_LINES = _entries("Customer", "salesentry", "SalesEntries")
TERMS = Resource("sync/Cashflow/PaymentTerms", "terms", _TERM, sync=True)
GL_ACCOUNTS = Resource("financial/GLAccounts", "gl_accounts", _GL_ACCOUNT, twin=True)
PROJECTS = Resource("project/Projects", "projects", _CODED, twin=True)
DELETED = Resource(
    "sync/Deleted",
    "deleted",
    fields(
        "ID guid -\nTimestamp long -\nEntityType int -\nEntityKey guid -\nDeletedDate day -\nDivision int -"
    ),
    sync=True,
)
WEBHOOKS = Resource(
    "webhooks/WebhookSubscriptions",
    "webhooks",
    fields("ID guid -\nCallbackURL text255 !\nTopic text50 !\nClientID guid -\nUserID guid -\nCreated day -"),
)
ME = Resource("current/Me", "me", _ME, key="UserID")
PAYABLES = Resource("read/financial/PayablesList", "payables", _OPEN_ITEM, key="HID")
RECEIVABLES = Resource("read/financial/ReceivablesList", "receivables", _OPEN_ITEM, key="HID")
_PAYMENTS = Resource("cashflow/Payments", "terms", _TERM, only=_payments, twin=True)
_RECEIVED = Resource("cashflow/Receivables", "terms", _TERM, only=_receivables, twin=True)

_ALL = (
    ACCOUNTS,
    BANK_ACCOUNTS,
    DOCUMENTS,
    ATTACHMENTS,
    PURCHASE,
    PURCHASE_LINES,
    SALES,
    SALES_LINES,
    TERMS,
    GL_ACCOUNTS,
    PROJECTS,
    DELETED,
    WEBHOOKS,
    ME,
    PAYABLES,
    RECEIVABLES,
    _PAYMENTS,
    _RECEIVED,
    Resource("vat/VATCodes", "vat_codes", _VAT_CODE),
    Resource(
        "financial/Journals",
        "journals",
        fields("ID guid -\nCode text8 -\nDescription text60 -\nType int -\nCurrency text3 -"),
    ),
    Resource(
        "cashflow/PaymentConditions",
        "payment_conditions",
        fields("ID guid -\nCode text2 -\nDescription text60 -\nPaymentDays int -"),
    ),
    Resource("hrm/Costcenters", "cost_centers", _COST),
    Resource("hrm/Costunits", "cost_units", _COST),
    Resource("inventory/SerialNumbers", "serial_numbers", _CODED),
    Resource("inventory/TrackingNumbers", "tracking_numbers", _CODED),
    *(
        Resource(path, "divisions", _DIVISION, key="Code")
        for path in ("hrm/Divisions", "system/Divisions", "system/AllDivisions")
    ),
    _synced(ACCOUNTS, "sync/CRM/Accounts"),
    _synced(DOCUMENTS, "sync/Documents/Documents"),
    _synced(ATTACHMENTS, "sync/Documents/DocumentAttachments"),
    _synced(GL_ACCOUNTS, "sync/Financial/GLAccounts"),
    _synced(PROJECTS, "sync/Project/Projects"),
    replace(_PAYMENTS, path="bulk/Cashflow/Payments"),
    replace(_RECEIVED, path="bulk/Cashflow/Receivables"),
)
RESOURCES: dict[str, Resource] = {each.path: each for each in _ALL}
INDEXED: dict[str, tuple[str, ...]] = {
    "accounts": ("Code", "Name", "ChamberOfCommerce", "VATNumber"),
    "bank_accounts": ("Account", "IBAN", "BankAccount"),
    "attachments": ("Document",),
    "purchase_entries": ("YourRef", "EntryNumber", "Document"),
    "sales_entries": ("YourRef", "EntryNumber", "Document"),
    "purchase_lines": ("EntryID",),
    "sales_lines": ("EntryID",),
    "terms": ("TransactionEntryID",),
    "gl_accounts": ("Code",),
    "vat_codes": ("Code",),
    "journals": ("Code",),
    "payment_conditions": ("Code",),
    "cost_centers": ("Code",),
    "cost_units": ("Code",),
    "serial_numbers": ("Code",),
    "tracking_numbers": ("Code",),
    "projects": ("Code",),
}
"""What is looked up often, by table."""
TABLES: dict[str, str] = {each.table: each.key for each in _ALL}
