"""What people do in a running Globe: change, renumber, delete. Each leaves the traces Globe leaves.

An ordinary change sets ``sysmodified`` and gives a new ``timestamp``. A deleted row is gone: no table of Globe's
that is public remembers it (inference, the stricter choice).
"""

from __future__ import annotations

import random
from typing import Any

from tests.sims.globe.administration import Administration
from tests.sims.globe.rows import (
    CostCentre,
    CostUnit,
    Creditor,
    GLAccount,
    PaymentCondition,
    Project,
    Row,
    VatCode,
)

_TEXTS: dict[type[Row], str] = {
    CostCentre: "oms25",
    CostUnit: "oms25",
    GLAccount: "oms25",
    Project: "Description",
    VatCode: "Description",
    PaymentCondition: "oms30",
    Creditor: "Note",
}
"""The column that ``churn`` writes."""


async def change(administration: Administration, kind: type[Row], code: str, **columns: Any) -> None:
    """Somebody opens the record with this code and saves it with these columns. ``KeyError``: no such code."""
    sets = ", ".join(f'"{name}" = ${place}' for place, name in enumerate(columns, start=2))
    async with administration.connection() as conn:
        done = await conn.execute(
            f'UPDATE "{kind.table}" SET {sets} WHERE "{kind.key}" = $1', code, *columns.values()
        )
    if done == "UPDATE 0":
        raise KeyError(code)


async def renumber(
    administration: Administration, kind: type[Row], old: str, new: str, *, stamped: bool = True
) -> None:
    """Globe's renumbering tool gives a record another code; its id stays. Whether that sets ``sysmodified``
    is not public: with ``stamped`` it does (the stricter choice: it looks like a change and must not be sent,
    R237). The ``timestamp`` is new in either case: SQL Server gives one with every write."""
    async with administration.connection() as conn, conn.transaction():
        if not stamped:
            await conn.execute("SET LOCAL sim.silent = 'on'")
        done = await conn.execute(
            f'UPDATE "{kind.table}" SET "{kind.key}" = $2 WHERE "{kind.key}" = $1', old, new
        )
    if done == "UPDATE 0":
        raise KeyError(old)


async def delete(administration: Administration, kind: type[Row], code: str) -> None:
    """Somebody deletes the record; of a creditor also its addresses, contacts and bank accounts."""
    async with administration.connection() as conn, conn.transaction():
        if kind is Creditor:
            for table, column in (("Addresses", "Account"), ("cicntp", "cmp_wwn")):
                await conn.execute(
                    f'DELETE FROM "{table}" WHERE "{column}" IN (SELECT cmp_wwn FROM cicmpy WHERE crdnr = $1)',
                    code,
                )
            await conn.execute("DELETE FROM bnkacc WHERE crdnr = $1", code)
        done = await conn.execute(f'DELETE FROM "{kind.table}" WHERE "{kind.key}" = $1', code)
    if done == "DELETE 0":
        raise KeyError(code)


async def churn(administration: Administration, count: int, seed: int = 1) -> int:
    """``count`` records of all kinds get another description (creditors another note), chosen by ``seed``.
    Fewer only when there are fewer. Returns how many were changed."""
    rng = random.Random(seed)
    changed = 0
    async with administration.connection() as conn, conn.transaction():
        everything = [
            (kind, record["code"])
            for kind in _TEXTS
            for record in await conn.fetch(
                f'SELECT "{kind.key}" AS code FROM "{kind.table}" WHERE "{kind.key}" IS NOT NULL ORDER BY 1'
            )
        ]
        chosen = rng.sample(everything, min(count, len(everything)))
        for kind, column in _TEXTS.items():
            codes = [code for this, code in chosen if this is kind]
            if codes:
                done = await conn.execute(
                    f'UPDATE "{kind.table}" SET "{column}" = $1 || "{kind.key}" WHERE "{kind.key}" = ANY($2)',
                    f"Gewijzigd {seed} ",
                    codes,
                )
                changed += int(done.split()[1])
    return changed
