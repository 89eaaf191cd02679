"""What is kept how long: records of plans, plans, history. A batch at a time, by the database's clock.

===========  ==========================================================================================================
records      go with the age of their plan. First a plan nobody applied expires, so that none is applied without them;
             one under way is left alone
plans        go when no record is left of them
history      goes by its own age
===========  ==========================================================================================================

What became of a record last is never removed, neither from history nor from the plan that has it alone (nobody listens
while only the command line is used), and what a record is called in Purchase to Pay has no age.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.contracts.parts import Words
from libs.db.types import Connection, Pool

EVERY = timedelta(hours=1)
BATCH = 2_000

EXPIRED = Words(
    nl="Dit plan is verlopen: er is te lang niets mee gedaan. Maak een nieuw.",
    en="This plan has expired: nothing was done with it for too long. Make a new one.",
)

_EXPIRE = """
UPDATE plan SET state = 'failed', ended_at = now(), trouble = $2
 WHERE state IN ('ready', 'asking', 'stopped') AND made_at < now() - $1::interval
   AND NOT EXISTS (SELECT FROM item i WHERE i.plan_id = plan.plan_id AND i.state = 'started')
"""
# The last outcome of a record stands in history, or in a later plan, before the record may go.
_RECORDS = """
DELETE FROM item WHERE (plan_id, sequence) IN (
    SELECT i.plan_id, i.sequence FROM plan p JOIN item i USING (plan_id)
     WHERE p.state IN ('applied', 'refused', 'failed') AND p.made_at < now() - $1::interval
       AND (i.settled_at IS NULL
         OR EXISTS (SELECT FROM history h
                     WHERE h.account_id = i.account_id AND h.kind = i.kind AND h.external_id = i.external_id
                       AND h.administration = i.administration
                       AND (h.at >= i.settled_at OR (h.plan_id = i.plan_id AND h.outcome = i.state)))
         OR EXISTS (SELECT FROM item n
                     WHERE n.account_id = i.account_id AND n.kind = i.kind AND n.external_id = i.external_id
                       AND n.administration = i.administration AND n.settled_at > i.settled_at))
     LIMIT $2)
"""
_PLANS = """
DELETE FROM plan WHERE plan_id IN (
    SELECT plan_id FROM plan p
     WHERE p.state IN ('applied', 'refused', 'failed') AND p.made_at < now() - $1::interval
       AND NOT EXISTS (SELECT FROM item i WHERE i.plan_id = p.plan_id)
       AND NOT EXISTS (SELECT FROM load l WHERE l.plan_id = p.plan_id)
     LIMIT $2)
"""
_HISTORY = """
DELETE FROM history WHERE event_id IN (
    SELECT event_id FROM history h
     WHERE h.at < now() - $1::interval
       AND EXISTS (SELECT FROM history n
                    WHERE n.account_id = h.account_id AND n.kind = h.kind AND n.external_id = h.external_id
                      AND n.administration = h.administration AND (n.at, n.event_id) > (h.at, h.event_id))
     LIMIT $2)
"""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Removes what is older than it is kept."""

    pool: Pool
    records: timedelta
    plans: timedelta
    history: timedelta

    async def run(self) -> None:
        async with self.pool.acquire() as conn:
            await conn.execute(_EXPIRE, self.records, EXPIRED.model_dump())
            for statement, age in ((_RECORDS, self.records), (_PLANS, self.plans), (_HISTORY, self.history)):
                while await _some(conn, statement, age) == BATCH:
                    pass


async def _some(conn: Connection, statement: str, age: timedelta) -> int:
    return int((await conn.execute(statement, age, BATCH)).rpartition(" ")[2])
