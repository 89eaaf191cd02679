"""Setting up a link with Exact Online, step by step (R100–R107): what each step asks of Exact and writes down.

1. *Koppeling opzetten*: the person signs in at Exact and comes back with a code. Who may not book is refused (R104).
2. *Administratie*: the division that is booked in.
3. *Boeken*: journal, G/L accounts and VAT codes, as rules.
4. *Opties*: the extra fields (R121).
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.errors import BadInput, Conflict, Forbidden, HubError, NotFound, Unavailable
from libs.keyring import Keys
from services.deliver.exact import links, oauth
from services.deliver.exact.client import Books, Calling, Grant
from services.deliver.exact.links import Link
from services.deliver.exact.oauth import App
from services.deliver.exact.trouble import Denied, Lapsed, MayBeDone, NotNow, NotReached, Trouble

ME = "UserID,UserName,FullName,CurrentDivision,IsMyFirmPortalUser,IsMyFirmLiteUser,IsClientUser"
_NOBODY = UUID(int=0)
AGAIN = (0.5, 2.0)
"""Seconds between attempts to learn who consented: without that, the tokens are nobody's, and the old ones are spent."""

ONE_ACCOUNT = Words(
    nl="Een gebruiker van Exact Online kan maar voor één account een koppeling hebben. Gebruikt u dezelfde gebruiker "
    "voor een "
    "ander account, dan vervalt de koppeling daar. Wilt u hem voor meer accounts gebruiken, neem dan contact op met de "
    "helpdesk.",
    en="An Exact Online user can have a link for one account only. If you use the same user for another account, the link "
    "there lapses. To use it for several accounts, contact the helpdesk.",
)
WARNED = Words(
    nl="Deze gebruiker van Exact Online heeft al een koppeling voor een ander account. Gaat u door, dan vervalt die. "
    "Misschien werkt zij nu al niet meer: Exact Online kan de oude toestemming bij een nieuwe laten vervallen.",
    en="This Exact Online user has a link for another account already. If you go on, that one lapses. It may have stopped "
    "working already: Exact Online may end the old consent with a new one.",
)
NO_OFFICE_USER = Words(
    nl="Deze gebruiker is een MijnKantoor-gebruiker en kan geen facturen boeken. Vraag uw boekhouder om een nieuwe "
    "gebruiker "
    "van het soort Kantoorgebruiker, en zet de koppeling daarmee op.",
    en="This user is a MijnKantoor user and cannot book invoices. Ask your accountant for a new user of the kind "
    "Kantoorgebruiker (office user), and set up the link with that.",
)
NO_RIGHT = Words(
    nl="Deze gebruiker mag geen inkoopfacturen zien in Exact Online, en dus niet boeken. Vraag uw beheerder of "
    "boekhouder om "
    "dat recht, of om een gebruiker van het soort Kantoorgebruiker.",
    en="This user may not see purchase entries in Exact Online, so it cannot book. Ask your administrator or "
    "accountant for "
    "that right, or for a user of the kind Kantoorgebruiker (office user).",
)
_NO_CONSENT = Words(
    nl="Deze toestemming hoort niet bij deze koppeling, of is ouder dan een uur. Begin opnieuw.",
    en="This consent does not belong to this link, or is older than an hour. Begin again.",
)
_LOST = Words(
    nl="Deze koppeling is beëindigd, of van een ander account geworden, terwijl u toestemming gaf: er is niets gekoppeld. "
    "Begin opnieuw, en vraag de helpdesk als dit niet klopt.",
    en="This link was ended, or became another account's, while you consented: nothing was linked. Begin again, and ask "
    "the helpdesk if this is wrong.",
)
_NOT_ASKED = Words(
    nl="Er is niets te bevestigen: deze koppeling is van geen ander account.",
    en="There is nothing to confirm: this link is of no other account.",
)
_NO_DIVISION = Words(
    nl="Deze administratie is er niet, of deze gebruiker mag er niet in. Kies een uit de lijst.",
    en="There is no such division, or this user may not use it. Choose one from the list.",
)
_ENDED = Words(
    nl="Deze koppeling is zojuist beëindigd of vervangen. Kijk welke er nu is, en kies dan opnieuw.",
    en="This link was ended or replaced just now. Look which one there is, and choose again.",
)
_AWAY = Words(
    nl="Exact Online antwoordt nu niet zoals het moet: probeer het over een paar minuten opnieuw.",
    en="Exact Online does not answer as it should right now: try again in a few minutes.",
)
_LINK_FIRST = Words(
    nl="Er is geen koppeling die werkt: zet haar eerst op.",
    en="There is no link that works: set it up first.",
)


class Linking:
    """``worker``: a pool of that role."""

    def __init__(self, worker: Pool, keys: Keys, calling: Calling, app: App) -> None:
        self._worker = worker
        self._keys = keys
        self._calling = calling
        self._app = app

    async def begin(self, party_id: UUID, account_id: UUID, base: str) -> str:
        """Where the person is sent to sign in and consent."""
        state = await links.ask(self._worker, party_id, account_id, base)
        return oauth.consent_url(base, self._app, state)

    async def come_back(self, party_id: UUID, account_id: UUID, code: str, state: str) -> None:
        """The person consented. Raises what is wrong with that in words for people; nothing is kept then."""
        asked = await links.answered(self._worker, state, party_id, account_id)
        if asked is None:
            raise BadInput(_NO_CONSENT.en, nl=_NO_CONSENT.nl, code="exact-no-consent")
        base, asked_at = asked
        try:
            pair = await self._calling.tokens.exchange(base, code)
            # Nobody knows yet whose calls these are: they count for whoever asked.
            asking = Grant(_NOBODY, base, str(account_id))
            me = await self._surely_me(self._calling.books(asking, None, "booking", access=pair.access))
            person, name = str(me["UserID"]), str(me.get("FullName") or me.get("UserName") or "?")[:200]
            kept = await links.keep(self._worker, self._keys, account_id, base, person, name, pair)
            if me.get("IsMyFirmPortalUser") or me.get("IsMyFirmLiteUser"):
                raise Forbidden(NO_OFFICE_USER.en, nl=NO_OFFICE_USER.nl, code="exact-no-office-user")
            grant, current = Grant(_NOBODY, base, person), me.get("CurrentDivision")
            found: dict[int, str] = {}
            if isinstance(current, int):
                books = self._calling.books(grant, current, "booking", access=pair.access)
                await _may_book(books)
                found = await _divisions(books)
        except Trouble as trouble:
            raise told(trouble) from trouble
        divisions = frozenset(found)
        if not await links.enter(
            self._worker,
            self._keys,
            party_id,
            account_id,
            base,
            person,
            name,
            pair,
            divisions,
            asked_at,
            kept,
        ):
            raise Conflict(_LOST.en, nl=_LOST.nl, code="exact-not-yours")

    async def take_over(self, link: Link) -> None:
        """Yes, the other account's link may lapse (R105)."""
        if not await links.take_over(self._worker, link.link_id):
            raise Conflict(_NOT_ASKED.en, nl=_NOT_ASKED.nl, code="exact-nothing-to-confirm")

    async def divisions(self, link: Link) -> dict[int, str]:
        """What the person may book in, by code."""
        if link.state != "live":
            raise Conflict(_LINK_FIRST.en, nl=_LINK_FIRST.nl, code="exact-not-linked")
        try:
            me = await self._me(self._calling.books(link.grant, None, "booking"))
            current = me.get("CurrentDivision")
            if not isinstance(current, int):
                return {}
            return await _divisions(self._calling.books(link.grant, current, "booking"))
        except Trouble as trouble:
            raise told(trouble) from trouble

    async def choose(self, link: Link, division: int) -> None:
        """Book in this division from now on. Raises ``BadInput`` for one the person does not reach or may not book in."""
        name = (await self.divisions(link)).get(division)
        if name is None:
            raise BadInput(_NO_DIVISION.en, nl=_NO_DIVISION.nl, code="exact-no-division")
        try:
            await _may_book(self._calling.books(link.grant, division, "booking"))
        except Trouble as trouble:
            raise told(trouble) from trouble
        still(await links.choose(self._worker, link.link_id, division, name[:200]))

    async def _surely_me(self, books: Books) -> dict[str, Any]:
        for pause in AGAIN:
            try:
                return await self._me(books)
            except (MayBeDone, NotReached):
                await asyncio.sleep(pause)
        return await self._me(books)

    async def _me(self, books: Books) -> dict[str, Any]:
        rows = await books.rows("current/Me", select=ME)
        if len(rows) != 1 or not rows[0].get("UserID"):
            raise Unavailable(_AWAY.en, nl=_AWAY.nl, code="exact-away")
        return rows[0]


def still(there: bool) -> None:
    """Raises ``Conflict`` where the link that somebody looked at was ended meanwhile."""
    if not there:
        raise Conflict(_ENDED.en, nl=_ENDED.nl, code="exact-link-ended")


async def _divisions(books: Books) -> dict[int, str]:
    rows = await books.rows("hrm/Divisions", select="Code,Description")
    return {
        row["Code"]: str(row.get("Description") or row["Code"])
        for row in rows
        if isinstance(row.get("Code"), int)
    }


async def _may_book(books: Books) -> None:
    """A cheap read that takes the right to (exact.md §3.1)."""
    try:
        await books.rows("purchaseentry/PurchaseEntries", select="EntryID", top=1)
    except Denied as no:
        if no.status in (401, 403):
            raise Forbidden(NO_RIGHT.en, nl=NO_RIGHT.nl, code="exact-no-right", said=no.said) from no
        raise


def told(trouble: Trouble) -> HubError:
    """What people read of what went wrong with a call they waited for."""
    if isinstance(trouble, Lapsed):
        return Conflict(trouble.reason.en, nl=trouble.reason.nl, code=trouble.code)
    if isinstance(trouble, NotNow):
        until = f"{trouble.wait.until:%H:%M} UTC"
        return Unavailable(
            f"The calls to Exact Online are used up for now: try again after {until}.",
            nl=f"De aanroepen naar Exact Online zijn voorlopig op: probeer het na {until} opnieuw.",
            code="exact-budget",
        )
    if isinstance(trouble, Denied) and trouble.status == 404:
        return NotFound()
    return Unavailable(_AWAY.en, nl=_AWAY.nl, code="exact-away")
