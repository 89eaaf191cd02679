"""What belongs to a supplier: bank accounts, addresses, contacts (rows M-S16 to M-S40 of requirements B6.11)."""

from __future__ import annotations

from collections.abc import Mapping

from services.sync.mappings.field import (
    Direction,
    Field,
    Names,
    Row,
    Scope,
    as_flag,
    as_text,
    plain,
    same,
    text,
)

COUNTRIES = frozenset({"AT", "BE", "CZ", "FR", "DE", "HU", "IT", "LU", "NL", "ES"})
"""The only countries of a bank that Purchase to Pay supports (M-S17)."""

ADDRESS_TYPES = frozenset({"VIS", "DEL", "POS", "INV"})

SALUTATIONS: Mapping[str, str] = {
    "MR": "Mr",
    "DHR": "Mr",
    "HEER": "Mr",
    "MRS": "Mrs",
    "MS": "Mrs",
    "MW": "Mrs",
    "MEVR": "Mrs",
}
"""Globe's usual titles; others by setting (C16), else NA."""


def account(row: Row, scope: Scope) -> str:  # noqa: ARG001
    return "".join((as_text(row.get("IBAN")) or as_text(row.get("banknr"))).split()).upper()


def bank_country(row: Row, scope: Scope) -> str:
    """M-S17: the country behind Globe's type; IBA and what nobody knows is the empty field."""
    kind = as_text(row.get("accncd")).upper()
    country = scope.bank_countries.get(kind, kind)
    return country if country in COUNTRIES else ""


def salutation(row: Row, scope: Scope) -> str:
    title = as_text(row.get("predcode")).upper().rstrip(".")
    return scope.salutations.get(title) or SALUTATIONS.get(title, "NA")


def contact_id(row: Row, scope: Scope) -> str:  # noqa: ARG001
    """M-S30: the main contact carries the supplier's own number."""
    owner = as_text(row.get("owner"))
    return owner if as_flag(row.get("MainContact")) else f"{owner}-{as_text(row.get('cnt_id'))}"


BOTH = Direction.BOTH


ACCOUNTS = (
    Field(
        "M-S16",
        "",
        ("externalId",),
        Names("NVT", "n/a", "Identificatienummer", "identification number"),
        account,
        direction=Direction.NONE,
        key=True,
        rule="the account number itself, so that no two are alike",
    ),
    Field(
        "M-S17",
        "bnkacc.accncd",
        ("bankCountry",),
        Names("Type", "type", "Land van de bank", "country of the bank"),
        bank_country,
        direction=BOTH,
        rules=("C16",),
        rule="AT, BE, CZ, FR, DE, HU, IT, LU, NL or ES; IBA is the empty field",
    ),
    plain(
        "M-S18",
        "bnkacc.naam",
        "bankName",
        Names("Banknaam", "bank name", "Bank naam", "bank name"),
        direction=BOTH,
    ),
    Field(
        "M-S19",
        "bnkacc.IBAN",
        ("accountNumber",),
        Names("IBAN", "IBAN", "Rekeningnummer", "account number"),
        account,
        direction=BOTH,
    ),
    plain(
        "M-S20",
        "bnkacc.swiftadres",
        "swift",
        Names("SWIFT-adres", "SWIFT address", "Swift adres van bank", "SWIFT address of the bank"),
        direction=BOTH,
    ),
)

ADDRESSES = (
    Field(
        "M-S21",
        "",
        ("externalId",),
        Names("NVT", "n/a", "Identificatienummer", "identification number"),
        text("Type"),
        direction=Direction.NONE,
        key=True,
        required=True,
        rule="VIS, DEL, POS or INV",
    ),
    plain(
        "M-S22",
        "Addresses.Type",
        "type",
        Names("Adrestypen", "address types", "Type adres", "address type"),
        direction=BOTH,
        required=True,
    ),
    plain(
        "M-S23",
        "Addresses.AddressLine1",
        "street",
        Names("Adres 1", "address 1", "Straat / Postbus", "street/PO box"),
        direction=BOTH,
        required=True,
    ),
    plain(
        "M-S24", "Addresses.Postcode", "postcode", same("Postcode", "postcode"), direction=BOTH, required=True
    ),
    plain(
        "M-S25",
        "Addresses.City",
        "city",
        Names("Plaats", "city", "Plaatsnaam", "city"),
        direction=BOTH,
        required=True,
    ),
    plain("M-S26", "Addresses.Country", "country", same("Land", "country"), direction=BOTH, required=True),
)

CONTACTS = (
    Field(
        "M-S30",
        "",
        ("externalId",),
        Names("NVT", "n/a", "Identificatienummer", "identification number"),
        contact_id,
        direction=Direction.NONE,
        key=True,
        rules=("R220",),
        rule="the supplier's number for the main contact",
    ),
    Field(
        "M-S31",
        "cicntp.predcode",
        ("salutation",),
        Names("Titel", "title", "heer/mevrouw", "salutation"),
        salutation,
        direction=BOTH,
        rules=("C3", "C16", "R220"),
        rule="Mr, Mrs or NA, by table",
    ),
    plain("M-S32", "cicntp.FirstName", "firstName", same("Voornaam", "first name"), direction=BOTH),
    plain("M-S33", "cicntp.MiddleName", "middleName", same("Tussenvoegsel", "middle name"), direction=BOTH),
    plain("M-S34", "cicntp.LastName", "lastName", same("Achternaam", "last name"), direction=BOTH),
    Field(
        "M-S35",
        "cicntp.FullName",
        (),
        Names("Naam", "full name", "NVT", "n/a"),
        lambda row, scope: "",  # noqa: ARG005 - Purchase to Pay has no such field
        direction=Direction.NONE,
        rule="first, middle and last name together; has no field in Purchase to Pay",
    ),
    plain(
        "M-S36",
        "cicntp.cnt_job_desc",
        "function",
        Names("Functienaam", "job description", "Functie", "function"),
        direction=BOTH,
    ),
    plain(
        "M-S37",
        "cicntp.cnt_f_tel",
        "phone",
        Names("Telefoon", "phone", "Telefoonnummer", "phone"),
        direction=BOTH,
    ),
    plain("M-S38", "cicntp.FaxNumber", "fax", Names("Fax", "fax", "Faxnummer", "fax"), direction=BOTH),
    plain(
        "M-S39",
        "cicntp.MobileNumber",
        "mobile",
        Names("Mobiele telefoon", "mobile", "Mobielnummer", "mobile"),
        direction=BOTH,
    ),
    plain(
        "M-S40",
        "cicntp.cnt_email",
        "email",
        Names("E-mail", "e-mail", "E-mail adres", "e-mail address"),
        direction=BOTH,
    ),
)
