"""Suppliers (*Crediteuren*, *Leveranciers*) from Globe+ to Purchase to Pay, requirements B6.11.

The way back (new suppliers, three-way merge) is not built yet; the fields say already which go both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libs.contracts.parts import Words
from services.sync.mappings import supplier_parts
from services.sync.mappings.field import (
    Children,
    Direction,
    Field,
    Kind,
    Names,
    Row,
    Scope,
    Shape,
    Skip,
    administration,
    as_text,
    plain,
    same,
)

BOTH = Direction.BOTH

EMPLOYEE = "E"
"""Type of a relation that is an employee (R230)."""


def code(row: Row, scope: Scope) -> str:  # noqa: ARG001
    """The creditor code as people write it: Globe pads it with blanks."""
    return as_text(row.get("crdcode")) or as_text(row.get("crdnr"))


def website(row: Row, scope: Scope) -> str:  # noqa: ARG001
    """With its scheme, as Purchase to Pay wants it."""
    found = as_text(row.get("cmp_web"))
    return found if not found or "://" in found else f"http://{found}"


def active(row: Row, scope: Scope) -> bool:
    """R260: every status but *Non-actief* counts as active."""
    return as_text(row.get("cmp_status")).upper() not in scope.inactive


def left_out(row: Row, scope: Scope) -> Skip | None:
    """R230, R260, R262."""
    name = as_text(row.get("cmp_name")) or code(row, scope)
    if as_text(row.get("cmp_type")).upper() == EMPLOYEE:
        return Skip(
            "R230",
            Words(
                nl=f"Crediteur {name} is gekoppeld aan een medewerker; zulke crediteuren worden niet uitgewisseld.",
                en=f"Creditor {name} is linked to an employee; such creditors are not exchanged.",
            ),
        )
    if not active(row, scope):
        return Skip(
            "R260",
            Words(
                nl=f"Crediteur {name} is Non-actief in Globe+; maak hem actief om hem uit te wisselen.",
                en=f"Creditor {name} is inactive in Globe+; make it active to exchange it.",
            ),
        )
    if not as_text(row.get("cmp_name")) or not code(row, scope):
        return Skip(
            "R262",
            Words(
                nl="Deze crediteur heeft geen naam of geen nummer: vul beide in Globe+ in.",
                en="This creditor has no name or no number: fill in both in Globe+.",
            ),
        )
    lacking = _lacking(row, scope)
    if lacking:
        names = ", ".join(lacking)
        return Skip(
            "R262",
            Words(
                nl=f"Crediteur {name} mist {names}: vul dit in Globe+ in.",
                en=f"Creditor {name} lacks {names}: fill this in in Globe+.",
            ),
        )
    return None


def _lacking(row: Row, scope: Scope) -> list[str]:
    """The required fields of its four addresses that are not filled (R262, M-S21 to M-S26)."""
    found = {as_text(each.get("Type")).upper(): each for each in addresses(row, scope)}
    lacking = []
    for kind in ("VIS", "DEL", "POS", "INV"):
        if kind not in found:
            lacking.append(kind)
        else:
            lacking += [
                f"{kind} {column}"
                for column in ("AddressLine1", "Postcode", "City", "Country")
                if not as_text(found[kind].get(column))
            ]
    return lacking


def default_account(row: Row, scope: Scope) -> str:
    """M-S15: the account the creditor names as its own, as its account number in Purchase to Pay."""
    named = "".join(as_text(row.get("BankAccount")).split()).upper()
    for each in row.get("accounts", ()):
        number = supplier_parts.account(each, scope)
        if named and named in (number, "".join(as_text(each.get("banknr")).split()).upper()):
            return number
    return ""


def parts(column: str) -> Callable[[Row, Scope], Sequence[Row]]:
    """What belongs to a supplier, each row knowing whose it is."""

    def rows(row: Row, scope: Scope) -> Sequence[Row]:
        owner = code(row, scope)
        return [{**each, "owner": owner} for each in row.get(column, ())]

    return rows


def addresses(row: Row, scope: Scope) -> Sequence[Row]:  # noqa: ARG001
    """One of each of the four types Purchase to Pay knows; of two alike the first (M-S21)."""
    found: dict[str, Row] = {}
    for each in row.get("addresses", ()):
        kind = as_text(each.get("Type")).upper()
        if kind in supplier_parts.ADDRESS_TYPES:
            found.setdefault(kind, each)
    return list(found.values())


def accounts(row: Row, scope: Scope) -> Sequence[Row]:
    """Each account number once (M-S16)."""
    found: dict[str, Row] = {}
    for each in row.get("accounts", ()):
        number = supplier_parts.account(each, scope)
        if number:
            found.setdefault(number, each)
    return list(found.values())


SUPPLIERS = Kind(
    name="supplier",
    title=Words(nl="leverancier", en="supplier"),
    table="cicmpy",
    resource="Supplier",
    skip=left_out,
    shared=True,
    creates=False,
    fields=(
        plain("M-S1", "cicmpy.cmp_name", "name", same("Naam", "name"), direction=BOTH, required=True),
        Field(
            "M-S2",
            "cicmpy.cmp_status",
            ("active",),
            Names("Status", "status", "Actief", "active"),
            active,
            Shape.FLAG,
            BOTH,
            rules=("R260",),
            rule="every status but Non-actief is active",
        ),
        Field(
            "M-S3",
            "cicmpy.crdcode",
            ("externalId",),
            Names("Crediteur (of Code)", "creditor code", "Identificatienummer", "supplier number"),
            code,
            direction=BOTH,
            key=True,
            required=True,
            rules=("R236", "R304"),
            rule="the match key; the same in all administrations",
        ),
        Field(
            "M-S4",
            "cicmpy.cmp_web",
            ("website",),
            Names("Website", "website", "Website (incl. http://)", "website (with http://)"),
            website,
            direction=BOTH,
            rule="with its scheme",
        ),
        plain("M-S5", "cicmpy.DunsNumber", "duns", same("DUNS nummer", "DUNS number"), direction=BOTH),
        plain("M-S6", "cicmpy.Phone", "phone", same("Telefoon", "phone"), direction=BOTH),
        plain("M-S7", "cicmpy.Fax", "fax", Names("Fax", "fax", "Faxnummer", "fax"), direction=BOTH),
        plain(
            "M-S8",
            "cicmpy.cmp_e_mail",
            "email",
            Names("E-mail", "e-mail", "E-mail adres", "e-mail address"),
            direction=BOTH,
        ),
        plain(
            "M-S9",
            "cicmpy.Note",
            "remarks",
            Names("Notities", "notes", "Opmerkingen", "remarks"),
            direction=BOTH,
        ),
        plain(
            "M-S10",
            "cicmpy.Currency",
            "defaultCurrency",
            Names("Valuta", "currency", "Default valuta", "default currency"),
            direction=BOTH,
        ),
        plain(
            "M-S11",
            "cicmpy.ChamberofCommerceNumber",
            "kvkNumber",
            Names("Nummer kamer v. koophandel", "chamber of commerce number", "KVK nummer", "KvK number"),
            direction=BOTH,
        ),
        plain(
            "M-S12",
            "cicmpy.VATNumber",
            "vatNumber",
            Names("BTW-nummer", "VAT number", "BTW nummer", "VAT number"),
            direction=BOTH,
        ),
        plain(
            "M-S13",
            "cicmpy.PaymentCondition",
            "paymentCondition",
            Names("Betalingsconditie", "payment condition", "Betalingscondities", "payment conditions"),
            direction=BOTH,
        ),
        Field(
            "M-S14",
            "",
            ("companyLinks",),
            Names("NVT", "n/a", "Bedrijvenkoppelingen", "company links"),
            administration,
            Shape.LINKS,
            Direction.NONE,
            required=True,
            rule="the supplier is linked to its administration",
        ),
        Field(
            "M-S15",
            "cicmpy.BankAccount",
            ("defaultBankAccount",),
            Names("Bankrekening", "bank account", "Default bankrekeningnummer", "default bank account"),
            default_account,
            direction=BOTH,
            rule="one of its accounts; empty when it names none",
        ),
    ),
    children=(
        Children("bankAccounts", "externalId", accounts, supplier_parts.ACCOUNTS),
        Children("addresses", "externalId", addresses, supplier_parts.ADDRESSES),
        Children("contacts", "externalId", parts("contacts"), supplier_parts.CONTACTS),
    ),
)
