"""SQL of the directory of parties: each statement stands beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from uuid import UUID

import asyncpg

from libs.contracts.parts import Identifier, Words
from libs.db.types import Connection, Record
from libs.errors import Conflict, NotFound
from services.route.decision import Directory, Key, Party
from services.route.words import COMPANY

Status = Literal["claimed", "confirmed"]

Pairs: TypeAlias = Mapping[UUID, Collection[UUID]]
"""By account, the companies it is known to send to."""

TAKEN = Words(
    nl="Een van deze nummers is al van een andere bevestigde partij. Controleer het nummer; "
    "klopt het, vraag dan de beheerder om het uit te zoeken.",
    en="One of these numbers already belongs to another confirmed party. Check the number; "
    "if it is right, ask the operator to sort it out.",
)
CONFIRMED = Words(
    nl="Deze partij is bevestigd: anderen sturen haar facturen. Alleen de beheerder kan haar nog wijzigen.",
    en="This party is confirmed: others send invoices to it. Only the operator can still change it.",
)
NO_SUCH_HEAD = Words(
    nl="De partij waarvan dit een vestiging zou zijn, bestaat niet.",
    en="The party this would be a branch of does not exist.",
)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes the directory. ``account_id`` None: an operator at the machine itself."""

    account_id: UUID | None
    user_id: UUID | None = None
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A party as it is entered: identifiers in their canonical form, each once."""

    party_id: UUID
    owner_account: UUID
    name: str
    identifiers: tuple[Identifier, ...]
    email: str | None = None
    language: Literal["nl", "en"] = "nl"
    country: str = "NL"
    status: Status = "claimed"
    branch_of: UUID | None = None
    names: tuple[str, ...] = ()
    post_codes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What the history keeps."""
        return {
            "name": self.name,
            "email": self.email,
            "language": self.language,
            "country": self.country,
            "names": list(self.names),
            "post_codes": list(self.post_codes),
            "status": self.status,
            "branch_of": str(self.branch_of) if self.branch_of else None,
            "identifiers": [i.model_dump() for i in self.identifiers],
        }


# The lock orders "nobody has this number, so the invoice waits" against "somebody has it now, so what waits
# goes on": without it both could look before the other had committed, and the invoice would wait for ever.
_HOLD = "SELECT pg_advisory_xact_lock_shared(hashtext('postbode.route'), hashtext('directory'))"
_CHANGE = "SELECT pg_advisory_xact_lock(hashtext('postbode.route'), hashtext('directory'))"


async def hold(conn: Connection) -> None:
    """Until this transaction ends nobody becomes known: take it before parking, then look again."""
    await conn.execute(_HOLD)


async def change_alone(conn: Connection) -> None:
    """Until this transaction ends nobody parks by what it is about to change. Take it before ``hold``, never after."""
    await conn.execute(_CHANGE)


_LOOK_UP = """
SELECT w.scheme, w.value, p.party_id, p.name, p.email, p.language, p.branch_of, p.names, p.post_codes,
       (SELECT array_agg(o.scheme || ':' || o.value) FROM identifier o WHERE o.party_id = p.party_id) AS keys
  FROM unnest($1::text[], $2::text[]) AS w (scheme, value)
  JOIN identifier i ON i.scheme = w.scheme AND i.value = w.value AND i.confirmed
  JOIN party p ON p.party_id = i.party_id
"""


async def look_up(conn: Connection, keys: Collection[Key]) -> Directory:
    """The confirmed parties behind these identifiers, in one query. Needs the worker role."""
    if not keys:
        return {}
    rows = await conn.fetch(_LOOK_UP, [scheme for scheme, _ in keys], [value for _, value in keys])
    return {(row["scheme"], row["value"]): _party(row) for row in rows}


_BY_ID = """
SELECT p.party_id, p.name, p.email, p.language, p.branch_of, p.names, p.post_codes,
       (SELECT array_agg(o.scheme || ':' || o.value) FROM identifier o WHERE o.party_id = p.party_id) AS keys
  FROM party p WHERE p.party_id = $1 AND p.status = 'confirmed'
"""


async def by_id(conn: Connection, party_id: UUID) -> Party | None:
    """A confirmed party. Needs the worker role."""
    row = await conn.fetchrow(_BY_ID, party_id)
    return _party(row) if row else None


def as_text(key: Key) -> str:
    """An identifier as one text; no scheme holds a colon."""
    return f"{key[0]}:{key[1]}"


def _party(row: Record) -> Party:
    pairs = (text.partition(":") for text in row["keys"])
    return Party(
        party_id=row["party_id"],
        name=row["name"],
        email=row["email"],
        language=row["language"],
        keys=frozenset((scheme, value) for scheme, _, value in pairs),
        branch_of=row["branch_of"],
        names=tuple(row["names"]),
        post_codes=tuple(row["post_codes"]),
    )


_CONFIRMED = """
SELECT account_id, party_id FROM unnest($1::uuid[], $2::uuid[]) AS asked (account_id, party_id)
  JOIN pair USING (account_id, party_id)
"""


async def confirmed(conn: Connection, asked: Collection[tuple[UUID, UUID]]) -> Pairs:
    """Which of these accounts and companies are known to belong together."""
    if not asked:
        return {}
    rows = await conn.fetch(_CONFIRMED, [account for account, _ in asked], [company for _, company in asked])
    pairs: dict[UUID, set[UUID]] = {}
    for row in rows:
        pairs.setdefault(row["account_id"], set()).add(row["party_id"])
    return pairs


_CONFIRM = """
INSERT INTO pair (account_id, party_id, how, invoice_id)
SELECT DISTINCT ON (account_id, party_id) account_id, party_id, how, invoice_id
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS t (account_id, party_id, how, invoice_id)
 ORDER BY account_id, party_id, invoice_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A sender and a company whose number is believed from now on."""

    account_id: UUID
    company: UUID
    how: Literal["corroborated", "by hand"]
    invoice_id: UUID


async def confirm(conn: Connection, pairs: Sequence[Pair]) -> None:
    """Remember these; what waits for a person's word on one of them may go on."""
    if not pairs:
        return
    await conn.execute(
        _CONFIRM,
        [pair.account_id for pair in pairs],
        [pair.company for pair in pairs],
        [pair.how for pair in pairs],
        [pair.invoice_id for pair in pairs],
    )
    companies = {Identifier(scheme=COMPANY, value=str(pair.company)) for pair in pairs}
    await _arrive(conn, sorted(companies, key=lambda each: each.value))


_INSERT_PARTY = """
INSERT INTO party (party_id, owner_account, name, email, language, country, status, branch_of, names, post_codes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def add(conn: Connection, entry: Entry, editor: Editor) -> None:
    """Enter a party. Raises ``Conflict`` when a number belongs to another confirmed party."""
    if entry.status == "confirmed":
        await conn.execute(_CHANGE)
    try:
        await conn.execute(
            _INSERT_PARTY,
            entry.party_id,
            entry.owner_account,
            entry.name,
            entry.email,
            entry.language,
            entry.country,
            entry.status,
            entry.branch_of,
            list(entry.names),
            list(entry.post_codes),
        )
    except asyncpg.ForeignKeyViolationError as bad:
        raise _no_such_head() from bad
    await _insert_identifiers(conn, entry, entry.identifiers)
    await _record(conn, entry, editor, None)
    if entry.status == "confirmed":
        await _arrive(conn, entry.identifiers)


_UPDATE_PARTY = """
UPDATE party SET name = $2, email = $3, language = $4, country = $5, status = $6, branch_of = $7,
                 names = $8, post_codes = $9, updated_at = now()
 WHERE party_id = $1
"""
_DELETE_IDENTIFIERS = "DELETE FROM identifier WHERE party_id = $1"


async def change(conn: Connection, entry: Entry, editor: Editor) -> Entry:
    """Replace what is said about a party; its owner stays. Returns what it is now.

    Raises ``NotFound``, or ``Conflict`` when a number is taken or the party is not the editor's to change.
    """
    if editor.operator:
        await conn.execute(_CHANGE)
    before = await party(conn, entry.party_id, lock=True)
    if before is None:
        raise NotFound
    if before.status == "confirmed" and not editor.operator:
        raise Conflict(CONFIRMED.en, code="confirmed-party", words=CONFIRMED.model_dump())
    after = replace(entry, owner_account=before.owner_account)
    try:
        await conn.execute(
            _UPDATE_PARTY,
            after.party_id,
            after.name,
            after.email,
            after.language,
            after.country,
            after.status,
            after.branch_of,
            list(after.names),
            list(after.post_codes),
        )
    except asyncpg.ForeignKeyViolationError as bad:
        raise _no_such_head() from bad
    await conn.execute(_DELETE_IDENTIFIERS, after.party_id)
    await _insert_identifiers(conn, after, after.identifiers)
    await _record(conn, after, editor, before)
    if after.status == "confirmed":
        known = set(before.identifiers) if before.status == "confirmed" else set()
        # A number that a party has lost may have been what kept an invoice: two numbers of one, that named two.
        moved = known ^ set(after.identifiers)
        if _called(before) != _called(after):
            # What an invoice says may be what the party is called now.
            moved |= set(after.identifiers)
        await _arrive(conn, sorted(moved, key=lambda i: (i.scheme, i.value)))
    return after


def _called(entry: Entry) -> tuple[object, ...]:
    return entry.name, entry.names, entry.post_codes


_INSERT_IDENTIFIERS = """
INSERT INTO identifier (party_id, scheme, value, owner_account, confirmed)
SELECT $1, scheme, value, $4, $5 FROM unnest($2::text[], $3::text[]) AS t (scheme, value)
"""


async def _insert_identifiers(conn: Connection, entry: Entry, identifiers: Sequence[Identifier]) -> None:
    try:
        await conn.execute(
            _INSERT_IDENTIFIERS,
            entry.party_id,
            [i.scheme for i in identifiers],
            [i.value for i in identifiers],
            entry.owner_account,
            entry.status == "confirmed",
        )
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(TAKEN.en, code="identifier-taken", words=TAKEN.model_dump()) from taken


_INSERT_CHANGE = """
INSERT INTO party_change (party_id, owner_account, by_account, by_user, before, after)
VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb)
"""


async def _record(conn: Connection, after: Entry, editor: Editor, before: Entry | None) -> None:
    await conn.execute(
        _INSERT_CHANGE,
        after.party_id,
        after.owner_account,
        editor.account_id,
        editor.user_id,
        before.as_json() if before else None,
        after.as_json(),
    )


_ARRIVE = """
INSERT INTO arrival (scheme, value) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (scheme, value) DO UPDATE SET after = DEFAULT
"""


async def _arrive(conn: Connection, identifiers: Sequence[Identifier]) -> None:
    """Note that whatever waits for these may go on."""
    if identifiers:
        await conn.execute(_ARRIVE, [i.scheme for i in identifiers], [i.value for i in identifiers])


_PARTY = """
SELECT p.party_id, p.owner_account, p.name, p.email, p.language, p.country, p.status, p.branch_of, p.names,
       p.post_codes,
       (SELECT coalesce(array_agg(i.scheme || ':' || i.value ORDER BY i.scheme, i.value), '{}')
          FROM identifier i WHERE i.party_id = p.party_id) AS keys
  FROM party p WHERE p.party_id = $1
"""


async def party(conn: Connection, party_id: UUID, *, lock: bool = False) -> Entry | None:
    """One party whole, as the role and account of ``conn`` may see it."""
    row = await conn.fetchrow(_PARTY, party_id)
    if row is None or not lock:
        return _entry(row) if row else None
    # Read once more under the lock: a row that an account may read but not change gives nothing to lock.
    await conn.fetch("SELECT 1 FROM party WHERE party_id = $1 FOR NO KEY UPDATE", party_id)
    row = await conn.fetchrow(_PARTY, party_id)
    return _entry(row) if row else None


_PARTIES = """
SELECT p.party_id, p.owner_account, p.name, p.email, p.language, p.country, p.status, p.branch_of, p.names,
       p.post_codes,
       (SELECT coalesce(array_agg(i.scheme || ':' || i.value ORDER BY i.scheme, i.value), '{}')
          FROM identifier i WHERE i.party_id = p.party_id) AS keys
  FROM party p WHERE p.party_id > $1 ORDER BY p.party_id LIMIT $2
"""


async def parties(conn: Connection, after: UUID, limit: int) -> list[Entry]:
    """A page of parties in order of entry, as the role and account of ``conn`` may see them."""
    return [_entry(row) for row in await conn.fetch(_PARTIES, after, limit)]


_FIND = "SELECT party_id, name, country, identifiers FROM find_party($1, $2)"


async def find(conn: Connection, key: Key) -> dict[str, Any] | None:
    """Who has this number, for anybody who asks: name and numbers, nothing more."""
    row = await conn.fetchrow(_FIND, *key)
    return dict(row) if row else None


def _entry(row: Record) -> Entry:
    pairs = (text.partition(":") for text in row["keys"])
    return Entry(
        party_id=row["party_id"],
        owner_account=row["owner_account"],
        name=row["name"],
        identifiers=tuple(Identifier(scheme=scheme, value=value) for scheme, _, value in pairs),
        email=row["email"],
        language=row["language"],
        country=row["country"],
        status=row["status"],
        branch_of=row["branch_of"],
        names=tuple(row["names"]),
        post_codes=tuple(row["post_codes"]),
    )


def _no_such_head() -> Conflict:
    return Conflict(NO_SUCH_HEAD.en, code="no-such-head", words=NO_SUCH_HEAD.model_dump())
