"""A mail server to which track sends, and what sends to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.db.types import Pool
from services.track import mailings
from services.track.boxes import Notices
from services.track.dispatch import Dispatcher
from services.track.settings import TrackSettings

Notifier = Dispatcher[mailings.Claimed]


@dataclass
class Sink:
    """A mail server that keeps what it gets and answers as told."""

    mails: list[EmailMessage] = field(default_factory=list)
    rcpt: str = "250 OK"
    answer: str = "250 2.0.0 Kept"
    on_mail: Callable[[], Awaitable[None]] | None = None
    on_rcpt: Callable[[], None] = lambda: None
    port: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.on_rcpt()
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = cast("bytes", envelope.content)
        mail = message_from_bytes(raw, policy=policy.default)
        assert [mail["To"]] == envelope.rcpt_tos
        assert envelope.mail_from == "<>"
        if self.answer.startswith("250"):
            self.mails.append(mail)
        if self.on_mail is not None:
            await self.on_mail()
        return self.answer


def sending(worker: Pool, port: int, **more: Any) -> Notifier:
    """To a mail server on ``port``; what is there goes at once."""
    told = {"smtp_seconds": 5, "notice_quiet_seconds": 0, "notice_mails_a_day": 1000, **more}
    settings = TrackSettings(smtp_port=port, mail_from="noreply@hub.example", **told)
    return Dispatcher(Notices(worker, settings, "https://hub.example"), settings)
