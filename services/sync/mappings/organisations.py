"""The administration itself, as an organisation (*Organisatie*) and as a company (*Bedrijf*), requirements B6.7, B6.8."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.parts import Words
from services.sync.mappings import cash_instruments
from services.sync.mappings.field import Children, Field, Kind, Names, Row, Scope, as_text, text


def related(row: Row, scope: Scope) -> Sequence[Row]:  # noqa: ARG001
    """M-OR5: the instrument behind the bank account; without a bank account the *related* one.

    Which one that is the seed does not say (inference: the one the administration points to, else the first).
    """
    if as_text(row.get("BankAccount")):
        return cash_instruments.named(row)
    found = cash_instruments.with_iban(row)
    pointed = as_text(row.get("CashInstrument"))
    return [each for each in found if pointed and as_text(each.get("Code")) == pointed][:1] or found[:1]


def every(row: Row, scope: Scope) -> Sequence[Row]:  # noqa: ARG001
    """M-CO3: the instrument behind the bank account; without a bank account all of them."""
    if as_text(row.get("BankAccount")):
        return cash_instruments.named(row)
    return cash_instruments.with_iban(row)


ORGANISATIONS = Kind(
    name="organisation",
    title=Words(nl="organisatie", en="organisation"),
    table="bedryf",
    resource="Organisation",
    fields=(
        Field(
            "M-OR1",
            "bedryf.bedrnr",
            ("externalId",),
            Names("Administratie", "administration", "Identificatienummer", "identification number"),
            text("bedrnr"),
            key=True,
            rules=("R236",),
        ),
        Field(
            "M-OR2",
            "bedryf.bedrnm",
            ("name",),
            Names("Bedrijfsnaam", "company name", "Naam", "name"),
            text("bedrnm"),
        ),
        Field(
            "M-OR3",
            "bedryf.VATNumber",
            ("vatNumber",),
            Names("BTW-nummer", "VAT number", "BTW-nummer", "VAT number"),
            text("VATNumber"),
        ),
        Field(
            "M-OR4",
            "bedryf.ChamberofCommerceNumber",
            ("kvkNumber",),
            Names("Nummer kamer v. koophandel", "chamber of commerce number", "KVK nummer", "KvK number"),
            text("ChamberofCommerceNumber"),
        ),
        Field(
            "M-OR5",
            "bedryf.BankAccount",
            ("defaultBankAccount",),
            Names(
                "Rekeningnummer bank",
                "bank account number",
                "Default bankrekeningnummer",
                "default bank account",
            ),
            text("BankAccount"),
            rule="empty when not defined in Globe+; the related IBAN cash instrument goes over all the same",
        ),
        Field(
            "M-OR6",
            "bedryf.Phone",
            ("phone",),
            Names("Telefoonnummer", "phone", "Telefoonnummer", "phone"),
            text("Phone"),
        ),
        Field("M-OR7", "bedryf.Fax", ("fax",), Names("Faxnummer", "fax", "Faxnummer", "fax"), text("Fax")),
        Field(
            "M-OR8",
            "bedryf.AddressLine1",
            ("address.reference", "address.street"),
            Names(
                "Adresregel 1",
                "address line 1",
                "Referentie en Straat / Postbus",
                "reference and street/PO box",
            ),
            text("AddressLine1"),
            rule="one field fills both",
        ),
        Field(
            "M-OR9",
            "bedryf.Postcode",
            ("address.postcode",),
            Names("Postcode", "postcode", "Postcode", "postcode"),
            text("Postcode"),
        ),
        Field(
            "M-OR10",
            "bedryf.City",
            ("address.city",),
            Names("Woonplaats", "town", "Plaatsnaam", "city"),
            text("City"),
        ),
        Field(
            "M-OR11",
            "bedryf.StateCode",
            ("address.state",),
            Names("Staat / provincie", "state/province", "Provincie / Staat", "province/state"),
            text("StateCode"),
        ),
        Field(
            "M-OR12",
            "bedryf.Country",
            ("address.country",),
            Names("Landcode", "country code", "Land", "country"),
            text("Country"),
        ),
    ),
    children=(Children("bankAccounts", "accountNumber", related, cash_instruments.FIELDS),),
)

COMPANIES = Kind(
    name="company",
    title=Words(nl="bedrijf", en="company"),
    table="bedryf",
    resource="Company",
    fields=(
        Field(
            "M-CO1",
            "bedryf.bedrnr",
            ("externalId",),
            Names("Administratie", "administration", "Identificatienummer", "identification number"),
            text("bedrnr"),
            key=True,
            rules=("R215", "R236"),
            rule="must exist before anything else",
        ),
        Field(
            "M-CO2",
            "bedryf.bedrnm",
            ("name",),
            Names("Bedrijfsnaam", "company name", "Naam", "name"),
            text("bedrnm"),
        ),
        Field(
            "M-CO3",
            "bedryf.BankAccount",
            ("defaultBankAccount",),
            Names(
                "Rekeningnummer bank",
                "bank account number",
                "Default bankrekeningnummer",
                "default bank account",
            ),
            text("BankAccount"),
            rule="empty when not defined in Globe+; then all IBAN cash instruments go over",
        ),
    ),
    children=(Children("bankAccounts", "accountNumber", every, cash_instruments.FIELDS),),
)
