"""What one mail hands over: its invoices, and what is set aside (R21-R24). Pure.

Nobody waits for an answer, so nothing is refused here: what is no invoice is kept, with the reason. A mail
in which nothing can be read, or nothing is an invoice, is kept whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from uuid import UUID

from libs.einvoice.formats.eexact import Sender
from libs.text import one_line, repaired
from services.ingest.mailbox import evidence, mail
from services.ingest.mailbox.evidence import Carried, Evidence
from services.ingest.uploads import intake, zipped
from services.ingest.uploads.intake import Refused, Upload
from services.ingest.uploads.part import Part
from services.ingest.uploads.submissions import Arrival, Submission, compose

MOST_REFUSED = 20
"""Of a mail without any invoice: more are kept as the one mail they came in, and told as one."""
MOST_CHARACTERS = 250
"""Of an address or a Message-ID that is kept."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """The same for every account the mail was addressed to."""

    uploads: tuple[Upload, ...] = ()
    refused: tuple[Refused, ...] = ()
    mail_id: str | None = None
    automatic: bool = False
    evidence: Evidence = field(default_factory=Evidence)

    def submission(
        self,
        account_id: UUID,
        sender: str | None,
        seller: Sender | None = None,
        carried: Carried | None = None,
        own: Collection[str] = (),
    ) -> Submission:
        """``sender`` is the envelope's, ``seller`` the account's own, ``own`` the domains of the hub, to which it writes
        nothing. Reads the current trace, so call it where the mail is received."""
        facts = {**self.evidence.as_json(), **(carried.as_json() if carried else {})}
        answerable = self.evidence.answerable
        return compose(
            account_id,
            "mail",
            self.uploads,
            self.refused,
            mail=Arrival(_kept(sender), _kept(self.mail_id), facts, self.evidence.head),
            # RFC 3834 §2, RFC 5321 §4.5.5: to answer such a mail is how two programs write to each other for ever.
            silent=self.automatic or sender in ("", "<>"),
            seller=seller,
            reply_to=answerable if answerable and _domain(answerable) not in own else None,
        )

    def loosely(self) -> Mailed:
        """The same where the account may leave names out (R25): one invoice and one PDF belong together."""
        loose = [each for each in self.refused if each.code == "lone-pdf"]
        if len(self.uploads) != 1 or len(loose) != 1 or self.uploads[0].pdf is not None:
            return self
        paired = intake.beside(self.uploads[0], loose[0].part)
        others = tuple(each for each in self.refused if each is not loose[0])
        if isinstance(paired, Refused):
            return replace(self, refused=(*others, paired))
        return replace(self, uploads=(paired,), refused=others)


def read(raw: bytes, authserv_id: str = "") -> Mailed:
    """What is inside a mail never makes it raise. ``authserv_id``: see ``evidence.read``."""
    try:
        message = mail.read(raw, authserv_id)
    except mail.UnreadableMail:
        return unreadable(raw)
    known, message_id = message.evidence, message.message_id
    if message.report:
        # What a mail server gives back may hold an invoice: that one was sent before, not now.
        return Mailed((), (intake.refuse(_whole(raw), "mail-report"),), message_id, True, known)
    opened = zipped.opened(message.parts)
    found = intake.sort(opened.parts)
    refused = (*opened.refused, *found.refused)
    if not found.uploads and (not refused or len(refused) > MOST_REFUSED):
        refused = (intake.refuse(_whole(raw), "no-invoice"),)
    return Mailed(found.uploads, refused, message_id, mail.automatic(raw), known)


def unreadable(raw: bytes) -> Mailed:
    """The mail as it came, set aside."""
    refused = (intake.refuse(_whole(raw), "unreadable-mail"),)
    return Mailed(refused=refused, automatic=mail.automatic(raw), evidence=evidence.unread(raw))


def _whole(raw: bytes) -> Part:
    return Part(data=raw, filename="message.eml")


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def _kept(text: str | None) -> str | None:
    """What a stranger's mail server said, as it can be stored and shown."""
    return one_line(repaired(text), MOST_CHARACTERS) if text else None
