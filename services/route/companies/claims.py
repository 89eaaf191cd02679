"""What accounts say about themselves (``account.registered``) becomes a *claimed* party: it receives nothing before
somebody confirms it. What was confirmed is not changed by a claim any more: others send there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from libs.contracts.envelope import Event
from libs.contracts.parts import Identifier
from libs.contracts.party import AccountRegistered
from libs.db.types import Connection
from libs.errors import Unprocessable
from libs.identifiers import kvk, vat
from libs.messaging import Decided, Plain
from services.route.companies import parties
from services.route.companies.entries import read_key
from services.route.companies.parties import Change, Editor, Entry

_CLAIMS = UUID("5a0d4f0e-8a35-4c86-9a0e-7a3f4f8f5b11")

# Only what is newer than what was heard: events come in any order, and again.
_HEARD = """
INSERT INTO claim AS c (account_id, party_id, sequence)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[])
ON CONFLICT (account_id) DO UPDATE SET sequence = excluded.sequence WHERE c.sequence < excluded.sequence
RETURNING account_id
"""


def party_of(account_id: UUID) -> UUID:
    """The party of what an account claims about itself; always the same."""
    return uuid5(_CLAIMS, str(account_id))


class Claims(Plain[AccountRegistered]):
    """The queue of accounts."""

    queue = "route.accounts"
    hears = (AccountRegistered,)

    async def write(self, conn: Connection, decided: Sequence[Decided[AccountRegistered]]) -> Sequence[Event]:
        await hear(conn, (d.decision for d in decided))
        return ()


async def hear(conn: Connection, registered: Iterable[AccountRegistered]) -> None:
    """Write the newest claim of each account down. Needs the worker role."""
    newest: dict[UUID, AccountRegistered] = {}
    for each in registered:
        if each.account_id not in newest or newest[each.account_id].sequence < each.sequence:
            newest[each.account_id] = each
    accounts = sorted(newest)
    rows = await conn.fetch(
        _HEARD,
        accounts,
        [party_of(account) for account in accounts],
        [newest[account].sequence for account in accounts],
    )
    for account in sorted(row["account_id"] for row in rows):
        await _write(conn, newest[account])


async def _write(conn: Connection, said: AccountRegistered) -> None:
    wish = claimed(said)
    if not wish.identifiers or not wish.name.strip():
        return  # Nobody could find it, or compare an invoice with it.
    before = await parties.party(conn, wish.party_id, lock=True)
    if before is None:
        await parties.write(conn, [Change(wish)], Editor(said.account_id))
    elif before.status == "claimed":
        after = replace(
            before,
            name=wish.name,
            identifiers=wish.identifiers,
            email=wish.email,
            language=wish.language,
        )
        if after != before:
            await parties.write(conn, [Change(after, before)], Editor(said.account_id))


def claimed(said: AccountRegistered) -> Entry:
    """The party an account says it is; numbers that have not the form of one are left out. Pure."""
    numbers = []
    for scheme, text in ((kvk.SCHEME, said.kvk), (vat.NL, said.vat)):
        try:
            key = read_key(scheme, text or "")
        except Unprocessable:
            continue
        numbers.append(Identifier(scheme=key[0], value=key[1]))
    return Entry(
        party_id=party_of(said.account_id),
        owner_account=said.account_id,
        name=said.name,
        identifiers=tuple(numbers),
        email=said.email,
        language=said.language,
    )
