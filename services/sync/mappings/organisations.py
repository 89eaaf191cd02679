"""The administration itself, as an organisation (*Organisatie*) and as a company (*Bedrijf*), requirements B6.7, B6.8."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.parts import Words
from services.sync.mappings import cash_instruments
from services.sync.mappings.field import Children, Field, Kind, Names, Row, Scope, as_text, plain, same, text


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


def _identity(row: str, rules: tuple[str, ...], rule: str = "") -> Field:
    names = Names("Administratie", "administration", "Identificatienummer", "identification number")
    return plain(row, "bedryf.bedrnr", "externalId", names, key=True, rules=rules, rule=rule)


def _name(row: str) -> Field:
    return plain(row, "bedryf.bedrnm", "name", Names("Bedrijfsnaam", "company name", "Naam", "name"))


def _bank_account(row: str, without: str) -> Field:
    """``without``: what goes over where the administration names none."""
    names = Names(
        "Rekeningnummer bank", "bank account number", "Default bankrekeningnummer", "default bank account"
    )
    rule = f"empty when not defined in Globe+; {without}"
    return plain(row, "bedryf.BankAccount", "defaultBankAccount", names, rule=rule)


ORGANISATIONS = Kind(
    name="organisation",
    title=Words(nl="organisatie", en="organisation"),
    table="bedryf",
    resource="Organisation",
    fields=(
        _identity("M-OR1", ("R236",)),
        _name("M-OR2"),
        plain("M-OR3", "bedryf.VATNumber", "vatNumber", same("BTW-nummer", "VAT number")),
        plain(
            "M-OR4",
            "bedryf.ChamberofCommerceNumber",
            "kvkNumber",
            Names("Nummer kamer v. koophandel", "chamber of commerce number", "KVK nummer", "KvK number"),
        ),
        _bank_account("M-OR5", "the related IBAN cash instrument goes over all the same"),
        plain("M-OR6", "bedryf.Phone", "phone", same("Telefoonnummer", "phone")),
        plain("M-OR7", "bedryf.Fax", "fax", same("Faxnummer", "fax")),
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
        plain("M-OR9", "bedryf.Postcode", "address.postcode", same("Postcode", "postcode")),
        plain("M-OR10", "bedryf.City", "address.city", Names("Woonplaats", "town", "Plaatsnaam", "city")),
        plain(
            "M-OR11",
            "bedryf.StateCode",
            "address.state",
            Names("Staat / provincie", "state/province", "Provincie / Staat", "province/state"),
        ),
        plain(
            "M-OR12",
            "bedryf.Country",
            "address.country",
            Names("Landcode", "country code", "Land", "country"),
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
        _identity("M-CO1", ("R215", "R236"), "must exist before anything else"),
        _name("M-CO2"),
        _bank_account("M-CO3", "then all IBAN cash instruments go over"),
    ),
    children=(Children("bankAccounts", "accountNumber", every, cash_instruments.FIELDS),),
)
