"""SQL of parties: how they are entered, changed and shown. Every change goes through ``write``, which keeps who made it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

import asyncpg

from libs.contracts.parts import Identifier, Words
from libs.db.types import Connection, Record
from libs.errors import Conflict, NotFound
from services.route.companies import directory
from services.route.companies.addresses import Address, still_said, with_codes
from services.route.deciding.corroboration import root
from services.route.deciding.decision import ONE_PER_COMPANY, Key, akin, key_of

Status = Literal["claimed", "confirmed"]

TAKEN = Words(
    nl="Een van deze nummers is al van een andere bevestigde partij. Controleer het nummer. Klopt het, dan zoekt de "
    "beheerder uit van wie het is: GET /v1/parties?scheme=…&value=… zegt wie het nu heeft.",
    en="One of these numbers already belongs to another confirmed party. Check the number. If it is right, the operator "
    "sorts out whose it is: GET /v1/parties?scheme=…&value=… tells who has it now.",
)
AKIN = Words(
    nl="Een ander nummer van deze organisatie is al van een bevestigde partij: een OIN en het KvK-nummer daarin, of een "
    "Belgisch btw-nummer en het ondernemingsnummer. Voeg het nieuwe nummer bij die partij: GET "
    "/v1/parties?scheme=…&value=… zegt welke dat is.",
    en="Another number of this organisation already belongs to a confirmed party: an OIN and the KvK number in it, or a "
    "Belgian VAT number and the enterprise number. Add the new number to that party: GET /v1/parties?scheme=…&value=… "
    "tells which that is.",
)
CONFIRMED = Words(
    nl="Deze partij is bevestigd: anderen sturen haar facturen. Alleen de beheerder kan haar nog wijzigen.",
    en="This party is confirmed: others send invoices to it. Only the operator can still change it.",
)
NESTED = Words(
    nl="Een vestiging hoort bij een bedrijf dat zelf geen vestiging is. Noem bij `branch_of` het bedrijf waar alle "
    "vestigingen onder vallen.",
    en="A place of business belongs to a company that is no place of business itself. Name as `branch_of` the company "
    "that all places belong to.",
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
    means: Literal["register", "letter"] | None = None
    """None: by hand."""


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
    """Of its addresses, and any others."""
    addresses: tuple[Address, ...] = ()

    def __post_init__(self) -> None:
        # What decides reads these and no addresses.
        object.__setattr__(self, "post_codes", with_codes(self.post_codes, self.addresses))

    def as_json(self) -> dict[str, Any]:
        """What the history keeps."""
        return {
            "name": self.name,
            "email": self.email,
            "language": self.language,
            "country": self.country,
            "names": list(self.names),
            "post_codes": list(self.post_codes),
            "addresses": [each.as_json() for each in self.addresses],
            "status": self.status,
            "branch_of": str(self.branch_of) if self.branch_of else None,
            "identifiers": [i.model_dump() for i in self.identifiers],
        }


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be of a party, and what was; None: it is new."""

    after: Entry
    before: Entry | None = None

    def moved(self) -> Iterator[Identifier]:
        """The numbers for which what waits is to be looked at again."""
        before, after = (
            set(each.identifiers) if each is not None and each.status == "confirmed" else set()
            for each in (self.before, self.after)
        )
        # A number that a party has lost may have been what kept an invoice: two numbers of one, that named two. And
        # what an invoice says may be what the party is called now, or whose place it is.
        told = self.before is not None and _about(self.before) != _about(self.after)
        yield from before | after if told else before ^ after

    def gained(self) -> set[Identifier]:
        """The numbers by which it is found from now on and was not before."""
        before = self.before.identifiers if self.before and self.before.status == "confirmed" else ()
        return set(self.after.identifiers).difference(before) if self.after.status == "confirmed" else set()

    def other_company(self) -> bool:
        """Whether who sent to it before may mean somebody else: it has lost a number of which a company has one, or has
        none left of those it had, or may become anybody unseen, since it is claimed again."""
        if self.before is None or self.before.status != "confirmed":
            return False  # Nobody sends to it: who did was forgotten when it was no longer confirmed.
        if self.after.status != "confirmed":
            return True
        before, after = (
            {root(i.scheme, i.value) for i in each.identifiers} for each in (self.before, self.after)
        )
        return not before & after or any(scheme in ONE_PER_COMPANY for scheme, _ in before - after)


def _about(entry: Entry) -> tuple[object, ...]:
    """What decides beside its numbers."""
    return entry.name, entry.names, entry.post_codes, entry.branch_of


_INSERT = """
INSERT INTO party (party_id, owner_account, name, email, language, country, status, branch_of, names, post_codes,
                   addresses, keys)
SELECT party_id, owner_account, name, email, language, country, status, branch_of, names, post_codes, addresses, keys
  FROM jsonb_populate_recordset(NULL::party, $1::jsonb)
"""
_UPDATE = """
UPDATE party p SET name = t.name, email = t.email, language = t.language, country = t.country, status = t.status,
                   branch_of = t.branch_of, names = t.names, post_codes = t.post_codes,
                   addresses = t.addresses, keys = t.keys, updated_at = now()
  FROM jsonb_populate_recordset(NULL::party, $1::jsonb) AS t WHERE p.party_id = t.party_id
"""
_DELETE_IDENTIFIERS = "DELETE FROM identifier WHERE party_id = ANY ($1::uuid[])"
_INSERT_IDENTIFIERS = """
INSERT INTO identifier (party_id, scheme, value, owner_account, confirmed)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::boolean[])
"""
# Two steps up nobody looks: a place of a place would be a company of its own.
_NESTED = """
SELECT EXISTS (
    SELECT FROM party p JOIN party head ON head.party_id = p.branch_of
     WHERE head.branch_of IS NOT NULL AND (p.party_id = ANY ($1::uuid[]) OR head.party_id = ANY ($1::uuid[])))
"""
_AKIN = """
SELECT EXISTS (
    SELECT FROM unnest($1::uuid[], $2::text[], $3::text[]) AS w (party_id, scheme, value), LATERAL (
           SELECT party_id FROM identifier
            WHERE scheme = w.scheme AND value = w.value AND confirmed LIMIT 1) AS i
     WHERE i.party_id <> w.party_id)
"""
# They were believed about another company.
_NO_PAIRS = "DELETE FROM pair WHERE party_id = ANY ($1::uuid[])"
_INSERT_CHANGES = """
INSERT INTO party_change (party_id, owner_account, by_account, by_user, means, before, after)
SELECT party_id, owner_account, $3, $4, $5, before, after
  FROM unnest($1::uuid[], $2::uuid[], $6::jsonb[], $7::jsonb[]) AS t (party_id, owner_account, before, after)
"""


async def write(conn: Connection, changes: Sequence[Change], editor: Editor) -> None:
    """Enter and change parties, remember who did, and note that what waited for them may go on. A few statements, however
    many there are. Where one is confirmed, ``conn`` changes the directory alone (``change_alone``).

    Raises ``Conflict`` when a number, or another of the same organisation (``akin``), belongs to another confirmed party,
    or a head is not there or a place itself.
    """
    if not changes:
        return
    entries = [change.after for change in changes]
    old = [change.after for change in changes if change.before is not None]
    new = [change.after for change in changes if change.before is None]
    try:
        if new:
            await conn.execute(_INSERT, [_terms(entry) for entry in new])
        if old:
            await conn.execute(_UPDATE, [_terms(entry) for entry in old])
            await conn.execute(_DELETE_IDENTIFIERS, [entry.party_id for entry in old])
        numbers = [(entry, i) for entry in entries for i in entry.identifiers]
        await conn.execute(
            _INSERT_IDENTIFIERS,
            [entry.party_id for entry, _ in numbers],
            [i.scheme for _, i in numbers],
            [i.value for _, i in numbers],
            [entry.owner_account for entry, _ in numbers],
            [entry.status == "confirmed" for entry, _ in numbers],
        )
    except asyncpg.ForeignKeyViolationError as bad:
        raise Conflict(NO_SUCH_HEAD.en, nl=NO_SUCH_HEAD.nl, code="no-such-head") from bad
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(TAKEN.en, nl=TAKEN.nl, code="identifier-taken") from taken
    gained = [(change.after.party_id, key_of(i)) for change in changes for i in change.gained()]
    kin = [(party_id, *key) for party_id, own in gained for key in akin(own) if key != own]
    if kin and await conn.fetchval(_AKIN, *map(list, zip(*kin, strict=True))):
        raise Conflict(AKIN.en, nl=AKIN.nl, code="identifier-taken")
    places = [entry.party_id for entry in entries if entry.branch_of is not None]
    if places and await conn.fetchval(_NESTED, places):
        raise Conflict(NESTED.en, nl=NESTED.nl, code="nested-head")
    await conn.execute(
        _INSERT_CHANGES,
        [entry.party_id for entry in entries],
        [entry.owner_account for entry in entries],
        editor.account_id,
        editor.user_id,
        editor.means,
        [change.before.as_json() if change.before else None for change in changes],
        [entry.as_json() for entry in entries],
    )
    others = [change.after.party_id for change in changes if change.other_company()]
    if others:
        await conn.execute(_NO_PAIRS, others)
    moved = {i for change in changes for i in change.moved()}
    await directory.arrive(conn, sorted(moved, key=lambda i: (i.scheme, i.value)))


def _terms(entry: Entry) -> dict[str, Any]:
    return {
        "party_id": str(entry.party_id),
        "owner_account": str(entry.owner_account),
        "keys": sorted(directory.as_text((i.scheme, i.value)) for i in entry.identifiers),
        **entry.as_json(),
    }


async def add(conn: Connection, entry: Entry, editor: Editor) -> None:
    """Enter one party. Raises ``Conflict`` as ``write`` does."""
    if entry.status == "confirmed":
        await directory.change_alone(conn)
    await write(conn, [Change(entry)], editor)


async def change(conn: Connection, entry: Entry, editor: Editor, keep: Collection[str] = ()) -> Entry:
    """Replace what is said about a party; its owner stays, and the fields of ``keep``. Returns what it is now.

    Raises ``NotFound``, or ``Conflict`` when a number is taken or the party is not the editor's to change.
    """
    if editor.operator:
        await directory.change_alone(conn)
    before = await party(conn, entry.party_id, lock=True)
    if before is None:
        raise NotFound
    if before.status == "confirmed" and not editor.operator:
        raise Conflict(CONFIRMED.en, nl=CONFIRMED.nl, code="confirmed-party")
    kept: dict[str, Any] = {field: getattr(before, field) for field in keep}
    after = replace(entry, owner_account=before.owner_account, **kept)
    after = replace(after, addresses=still_said(before.addresses, after.addresses))
    await write(conn, [Change(after, before)], editor)
    return after


_WHOLE = """
SELECT p.party_id, p.owner_account, p.name, p.email, p.language, p.country, p.status, p.branch_of, p.names,
       p.post_codes, p.addresses, p.keys
  FROM party p
"""
_PARTY = f"{_WHOLE} WHERE p.party_id = $1"


async def party(conn: Connection, party_id: UUID, *, lock: bool = False) -> Entry | None:
    """One party whole, as the role and account of ``conn`` may see it."""
    row = await conn.fetchrow(_PARTY, party_id)
    if row is None or not lock:
        return _entry(row) if row else None
    # Read once more under the lock: a row that an account may read but not change gives nothing to lock.
    await conn.fetch("SELECT 1 FROM party WHERE party_id = $1 FOR NO KEY UPDATE", party_id)
    row = await conn.fetchrow(_PARTY, party_id)
    return _entry(row) if row else None


_PARTIES = f"{_WHOLE} WHERE p.party_id > $1 ORDER BY p.party_id LIMIT $2"


async def parties(conn: Connection, after: UUID, limit: int) -> list[Entry]:
    """A page of parties in order of entry, as the role and account of ``conn`` may see them."""
    return [_entry(row) for row in await conn.fetch(_PARTIES, after, limit)]


_OF_THESE = """
SELECT i.party_id FROM unnest($1::text[], $2::text[]) AS w (scheme, value)
  JOIN identifier i ON i.scheme = w.scheme AND i.value = w.value AND i.confirmed
"""
_HOLDERS = f"{_WHOLE} WHERE p.party_id IN ({_OF_THESE})"


async def holders(conn: Connection, wanted: Collection[Key]) -> dict[Key, Entry]:
    """Which confirmed parties have these numbers, whole. Needs the worker role."""
    rows = await conn.fetch(_HOLDERS, [scheme for scheme, _ in wanted], [value for _, value in wanted])
    entries = [_entry(row) for row in rows]
    found = {(i.scheme, i.value): entry for entry in entries for i in entry.identifiers}
    return {key: found[key] for key in wanted if key in found}


async def confirmed(conn: Connection, ids: Collection[UUID]) -> dict[UUID, Entry]:
    """Those of these that are confirmed parties, whole."""
    if not ids:
        return {}
    rows = await conn.fetch(
        f"{_WHOLE} WHERE p.party_id = ANY ($1::uuid[]) AND p.status = 'confirmed'", list(ids)
    )
    return {row["party_id"]: _entry(row) for row in rows}


async def heads(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these that have places of business."""
    rows = await conn.fetch(
        "SELECT DISTINCT branch_of FROM party WHERE branch_of = ANY ($1::uuid[])", list(ids)
    )
    return {row["branch_of"] for row in rows}


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
        addresses=tuple(map(Address.from_json, row["addresses"])),
    )
