"""What a dead letter asks of an operator, by its cause. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.parts import Words

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
        nl="De dienst stierf telkens als dit bericht kwam, of gaf geen antwoord. Kijk in haar log naar het laatste "
        "vóór elke herstart, verhelp de oorzaak en speel het opnieuw af.",
        en="The service died each time this event came, or never settled it. Look into its log for the last thing "
        "before each restart, mend the cause, then replay it.",
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
