"""Speaks to one Purchase to Pay: signs in, reads pages, writes records. Writing is an upsert: twice is once.

========================  =====================================================================================
401                       signed in anew, once; again 401: ``P2PRefusesUs``, nothing else is tried
429                       waited as long as ``Retry-After`` says, everybody together, and tried again
5xx, no connection        ``P2PAway``: not written
time-out, broken off      ``P2PUnknown``: perhaps written; whoever asked looks before trying again
other 4xx                 ``P2PRefused``: this record as it is will never be taken
========================  =====================================================================================
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from libs import clock
from libs.errors import Refusal, Unavailable
from libs.http.session import Answer, Asking, BrokenOff, NotReached, Session
from libs.text import one_line
from services.sync.mappings.field import Payload
from services.sync.p2p import paths

MOST_WAITING = 900.0
"""So many seconds in all one request may be told to wait; how often does not matter, others wait along with it."""
LONGEST_WAIT = 120.0


class P2PAway(Unavailable):
    """Purchase to Pay does not answer: try again later."""

    slug = "p2p-away"
    dutch = "Purchase to Pay antwoordt niet: probeer het later opnieuw."


class P2PUnknown(P2PAway):
    """Purchase to Pay broke off: perhaps it was written, perhaps not."""

    slug = "p2p-unknown"
    dutch = "Purchase to Pay brak af: misschien is het geschreven, misschien niet."


class P2PRefusesUs(Refusal):
    """Purchase to Pay does not let us in: check user name, password and API key."""

    slug = "p2p-refuses-us"
    dutch = "Purchase to Pay laat ons niet binnen: controleer gebruikersnaam, wachtwoord en API-sleutel."
    status = 422


class P2PRefused(Refusal):
    """Purchase to Pay does not take this record."""

    slug = "p2p-refused"
    dutch = "Purchase to Pay neemt dit gegeven niet aan."
    status = 422


class P2PForbidden(P2PRefused):
    """Purchase to Pay knows us and does not let us do this."""

    slug = "p2p-forbidden"
    dutch = "Purchase to Pay kent ons en staat dit niet toe."


@dataclass(frozen=True, slots=True)
class Account:
    """What a P2P client is made of (R203)."""

    base_address: str
    username: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


class P2P:
    """One Purchase to Pay. Close it."""

    def __init__(
        self, account: Account, *, at_once: int = 8, timeout: float = 30.0, asking: Asking | None = None
    ) -> None:
        self._account = account
        self._http = asking or Session(account.base_address, timeout=timeout, most=at_once)
        self._room = asyncio.Semaphore(at_once)
        self._token = ""
        self._signing_in = asyncio.Lock()
        self._not_before = 0.0

    async def close(self) -> None:
        await self._http.close()

    async def sign_in(self) -> None:
        """Get a token. Raises ``P2PRefusesUs`` or ``P2PAway``."""
        given = {
            "grant_type": "password",
            "username": self._account.username,
            "password": self._account.password,
            "apikey": self._account.api_key,
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        waited = 0.0
        while True:
            try:
                answer = await self._http.ask(
                    "POST", paths.TOKEN, headers=headers, body=urlencode(given).encode()
                )
            except (NotReached, BrokenOff) as away:
                raise P2PAway from away
            if answer.status != 429 or waited > LONGEST_WAIT:
                break
            waited += _retry_after(answer)
            await asyncio.sleep(_retry_after(answer))
        if answer.status >= 500 or answer.status == 429:
            raise P2PAway
        token = _json(answer).get(paths.ACCESS_TOKEN) if answer.status < 300 else None
        if answer.status == 404 or (answer.status < 300 and not isinstance(token, str)):
            raise P2PRefusesUs(
                "This address is no Purchase to Pay: check the base address.",
                nl="Op dit adres is geen Purchase to Pay: controleer het basisadres.",
                code="p2p-wrong-address",
            )
        if not isinstance(token, str):
            raise P2PRefusesUs
        self._token = token

    async def pages(
        self, resource: str, since: datetime | None = None
    ) -> AsyncIterator[tuple[list[Payload], datetime]]:
        """Every page of a resource, or of what was changed since; with the moment Purchase to Pay says it is."""
        page = 0
        largest = 0
        before: list[Payload] = []
        while True:
            page += 1
            query: dict[str, str] = {paths.PAGE: str(page)}
            if since is not None:
                query[paths.SINCE] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = await self._send("GET", paths.READ.format(resource=resource), query=query)
            found = _list(answer)
            if found and found == before:
                raise P2PAway(
                    "Purchase to Pay answers the same page again and again.",
                    nl="Purchase to Pay antwoordt steeds dezelfde bladzijde.",
                    code="p2p-unreadable",
                )
            before = found
            largest = max(largest, len(found))
            if found or page == 1:
                yield found, _moment(answer)
            pages = _json(answer).get(paths.PAGES)
            if not found or len(found) < largest or (isinstance(pages, int) and page >= pages):
                return

    async def every(self, resource: str) -> list[Payload]:
        """All records of a small resource."""
        return [each async for page, _ in self.pages(resource) for each in page]

    async def update(
        self, resource: str, payload: Payload, right_before: Callable[[], None] = lambda: None
    ) -> None:
        """Write one record. Raises ``P2PRefused``, ``P2PRefusesUs``, ``P2PAway``, ``P2PUnknown``; and what ``right_before``
        raises, which is called when nothing is left to wait for."""
        path, body = paths.UPDATE.format(resource=resource), orjson.dumps(bare(payload))
        await self._send("POST", path, body=body, right_before=right_before)

    async def allowed(self, resource: str, company: str) -> bool:
        """Whether our user may see a resource of one company."""
        try:
            path = paths.READ.format(resource=resource)
            await self._send("GET", path, query={paths.PAGE: "1", paths.COMPANY_FILTER: company})
        except P2PForbidden:
            return False
        return True

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        right_before: Callable[[], None] = lambda: None,
    ) -> Answer:
        signed_in_again = False
        waited = 0.0
        while waited < MOST_WAITING:
            async with self._room:
                await asyncio.sleep(max(0.0, self._not_before - clock.monotonic()))
                if not self._token:
                    await self._once(self._token)
                token = self._token  # as it is now: while this one waited another may have signed in anew
                headers = {
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/json",
                    "Cache-Control": "no-cache",
                }
                if body is not None:
                    headers["Content-Type"] = "application/json"
                right_before()
                try:
                    answer = await self._http.ask(method, path, query=query, headers=headers, body=body)
                except NotReached as away:
                    raise P2PAway from away
                except BrokenOff as broken:
                    raise (P2PUnknown if method == "POST" else P2PAway) from broken
            if answer.status == 401:
                if signed_in_again:
                    raise P2PRefusesUs
                signed_in_again = True
                await self._once(token)
            elif answer.status == 429:
                waited += _retry_after(answer)
                self._not_before = max(self._not_before, clock.monotonic() + _retry_after(answer))
            elif answer.status >= 500:
                raise P2PAway
            elif answer.status >= 400:
                code, message = _refusal(answer)
                kind = P2PForbidden if answer.status == 403 else P2PRefused
                raise kind(message, nl=message, code=code)
            else:
                return answer
        raise P2PAway(
            "Purchase to Pay keeps telling us to wait: try again later.",
            nl="Purchase to Pay laat ons steeds wachten: probeer het later opnieuw.",
            code="p2p-busy",
        )

    async def _once(self, stale: str) -> None:
        """Sign in, once for everybody whose token turned out stale."""
        async with self._signing_in:
            if self._token == stale:
                await self.sign_in()


def _parsed(answer: Answer) -> Any:
    """Raises ``ValueError`` for what is no JSON."""
    try:
        return orjson.loads(answer.content)
    except ValueError:
        try:
            return json.loads(answer.content)  # takes a byte order mark and half a surrogate
        except RecursionError as deep:
            raise ValueError("too deep") from deep


def _json(answer: Answer) -> dict[str, Any]:
    try:
        found = _parsed(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(answer: Answer) -> list[Payload]:
    try:
        found = _parsed(answer)
    except ValueError as bad:
        raise P2PAway from bad
    if isinstance(found, dict):
        found = next((found[name] for name in paths.LISTS if isinstance(found.get(name), list)), None)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise P2PAway(
            "Purchase to Pay answers something that is no list of records.",
            nl="Purchase to Pay antwoordt iets wat geen lijst van gegevens is.",
            code="p2p-unreadable",
        )
    return [_keepable(each) for each in found] if _ODD.search(answer.content) else found


_ODD = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


def _keepable(value: Any) -> Any:
    """Without what no database keeps: a NUL, half a pair of surrogates. One such record would stop all others."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_keepable(name): _keepable(each) for name, each in value.items()}
    return [_keepable(each) for each in value] if isinstance(value, list) else value


def _refusal(answer: Answer) -> tuple[str, str]:
    """What Purchase to Pay says about it: its code with ours before it, and its words, cut short."""
    said = _json(answer)
    inner = said.get("error")
    error: Mapping[str, Any] = inner if isinstance(inner, dict) else said
    message = next((str(error[name]) for name in ("message", "error", "detail") if error.get(name)), "")
    details = error.get("details")
    fields = [
        f"{each.get('field')}: {each.get('message')}"
        for each in (details if isinstance(details, list) else [])
        if isinstance(each, dict)
    ]
    told = one_line("; ".join([message, *fields]), 500) or str(answer.status)
    code = error.get("code")
    return (
        f"p2p-{one_line(code, 40).replace('_', '-')}" if isinstance(code, str) and code else "p2p-refused",
        f"Purchase to Pay: {told}",
    )


def bare(value: Any) -> Any:
    """What is empty is left out: an empty text is not a value there (inference)."""
    if isinstance(value, dict):
        return {name: bare(each) for name, each in value.items() if each is not None and each != ""}
    if isinstance(value, list):
        return [bare(each) for each in value]
    return value


def _moment(answer: Answer) -> datetime:
    """The server's own clock: ours may differ."""
    try:
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return clock.now()


def _retry_after(answer: Answer) -> float:
    """Seconds, also of a moment by the server's own clock; never none at all, or a server that says 0 would be asked
    without end."""
    given = answer.headers.get("retry-after", "")
    if given.isascii() and given.replace(".", "", 1).isdigit():
        said = float(given)
    else:
        try:
            said = (parsedate_to_datetime(given).astimezone(UTC) - _moment(answer)).total_seconds()
        except ValueError:
            said = 1.0
    return min(max(said, 0.01), LONGEST_WAIT)
