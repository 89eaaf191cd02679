"""What the trade register says of companies for which invoices wait because nothing but a number named them.

Its names and post codes of such a company are added to the directory, with history, and what waited is decided anew: the
register corroborates. Beside the stream of invoices, a few companies at a time; nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from libs.db.types import Connection, Pool
from libs.service import Wake
from services.route.companies import addresses, directory, parties
from services.route.companies.parties import Change, Editor, Entry
from services.route.deciding.corroboration import post_code
from services.route.trade_register.lookups import Lookups
from services.route.trade_register.register import Company, RegisterAway
from services.route.waits.releases import release_some

AT_ONCE = 20
_MOST = 20
"""Names and post codes a party may have."""
_EDITOR = Editor(account_id=None, operator=True, means="register")
_NOWHERE = UUID(int=0)
_log = structlog.get_logger(__name__)

_WAITED_FOR = """
WITH asked AS MATERIALIZED (
    SELECT DISTINCT substr(w, 9) AS party_id FROM parked p, unnest(p.waits_for) AS w
     WHERE p.state = 'open' AND p.code = 'not-corroborated' AND w LIKE 'company:%')
SELECT i.party_id, i.value FROM asked JOIN identifier i ON i.party_id = asked.party_id::uuid
 WHERE i.scheme = '0106' AND i.confirmed AND i.party_id > $1 ORDER BY i.party_id LIMIT $2
"""


class Corroborator:
    """The schedule."""

    def __init__(self, pool: Pool, lookups: Lookups, wake: Wake, release_most: int) -> None:
        """``pool`` has the worker role."""
        self._pool = pool
        self._lookups = lookups
        self._wake = wake
        self._release_most = release_most
        self._after = _NOWHERE

    async def run(self) -> None:
        """Look up the next few companies; after the last it begins again, from what is kept."""
        if self._lookups.off:
            return
        async with self._pool.acquire() as conn:
            rows = await conn.fetch(_WAITED_FOR, self._after, AT_ONCE)
        for row in rows:
            try:
                answer = await self._lookups.company(row["value"])
            except RegisterAway as away:
                _log.info("the trade register is not asked", reason=away.message)
                return
            self._after = row["party_id"]
            if answer.company is not None and not answer.company.ended:
                await self._learn(row["party_id"], answer.company)
        if len(rows) < AT_ONCE:
            self._after = _NOWHERE

    async def _learn(self, party_id: UUID, company: Company) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            if not await learn(conn, party_id, company):
                return
            await release_some(conn, self._release_most)
        self._wake()


async def learn(conn: Connection, party_id: UUID, company: Company) -> bool:
    """Add what the register calls a party, and its post codes; whether there was anything to add."""
    await directory.change_alone(conn)
    before = await parties.party(conn, party_id, lock=True)
    if before is None or before.status != "confirmed":
        return False
    after = enriched(before, company)
    if after == before:
        return False
    await parties.write(conn, [Change(after, before)], _EDITOR)
    return True


def enriched(entry: Entry, company: Company) -> Entry:
    """Pure: with the names, post codes and addresses it did not have, as many as a party may have."""
    known = {entry.name, *entry.names}
    codes = {post_code(each) for each in entry.post_codes}
    names = [each for each in (company.name, *company.names) if each not in known]
    return replace(
        entry,
        names=_some(entry.names, names),
        post_codes=_some(
            entry.post_codes, [each for each in company.post_codes if post_code(each) not in codes]
        ),
        addresses=addresses.each_once((*entry.addresses, *company.addresses))[: addresses.MOST],
    )


def _some(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    return (*old, *new[: max(0, _MOST - len(old))])
