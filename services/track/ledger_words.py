"""What the ledger says about an invoice that is missing something, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from libs.contracts.parts import Words
from services.track.books import Place

_MISSING: Mapping[str, Words] = {
    "receipt": Words(
        nl="{service} heeft geen ontvangstregistratie, terwijl andere diensten deze factuur kennen.",
        en="{service} has no record of receiving it, while other services know this invoice.",
    ),
    "repeat": Words(
        nl="{service} heeft niet staan dat dezelfde bytes nog eens kwamen; de tijdlijn wel.",
        en="{service} has no record that the same bytes came again; the timeline has.",
    ),
    "verdict": Words(
        nl="{service} heeft geen oordeel over deze factuur.", en="{service} has no verdict on this invoice."
    ),
    "decision": Words(
        nl="{service} heeft geen routebesluit over deze factuur.",
        en="{service} has no routing decision about this invoice.",
    ),
    "parked-row": Words(
        nl="{service} heeft haar geparkeerd, maar de wachtregel is er niet: niets laat haar verdergaan.",
        en="{service} parked it, but the row by which it waits is not there: nothing will let it go on.",
    ),
    "delivery": Words(
        nl="{service} heeft geen bezorging voor deze factuur.",
        en="{service} has no delivery of this invoice.",
    ),
    "parcel": Words(
        nl="{service} heeft een bezorging die wacht, maar niet meer wat er bezorgd moet worden.",
        en="{service} has a delivery that waits, but no longer what is to be delivered.",
    ),
    "attempt": Words(
        nl="{service} noemt haar bezorgd, maar heeft geen poging met een ontvangstbewijs.",
        en="{service} calls it handed over, but has no attempt with a receipt.",
    ),
    "status": Words(
        nl="{service} toont haar niet: de statusregel ontbreekt.",
        en="{service} does not show it: the row of its status is missing.",
    ),
    "fact": Words(
        nl="{service} heeft de laatste gebeurtenis verwerkt maar niet in de tijdlijn staan.",
        en="{service} has handled the last event but does not have it in the timeline.",
    ),
    "erasure": Words(
        nl="{service} bewaart nog iets van haar, hoewel haar bewaartermijn om is en het bericht daarvan is verwerkt.",
        en="{service} still holds something of it, though its retention is over and it has dealt with the word of that.",
    ),
    "event": Words(
        nl="{service} heeft haar verwerkt, maar het bericht aan de volgende dienst is er niet, ook niet als "
        "verzonden.",
        en="{service} dealt with it, but its event for the next service is not there, not even as sent.",
    ),
    "not-taken-up": Words(
        nl="Sinds {at} verzonden en door {service} niet opgepakt.",
        en="Sent at {at} and not taken up by {service}.",
    ),
    "dropped": Words(
        nl="Het bericht voor {service} is op {at} met de hand verwijderd (`postbode dead drop`).",
        en="The event for {service} was dropped by hand at {at} (`postbode dead drop`).",
    ),
    "twice": Words(
        nl="{service} heeft haar meer dan eens aan dezelfde ontvanger gegeven, onaangekondigd.",
        en="{service} gave it to the same receiver more than once, unannounced.",
    ),
}

_REDRIVE = Words(
    nl="Draait {service}? Zo ja: `postbode redrive --invoice {invoice_id}`; is de broker zijn schijf kwijt: "
    "`postbode redrive --since` het tijdstip daarvoor.",
    en="Is {service} running? If so: `postbode redrive --invoice {invoice_id}`; if the broker lost its disk: "
    "`postbode redrive --since` the time before that.",
)
_RESTORE = Words(
    nl="Een rij is verdwenen: zoek uit wie haar verwijderde en zet haar terug uit de back-up. "
    "`postbode redrive --invoice {invoice_id}` laat verwerkte berichten opnieuw verwerken.",
    en="A row has vanished: find out who deleted it and put it back from the backup. "
    "`postbode redrive --invoice {invoice_id}` publishes its events again.",
)
_TELL = Words(
    nl="Vertel de afzender dat deze factuur niet bezorgd wordt, of laat haar opnieuw insturen.",
    en="Tell the sender that this invoice is not delivered, or have it sent again.",
)
_ASK = Words(
    nl="Vertel de ontvanger dat deze factuur dubbel kan staan; het bewijs staat bij de bezorgpogingen.",
    en="Tell the receiver that it may have this invoice twice; the attempts of the delivery are the proof.",
)
_NEXT: Mapping[str, Words] = {"not-taken-up": _REDRIVE, "dropped": _TELL, "twice": _ASK}


def missing(invoice_id: UUID, place: Place) -> Words:
    """What is missing of an invoice and what an operator does about it, in one line of each language."""
    what, then = _MISSING[place.why], _NEXT.get(place.why, _RESTORE)
    terms: dict[str, Any] = {
        "service": place.service,
        "invoice_id": invoice_id,
        "at": f"{place.at:%Y-%m-%d %H:%M:%S} UTC" if place.at else "?",
    }
    return Words(nl=f"{what.nl} {then.nl}".format(**terms), en=f"{what.en} {then.en}".format(**terms))


def waiting(name: str) -> Words:
    """What open ones wait for; ``name`` as ``Ledger.waiting`` has it, such as ``route: parked``."""
    return OPEN.get(name) or OPEN[name.partition(": ")[2]]


OPEN: Mapping[str, Words] = {
    "route: parked": Words(nl="geparkeerd: `postbode parked list`", en="parked: `postbode parked list`"),
    "deliver: parked": Words(
        nl="geparkeerd bij de bezorging: `postbode delivery list --state parked`",
        en="parked at delivery: `postbode delivery list --state parked`",
    ),
    "dead-letter": Words(
        nl="in de dode brieven: `postbode dead list`", en="dead letters: `postbode dead list`"
    ),
    "second-round": Words(
        nl="gaat vanzelf nog een keer: `postbode dead list`", en="goes again by itself: `postbode dead list`"
    ),
    "outbox": Words(nl="wacht op verzending tussen diensten", en="waits to be sent between services"),
    "in-flight": Words(nl="onderweg tussen diensten", en="on its way between services"),
    "queued": Words(nl="wacht op bezorging", en="waits to be delivered"),
    "attempting": Words(nl="wordt nu bezorgd", en="is being delivered"),
    "erasing": Words(
        nl="bewaartermijn om, wordt overal gewist", en="its retention is over, it is being erased everywhere"
    ),
    "untold": Words(
        nl="beëindigd, bericht aan de afzender onderweg", en="ended, the word to its sender is on its way"
    ),
}
