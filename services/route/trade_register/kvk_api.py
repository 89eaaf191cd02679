"""The public API of the KvK trade register (developers.kvk.nl): the basic profile of a company.

``GET {base}/v1/basisprofielen/{kvk}`` with the header ``apikey``. **Never tried against the real register**: written from
its public documentation, tested against a simulator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from libs.contracts.parts import Words
from libs.http.client import client
from services.route.companies.addresses import Address, each_once
from services.route.settings import RouteSettings
from services.route.trade_register.register import Company, RegisterAway

_MOST = 200_000
"""Bytes of an answer; a profile has a few thousand."""
_LONGEST = 200
_COUNTRIES = {"Nederland": "NL", "België": "BE", "Duitsland": "DE", "Frankrijk": "FR", "Luxemburg": "LU"}
"""The register writes countries out; of others an address is told as lines of a letter only."""


class KvkApi:
    """The adapter. Leaving it closes its connections."""

    def __init__(self, base_url: str, key: str, *, timeout_s: float, trusted: Path | None = None) -> None:
        """``timeout_s``: for the whole question, in seconds. ``trusted``: certificates to trust as well."""
        self._client = client(base_url=base_url, timeout=timeout_s, most=2, trusted=trusted)
        self._client.headers["apikey"] = key
        self._timeout = timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def company(self, kvk: str) -> Company | None:
        """Raises ``RegisterAway``."""
        try:
            async with asyncio.timeout(self._timeout):
                status, body = await self._ask(kvk)
        except (httpx.HTTPError, TimeoutError) as error:
            raise _away(type(error).__name__) from error
        # IPD0005 and IPD0004: nothing can be given of this number. Any other 404 is a wrong address.
        if status in (400, 404) and {"IPD0004", "IPD0005"} & set(_codes(body)):
            return None
        if status != 200:
            raise _away(f"{status} {' '.join(_codes(body))}".strip())
        return read(kvk, body)

    async def _ask(self, kvk: str) -> tuple[int, bytes]:
        async with self._client.stream("GET", f"/v1/basisprofielen/{kvk}") as reply:
            body = b""
            async for piece in reply.aiter_bytes():
                body += piece
                if len(body) > _MOST:
                    raise _away("too large")
            return reply.status_code, body


def configured(settings: RouteSettings) -> KvkApi | None:
    """The register, where there is a key for it and it is not switched off."""
    if settings.kvk_api_key is None or not settings.kvk_lookup:
        return None
    return KvkApi(
        settings.kvk_api_url,
        settings.kvk_api_key.get_secret_value(),
        timeout_s=settings.kvk_timeout_s,
        trusted=settings.kvk_trusted,
    )


def read(kvk: str, body: bytes) -> Company:
    """A basic profile. Pure. Raises ``RegisterAway`` for what is none, or is of another number."""
    try:
        return _read(kvk, _json(body))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _away("not a profile") from error


def _read(kvk: str, profile: Any) -> Company:
    if profile["kvkNummer"] != kvk:
        raise ValueError("another company")
    name = _text(profile["naam"])
    if name is None:
        raise ValueError("no name")
    embedded = profile.get("_embedded") or {}
    addresses = [
        address
        for part in ("hoofdvestiging", "eigenaar")
        for address in (embedded.get(part) or {}).get("adressen") or []
        if address.get("indAfgeschermd") != "Ja"
    ]
    names = [profile.get("statutaireNaam"), *(each["naam"] for each in profile.get("handelsnamen") or [])]
    codes = [_text(address.get("postcode")) for address in addresses]
    # The address for correspondence is where its post goes.
    addresses.sort(key=lambda address: address.get("type") != "correspondentieadres")
    postal = next((lines for lines in map(_lines, addresses) if lines), ())
    return Company(
        kvk=kvk,
        name=name,
        names=tuple(dict.fromkeys(text for each in names if (text := _text(each)) and text != name)),
        post_codes=tuple(dict.fromkeys(code for code in codes if code)),
        postal=postal,
        addresses=each_once(filter(None, map(_address, addresses))),
        ended=bool((profile.get("materieleRegistratie") or {}).get("datumEinde")),
    )


def _first(address: Mapping[str, Any]) -> str | None:
    """Street and number, or a box."""
    if address.get("postbusnummer"):
        return f"Postbus {address['postbusnummer']}"
    street = _text(address.get("straatnaam"))
    number = "".join(str(address.get(part) or "") for part in ("huisnummer", "huisletter")) + (
        f"-{address['huisnummerToevoeging']}" if address.get("huisnummerToevoeging") else ""
    )
    return f"{street} {number}" if street and number else None


def _address(address: Mapping[str, Any]) -> Address | None:
    code, town = _text(address.get("postcode")), _text(address.get("plaats"))
    country = _COUNTRIES.get(_text(address.get("land")) or "Nederland")
    first = _first(address)
    if country is None or not (first or code or town):
        return None
    return Address(first, city=town, post_code=code, country_code=country, said_by="register")


def _lines(address: Mapping[str, Any]) -> tuple[str, ...]:
    """Street and number or a box, post code and town, country; nothing when a part a letter needs is missing."""
    code, town = _text(address.get("postcode")), _text(address.get("plaats"))
    first = _first(address)
    if not (first and code and town):
        return ()
    land = _text(address.get("land"))
    return (first, f"{code} {town}", *([land] if land and land != "Nederland" else []))


def _text(value: Any) -> str | None:
    """One line of text, or nothing."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("no text")
    return "".join(c if c.isprintable() else " " for c in value).strip()[:_LONGEST] or None


def _json(body: bytes) -> Any:
    return httpx.Response(200, content=body).json()


def _codes(body: bytes) -> Iterator[str]:
    try:
        faults = _json(body)["fout"]
        yield from [str(fault["code"])[:20] for fault in faults]
    except (ValueError, TypeError, KeyError):
        return


def _away(why: str) -> RegisterAway:
    return RegisterAway(
        Words(
            nl=f"Het handelsregister gaf geen bruikbaar antwoord ({why}).",
            en=f"The trade register gave no answer of use ({why}).",
        )
    )
