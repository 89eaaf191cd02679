"""How a receiver is reached, and when a failed attempt is made again. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.contracts.parts import Receiver, Words
from libs.contracts.sandbox import OF_RECEIVER, is_sandbox
from libs.http.public import ANYWHERE, host_of
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
BAD_ADDRESS = Refused(
    "bad-address",
    Words(
        nl="Het afgesproken e-mailadres van de ontvanger is geen geldig adres. "
        "Vraag uw klant naar het juiste adres en laat het vastleggen.",
        en="The agreed e-mail address of the receiver is not a valid address. "
        "Ask your customer for the right address and have it entered.",
    ),
)
BAD_FOLDER = Refused(
    "no-folder",
    Words(
        nl="De map van de ontvanger is niet goed ingesteld. De beheerder van de hub moet dit herstellen; "
        "stuur de factuur daarna opnieuw.",
        en="The receiver's folder is not set up properly. The operator of the hub has to mend this; "
        "send the invoice again after that.",
    ),
)
BAD_URL = Refused(
    "no-url",
    Words(
        nl="Het adres waar de ontvanger facturen aanneemt is niet goed ingesteld. Vraag uw klant zijn koppeling na te "
        "kijken; stuur de factuur daarna opnieuw.",
        en="The address where the receiver takes invoices is not set up properly. Ask your customer to check its "
        "connection; send the invoice again after that.",
    ),
)
GAVE_UP = Words(
    nl="Alle pogingen om de factuur af te leveren zijn mislukt. Stuur haar langs een andere weg, "
    "en vraag uw klant zijn aansluiting na te kijken.",
    en="Every attempt to deliver the invoice failed. Send it another way, "
    "and ask your customer to check its connection.",
)
GAVE_UP_UNSURE = Words(
    nl="De factuur kon niet met zekerheid worden afgeleverd: bij een poging viel de verbinding weg voordat "
    "de ontvanger antwoordde. Vraag uw klant of hij haar heeft voordat u haar opnieuw stuurt.",
    en="The invoice could not be delivered for certain: in one attempt the connection was lost before the "
    "receiver answered. Ask your customer whether it has the invoice before you send it again.",
)
_MAY_HAVE_IT = Words(
    nl="Bij een eerdere poging bleef het antwoord van de ontvanger uit: misschien heeft hij de factuur al. Vraag uw klant "
    "ernaar voordat u haar opnieuw stuurt.",
    en="In an earlier attempt the receiver's answer did not come: it may have the invoice already. Ask your customer "
    "before you send it again.",
)


def may_have_arrived(refused: Refused) -> Refused:
    """What ends while nobody knows how one of its attempts ended: whoever sends it again must know that."""
    said = refused.reason
    words = Words(nl=f"{said.nl} {_MAY_HAVE_IT.nl}", en=f"{said.en} {_MAY_HAVE_IT.en}")
    return Refused(refused.code, words, refused.detail)


FOLDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""A receiver's folder: one step below the root, nothing that leads elsewhere or hides, the same on every file
system."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Way:
    """A channel, what it needs to know, and what would be slow together with it."""

    channel: Channel
    lane: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Connection:
    """The package a receiver has connected."""

    channel: Channel
    settings: Mapping[str, Any]
    connection_id: UUID | None = None
    package: str | None = None


def way_to(account_id: UUID, receiver: Receiver, connection: Connection | None) -> Way | Refused:
    """Straight into the bookkeeping where it is connected; else by e-mail; else there is no way (R39, R50). From a sandbox
    nothing leaves, whoever the receiver is."""
    if is_sandbox(account_id):
        return Way("sandbox", OF_RECEIVER.get(receiver.party_id, "undeliverable"), {})
    if connection is not None and connection.channel == "folder":
        name = str(connection.settings.get("folder", ""))
        if not FOLDER_NAME.fullmatch(name):
            return BAD_FOLDER
        return Way("folder", name, {"folder": name, **_format(connection), **_fallback(receiver, connection)})
    if connection is not None and connection.channel == "https":
        url = str(connection.settings.get("url", ""))
        try:
            # Whether that may be called is looked at when it is, each time.
            return Way(
                "https",
                host_of(url, ANYWHERE),
                {"url": url, **_format(connection), **_fallback(receiver, connection)},
            )
        except ValueError:
            return BAD_URL
    if connection is not None and connection.channel == "sftp":
        place = {
            name: str(connection.settings.get(name, "")) for name in ("host", "port", "username", "folder")
        }
        lane = "{username}@{host}:{port}/{folder}".format(**place)
        key = str(connection.settings.get("host_key", ""))
        taken = {**_format(connection), **_fallback(receiver, connection)}
        return Way("sftp", lane, {**place, "host_key": key, **taken})
    if connection is not None and connection.channel == "exact_online":
        division = str(connection.settings.get("division", ""))
        taken = {**_format(connection), **_fallback(receiver, connection)}
        return Way("exact_online", division, {"division": division, **taken})
    if connection is not None and connection.channel == "pull":
        return Way("pull", "pull", _format(connection))
    chosen = connection.settings.get("email") if connection is not None else None
    text = str(chosen or receiver.email or "")
    if not text:
        return NO_WAY
    address = mail_address(text)
    if address is None:
        return BAD_ADDRESS
    return _mailed(address, _format(connection))


def _mailed(address: str, taken: Mapping[str, str]) -> Way:
    # Whoever reads its mail itself gets a PDF, its sender's or ours (R49).
    page = {} if "format" in taken else {"page": "yes"}
    return Way("smtp", address.rpartition("@")[2].lower(), {"email": address, **page, **taken})


def _fallback(receiver: Receiver, connection: Connection) -> dict[str, str]:
    """By e-mail after so long, where the receiver chose that and there is an address: part of the plan."""
    after = connection.settings.get("fallback_after")
    address = mail_address(str(connection.settings.get("fallback_email") or receiver.email or ""))
    if after is None or address is None:
        return {}
    return {"fallback_after": str(after), "fallback_email": address}


def by_mail(settings: Mapping[str, str]) -> Way | None:
    """The way by e-mail of what was planned by a package; None when none was agreed."""
    address = mail_address(settings.get("fallback_email", ""))
    if address is None:
        return None
    return _mailed(address, {name: value for name, value in settings.items() if name in _OF_FORMAT})


_OF_FORMAT = ("format", "page", "language", "books")


def _format(connection: Connection | None) -> dict[str, str]:
    """What the receiver's package takes: part of the plan, so that a delivery under way does not change (R52)."""
    settings = connection.settings if connection is not None else {}
    return {name: str(settings[name]) for name in _OF_FORMAT if name in settings}


def same_way(channel: Channel, lane: str, settings: Mapping[str, str], new: Way) -> Way:
    """As it was planned first, with what the receiver's package takes now."""
    if channel == new.channel and channel in ("https", "exact_online"):
        # Wherever it is pushed to, its receiver knows it again by its webhook-id; what was begun in books is in its record.
        return new
    place = {name: value for name, value in settings.items() if name not in _OF_FORMAT}
    taken = {name: value for name, value in new.settings.items() if name in _OF_FORMAT}
    return Way(channel, lane, {**place, **taken})


def mail_address(text: str) -> str | None:
    """An address as it goes to a mail server, the domain in ASCII; None for what is not one.

    Plain addresses only (RFC 5321 ``Dot-string@Domain``, no quotes, no address literals): what a bookkeeping
    department has, and nothing that can end a header or an SMTP command.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if not at or len(local) > 64 or len(domain) > 253:
        return None
    return f"{local}@{domain}" if _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) else None


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again, and when to stop. Both ends count: so many failures, or so old."""

    first: timedelta
    longest: timedelta
    most: int
    give_up: timedelta
    patience: timedelta = timedelta(days=30)
    """How long a parked delivery waits before it is given back."""

    def wait(
        self, failures: int, age: timedelta, *, chance: Callable[[], float] = random.random
    ) -> timedelta | None:
        """How long to wait after the ``failures``-th failure of a delivery of this ``age``: the first wait,
        tripling up to the longest, a quarter less or more so that what failed together does not come back
        together. None: give up."""
        if failures >= self.most or age >= self.give_up:
            return None
        steps = min(failures - 1, 20)
        wait: timedelta = min(self.first * 3**steps, self.longest)
        return wait * (0.75 + chance() / 2)
