"""SQL of verdicts: each statement stands beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from libs.contracts.invoice import InvoiceReceived
from libs.contracts.parts import DocumentRef
from libs.db.types import Connection
from services.validate.judgement import Judgement

_HIGHEST = """
SELECT invoice_id, max(sequence) AS sequence FROM verdict
 WHERE invoice_id = ANY ($1::uuid[]) GROUP BY invoice_id
"""

_INSERT = """
INSERT INTO verdict (invoice_id, sequence, account_id, document_id, rule_pack, profile, verdict, fatals,
                     warnings, findings, summary)
SELECT invoice_id, sequence, account_id, document_id, rule_pack, profile, verdict, fatals, warnings,
       findings::jsonb, summary
  FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::int[],
              $9::int[], $10::text[], $11::jsonb[])
       AS t (invoice_id, sequence, account_id, document_id, rule_pack, profile, verdict, fatals, warnings,
             findings, summary)
"""


async def keep(conn: Connection, judged: Sequence[tuple[InvoiceReceived, Judgement]]) -> list[int]:
    """Store verdicts, each under the next number of its invoice; returns the numbers, in order.

    Two transactions that judge the same invoice at once clash on the key, and one of them is tried again.
    """
    rows = await conn.fetch(_HIGHEST, [received.invoice_id for received, _ in judged])
    highest: dict[UUID, int] = {row["invoice_id"]: row["sequence"] for row in rows}
    sequences: list[int] = []
    for received, _ in judged:
        highest[received.invoice_id] = highest.get(received.invoice_id, 0) + 1
        sequences.append(highest[received.invoice_id])
    await conn.execute(
        _INSERT,
        [r.invoice_id for r, _ in judged],
        sequences,
        [r.account_id for r, _ in judged],
        [r.original.document_id for r, _ in judged],
        [j.rule_pack for _, j in judged],
        [j.profile for _, j in judged],
        [j.verdict for _, j in judged],
        [j.fatals for _, j in judged],
        [j.warnings for _, j in judged],
        # As text: a list inside an array of jsonb would be taken for another dimension of the array.
        [orjson.dumps([f.model_dump(mode="json") for f in j.findings]).decode() for _, j in judged],
        [j.summary.model_dump(mode="json") for _, j in judged],
    )
    return sequences


_VERDICT = """
SELECT invoice_id, sequence, rule_pack, profile, verdict, fatals, warnings, findings, summary, decided_at
  FROM verdict WHERE invoice_id = $1 ORDER BY sequence DESC LIMIT 1
"""


async def verdict(conn: Connection, invoice_id: UUID) -> dict[str, Any] | None:
    """The verdict that holds, as the account set on ``conn`` may see it."""
    row = await conn.fetchrow(_VERDICT, invoice_id)
    return dict(row) if row else None


ERASE = "DELETE FROM verdict WHERE invoice_id = ANY ($1::uuid[])"
"""Of invoices that were kept as long as they must be (``libs.messaging.erasing``)."""

_JUDGED = """
SELECT v.decided_at, v.invoice_id, v.account_id, v.document_id, d.media_type, d.size,
       encode(d.sha256, 'hex') AS sha256
  FROM verdict v
  JOIN documents.document d ON d.account = v.account_id AND d.document_id = v.document_id
 WHERE (v.decided_at, v.invoice_id) > ($1, $2)
   AND NOT EXISTS (SELECT FROM verdict later
                    WHERE later.invoice_id = v.invoice_id AND later.sequence > v.sequence)
 ORDER BY v.decided_at, v.invoice_id
 LIMIT $3
"""


async def judged_after(
    conn: Connection, after: tuple[datetime, UUID], limit: int
) -> list[tuple[datetime, UUID, UUID, DocumentRef]]:
    """Invoices in the order of their verdicts (of each the last), after one of them: when, which, whose, and its
    original, as far as that lies in the database."""
    rows = await conn.fetch(_JUDGED, *after, limit)
    return [
        (
            row["decided_at"],
            row["invoice_id"],
            row["account_id"],
            DocumentRef(
                document_id=row["document_id"],
                sha256=row["sha256"],
                size=row["size"],
                media_type=row["media_type"],
            ),
        )
        for row in rows
    ]
