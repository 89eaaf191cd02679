"""After a wrong delivery: stop the sender and that receiver, and tell everybody.

::

    recall ─▶ the pair is stopped: what comes next waits (``stopped``)
         └─▶ invoice.recalled ─┬▶ deliver: what is under way between them waits
                               ├▶ track: in the timeline; mails to the sender and to whoever got it
                               └  its number is free: the sender may send it to the right one
    a person chooses that receiver for an invoice ─▶ lifted: it and the next go on

A stop is kept by party, of the company and of each of its places: whose place it is may be another's tomorrow, and what was
stopped stays so.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceRecalled
from libs.contracts.parts import Receiver, Words
from libs.db.types import Connection
from libs.errors import Conflict, NotFound
from services.route import words
from services.route.deciding import numbers
from services.route.deciding.decision import Party
from services.route.page import SOURCE

NEVER_ROUTED = Words(
    nl="Een van deze facturen is nooit naar een ontvanger gegaan: er is niets te herroepen. Controleer het kenmerk.",
    en="One of these invoices never went to a receiver: there is nothing to recall. Check the id.",
)
SEVERAL = Words(
    nl="Deze facturen zijn niet van één afzender aan één ontvanger. Doe het per afzender en ontvanger.",
    en="These invoices are not from one sender to one receiver. Recall them by sender and receiver.",
)

_ROUTED = """
SELECT d.invoice_id, d.account_id, d.receiver, coalesce(p.branch_of, p.party_id) AS company, n.number
  FROM decision d
  JOIN party p ON p.party_id = (d.receiver ->> 'party_id')::uuid
  LEFT JOIN numbered n USING (invoice_id)
 WHERE d.outcome = 'routed' AND d.invoice_id = ANY ($1::uuid[]) ORDER BY d.invoice_id
"""
# Counted by sender: the same number is the same recall, and none is less than what a place had before it moved.
_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM stop WHERE account_id = $1"
_STOP = """
INSERT INTO stop (account_id, party_id, number) SELECT $1::uuid, unnest($2::uuid[]), $3::int
ON CONFLICT (account_id, party_id) DO UPDATE SET number = excluded.number, lifted = false
"""
_EVIDENCE = """
INSERT INTO recall (recall_id, account_id, party_id, number, invoices, by_account, by_user)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_PLACES = "SELECT party_id FROM party WHERE party_id = $1 OR branch_of = $1 ORDER BY party_id"


async def recall(
    conn: Connection, invoices: Collection[UUID], by_account: UUID | None, by_user: UUID | None
) -> list[Event]:
    """Note that these invoices of one sender went to one receiver they were not for. ``conn`` changes the directory alone
    (``change_alone``). Returns the events to emit.

    Raises ``NotFound`` when one of them was never routed, ``Conflict`` when they are of several senders or receivers.
    """
    rows = await conn.fetch(_ROUTED, list(invoices))
    if {row["invoice_id"] for row in rows} != set(invoices):
        raise NotFound(NEVER_ROUTED.en, nl=NEVER_ROUTED.nl)
    if len({(row["account_id"], row["company"]) for row in rows}) > 1:
        raise Conflict(SEVERAL.en, nl=SEVERAL.nl, code="several-receivers")
    account, company = rows[0]["account_id"], rows[0]["company"]
    places = tuple(row["party_id"] for row in await conn.fetch(_PLACES, company))
    number = await conn.fetchval(_NUMBER, account)
    await conn.execute(_STOP, account, places, number)
    ids = [row["invoice_id"] for row in rows]
    await conn.execute(_EVIDENCE, clock.uuid7(), account, company, number, ids, by_account, by_user)
    await numbers.end(conn, ids, "recalled")
    told = tuple(row["number"] or str(row["invoice_id"]) for row in rows)
    events: list[Event] = []
    for row in rows:
        receiver = Receiver.model_validate(row["receiver"])
        data = InvoiceRecalled(
            invoice_id=row["invoice_id"],
            account_id=account,
            sequence=number,
            receiver=receiver,
            places=places,
            number=number,
            not_theirs=() if events else told,
            reason=words.recalled(receiver.name),
        )
        events.append(new_event(data, source=SOURCE, account=account))
    return events


# The other places go on if they were stopped with the company; not one that was stopped alone and joined it later.
_LIFT = """
UPDATE stop SET lifted = true
 WHERE account_id = $1 AND (party_id IN ($2, $3)
    OR (party_id IN (SELECT party_id FROM party WHERE branch_of = $3)
        AND number = (SELECT number FROM stop WHERE account_id = $1 AND party_id = $3)))
RETURNING number
"""


async def lift(conn: Connection, account: UUID, party: Party) -> int:
    """A person says that an invoice of this sender is for this party. Returns the highest of the stops that are over."""
    rows = await conn.fetch(_LIFT, account, party.party_id, party.company)
    return max((row["number"] for row in rows), default=0)
