"""What a mail server's reply means for a delivery (RFC 5321 §4.2). Pure."""

from __future__ import annotations

from typing import Literal

from libs.contracts.parts import Words
from services.deliver.parcel import Failed, Refused
from services.deliver.results import line

Stage = Literal["session", "recipient", "data"]
"""Where the reply came: to the connection or the sender address, to the recipient, to the message."""

TOO_LARGE = 552
"""At the message: it exceeds the receiver's limit. At the recipient: its mailbox is full, for now."""

_REFUSED = Words(
    nl="De mailserver van de ontvanger weigert de e-mail ({said}). Vraag uw klant naar het juiste e-mailadres "
    "voor facturen en laat het vastleggen; stuur de factuur daarna opnieuw.",
    en="The receiver's mail server refuses the e-mail ({said}). Ask your customer for the right e-mail address "
    "for invoices and have it entered; send the invoice again after that.",
)
_NOT_TAKEN = Words(
    nl="De mailserver van de ontvanger weigert dit bericht ({said}). Vraag uw klant waarom, of stuur de factuur "
    "langs een andere weg.",
    en="The receiver's mail server refuses this message ({said}). Ask your customer why, or send the invoice "
    "another way.",
)
_LARGE = Words(
    nl="De e-mail met deze factuur is te groot voor de mailserver van de ontvanger ({said}). Maak de PDF kleiner "
    "of stuur de factuur langs een andere weg.",
    en="The e-mail with this invoice is too large for the receiver's mail server ({said}). Make the PDF smaller "
    "or send the invoice another way.",
)


def meaning(stage: Stage, code: int, text: str) -> Failed | Refused:
    """What a refusing reply means: ``Refused`` when the receiver will never take it, else ``Failed``.

    A 5yz to the connection or the sender address is about the hub or its relay, not about the receiver: for
    an operator to mend while the delivery waits.
    """
    said = line(f"{code} {text}", 200)
    if stage == "session":
        return Failed("mail-relay", said)
    if code == TOO_LARGE and stage == "data":
        return Refused("mail-too-large", _filled(_LARGE, said), said)
    if not 500 <= code <= 599 or code == TOO_LARGE:
        return Failed("mail-deferred", said)
    words = _REFUSED if stage == "recipient" else _NOT_TAKEN
    return Refused("mail-refused", _filled(words, said), said)


def too_large(size: int, most: int) -> Refused:
    """What is known before it is sent: the server says how much it takes (RFC 1870, R65c)."""
    return Refused(
        "mail-too-large",
        _filled(_LARGE, f"{megabytes(size)} > {megabytes(most)}"),
        f"{size} bytes, {most} taken",
    )


def megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _filled(words: Words, said: str) -> Words:
    return Words(nl=words.nl.format(said=said), en=words.en.format(said=said))
