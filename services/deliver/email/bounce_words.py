"""Why a mail came back, in words: by the status of RFC 3463 that its answer gave. Pure."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.deliver.email.bounces import FULL, Answer
from services.deliver.parcel import Refused

_ADDRESS = Words(
    nl="Het e-mailadres van de ontvanger bestaat niet of neemt geen post aan: de e-mail kwam terug ({said}). Vraag"
    " uw klant naar het juiste adres voor facturen en laat het vastleggen; stuur de factuur daarna opnieuw.",
    en="The receiver's e-mail address does not exist or takes no mail: the e-mail came back ({said}). Ask your "
    "customer for the right address for invoices and have it entered; send the invoice again after that.",
)
_FULL = Words(
    nl="Het postvak van de ontvanger is vol: de e-mail kwam terug ({said}). Vraag uw klant het leeg te maken of "
    "een ander adres te geven, en stuur de factuur daarna opnieuw.",
    en="The receiver's mailbox is full: the e-mail came back ({said}). Ask your customer to empty it or to give "
    "another address, and send the invoice again after that.",
)
_LARGE = Words(
    nl="De e-mail met deze factuur is te groot voor de ontvanger en kwam terug ({said}). Maak de PDF kleiner of "
    "stuur de factuur langs een andere weg.",
    en="The e-mail with this invoice is too large for the receiver and came back ({said}). Make the PDF smaller or"
    " send the invoice another way.",
)
_POLICY = Words(
    nl="De mailserver van de ontvanger weigert deze e-mail en stuurde haar terug ({said}). Vraag uw klant post van"
    " de hub toe te laten, of stuur de factuur langs een andere weg.",
    en="The receiver's mail server refuses this e-mail and sent it back ({said}). Ask your customer to let mail of"
    " the hub in, or send the invoice another way.",
)
_AWAY = Words(
    nl="De mailserver van de ontvanger was te lang onbereikbaar: de e-mail kwam terug ({said}). Vraag uw klant "
    "zijn e-mail na te kijken, of stuur de factuur langs een andere weg.",
    en="The receiver's mail server was away for too long: the e-mail came back ({said}). Ask your customer to look"
    " at its e-mail, or send the invoice another way.",
)
_OTHER = Words(
    nl="De e-mail met deze factuur kwam terug ({said}). Vraag uw klant waarom, of stuur de factuur langs een "
    "andere weg.",
    en="The e-mail with this invoice came back ({said}). Ask your customer why, or send the invoice another way.",
)
_AGAIN = Words(
    nl="De e-mail kwam terug, om een reden die voorbij kan gaan ({said}). De hub stuurt haar later opnieuw; u "
    "hoeft nu niets te doen.",
    en="The e-mail came back, for a reason that may pass ({said}). The hub sends it again later; you need do "
    "nothing now.",
)

_BY_CLASS = (
    ("5.1.", "mail-bounced-address", _ADDRESS),
    ("5.2.1", "mail-bounced-address", _ADDRESS),
    ("5.2.3", "mail-bounced-size", _LARGE),
    ("5.3.4", "mail-bounced-size", _LARGE),
    ("5.7.", "mail-bounced-policy", _POLICY),
    ("4.4.", "mail-bounced-away", _AWAY),
    ("5.4.", "mail-bounced-away", _AWAY),
)


def why(answer: Answer) -> Refused:
    """Why it will not arrive, and what its sender does."""
    if answer.status in FULL:
        return _filled("mail-bounced-full", _FULL, answer)
    for begins, code, words in _BY_CLASS:
        # `5.2.1` is no beginning of `5.2.122`.
        if answer.status == begins or (begins.endswith(".") and answer.status.startswith(begins)):
            return _filled(code, words, answer)
    return _filled("mail-bounced", _OTHER, answer)


def again(answer: Answer) -> Words:
    """That it will be sent once more."""
    return _filled("", _AGAIN, answer).reason


def _filled(code: str, words: Words, answer: Answer) -> Refused:
    said = (answer.said or answer.status)[:200]
    return Refused(code, Words(nl=words.nl.format(said=said), en=words.en.format(said=said)), answer.said)
