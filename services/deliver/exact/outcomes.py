"""What goes wrong while something is booked, and what that means for its delivery: the words say what to do. Pure.

=====================================  =========================================================================
the budget is spent, 429, a blocked key  not begun: it goes on when there are calls again; no attempt is counted
nobody answers, 5xx, a broken line     tried again; what may have been done is looked up first
401 twice                              tried again, with a newer token
403                                    parked: the user lost the right, or the division
the link has lapsed                    parked: it goes on when the link is set up again
400                                    parked, with Exact's own words and what they are about
=====================================  =========================================================================

Exact's texts come in the language of whoever consented and are not published: what they are about is told from a few
words in Dutch and English (an inference), and without any of them the text alone is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.contracts.parts import Words
from services.deliver.exact.trouble import Denied, Lapsed, MayBeDone, NotNow, NotReached, Stopped, Trouble
from services.deliver.parcel import Failed, HandedOver, NotBegun, Outcome, Outward, Parked, Unknown

_LATER = timedelta(minutes=10)
"""After 401 twice: until then there is no newer token."""


@dataclass(frozen=True, slots=True)
class _About:
    """What a refusal is about: ``marks`` stand in its text, in small letters; any of each group."""

    code: str
    marks: tuple[tuple[str, ...], ...]
    advice: Words


_KINDS = (
    _About(
        "exact-period-closed",
        (("period", "periode", "boekjaar", "financial year"), ("closed", "gesloten", "afgesloten")),
        Words(
            nl="De periode van de factuurdatum is in Exact Online gesloten. Open haar, en geef de factuur "
            "hier daarna vrij; of boek haar daar met de hand en laat haar hier terugnemen door wie haar stuurde.",
            en="The period of the invoice's date is closed in Exact Online. Open it, and then release the "
            "invoice here; or book it there by hand and have it taken back here by whoever sent it.",
        ),
    ),
    _About(
        "exact-vat-code",
        (("vatcode", "vat code", "btw-code", "btwcode"),),
        Words(
            nl="Exact Online neemt de btw-code niet aan. Kijk in stap 3 (Boeken) welke regel haar geeft, en kies een "
            "code die "
            "bestaat en niet geblokkeerd is.",
            en="Exact Online does not take the VAT code. See in step 3 (Booking) which rule gives it, and choose a "
            "code that "
            "exists and is not blocked.",
        ),
    ),
    _About(
        "exact-vat-amount",
        (("vatamount", "vat amount", "btw-bedrag", "btw bedrag"),),
        Words(
            nl="Exact Online neemt het btw-bedrag van de factuur niet aan. Boek haar daar met de hand, of vraag de "
            "leverancier om een verbeterde factuur.",
            en="Exact Online does not take the invoice's VAT amount. Book it there by hand, or ask the supplier for a "
            "corrected invoice.",
        ),
    ),
    _About(
        "exact-amount",
        (("amount", "bedrag"),),
        Words(
            nl="Exact Online neemt een bedrag van de factuur niet aan. Boek haar daar met de hand, of vraag de "
            "leverancier om "
            "een verbeterde factuur.",
            en="Exact Online does not take an amount of the invoice. Book it there by hand, or ask the supplier for a "
            "corrected invoice.",
        ),
    ),
    _About(
        "exact-party-blocked",
        (("supplier", "leverancier", "customer", "klant", "account", "relatie"), ("blocked", "geblokkeerd")),
        Words(
            nl="De leverancier (van een verkoopboeking: de klant) is in Exact Online geblokkeerd. Haal de blokkade daar "
            "weg; geef de factuur hier daarna vrij.",
            en="The supplier (of a sales entry: the customer) is blocked in Exact Online. Unblock it there; then release "
            "the invoice here.",
        ),
    ),
    _About(
        "exact-journal",
        (("journal", "dagboek"),),
        Words(
            nl="Exact Online neemt het dagboek niet aan. Kies in stap 3 (Boeken) een inkoopdagboek, voor verkoopboekingen "
            "een verkoopdagboek.",
            en="Exact Online does not take the journal. Choose a purchase journal in step 3 (Booking), for sales entries "
            "a sales journal.",
        ),
    ),
    _About(
        "exact-account",
        (("glaccount", "g/l account", "grootboek"),),
        Words(
            nl="Exact Online neemt de grootboekrekening niet aan. Kijk in stap 3 (Boeken) welke regel haar geeft.",
            en="Exact Online does not take the G/L account. See in step 3 (Booking) which rule gives it.",
        ),
    ),
)
_OTHER = _About(
    "exact-refused",
    (),
    Words(
        nl="Exact Online neemt de boeking niet aan. Herstel wat er staat in Exact Online of in de instellingen van de "
        "koppeling; geef de factuur hier daarna vrij.",
        en="Exact Online does not take the entry. Mend what it says in Exact Online or in the link's settings; then "
        "release "
        "the invoice here.",
    ),
)
_NO_RIGHT = Words(
    nl="De gebruiker waarmee de koppeling is opgezet mag hier niet (meer) boeken, of niet in deze administratie. Geef het "
    "recht terug of zet de koppeling op met een gebruiker die het heeft (een Kantoorgebruiker); kies daarna de "
    "administratie "
    "opnieuw, dan gaat de boeking vanzelf door.",
    en="The user the link was set up with may not book here (any more), or not in this division. Give the right back, "
    "or set "
    "up the link with a user who has it (a Kantoorgebruiker); then choose the division again, and the booking goes on by "
    "itself.",
)
OTHER_DIVISION = Parked(
    "exact-other-division",
    Words(
        nl="De boeking is in een andere administratie begonnen dan er nu gekozen is, en het is niet bekend of zij daar is "
        "gelukt. Kijk daar; laat de factuur terugnemen als zij er staat, of kies die administratie weer.",
        en="The booking was begun in another division than is chosen now, and whether it was done there is not known. Look "
        "there; have the invoice taken back if it is there, or choose that division again.",
    ),
)
NO_LINK = Parked(
    "exact-link-ended",
    Words(
        nl="De koppeling met Exact Online is er niet meer. Zet haar opnieuw op; wat wacht wordt daarna vanzelf geboekt.",
        en="The link with Exact Online is there no more. Set it up again; what waits is then booked by itself.",
    ),
)
RECEIVER_ACTS = Outward(
    "receiver-must-act",
    Words(
        nl="Het boekhoudpakket van de ontvanger neemt de factuur nog niet aan. De ontvanger is aan zet en leest bij zich "
        "wat er aan de hand is; daarna gaat de factuur door. Vraag de ontvanger ernaar, of neem de factuur terug.",
        en="The receiver's bookkeeping package does not take the invoice yet. It is the receiver's turn, who reads on its "
        "side what is the matter; after that the invoice goes on. Ask the receiver about it, or take the invoice back.",
    ),
)
"""All a sender reads of what is in the way in somebody else's books (docs/adr/0055)."""


def outward(outcome: Outcome) -> Outcome:
    """A delivery's outcome, of which the sender reads nothing of the receiver's books. A sale is in its sender's own
    books, and told whole."""
    match outcome:
        case Parked():
            return replace(outcome, outward=RECEIVER_ACTS)
        case HandedOver(outward=None):
            return replace(outcome, outward="Exact Online")
        case _:
            return outcome


def of(trouble: Trouble, now: datetime, *, writing: bool, resolved: bool) -> Outcome:
    """``writing``: a step that changes the books was under way. ``resolved``: of all earlier ones it is known how they
    ended."""
    match trouble:
        case NotNow(wait=wait):
            return NotBegun(str(trouble), wait=max(wait.until - now, timedelta(seconds=1)))
        case Stopped():
            return NotBegun(str(trouble), wait=timedelta(seconds=1))
        case NotReached():
            return Failed("exact-away", str(trouble), resolved=resolved)
        case MayBeDone():
            return (
                Unknown(str(trouble)) if writing else Failed("exact-trouble", str(trouble), resolved=resolved)
            )
        case Lapsed(code=code, reason=reason):
            return Parked(code, reason, str(trouble))
        case Denied(status=401):
            return Failed("exact-unauthorised", str(trouble), resolved=resolved, wait=_LATER)
        case Denied(status=403, said=said):
            return Parked("exact-no-right", _with(_NO_RIGHT, said), str(trouble))
        case Denied(said=said):
            about = _about(said)
            return Parked(about.code, _with(about.advice, said), str(trouble))
        case _:
            return Failed("exact-trouble", str(trouble), resolved=resolved)


def too_large(no: Denied) -> bool:
    """Whether a refused attachment is only too large."""
    text = no.said.lower()
    return no.status == 413 or any(
        words in text for words in ("too large", "too big", "te groot", "maximum size")
    )


def party_gone(no: Denied) -> bool:
    """Whether the party we knew is not there any more, as far as the text tells."""
    text = no.said.lower()
    named = any(words in text for words in ("supplier", "leverancier", "customer", "klant"))
    return named and any(
        words in text for words in ("there is none", "not found", "bestaat niet", "does not exist")
    )


def _about(said: str) -> _About:
    text = said.lower()
    return next(
        (each for each in _KINDS if all(any(mark in text for mark in group) for group in each.marks)), _OTHER
    )


def _with(advice: Words, said: str) -> Words:
    return Words(nl=f"{advice.nl} Exact Online zegt: “{said}”", en=f"{advice.en} Exact Online says: “{said}”")


def surely_nothing(trouble: Trouble) -> bool:
    """Whether what was asked was not done, for sure."""
    return not isinstance(trouble, MayBeDone)


def words_of(reason: Mapping[str, str]) -> Words:
    return Words(nl=reason["nl"], en=reason["en"])
