"""SQL of the invoices that an account pays or is paid: those that it got, and those that its customers got."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.db.types import Connection, Pool
from services.deliver.payments.matching import Bill

LOOKED_FOR = timedelta(days=3 * 365)
"""How old the delivery of an invoice may be that a statement pays."""

# What was recalled is nobody's to pay, what never left the sandbox nobody's either. Of an invoice that went to several the
# first delivery stands for all of them to its sender.
_BILLS = """
WITH seen AS (
    SELECT delivery_id, invoice_id, 'receiver' AS side FROM delivery
     WHERE receiver_id IN (SELECT party_id FROM connection WHERE ended_at IS NULL AND account_id = $1)
       AND state IN ('handed_over', 'confirmed') AND NOT recalled AND channel <> 'sandbox' AND created_at > now() -
         $2::interval
       AND ($3::uuid IS NULL OR delivery_id = $3)
    UNION ALL
    (SELECT DISTINCT ON (invoice_id) delivery_id, invoice_id, 'sender' FROM delivery
      WHERE account_id = $1
        AND state IN ('handed_over', 'confirmed') AND NOT recalled AND channel <> 'sandbox' AND created_at > now() -
          $2::interval
        AND ($3::uuid IS NULL OR delivery_id = $3)
      ORDER BY invoice_id, delivery_id)
), stand AS (
    SELECT DISTINCT ON (invoice_id, side) invoice_id, side, paid FROM payment
     WHERE invoice_id IN (SELECT invoice_id FROM seen) ORDER BY invoice_id, side, sequence DESC
)
SELECT seen.delivery_id, seen.invoice_id, seen.side, coalesce(stand.paid, 0) AS paid,
       s.number, s.payment_reference, s.pay_to, s.payable, s.currency, s.type_code
  FROM seen JOIN parcel p USING (delivery_id) LEFT JOIN stand USING (invoice_id, side)
 CROSS JOIN LATERAL jsonb_to_record(p.body -> 'summary')
       AS s (number text, payment_reference text, pay_to text[], payable numeric, currency text, type_code text)
 WHERE s.payable IS NOT NULL AND s.payable <> 0 AND s.currency IS NOT NULL
"""


async def of(conn: Connection | Pool, account_id: UUID, delivery_id: UUID | None = None) -> list[Bill]:
    """The invoices of this account, once for each side it is on; only of this delivery if one is given. Needs the worker
    role."""
    rows = await conn.fetch(_BILLS, account_id, LOOKED_FOR, delivery_id)
    return [_bill(row) for row in rows]


def _bill(row: Any) -> Bill:
    return Bill(
        delivery_id=row["delivery_id"],
        invoice_id=row["invoice_id"],
        side=row["side"],
        number=row["number"],
        reference=row["payment_reference"],
        accounts=frozenset(row["pay_to"] or ()),
        payable=row["payable"],
        currency=row["currency"],
        type_code=row["type_code"],
        paid=Decimal(row["paid"]),
    )
