"""Access tokens of Exact Online, renewed by one worker at a time.

A refresh token is spent by its use (exact.md §3.1), so two who renew at once lose the link. ::

    read ─ young enough ──────────────────────────────────────────▶ use it
      └─ old ─▶ claim: *renewing* committed ─▶ Exact ─▶ new tokens committed ─▶ use them
                  └─ somebody else has it: wait, read again

The claim is on one generation of tokens and has an end, so that a worker that died leaves it to the next. Nobody uses new
tokens before they are committed. **What a kill can lose:** a worker that dies after Exact answered and before the commit
takes the new tokens with it, while the old one is spent. No order of steps mends that. The next renewal is refused, and the
link is then told to have lapsed for this reason; the access token in hand still serves until its 600 seconds are over.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import httpx
import structlog

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.keyring import Keys
from services.deliver.exact import oauth
from services.deliver.exact.budget import Wait
from services.deliver.exact.oauth import App, NoMore, Pair, TooEarly
from services.deliver.exact.trouble import Lapsed, MayBeDone, NotNow, NotReached
from services.deliver.receivers import credentials

CLAIM = timedelta(seconds=45)
"""Longer than a renewal may take, with what it takes to commit it."""
SECONDS = 20.0
"""For the token endpoint."""
MOST_BYTES = 64 * 1024
PATIENCE = 40.0
"""Seconds for which somebody else's renewal is waited for."""

ENDED = Words(
    nl="Exact Online neemt de koppeling niet meer aan: zij is daar beëindigd, of dezelfde gebruiker heeft elders opnieuw "
    "toestemming gegeven. Zet de koppeling opnieuw op; wat wacht wordt daarna vanzelf geboekt.",
    en="Exact Online does not accept the link any more: it was ended there, or the same user consented anew elsewhere. "
    "Set the link up again; what waits is then booked by itself.",
)
CUT_SHORT = Words(
    nl="De hub werd onderbroken terwijl hij de koppeling met Exact Online vernieuwde, en de nieuwe toegang ging daarbij "
    "verloren. Zet de koppeling opnieuw op; wat wacht wordt daarna vanzelf geboekt.",
    en="The hub was interrupted while it renewed the link with Exact Online, and the new access was lost with it. Set the "
    "link up again; what waits is then booked by itself.",
)
NO_KEY = Words(
    nl="De hub kan de bewaarde toegang tot Exact Online niet meer openen. Zet de koppeling opnieuw op.",
    en="The hub cannot open the stored access to Exact Online any more. Set the link up again.",
)

_READ = """
SELECT state, base, reason, generation, issued_at, renewing_until, coalesce($2, now()) AS now
  FROM exact_grant WHERE grant_id = $1
"""
_CLAIM = """
UPDATE exact_grant SET renewing_until = coalesce($3, now()) + $4
 WHERE grant_id = $1 AND generation = $2 AND state <> 'lapsed'
   AND (renewing_until IS NULL OR renewing_until < coalesce($3, now()))
RETURNING grant_id
"""
# Whoever has tokens that Exact gave is right, whatever was thought of the link meanwhile.
_RENEWED = """
UPDATE exact_grant SET generation = generation + 1, issued_at = coalesce($3, now()), renewing_until = NULL,
       state = CASE WHEN state = 'lapsed' AND reason->>'code' = 'exact-renewal-lost' THEN 'live' ELSE state END,
       told_at = CASE WHEN state = 'lapsed' AND reason->>'code' = 'exact-renewal-lost' THEN NULL ELSE told_at END
 WHERE grant_id = $1 AND generation = $2
RETURNING grant_id
"""
_LET_GO = """
UPDATE exact_grant SET renewing_until = NULL, issued_at = issued_at + $3 WHERE grant_id = $1 AND generation = $2
"""
_LAPSE = """
UPDATE exact_grant SET state = 'lapsed', reason = $3, renewing_until = NULL
 WHERE grant_id = $1 AND generation = $2 AND state <> 'lapsed'
"""

_log = structlog.get_logger(__name__)


class Tokens:
    """``pool`` has the worker role; ``now``: instead of the database's clock, where time is simulated."""

    def __init__(
        self,
        pool: Pool,
        keys: Keys,
        app: App,
        http: httpx.AsyncClient,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._app = app
        self._http = http
        self._now = now
        # Those of one process wait for each other here, and not in the database.
        self._locks: weakref.WeakValueDictionary[UUID, asyncio.Lock] = weakref.WeakValueDictionary()

    async def of(self, grant_id: UUID, *, refused: str | None = None) -> str:
        """An access token that is good now. ``refused``: one that Exact did not take; a newer one if there can be any.

        Raises ``Lapsed``, ``NotReached``, ``MayBeDone``, ``NotNow``."""
        lock = self._locks.setdefault(grant_id, asyncio.Lock())
        async with lock:
            until, pause = clock.monotonic() + PATIENCE, 0.005
            while clock.monotonic() < until:
                found = await self._look(grant_id, refused)
                if found is not None:
                    return found
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.5)
        raise NotNow(Wait(clock.now() + timedelta(seconds=10), "minute"))

    async def exchange(self, base: str, code: str) -> Pair:
        """What a code that a person came back with is worth. Raises ``Trouble``; a code is good once."""
        found = await self._ask(base, oauth.exchange(self._app, code))
        if isinstance(found, Pair):
            return found
        raise Lapsed("exact-no-code", _NO_CODE) from None

    async def _look(self, grant_id: UUID, refused: str | None) -> str | None:
        """A token; None: somebody else is renewing it."""
        row = await self._pool.fetchrow(_READ, grant_id, self._time())
        if row is None or row["state"] == "lapsed":
            told = row["reason"] if row is not None else None
            told = told or {"code": "exact-link-ended", **ENDED.model_dump()}
            raise Lapsed(told["code"], Words(nl=told["nl"], en=told["en"]))
        held = (await credentials.of(self._pool, self._keys, [grant_id], "exact")).get(grant_id)
        if not held:
            raise await self._lapsed(grant_id, row["generation"], "exact-no-key", NO_KEY)
        pair, age = Pair.unpacked(held[0]), row["now"] - row["issued_at"]
        if age < (oauth.REFRESH if refused != pair.access else oauth.NOT_BEFORE):
            return pair.access
        cut = row["renewing_until"] is not None
        if not await self._pool.fetchval(_CLAIM, grant_id, row["generation"], self._time(), CLAIM):
            return None
        return await self._renew(grant_id, row["base"], row["generation"], pair, age, cut=cut)

    async def _renew(
        self, grant_id: UUID, base: str, generation: int, pair: Pair, age: timedelta, *, cut: bool
    ) -> str:
        try:
            found = await self._ask(base, oauth.renewal(self._app, pair.refresh))
        except NotReached:
            await self._pool.execute(_LET_GO, grant_id, generation, timedelta())
            if age < oauth.HOLDS - timedelta(seconds=5):
                return pair.access
            raise
        # With MayBeDone nobody lets go: it may be spent, and the next to try finds out when this claim is over.
        if isinstance(found, Pair):
            return await self._keep(grant_id, generation, found)
        if isinstance(found, TooEarly):
            # Our clock runs ahead of theirs.
            await self._pool.execute(_LET_GO, grant_id, generation, timedelta(seconds=10))
            return pair.access
        code, words = ("exact-renewal-lost", CUT_SHORT) if cut else ("exact-link-ended", ENDED)
        _log.warning("a link with Exact Online has lapsed", code=code, said=found.said)
        raise await self._lapsed(grant_id, generation, code, words)

    async def _lapsed(self, grant_id: UUID, generation: int, code: str, words: Words) -> Lapsed:
        """Written down, for its account to be told of (``lapses``)."""
        reason = {"code": code, **words.model_dump()}
        await self._pool.execute(_LAPSE, grant_id, generation, reason)
        return Lapsed(code, words)

    async def _keep(self, grant_id: UUID, generation: int, pair: Pair) -> str:
        """Commit them, however long the database is away: nobody else has them."""
        pause = 0.1
        while True:
            try:
                async with self._pool.acquire() as conn, conn.transaction():
                    if await conn.fetchval(_RENEWED, grant_id, generation, self._time()):
                        await credentials.put(conn, self._keys, grant_id, "exact", pair.packed())
                return pair.access
            except asyncpg.UniqueViolationError as taken:
                # It had been told to have lapsed, and another account has the person by now.
                raise Lapsed("exact-link-ended", ENDED) from taken
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
                _log.error(
                    "cannot store the new tokens of a link yet: they exist here alone", error=repr(away)
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, 5.0)

    async def _ask(self, base: str, form: dict[str, str]) -> Pair | TooEarly | NoMore:
        """Raises ``NotReached``, ``MayBeDone``."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._http.stream(
                    "POST",
                    f"{base}/api/oauth2/token",
                    data=form,
                    headers={"Accept": "application/json"},
                ) as reply,
            ):
                content = b""
                async for piece in reply.aiter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise MayBeDone("the token endpoint answers without end")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as away:
            raise NotReached(repr(away)) from away
        except (httpx.HTTPError, TimeoutError, OSError) as broken:
            raise MayBeDone(repr(broken)) from broken
        found = oauth.answer(reply.status_code, content)
        if isinstance(found, oauth.Unclear):
            # A refusal of the hub itself spends nothing; a 5xx may come after the fact.
            raise (NotReached if 400 <= reply.status_code <= 499 else MayBeDone)(found.said)
        return found

    def _time(self) -> datetime | None:
        return self._now() if self._now is not None else None


_NO_CODE = Words(
    nl="Exact Online neemt deze toestemming niet (meer) aan: een code is één keer en een paar minuten goed. Begin opnieuw.",
    en="Exact Online does not take this consent (any more): a code is good once, for a few minutes. Begin again.",
)
