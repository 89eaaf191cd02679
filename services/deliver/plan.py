"""How a receiver is reached, and when a failed attempt is made again. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libs.contracts.parts import Receiver, Words
from services.deliver.parcel import Channel, Refused

NO_WAY = Refused(
    "no-channel",
    Words(
        nl="De ontvanger heeft geen boekhoudpakket gekoppeld en er is geen e-mailadres afgesproken. "
        "Vraag uw klant naar een e-mailadres voor facturen en laat het vastleggen.",
        en="The receiver has connected no bookkeeping package and no e-mail address was agreed. "
        "Ask your customer for an e-mail address for invoices and have it entered.",
    ),
)
GAVE_UP = Words(
    nl="Alle pogingen om de factuur af te leveren zijn mislukt. Stuur haar langs een andere weg, "
    "en vraag uw klant zijn aansluiting na te kijken.",
    en="Every attempt to deliver the invoice failed. Send it another way, "
    "and ask your customer to check its connection.",
)


@dataclass(frozen=True, slots=True)
class Way:
    """A channel and what it needs to know."""

    channel: Channel
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Connection:
    """The package a receiver has connected."""

    channel: Channel
    settings: Mapping[str, Any]


def way_to(receiver: Receiver, connection: Connection | None) -> Way | Refused:
    """Straight into the bookkeeping where it is connected; else by e-mail; else there is no way."""
    if connection is not None:
        return Way(connection.channel, {key: str(value) for key, value in connection.settings.items()})
    if receiver.email:
        return Way("smtp", {"email": receiver.email})
    return NO_WAY


def next_attempt(number: int, most: int, *, chance: Callable[[], float] = random.random) -> timedelta | None:
    """When to try again after attempt ``number`` failed: 5 s, doubling up to 6 hours, a quarter less or more.
    None: give up."""
    if number >= most:
        return None
    return timedelta(seconds=min(5.0 * 2 ** (number - 1), 21_600.0) * (0.75 + chance() / 2))
