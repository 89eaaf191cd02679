"""What a receiver's answer over HTTPS means for a delivery (RFC 9110; Standard Webhooks 1.0.0). Pure.

==========================  ============================================================================
2xx                         it has the invoice
3xx                         not followed: it must name its address itself; tried again meanwhile
410                         it wants nothing any more: its connection ends, what is under way waits
413                         never this one
429, 5xx, Retry-After       later, and not before it says
other 4xx                   tried again, as its own mistake is mended more often than not
==========================  ============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from libs.contracts.parts import Words
from services.deliver.parcel import Failed, HandedOver, Outcome, Outward, Parked, Refused
from services.deliver.results import line

LONGEST_WAIT = timedelta(hours=24)
"""No receiver puts off for longer than this at a time."""

_STATUS = re.compile(r"(\d{3})(?: |$)")
_ABOUT_ONE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Said of what was sent, and not of whoever sends."""

_LARGE = Words(
    nl="De factuur met bijlagen is te groot voor de ontvanger. Maak de PDF kleiner of stuur de factuur langs een andere "
    "weg.",
    en="The invoice with its attachments is too large for the receiver. Make the PDF smaller or send the invoice another "
    "way.",
)
ENDED = Words(
    nl="De ontvanger neemt op dit adres geen facturen meer aan en heeft de koppeling beëindigd. De factuur wacht. Zij "
    "gaat vanzelf door als de ontvanger opnieuw koppelt; geeft u haar vrij, dan gaat zij zoals het nu is afgesproken, "
    "bijvoorbeeld per e-mail.",
    en="The receiver takes no more invoices at this address and ended the connection. The invoice waits. It goes on by "
    "itself when the receiver connects again; if you release it, it goes as is agreed now, for example by e-mail.",
)
_NOT_PUBLIC = "address-not-public"
_TOLD = Outward(
    _NOT_PUBLIC,
    Words(
        nl="Het adres van de ontvanger ligt niet op het openbare internet; daarheen bezorgt deze hub niet. De factuur "
        "wacht tot de ontvanger een ander adres opgeeft, of tot u haar vrijgeeft of terugneemt.",
        en="The receiver's address is not on the public internet; this hub does not deliver there. The invoice waits until "
        "the receiver gives another address, or until you release it or take it back.",
    ),
)
NOT_PUBLIC = Parked(
    _NOT_PUBLIC,
    Words(
        nl="Het adres van uw koppeling ligt niet op het openbare internet; daarheen bezorgt deze hub niet. Geef een ander "
        "adres op: de factuur gaat daarna vanzelf door.",
        en="The address of your connection is not on the public internet; this hub does not deliver there. Give another "
        "address: the invoice then goes on by itself.",
    ),
    outward=_TOLD,
)


def meaning(status: int, headers: Mapping[str, str], said: bytes, now: datetime, *, again: bool) -> Outcome:
    """``again``: an earlier attempt may have been taken, too; under the same webhook-id."""
    told = line(f"{status} {said.decode('utf-8', 'replace')}", 200)
    if 200 <= status <= 299:
        return HandedOver(told, repeated=again, outward=outward(told))
    if status == HTTPStatus.GONE:
        return Parked("connection-ended", ENDED, told, ends_connection=True)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Refused("https-too-large", _LARGE, told)
    wait = retry_after(headers, now)
    if wait is not None or status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return Failed("https-later", told, wait=wait)
    if 300 <= status <= 399:
        return Failed("https-redirect", told)
    return Failed("https-refused" if status in _ABOUT_ONE else "https-trouble", told)


def outward(told: str) -> str | None:
    """Of what a receiver's program said, which its sender may read: the status. None: it said none."""
    found = _STATUS.match(told)
    return f"HTTP {found[1]}" if found else None


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Until when to wait (RFC 9110 §10.2.3: seconds, or a date), no longer than ``LONGEST_WAIT``; None: it does not say."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        wait = timedelta(seconds=int(text))
    else:
        try:
            wait = parsedate_to_datetime(text) - now
        except (TypeError, ValueError):
            return None
    return min(max(wait, timedelta()), LONGEST_WAIT)
