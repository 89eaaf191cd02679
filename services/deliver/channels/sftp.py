"""The folder of a receiver on its own SFTP server: XML and PDF under equal names, the XML last and in one step.

::

    .postbode/<id>.pdf, <id>.xml ──▶ .postbode/<id>.staged ──▶ PDF, then XML renamed into sight ──▶ result ──▶ .staged goes

What became of an attempt that was cut short is read off, as in ``placing.py``: no ``.staged``, nothing was shown; with it
and the hidden XML, go on from there; with it and without the hidden XML, the receiver has it. The XML leaves the hidden
area once, whoever moves it: of two who try, one finds nothing to move.

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
from services.deliver import http_replies
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

T = TypeVar("T")

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
        self._lanes = Lanes(1, self._attempt)
        self._login: dict[UUID, Sequence[bytes]] = {}
        self._sessions: dict[str, Session] = {}

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        await self._load_keys({each.job.parcel.receiver.party_id for each in loaded})
        async for done in self._lanes.deliver(loaded):
            yield done

    async def settled(self, jobs: Sequence[Job]) -> None:
        await asyncio.gather(*map(self._tidy, jobs))

    async def close(self) -> None:
        while self._sessions:
            self._sessions.popitem()[1].close()

    async def visit(
        self, lane: str, party_id: UUID, settings: Mapping[str, str], do: Callable[[Session], Awaitable[T]]
    ) -> T | None:
        """Look or do something there beside the deliveries; None when that cannot be done now."""
        try:
            await self._load_keys({party_id})
            async with asyncio.timeout(self._seconds):
                return await do(await self._session(lane, party_id, Place.of(settings)))
        except (asyncssh.Error, OSError, TimeoutError, HostKeyChanged, NotPublic, LookupError, ValueError):
            self._drop(lane)
            return None

    async def _tidy(self, job: Job) -> None:
        session = self._sessions.get(job.lane)
        if session is not None and session.fresh:
            # What stays lies in the hidden area and does no harm.
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await session.remove(_marker(job))

    async def _load_keys(self, parties: set[UUID]) -> None:
        found = await self._keys(sorted(parties))
        self._login.update({party: found.get(party, ()) for party in parties})

    async def _session(self, lane: str, party_id: UUID, place: Place) -> Session:
        session = self._sessions.get(lane)
        if session is not None and session.fresh:
            return session
        self._drop(lane)
        opened = await Session.connect(place, self._login[party_id][0], self._also)
        self._sessions[lane] = opened
        return opened

    def _drop(self, lane: str) -> None:
        session = self._sessions.pop(lane, None)
        if session is not None:
            session.close()

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
        try:
            async with asyncio.timeout(self._seconds):
                session = await self._session(job.lane, party_id, place)
                return await placing.run(session)
        except HostKeyChanged as changed:
            return replace(CHANGED, detail=str(changed))
        except NotPublic:
            return http_replies.NOT_PUBLIC
        except (asyncssh.Error, OSError, TimeoutError) as error:
            # A server that refuses one file goes on serving; one that is gone is called anew.
            if not isinstance(error, asyncssh.SFTPError):
                self._drop(job.lane)
            return placing.cut(error)


class _Placing:
    """One pair on its way, which knows how far it is."""

    def __init__(self, each: Loaded) -> None:
        self._each = each
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


def _marker(job: Job) -> str:
    return f"{HIDDEN}/{job.delivery_id.hex}.staged"
