"""What one mail hands over: its invoices, and what is set aside (R21-R24). Pure.

Nobody waits for an answer, so nothing is refused here: what is no invoice is kept, with the reason. A mail
in which nothing can be read, or nothing is an invoice, is kept whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.ingest import intake, mail
from services.ingest.intake import Refused, Upload
from services.ingest.part import Part
from services.ingest.submissions import Submission, compose


@dataclass(frozen=True, slots=True)
class Mailed:
    """The same for every account the mail was addressed to."""

    uploads: tuple[Upload, ...] = ()
    refused: tuple[Refused, ...] = ()
    mail_id: str | None = None

    def submission(self, account_id: UUID, mail_from: str | None) -> Submission:
        """Reads the current trace, so call it where the mail is received."""
        return compose(
            account_id, "mail", self.uploads, self.refused, mail_from=mail_from, mail_id=self.mail_id
        )


def read(raw: bytes) -> Mailed:
    """Never raises for what is inside a mail."""
    try:
        message = mail.read(raw)
    except mail.UnreadableMail:
        return unreadable(raw)
    found = intake.sort(message.parts)
    refused = found.refused
    if not found.uploads and not refused:
        refused = (intake.refuse(_whole(raw), "no-invoice"),)
    return Mailed(found.uploads, refused, message.message_id)


def unreadable(raw: bytes) -> Mailed:
    """The mail as it came, set aside."""
    return Mailed(refused=(intake.refuse(_whole(raw), "unreadable-mail"),))


def _whole(raw: bytes) -> Part:
    return Part(data=raw, filename="message.eml")
