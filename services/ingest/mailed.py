"""What one mail hands over: its invoices, and what is set aside (R21-R24). Pure.

Nobody waits for an answer, so nothing is refused here: what is no invoice is kept, with the reason. A mail
in which nothing can be read, or nothing is an invoice, is kept whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.einvoice.formats.eexact import Sender
from libs.text import one_line, repaired
from services.ingest import intake, mail
from services.ingest.intake import Refused, Upload
from services.ingest.part import Part
from services.ingest.submissions import Submission, compose

MOST_CHARACTERS = 250
"""Of an address or a Message-ID that is kept."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """The same for every account the mail was addressed to."""

    uploads: tuple[Upload, ...] = ()
    refused: tuple[Refused, ...] = ()
    mail_id: str | None = None
    automatic: bool = False

    def submission(self, account_id: UUID, sender: str | None, seller: Sender | None = None) -> Submission:
        """``sender`` is the envelope's, ``seller`` the account's own. Reads the current trace, so call it where the
        mail is received."""
        return compose(
            account_id,
            "mail",
            self.uploads,
            self.refused,
            mail_from=_kept(sender),
            mail_id=_kept(self.mail_id),
            # RFC 3834 §2, RFC 5321 §4.5.5: to answer such a mail is how two programs write to each other for ever.
            silent=self.automatic or sender in ("", "<>"),
            seller=seller,
        )


def read(raw: bytes) -> Mailed:
    """What is inside a mail never makes it raise."""
    try:
        message = mail.read(raw)
    except mail.UnreadableMail:
        return unreadable(raw)
    if message.report:
        # What a mail server gives back may hold an invoice: that one was sent before, not now.
        return Mailed(
            refused=(intake.refuse(_whole(raw), "mail-report"),), mail_id=message.message_id, automatic=True
        )
    found = intake.sort(message.parts)
    refused = found.refused
    if not found.uploads and not refused:
        refused = (intake.refuse(_whole(raw), "no-invoice"),)
    return Mailed(found.uploads, refused, message.message_id, message.automatic)


def unreadable(raw: bytes) -> Mailed:
    """The mail as it came, set aside."""
    return Mailed(
        refused=(intake.refuse(_whole(raw), "unreadable-mail"),), automatic=mail.looks_automatic(raw)
    )


def _whole(raw: bytes) -> Part:
    return Part(data=raw, filename="message.eml")


def _kept(text: str | None) -> str | None:
    """What a stranger's mail server said, as it can be stored and shown."""
    return one_line(repaired(text), MOST_CHARACTERS) if text else None
