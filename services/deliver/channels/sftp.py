"""The folder of a receiver on its own SFTP server: XML and PDF under equal names, the XML last and in one step.

::

    .postbode/<id>.pdf, <id>.xml ──▶ .postbode/<id>.staged ──▶ PDF, then XML renamed into sight ──▶ result ──▶ .staged goes

What became of an attempt that was cut short is read off, as in ``placing.py``: no ``.staged``, nothing was shown; with it
and the hidden XML, go on from there; with it and without the hidden XML, the receiver has it. The XML leaves the hidden
area once, whoever moves it: of two who try, one finds nothing to move.

Several pairs are on their way side by side over one session, each step by step; a large one goes alone. Which of two is
in sight first is not promised, as it never is between attempts.

Who answers with another host key than was agreed gets nothing; the delivery waits for a person.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import asyncssh

from libs.contracts.parts import Words
from libs.http.public import Network, NotPublic
from services.deliver.channels import Done
from services.deliver.channels.disk import HIDDEN
from services.deliver.channels.lanes import Lanes
from services.deliver.channels.sftp_session import HostKeyChanged, Place, Session
from services.deliver.parcel import (
    Failed,
    HandedOver,
    Job,
    Loaded,
    NotBegun,
    Outcome,
    Outward,
    Parked,
    Refused,
    Unknown,
)
from services.deliver.plan import BAD_FOLDER
from services.deliver.receivers import http_replies

T = TypeVar("T")

PAIRS = 16
"""On their way at once to one folder. Most of a pair's time is waiting for a server's answers, a dozen of them."""

Keys = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Sequence[bytes]]]]
"""What logs in for these receivers, the newest first."""

_CODE = "host-key-changed"
_TOLD = Outward(
    _CODE,
    Words(
        nl="De SFTP-server van de ontvanger laat een andere sleutel zien dan is afgesproken; er is niets verstuurd. Heeft "
        "de ontvanger zijn server vernieuwd, dan geeft hij de nieuwe sleutel op en gaat de factuur vanzelf door.",
        en="The receiver's SFTP server shows another key than was agreed; nothing was sent. If the receiver renewed its "
        "server, it gives the new key, and the invoice goes on by itself.",
    ),
)
CHANGED = Parked(
    _CODE,
    Words(
        nl="Uw SFTP-server laat een andere sleutel zien dan u hebt opgegeven; er is niets verstuurd. Hebt u hem vernieuwd, "
        "geef dan de nieuwe sleutel op bij uw koppeling: de factuur gaat daarna vanzelf door.",
        en="Your SFTP server shows another key than you gave; nothing was sent. If you renewed it, give the new key with "
        "your connection: the invoice then goes on by itself.",
    ),
    outward=_TOLD,
)


class SftpChannel:
    def __init__(self, keys: Keys, *, seconds: float, also: Sequence[Network] = ()) -> None:
        """``seconds`` for one delivery; ``also``: networks an operator has opened."""
        self._keys = keys
        self._seconds = seconds
        self._also = also
        self._lanes = Lanes(PAIRS, self._attempt)
        self._login: dict[UUID, Sequence[bytes]] = {}
        self._sessions: dict[str, asyncio.Task[Session]] = {}
        """By lane: open, or being opened, once for all who wait for it."""

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        await self._load_keys({each.job.parcel.receiver.party_id for each in loaded})
        coming = self._lanes.deliver(loaded)
        del loaded  # each is let go of by itself
        async for done in coming:
            yield done

    async def settled(self, jobs: Sequence[Job]) -> None:
        await asyncio.gather(*map(self._tidy, jobs))

    async def close(self) -> None:
        for lane, opening in list(self._sessions.items()):
            opening.cancel()
            self._drop(lane, opening)

    async def visit(
        self, lane: str, party_id: UUID, settings: Mapping[str, str], do: Callable[[Session], Awaitable[T]]
    ) -> T | None:
        """Look or do something there beside the deliveries; None when that cannot be done now."""
        opening: asyncio.Task[Session] | None = None
        try:
            await self._load_keys({party_id})
            async with asyncio.timeout(self._seconds):
                opening = self._opening(lane, party_id, Place.of(settings))
                session = await asyncio.shield(opening)
                async with session.room(0):
                    return await do(session)
        except (asyncssh.Error, OSError, TimeoutError, HostKeyChanged, NotPublic, LookupError, ValueError):
            self._drop(lane, opening)
            return None

    async def _tidy(self, job: Job) -> None:
        opening = self._sessions.get(job.lane)
        if opening is not None and (session := _fresh(opening)):
            # What stays lies in the hidden area and does no harm.
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await session.remove(_marker(job))

    async def _load_keys(self, parties: set[UUID]) -> None:
        found = await self._keys(sorted(parties))
        self._login.update({party: found.get(party, ()) for party in parties})

    def _opening(self, lane: str, party_id: UUID, place: Place) -> asyncio.Task[Session]:
        """Shield it: others may wait for the same."""
        opening = self._sessions.get(lane)
        if opening is not None and (not opening.done() or _fresh(opening)):
            return opening
        self._drop(lane, opening)
        opening = asyncio.create_task(
            Session.connect(place, self._login[party_id][0], self._also), name=f"open {lane}"
        )
        self._sessions[lane] = opening
        return opening

    def _drop(self, lane: str, opening: asyncio.Task[Session] | None) -> None:
        """Use this one no more; another that took its place stays. Who waits for it to open gives up in time."""
        if opening is not None:
            if self._sessions.get(lane) is opening:
                del self._sessions[lane]
            opening.add_done_callback(_close)

    async def _attempt(self, each: Loaded) -> Outcome:
        job = each.job
        party_id = job.parcel.receiver.party_id
        if not self._login.get(party_id):
            return Failed(
                "no-secret", "there is no key to log in with: has the key it lies under been taken away?"
            )
        try:
            place = Place.of(job.parcel.settings)
        except (KeyError, ValueError):
            return BAD_FOLDER
        placing = _Placing(each)
        opening: asyncio.Task[Session] | None = None
        try:
            async with asyncio.timeout(self._seconds):
                opening = self._opening(job.lane, party_id, place)
                session = await asyncio.shield(opening)
            async with session.room(placing.size), asyncio.timeout(self._seconds):
                return await placing.run(session)
        except HostKeyChanged as changed:
            return replace(CHANGED, detail=str(changed))
        except NotPublic:
            return http_replies.NOT_PUBLIC
        except (asyncssh.Error, OSError, TimeoutError) as error:
            # A server that refuses one file goes on serving; one that is gone is called anew.
            if not isinstance(error, asyncssh.SFTPError):
                self._drop(job.lane, opening)
            return placing.cut(error)


class _Placing:
    """One pair on its way, which knows how far it is."""

    def __init__(self, each: Loaded) -> None:
        self._each = each
        self.size = len(each.xml or b"") + len(each.pdf or b"")
        self._looked = False
        self._shown = False

    async def run(self, session: Session) -> Outcome:
        job = self._each.job
        base, xml, pdf = (
            job.base_name,
            f"{HIDDEN}/{job.delivery_id.hex}.xml",
            f"{HIDDEN}/{job.delivery_id.hex}.pdf",
        )
        await session.prepare()
        staged = job.number > 1 and await session.there(_marker(job))
        if staged and not await session.there(xml):
            return HandedOver(f"{base}.xml")
        self._looked = True
        if not job.lease.held:
            return NotBegun("the lease ran out")
        if not staged:
            if self._each.pdf is not None:
                await session.write(pdf, self._each.pdf)
            await session.write(xml, self._each.xml or b"")
            await session.write(_marker(job), b"")
        if not job.lease.held:
            return NotBegun("the lease ran out")
        if self._each.pdf is not None:
            # In sight already: shown by an attempt that was cut short before the XML.
            with contextlib.suppress(asyncssh.SFTPNoSuchFile):
                await session.move(pdf, f"{base}.pdf")
        if not job.lease.held:
            return NotBegun("the lease ran out")
        self._shown = True
        with contextlib.suppress(asyncssh.SFTPNoSuchFile):
            # Not there any more: somebody who slept through its lease has moved it meanwhile.
            await session.move(xml, f"{base}.xml")
        return HandedOver(f"{base}.xml")

    def cut(self, error: Exception) -> Failed | Unknown | Refused:
        """What an error means here. Only the last step shows the invoice, and a server that refuses it has not done it."""
        said = f"{type(error).__name__}: {error}"
        if isinstance(error, asyncssh.SFTPNoSuchFile) and not self._looked:
            return Failed("folder-away", "the folder is not there")
        if isinstance(error, asyncssh.SFTPError) and not isinstance(error, asyncssh.SFTPConnectionLost):
            return Failed("folder-trouble", said, resolved=self._looked)
        if self._shown:
            return Unknown(said)
        return Failed("folder-away", said, resolved=self._looked)


def _fresh(opening: asyncio.Task[Session]) -> Session | None:
    """The session, when it can be used."""
    if not opening.done() or opening.cancelled() or opening.exception() is not None:
        return None
    session = opening.result()
    return session if session.fresh else None


def _close(opening: asyncio.Task[Session]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _marker(job: Job) -> str:
    return f"{HIDDEN}/{job.delivery_id.hex}.staged"
