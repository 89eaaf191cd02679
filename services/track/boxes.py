"""The two kinds of mail track sends: notices about invoices; and links, and what else concerns an account, for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Literal

import orjson

from libs.contracts import invoice
from libs.contracts.invoice import InvoiceFact
from libs.contracts.parts import Words
from libs.contracts.registry import UndecodableEvent, decode
from libs.db.types import Pool
from libs.links import PURPOSE, token_of
from libs.sealed import KEY_ADDRESSES, unseal
from services.track import facts, letter, link_letter, link_mails, listing, mailings
from services.track.letter import Letter
from services.track.listing import List
from services.track.mailings import Pace, Result, Told
from services.track.settings import TrackSettings

LONGEST = timedelta(minutes=5)
"""A notice waits no longer than this for others, while its address had few mails today."""


class Notices:
    """One mail for each address: a letter about one invoice, or a list of many."""

    def __init__(self, pool: Pool, settings: TrackSettings, base_url: str) -> None:
        self._pool = pool
        self._from = settings.mail_from
        self._base_url = base_url
        quiet = timedelta(seconds=settings.notice_quiet_seconds)
        self._pace = Pace(quiet, max(LONGEST, quiet), settings.notice_mails_a_day)

    async def claim(self, most: int, lease: timedelta) -> Sequence[mailings.Claimed]:
        await mailings.gather(self._pool, self._pace)
        return await mailings.claim(self._pool, most, lease)

    def write(self, held: mailings.Claimed) -> EmailMessage:
        if len(held.told) + held.more > 1:
            return listing.write(
                List(
                    lead=held.notice_id,
                    told=[listing.Told(t.kind, t.invoice_id, t.shown, _reason(t)) for t in held.told],
                    more=held.more,
                    name=held.name,
                    address=held.email,
                    language=held.language,
                    base_url=self._base_url,
                    repeat=held.repeat,
                ),
                self._from,
            )
        (told,) = held.told
        written = Letter(
            notice_id=held.notice_id,
            kind=told.kind,
            data=_data(told),
            shown=told.shown,
            name=held.name,
            address=held.email,
            language=held.language,
            link=f"{self._base_url}/invoices/{told.invoice_id}",
            repeat=held.repeat,
        )
        return letter.write(written, self._from)

    async def settle(
        self,
        held: mailings.Claimed,
        result: Result | None,
        detail: str,
        *,
        state: Literal["due", "sent", "failed"],
        again: timedelta = timedelta(0),
    ) -> None:
        await mailings.settle(self._pool, held, result, detail, state=state, again=again)


def _data(told: Told) -> InvoiceFact:
    """What was said. Raises ``ValueError``."""
    try:
        data = decode(orjson.loads(told.body or b"")).data
    except UndecodableEvent as unknown:
        raise ValueError(str(unknown)) from unknown
    if not isinstance(data, InvoiceFact):
        raise ValueError(f"{data.type} is not a fact about an invoice")
    return data


def _reason(told: Told) -> Words:
    if told.body is None:
        return Words(nl=told.fact["nl"], en=told.fact["en"])
    data = _data(told)
    return letter.receipt_of(data) if isinstance(data, invoice.InvoiceReceived) else facts.words(data)


class Links:
    """One-time links, key addresses, and connections that lapsed."""

    def __init__(self, pool: Pool, settings: TrackSettings, base_url: str) -> None:
        self._pool = pool
        self._from = settings.mail_from
        self._base_url = base_url
        self._key = settings.derive(PURPOSE)
        self._sealing = settings.derive(KEY_ADDRESSES)

    async def claim(self, most: int, lease: timedelta) -> Sequence[link_mails.Claimed]:
        return await link_mails.claim(self._pool, most, lease)

    def write(self, held: link_mails.Claimed) -> EmailMessage:
        if held.kind == "key":
            addresses = unseal(self._sealing, held.sealed or "")
            return link_letter.write_key(held, addresses, self._base_url, self._from)
        if held.kind == "lapsed":
            return link_letter.write_lapsed(held, self._base_url, self._from)
        return link_letter.write(held, token_of(self._key, held.link_id), self._base_url, self._from)

    async def settle(
        self,
        held: link_mails.Claimed,
        result: Result | None,
        detail: str,
        *,
        state: Literal["due", "sent", "failed"],
        again: timedelta = timedelta(0),
    ) -> None:
        await link_mails.settle(self._pool, held, detail, state=state, again=again)
