"""What is said of dead letters, and what one asks of an operator by its cause. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from libs.contracts.parts import Words
from libs.messaging.dead import Letter
from libs.terminal import Language

_BY_CAUSE: Mapping[str, Words] = {
    "unknown-event": Words(
        nl="Deze versie van de dienst kent dit soort bericht niet. Installeer de nieuwe versie van de dienst en speel "
        "het bericht daarna opnieuw af.",
        en="This release of the service does not know this kind of event. Install the service's new release, then "
        "replay the event.",
    ),
    "undecodable-event": Words(
        nl="Het bericht is niet te lezen. Zoek uit wie het maakte; laat die dienst het opnieuw zeggen (`postbode "
        "redrive --invoice`) en verwijder dit.",
        en="The event cannot be read. Find out who made it; have that service say it again (`postbode redrive "
        "--invoice`) and drop this one.",
    ),
    "delivery-limit": Words(
        nl="De dienst stierf telkens als dit bericht kwam, of gaf geen antwoord. Wacht het nog, doe dan niets: het gaat "
        "vanzelf nog een keer, alleen. Staat het open, kijk dan in haar log naar het laatste vóór elke herstart, "
        "verhelp de oorzaak en speel het opnieuw af.",
        en="The service died each time this event came, or never settled it. While it waits, do nothing: it goes again "
        "by itself, alone. When it stands open, look into its log for the last thing before each restart, mend the "
        "cause, then replay it.",
    ),
    "document-missing": Words(
        nl="Het document van deze factuur is er niet. Zet het terug uit de back-up en speel het bericht opnieuw af.",
        en="This invoice's document is not there. Put it back from the backup, then replay the event.",
    ),
    "document-damaged": Words(
        nl="Het document is niet meer wat ontvangen is: de hash klopt niet. Zet het terug uit de back-up en speel "
        "het bericht opnieuw af.",
        en="The document is not what was received: its hash differs. Put it back from the backup, then replay the "
        "event.",
    ),
}
_ANY = Words(
    nl="Geen herhaling hielp. Verhelp de oorzaak die hieronder staat en speel het bericht opnieuw af; het gaat alleen "
    "naar de wachtrij die faalde.",
    en="No retry helped. Mend the cause that stands below, then replay the event; it goes only to the queue that "
    "failed.",
)


def advice(cause: str) -> Words:
    """One sentence on what is wrong and what to do next. ``cause``: the slug of the error, or its class."""
    return _BY_CAUSE.get(cause, _ANY)


NONE = Words(
    nl="Er zijn geen dode brieven: er is niets te doen.",
    en="There are no dead letters: there is nothing to do.",
)
_STATES: Mapping[str, Words] = {
    "open": Words(nl="open", en="open"),
    "waiting": Words(nl="wacht", en="waiting"),
    "replayed": Words(nl="herhaald", en="replayed"),
    "dropped": Words(nl="vervallen", en="dropped"),
}
_AGAIN = Words(
    nl="gaat vanzelf nog een keer om {at:%Y-%m-%d %H:%M:%S}: eerst dan kan het aan u zijn",
    en="goes again by itself at {at:%Y-%m-%d %H:%M:%S}: only after that it may be for you to do",
)
_BY = Words(nl="{done} {at:%Y-%m-%d %H:%M:%S} door {by}", en="{done} {at:%Y-%m-%d %H:%M:%S} by {by}")


def done_to(state: Literal["open", "waiting", "replayed", "dropped"], lang: Language) -> str:
    """Where a letter stands, or what was done to it, in one word."""
    return _STATES[state].en if lang is Language.en else _STATES[state].nl


def state_of(letter: Letter, lang: Language) -> str:
    return done_to(letter.state, lang)


def history(letter: Letter, lang: Language) -> Sequence[str]:
    """Who did what to it, and why, the oldest first; or what it will do by itself."""
    line = _BY.en if lang is Language.en else _BY.nl
    lines = []
    if letter.state == "waiting":
        lines.append((_AGAIN.en if lang is Language.en else _AGAIN.nl).format(at=letter.again_at))
    if letter.dropped_at:
        done = line.format(done=done_to("dropped", lang), at=letter.dropped_at, by=letter.dropped_by)
        lines.append(f"{done}: {letter.dropped_why}")
    if letter.replayed_at:
        lines.append(
            line.format(done=done_to("replayed", lang), at=letter.replayed_at, by=letter.replayed_by)
        )
    return lines
