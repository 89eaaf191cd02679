"""Asking the trade register with care: kept answers, a budget a day, and left alone when it is in trouble.

::

    asked ─▶ kept and young enough? ─▶ the answer
              └ off? budget spent? left alone? ─▶ an old answer where there is one, else RegisterAway
                  └ asked, outside of any transaction ─▶ kept
                       └ its fault ─▶ counted; three in a row: left alone for a while
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from services.route.settings import RouteSettings
from services.route.trade_register.register import Company, Register, RegisterAway

NOTHING = Words(
    nl="Het handelsregister geeft niets van dit nummer. Controleer het op kvk.nl.",
    en="The trade register gives nothing of this number. Check it at kvk.nl.",
)
_OFF = Words(
    nl="Opzoeken in het handelsregister staat uit (POSTBODE_ROUTE_KVK_API_KEY is niet ingesteld, of KVK_LOOKUP is uit). "
    "Kijk op kvk.nl; voor een brief geeft u de adresregels dan zelf op (--line, `postal`).",
    en="Looking up in the trade register is off (POSTBODE_ROUTE_KVK_API_KEY is not set, or KVK_LOOKUP is off). "
    "Look at kvk.nl; for a letter you then give the lines of the address yourself (--line, `postal`).",
)
_SPENT = Words(
    nl="Vandaag is het handelsregister zo vaak bevraagd als is ingesteld. Probeer het morgen opnieuw.",
    en="The trade register was asked as often today as is set. Try again tomorrow.",
)
_ALONE = Words(
    nl="Het handelsregister had storing en wordt even met rust gelaten. Probeer het later opnieuw.",
    en="The trade register was in trouble and is left alone for a while. Try again later.",
)


@dataclass(frozen=True, slots=True)
class Care:
    """How it is asked."""

    keep: timedelta
    daily: int
    """Questions a day, of all processes together; the day is UTC's."""
    threshold: int = 3
    """Failures in a row after which it is left alone."""
    pause: timedelta = timedelta(minutes=5)


def care_of(settings: RouteSettings) -> Care:
    return Care(keep=timedelta(days=settings.kvk_keep_days), daily=settings.kvk_daily)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the register said, and when."""

    company: Company | None
    """None: it gives nothing of this number."""
    asked_at: datetime


_KEPT = "SELECT company, asked_at FROM register_answer WHERE kvk = $1"
_KEEP = """
INSERT INTO register_answer (kvk, company) VALUES ($1, $2::jsonb)
ON CONFLICT (kvk) DO UPDATE SET company = excluded.company, asked_at = now() RETURNING asked_at
"""
_SPEND = """
INSERT INTO register_day AS d (day, asked) SELECT (now() AT TIME ZONE 'UTC')::date, 1 WHERE $1 > 0
ON CONFLICT (day) DO UPDATE SET asked = d.asked + 1 WHERE d.asked < $1 RETURNING asked
"""
_LEFT_ALONE = "SELECT EXISTS (SELECT FROM register_breaker WHERE open_until > now())"
# Once the pause is over the next question is the probe: one more failure, and it is left alone again.
_FAILED = """
INSERT INTO register_breaker AS b (failures, open_until, detail)
VALUES (1, CASE WHEN 1 >= $1 THEN now() + $2::interval END, $3)
ON CONFLICT (one) DO UPDATE SET failures = b.failures + 1, detail = excluded.detail,
    open_until = CASE WHEN b.failures + 1 >= $1 THEN now() + $2::interval END
"""
_WELL = "DELETE FROM register_breaker"


class Lookups:
    """The register, asked with care. ``register`` None: it is off."""

    def __init__(self, pool: Pool, register: Register | None, care: Care) -> None:
        """``pool`` has the worker role."""
        self._pool = pool
        self._register = register
        self._care = care

    @property
    def off(self) -> bool:
        return self._register is None

    async def company(self, kvk: str) -> Answer:
        """Raises ``RegisterAway`` where it cannot be asked and never was."""
        async with self._pool.acquire() as conn:
            kept = await _kept(conn, kvk)
            if kept is not None and clock.now() - kept.asked_at < self._care.keep:
                return kept
        try:
            return await self._asked(kvk)
        except RegisterAway:
            # An old answer, with its date, says more than none.
            if kept is not None:
                return kept
            raise

    async def _asked(self, kvk: str) -> Answer:
        if self._register is None:
            raise RegisterAway(_OFF, theirs=False)
        async with self._pool.acquire() as conn:
            if await conn.fetchval(_LEFT_ALONE):
                raise RegisterAway(_ALONE, theirs=False)
            if await conn.fetchval(_SPEND, self._care.daily) is None:
                raise RegisterAway(_SPENT, theirs=False)
        # No connection is held while it is asked: it may take seconds.
        try:
            company = await self._register.company(kvk)
        except RegisterAway as away:
            if away.theirs:
                async with self._pool.acquire() as conn:
                    await conn.execute(_FAILED, self._care.threshold, self._care.pause, away.message[:200])
            raise
        async with self._pool.acquire() as conn, conn.transaction():
            await conn.execute(_WELL)
            asked_at = await conn.fetchval(_KEEP, kvk, company.as_json() if company else None)
        return Answer(company, asked_at)


async def _kept(conn: Connection, kvk: str) -> Answer | None:
    row = await conn.fetchrow(_KEPT, kvk)
    if row is None:
        return None
    return Answer(Company.from_json(row["company"]) if row["company"] else None, row["asked_at"])
