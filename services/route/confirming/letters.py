"""Confirming a claimed party by a code in a letter to the address the trade register has of it.

::

    claimed ─ an operator makes a letter ─▶ code, kept as a keyed hash ─▶ the letter as a PDF, for the operator to post
       └ its owner enters the code ─▶ right: confirmed, with what the letter proves and nothing else
                                     └ wrong: counted; after five the letter is void

The letter proves that somebody who reads the post of the company with this KvK number wants its invoices here. It proves
no VAT number and no other name, so a party that is confirmed by it is called what stood on the envelope, whatever it calls
itself by then, and has no other names than the register gives it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection
from libs.errors import Conflict, Forbidden, NotFound, Refusal, TooMany
from libs.identifiers import kvk
from services.route.companies import directory, parties
from services.route.companies.addresses import MOST, vouched
from services.route.companies.parties import Change, Editor, Entry
from services.route.deciding.corroboration import root
from services.route.deciding.decision import key_of
from services.route.trade_register.lookups import Lookups
from services.route.trade_register.register import Company, RegisterAway

VALID = timedelta(days=30)
TRIES = 5
"""Codes that may be tried for one letter."""
LETTERS = 3
"""Letters for one party within ``WINDOW``: each costs a stamp, and each gives five more tries."""
WINDOW = timedelta(days=90)

_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs that are not taken for each other on paper."""
_LENGTH = 12
"""60 bits."""

NOT_CLAIMED = Words(
    nl="Een brief is voor een partij die nog niet bevestigd is en een KvK-nummer noemt. Deze is dat niet.",
    en="A letter is for a party that is not confirmed yet and has a KvK number. This one is not.",
)
NO_ADDRESS = Words(
    nl="Het handelsregister geeft geen adres van dit bedrijf, of het bedrijf is gestopt. Bevestig de partij op een andere "
    "manier, of geef het adres zelf op.",
    en="The trade register gives no address of this company, or it has ended. Confirm the party otherwise, or give the "
    "address yourself.",
)
TOO_MANY = Words(
    nl=f"Aan deze partij zijn in {WINDOW.days} dagen al {LETTERS} brieven gemaakt. Bevestig haar op een andere manier.",
    en=f"{LETTERS} letters were made for this party within {WINDOW.days} days. Confirm it otherwise.",
)
WRONG = Words(
    nl="Deze code klopt niet, of is niet meer geldig. Neem haar over uit de laatste brief; na vijf keer vervalt die, en "
    "vraagt u de beheerder om een nieuwe.",
    en="This code is not right, or not valid any more. Copy it from the last letter; after five tries that one is void, "
    "and you ask the operator for another.",
)


def _refused(kind: type[Refusal], code: str, said: Words) -> Refusal:
    return kind(said.en, nl=said.nl, code=code)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, with its code in the clear: for the page and nothing else."""

    letter_id: UUID
    company: Company
    code: str
    expires_at: datetime


def new_code() -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))


def shown(code: str) -> str:
    """Groups of four, as on paper."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def hashed(key: bytes, letter_id: UUID, code: str) -> bytes:
    """Keyed, so a stolen table opens nothing. As people write it: blanks, dashes and small letters do not matter."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hmac.new(key, letter_id.bytes + plain.encode(), sha256).digest()


def number_of(entry: Entry) -> str | None:
    """The KvK number a letter would prove."""
    return next((i.value for i in entry.identifiers if i.scheme == kvk.SCHEME), None)


async def claimed(conn: Connection, party_id: UUID) -> tuple[Entry, str]:
    """A party a letter may be made for, and its KvK number. Raises ``NotFound`` or ``Conflict``."""
    entry = await parties.party(conn, party_id)
    if entry is None:
        raise NotFound
    number = number_of(entry)
    if entry.status != "claimed" or number is None:
        raise _refused(Conflict, "no-letter", NOT_CLAIMED)
    return entry, number


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter goes to."""

    company: Company
    by_hand: bool
    """An operator said where, and not the register."""


async def addressee(lookups: Lookups, entry: Entry, number: str, postal: Sequence[str]) -> Addressee:
    """To lines an operator looked up; else where the register says; where that says nothing, to an address of the party
    that an operator entered. Never to one that its owner gave: whoever claims to be a company would get its code.

    The register is asked, so no transaction is open. Raises ``Conflict``, or ``RegisterAway``.
    """
    if postal:
        return Addressee(Company(kvk=number, name=entry.name, postal=tuple(postal)), by_hand=True)
    own = next((each for each in vouched(entry.addresses) if each.postal), None)
    try:
        company = (await lookups.company(number)).company
    except RegisterAway:
        if own is None:
            raise
        company = None
    if company is not None and company.postal and not company.ended:
        return Addressee(company, by_hand=False)
    if own is None or (company is not None and company.ended):
        raise _refused(Conflict, "no-address", NO_ADDRESS)
    known = company or Company(kvk=number, name=entry.name)
    return Addressee(replace(known, postal=own.postal), by_hand=True)


_LOCK = "SELECT pg_advisory_xact_lock(hashtext('postbode.route.letter'), hashtext($1))"
_COUNT = "SELECT count(*) FROM letter WHERE party_id = $1 AND made_at > now() - $2::interval"
_REPLACE = "UPDATE letter SET ended = 'replaced' WHERE party_id = $1 AND ended IS NULL"
_MAKE = """
INSERT INTO letter (letter_id, party_id, kvk, company, by_hand, by_account, by_user, code_hash, expires_at)
VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, now() + $9::interval) RETURNING expires_at
"""


async def make(conn: Connection, party_id: UUID, to: Addressee, editor: Editor, key: bytes) -> Letter:
    """A new letter; the one before is void. Raises ``TooMany``."""
    await conn.execute(_LOCK, str(party_id))
    if await conn.fetchval(_COUNT, party_id, WINDOW) >= LETTERS:
        raise _refused(TooMany, "too-many-letters", TOO_MANY)
    await conn.execute(_REPLACE, party_id)
    letter_id, code = clock.uuid7(), new_code()
    expires_at = await conn.fetchval(
        _MAKE,
        letter_id,
        party_id,
        to.company.kvk,
        to.company.as_json(),
        to.by_hand,
        editor.account_id,
        editor.user_id,
        hashed(key, letter_id, code),
        VALID,
    )
    return Letter(letter_id, to.company, code, expires_at)


@dataclass(frozen=True, slots=True)
class Progress:
    """How the last letter for a party is doing."""

    state: Literal["sent", "used", "void", "expired"]
    """void: after too many wrong codes."""
    made_at: datetime
    expires_at: datetime
    tries_left: int


_LAST = """
SELECT DISTINCT ON (party_id) party_id, made_at, expires_at, tries,
       CASE ended WHEN 'used' THEN 'used' WHEN 'tries' THEN 'void'
            ELSE CASE WHEN expires_at <= now() THEN 'expired' ELSE 'sent' END END AS state
  FROM letter WHERE party_id = ANY ($1::uuid[]) ORDER BY party_id, made_at DESC
"""


async def progress(conn: Connection, party_ids: Collection[UUID]) -> dict[UUID, Progress]:
    """By party, its last letter where there is one, as the role and account of ``conn`` may see it."""
    return {
        row["party_id"]: Progress(
            row["state"],
            row["made_at"],
            row["expires_at"],
            TRIES - row["tries"] if row["state"] == "sent" else 0,
        )
        for row in await conn.fetch(_LAST, list(party_ids))
    }


_OPEN = """
SELECT letter_id, kvk, company, code_hash, tries FROM letter
 WHERE party_id = $1 AND ended IS NULL AND expires_at > now() FOR UPDATE
"""
_TRIED = """
UPDATE letter SET tries = tries + 1, ended = CASE WHEN tries + 1 >= $2 THEN 'tries' END WHERE letter_id = $1
"""
_USED = "UPDATE letter SET tries = tries + 1, ended = 'used' WHERE letter_id = $1"


async def confirm(conn: Connection, party_id: UUID, code: str, editor: Editor, key: bytes) -> Entry | None:
    """The party, confirmed; or None where the code was wrong, which is counted: commit in either case.

    Raises ``Conflict`` when the number belongs to another confirmed party by now.
    """
    await directory.change_alone(conn)
    before = await parties.party(conn, party_id, lock=True)
    row = await conn.fetchrow(_OPEN, party_id)
    if before is None or row is None or before.status != "claimed":
        return None
    right = hmac.compare_digest(row["code_hash"], hashed(key, row["letter_id"], code))
    if not right or number_of(before) != row["kvk"]:
        await conn.execute(_TRIED, row["letter_id"], TRIES)
        return None
    await conn.execute(_USED, row["letter_id"])
    after = proven(before, Company.from_json(row["company"]))
    await parties.write(conn, [Change(after, before)], replace(editor, means="letter"))
    return after


def proven(entry: Entry, company: Company) -> Entry:
    """What is true of the party once its letter was read: the KvK number and what is made from it, the name the letter
    was addressed to, and where others than its owner say it is. Between letter and code its owner may have given it any
    other. Pure."""
    own = (kvk.SCHEME, company.kvk)
    return replace(
        entry,
        status="confirmed",
        identifiers=tuple(i for i in entry.identifiers if root(*key_of(i)) == own),
        name=company.name,
        names=company.names[:20],
        post_codes=company.post_codes[:20],
        addresses=(company.addresses or vouched(entry.addresses))[:MOST],
        branch_of=None,
    )


def wrong() -> Refusal:
    return _refused(Forbidden, "wrong-code", WRONG)
