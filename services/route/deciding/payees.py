"""Into which accounts a receiver was asked to pay a seller before: a new one is what fraud with invoices looks like.

Kept by receiver and seller, whoever sends: a stranger with an account of its own is who must be noticed. What a receiver
saw first is taken for right; another account is warned about on every invoice until it has been known for ``SETTLED``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from libs.contracts.parts import InvoiceSummary
from libs.db.types import Connection, Pool
from services.route import words
from services.route.deciding.decision import PayTo, Routed
from services.route.deciding.numbering import seller_of

SETTLED = timedelta(days=30)


Payees: TypeAlias = Mapping[tuple[UUID, str], Mapping[str, bool]]
"""By receiver and seller, the accounts seen before, and whether one may still be new."""

_SEEN = """
SELECT party_id, seller, p.account,
       p.since > min(p.since) OVER (PARTITION BY party_id, seller) AND p.since > now() - $3::interval AS fresh
  FROM unnest($1::uuid[], $2::text[]) AS asked (party_id, seller) JOIN pay_to p USING (party_id, seller)
"""


async def seen(conn: Connection | Pool, asked: Iterable[tuple[UUID, InvoiceSummary]]) -> Payees:
    """What these parties know of the sellers of these invoices; one query."""
    pairs = {(party_id, seller_of(summary.seller)) for party_id, summary in asked if summary.pay_to}
    if not pairs:
        return {}
    found: dict[tuple[UUID, str], dict[str, bool]] = {}
    for row in await conn.fetch(
        _SEEN, [party for party, _ in pairs], [seller for _, seller in pairs], SETTLED
    ):
        found.setdefault((row["party_id"], row["seller"]), {})[row["account"]] = row["fresh"]
    return found


def warned(routed: Routed, payees: Payees, summary: InvoiceSummary) -> Routed:
    """The decision, with a warning for its receiver about every account that may be somebody else's. Pure."""
    if not summary.pay_to:
        return routed
    party_id, seller = routed.receiver.party_id, seller_of(summary.seller)
    known = payees.get((party_id, seller), {})
    odd = [account for account in summary.pay_to if known and known.get(account, True)]
    warnings = tuple(words.other_account(account, summary.seller.name) for account in odd)
    return routed._replace(
        explanation=words.joined([routed.explanation, *warnings]),
        warnings=warnings,
        unseen=tuple(PayTo(party_id, seller, account) for account in summary.pay_to if account not in known),
    )


_REMEMBER = """
INSERT INTO pay_to (party_id, seller, account)
SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS t (party_id, seller, account)
 ORDER BY party_id, seller, account ON CONFLICT DO NOTHING
"""


async def remember(conn: Connection, new: Collection[PayTo]) -> None:
    if new:
        await conn.execute(
            _REMEMBER,
            [each.party_id for each in new],
            [each.seller for each in new],
            [each.account for each in new],
        )
