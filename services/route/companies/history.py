"""What was changed about a party, by whom, and when: one row of ``party_change`` for every change, never changed itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from libs.db.types import Connection, Record

By = Literal["owner", "operator", "machine", "register", "letter"]


class Difference(BaseModel):
    before: Any
    after: Any


class ChangeView(BaseModel):
    """One change."""

    change_id: int
    at: datetime
    by: By = Field(
        description="its owner, an operator, somebody at the machine itself; the trade register; a code by letter"
    )
    by_account: UUID | None
    by_user: UUID | None
    before: dict[str, Any] | None = Field(description="the party as it was; null: it was entered")
    after: dict[str, Any]
    changes: dict[str, Difference] = Field(description="the fields that differ")


_CHANGES = """
SELECT change_id, owner_account, by_account, by_user, means, before, after, changed_at FROM party_change
 WHERE party_id = $1 AND change_id > $2 ORDER BY change_id LIMIT $3
"""


async def changes(conn: Connection, party_id: UUID, after: int, limit: int) -> list[ChangeView]:
    """A page, oldest first, as the role and account of ``conn`` may see it."""
    return [_view(row) for row in await conn.fetch(_CHANGES, party_id, after, limit)]


def _view(row: Record) -> ChangeView:
    return ChangeView(
        change_id=row["change_id"],
        at=row["changed_at"],
        by=row["means"] or _by(row["by_account"], row["owner_account"]),
        by_account=row["by_account"],
        by_user=row["by_user"],
        before=row["before"],
        after=row["after"],
        changes=differences(row["before"] or {}, row["after"]),
    )


def _by(account: UUID | None, owner: UUID) -> By:
    if account is None:
        return "machine"
    return "owner" if account == owner else "operator"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Difference]:
    """The fields of two states of a party that are not the same."""
    names: Sequence[str] = list(dict.fromkeys([*before, *after]))
    return {
        name: Difference(before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }
