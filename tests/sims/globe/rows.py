"""One row of each table that people fill by hand or a generator fills in bulk, under the columns' own names.

A field that is ``None`` is left to the table's default. Stamps that are not given are the clock's.
Sources: the tables of ``schema.sql`` beside this file, which marks what is an inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Row:
    """``syscreated`` and ``sysmodified`` are local times without a zone."""

    table: ClassVar[str]
    key: ClassVar[str]
    """The column of the code people know it by."""

    syscreated: datetime | None = None
    sysmodified: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Described(Row):
    """Descriptions in four more languages; which they are is a setting of each administration."""

    oms25: str
    oms25_1: str | None = None
    oms25_2: str | None = None
    oms25_3: str | None = None
    oms25_4: str | None = None


@dataclass(frozen=True, kw_only=True)
class Company(Row):
    table = "bedryf"
    key = "bedrnr"
    bedrnr: str
    bedrnm: str
    valcode: str = "EUR"
    Country: str = "NL"
    VATNumber: str | None = None
    ChamberofCommerceNumber: str | None = None
    BankAccount: str | None = None
    CashInstrument: str | None = None
    Phone: str | None = None
    Fax: str | None = None
    AddressLine1: str | None = None
    Postcode: str | None = None
    City: str | None = None
    StateCode: str | None = None


@dataclass(frozen=True, kw_only=True)
class CashInstrument(Row):
    table = "bankaccounts"
    key = "Code"
    Code: str
    BankAccountType: str = "R"
    accncd: str | None = "IBA"
    BankAccount: str | None = None
    IBAN: str | None = None
    BICCode: str | None = None
    SWIFTCode: str | None = None
    BankName: str | None = None
    Blocked: bool = False


@dataclass(frozen=True, kw_only=True)
class CostCentre(Described):
    table = "kstpl"
    key = "kstplcode"
    ID: int | None = None
    kstplcode: str
    CompanyCode: str | None = None
    Enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class CostUnit(Described):
    table = "kstdr"
    key = "kstdrcode"
    ID: int | None = None
    kstdrcode: str


@dataclass(frozen=True, kw_only=True)
class GLAccount(Described):
    table = "grtbk"
    key = "reknr"
    ID: int | None = None
    reknr: str
    omzrek: str = "N"
    btw_code: str | None = None
    Blocked: bool = False
    BalanceProfitAndLoss: str = "W"
    DebitCredit: str = "D"


@dataclass(frozen=True, kw_only=True)
class Project(Row):
    table = "PRProject"
    key = "ProjectNr"
    ID: UUID
    ProjectNr: str
    Description: str
    Status: str = "A"
    Type: str = "I"
    InitialStartDate: datetime | None = None
    InitialEndDate: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class VatCode(Row):
    table = "btwtrs"
    key = "btwtrans"
    ID: int | None = None
    btwtrans: str
    Description: str
    Description1: str | None = None
    Description2: str | None = None
    Description3: str | None = None
    Description4: str | None = None
    Percentage: float
    code_iv: str = "I"
    exclus: str = "E"
    taxtype: str = "V"


@dataclass(frozen=True, kw_only=True)
class PaymentCondition(Row):
    """``kbdagen``: days of the first discount; ``termijn``: days until the whole is due."""

    table = "betcd"
    key = "betcond"
    ID: int | None = None
    betcond: str
    oms30: str
    oms30_1: str | None = None
    oms30_2: str | None = None
    oms30_3: str | None = None
    oms30_4: str | None = None
    termijn: int = 30
    kbdagen: int = 0
    percentag: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Currency(Row):
    table = "valuta"
    key = "valcode"
    valcode: str
    oms30: str
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Rate(Row):
    """``rate_exchange``: what one ``source_currency`` is worth in ``target_currency`` (inference)."""

    table = "rates"
    key = "source_currency"
    source_currency: str
    target_currency: str = "EUR"
    date_l: datetime
    rate_exchange: float
    rate_official: float | None = None


@dataclass(frozen=True, kw_only=True)
class Creditor(Row):
    """``cmp_type`` E: linked to an employee. ``cmp_status`` E: Exit, on the Dutch screen *Non-actief*."""

    table = "cicmpy"
    key = "crdnr"
    cmp_wwn: UUID
    cmp_code: str
    cmp_name: str
    cmp_type: str = "S"
    cmp_status: str = "A"
    crdcode: str | None = None
    crdnr: str | None = None
    VATNumber: str | None = None
    ChamberofCommerceNumber: str | None = None
    Currency: str | None = None
    PaymentCondition: str | None = None
    DunsNumber: str | None = None
    cmp_e_mail: str | None = None
    cmp_web: str | None = None
    Phone: str | None = None
    Fax: str | None = None
    Note: str | None = None
    BankAccount: str | None = None


@dataclass(frozen=True, kw_only=True)
class Address(Row):
    table = "Addresses"
    key = "ID"
    ID: UUID
    Account: UUID
    Type: str
    AddressLine1: str | None = None
    Postcode: str | None = None
    City: str | None = None
    StateCode: str | None = None
    Country: str | None = None


@dataclass(frozen=True, kw_only=True)
class Contact(Row):
    table = "cicntp"
    key = "cnt_id"
    cnt_id: UUID
    cmp_wwn: UUID
    MainContact: bool = True
    predcode: str | None = None
    Gender: str | None = None
    FirstName: str | None = None
    MiddleName: str | None = None
    LastName: str
    FullName: str
    cnt_job_desc: str | None = None
    cnt_f_tel: str | None = None
    FaxNumber: str | None = None
    MobileNumber: str | None = None
    cnt_email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Title(Row):
    table = "pred"
    key = "predcode"
    predcode: str
    aan_oms: str
    aanhef: str


@dataclass(frozen=True, kw_only=True)
class BankAccountType(Row):
    table = "accncd"
    key = "accncd"
    accncd: str
    Description: str


@dataclass(frozen=True, kw_only=True)
class BankAccount(Row):
    """Of a creditor. ``accncd`` IBA: an IBAN; anything else without ``IBAN`` is a BBAN."""

    table = "bnkacc"
    key = "banknr"
    crdnr: str
    banknr: str
    accncd: str = "IBA"
    valcode: str | None = None
    naam: str | None = None
    IBAN: str | None = None
    BICCode: str | None = None
    swiftadres: str | None = None


@dataclass(frozen=True, kw_only=True)
class Journal(Row):
    table = "dagbk"
    key = "dagbknr"
    dagbknr: str
    oms25: str
    valcode: str | None = None
    reknr: str | None = None
    Type: str = "I"


@dataclass(frozen=True, kw_only=True)
class BankTransaction(Row):
    """``Type`` W: a term of an entry; S: a line of a statement. A term is paid by the line its ``MatchID``
    names, unless that line's ``Status`` is V (void)."""

    table = "BankTransactions"
    key = "ID"
    ID: UUID
    Type: str
    Status: str = "C"
    TransactionType: str | None = None
    EntryNumber: str | None = None
    SupplierInvoiceNumber: str | None = None
    DueDate: datetime | None = None
    ValueDate: datetime | None = None
    AmountDC: float
    AmountTC: float
    TCCode: str = "EUR"
    CreditorNumber: str | None = None
    OffsetBankAccount: str | None = None
    OffsetReference: str | None = None
    MatchID: UUID | None = None
    bedrnr: str
