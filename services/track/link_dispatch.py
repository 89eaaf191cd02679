"""Sends the mails with a one-time link that are due."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import aiosmtplib
import structlog

from libs.db.types import Pool
from libs.links import PURPOSE, token_of
from libs.sealed import KEY_ADDRESSES, unseal
from services.track import link_letter, link_mails
from services.track.dispatch import AT_ONCE, NOBODY, LeaseOver, Line, verdict, wait
from services.track.link_mails import Claimed
from services.track.settings import TrackSettings

_log = structlog.get_logger(__name__)


class LinkDispatcher:
    """``run`` sends everything that is due and returns."""

    def __init__(self, pool: Pool, settings: TrackSettings, base_url: str) -> None:
        self._pool = pool
        self._settings = settings
        self._base_url = base_url
        self._key = settings.derive(PURPOSE)
        self._sealing = settings.derive(KEY_ADDRESSES)

    async def run(self) -> None:
        lease = timedelta(seconds=self._settings.notice_lease_seconds)
        while claimed := await link_mails.claim(self._pool, AT_ONCE, lease):
            if not all(await asyncio.gather(*map(self._send, claimed))):
                # The mail server is away: the others can wait for the next run as well.
                return

    async def _send(self, claimed: Claimed) -> bool:
        """One attempt. False when the mail server is not to be spoken to right now."""
        settings = self._settings
        later = wait(claimed.attempt)
        try:
            if claimed.kind == "key":
                addresses = unseal(self._sealing, claimed.sealed or "")
                message = link_letter.write_key(claimed, addresses, self._base_url, settings.mail_from)
            else:
                token = token_of(self._key, claimed.link_id)
                message = link_letter.write(claimed, token, self._base_url, settings.mail_from)
            async with Line(claimed.until, settings) as line:
                _, said = await line.send_message(message, sender=NOBODY, recipients=[claimed.email])
        except ValueError as bad:
            await link_mails.settle(self._pool, claimed, "failed", f"no mail can be written: {bad}", later)
            return True
        except LeaseOver:
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            refused = verdict(error) == "refused"
            detail = f"{type(error).__name__}: {error}"
            _log.warning("a link was not mailed", link_id=str(claimed.link_id), refused=refused)
            await link_mails.settle(self._pool, claimed, "failed" if refused else "due", detail, later)
            return refused
        await link_mails.settle(self._pool, claimed, "sent", said, later)
        return True
