"""Whom an entry is with, as the division knows them: found by number, else made (exact.md §3.4).

By chamber of commerce number, else VAT number, else name where the books know exactly one of it; by VAT number or name
never one that has another chamber of commerce number there: companies of one fiscal unity share a VAT number, and a name
is anybody's. What was found is kept under its surest number, so the next invoice asks nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from libs.db.types import Pool
from libs.einvoice.model import Buyer, Invoice, Seller
from libs.identifiers import kvk
from services.deliver.exact import records, wire
from services.deliver.exact.client import Books
from services.deliver.exact.kinds import Kind
from services.deliver.exact.rules import bare

_FIELDS = "ID,Name,Blocked,IsSupplier,Status,ChamberOfCommerce,VATNumber"
_NAME = 50
"""Characters of ``Name`` (inference)."""
WAIT = timedelta(seconds=3)


class BeingFound(Exception):
    """Another worker looks for this party right now."""


async def party_of(pool: Pool, base: str, division: int, books: Books, kind: Kind, invoice: Invoice) -> str:
    """The id of the account. Raises ``BeingFound`` and ``Trouble``."""
    party = kind.other(invoice)
    keys = keys_of(party)
    found, others = await records.known(pool, base, division, keys)
    if found is not None:
        return found
    if others or not await records.finding(pool, base, division, keys[0]):
        raise BeingFound
    try:
        found = await _look(books, kind, party) or await _make(books, kind, party)
    except BaseException:
        # Whoever comes next looks first, so what may have been made is found.
        await records.forget(pool, base, division, number=keys[0])
        raise
    await records.found(pool, base, division, keys, found)
    return found


def keys_of(party: Seller | Buyer | None) -> list[str]:
    """What it is known under: its registered numbers, else its VAT number, else its name."""
    numbers = [f"coc:{number}" for number in _registered(party)]
    if not numbers and party is not None and party.vat_identifier:
        numbers.append(f"vat:{bare(party.vat_identifier)}")
    return numbers or [f"name:{' '.join(_name(party).casefold().split())}"]


def _registered(party: Seller | Buyer | None) -> list[str]:
    if party is None:
        return []
    each = party.legal_registration_identifier
    found = [each, *party.identifiers] if each is not None else list(party.identifiers)
    digits = ["".join(c for c in one.value if c.isdigit()) for one in found if one.scheme in ("0106", "0208")]
    if each is not None and each.scheme is None and kvk.read(each.value) is not None:
        digits.append(str(kvk.read(each.value)))
    return list(dict.fromkeys(number for number in digits if number))


def _name(party: Seller | Buyer | None) -> str:
    said = (party.name or party.trading_name) if party is not None else None
    return " ".join((said or "").split()) or "?"


async def _look(books: Books, kind: Kind, party: Seller | Buyer | None) -> str | None:
    row = await _found(books, party)
    if row is None:
        return None
    # Somebody they sell to may send an invoice as well, and the other way round: the books know both.
    if kind.name == "purchase" and not row.get("IsSupplier"):
        await books.put("crm/Accounts", str(row["ID"]), {"IsSupplier": True})
    if kind.name == "sales" and row.get("Status") != "C":
        await books.put("crm/Accounts", str(row["ID"]), {"Status": "C"})
    return str(row["ID"])


async def _found(books: Books, party: Seller | Buyer | None) -> dict[str, Any] | None:
    for number in _registered(party):
        if rows := await _rows(books, f"ChamberOfCommerce eq {wire.text(number)}"):
            return _best(rows)
    vat = bare(party.vat_identifier) if party is not None and party.vat_identifier else None
    if vat and (rows := _may_be(party, vat, await _rows(books, f"VATNumber eq {wire.text(vat)}"))):
        return _best(rows)
    rows = await _rows(books, f"Name eq {wire.text(_name(party)[:_NAME])}")
    return rows[0] if len(rows) == 1 and _may_be(party, vat, rows) else None


def _may_be(
    party: Seller | Buyer | None, vat: str | None, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those of which the books know no number that says it is somebody else."""
    registered = _registered(party)

    def other(row: dict[str, Any]) -> bool:
        coc = "".join(c for c in str(row.get("ChamberOfCommerce") or "") if c.isdigit())
        theirs = bare(str(row.get("VATNumber") or ""))
        return bool(coc and registered and coc not in registered) or bool(theirs and vat and theirs != vat)

    return [row for row in rows if not other(row)]


async def _rows(books: Books, condition: str) -> list[dict[str, Any]]:
    return await books.rows("crm/Accounts", select=_FIELDS, filter=condition, top=10)


def _best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several with one number: one that is not blocked, and supplies already."""
    return min(rows, key=lambda row: (bool(row.get("Blocked")), not row.get("IsSupplier")))


async def _make(books: Books, kind: Kind, party: Seller | Buyer | None) -> str:
    values: dict[str, Any] = {"Name": _name(party)[:_NAME]}
    if kind.name == "purchase":
        values |= {"IsSupplier": True, "Status": "A"}
    else:
        values |= {"Status": "C"}
    if registered := _registered(party):
        values["ChamberOfCommerce"] = registered[0]
    if party is not None and party.vat_identifier:
        values["VATNumber"] = bare(party.vat_identifier)
    if party is not None and party.postal_address is not None and party.postal_address.country_code:
        values["Country"] = party.postal_address.country_code
    return str((await books.post("crm/Accounts", values))["ID"])
