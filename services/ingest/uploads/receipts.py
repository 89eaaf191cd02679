"""The answer to a submission: what is in it is stored. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

from services.ingest.uploads.words import REASONS

RETRY_SECONDS = 1
"""When the status of a new invoice can be expected at ``GET /v1/invoices/{invoice_id}``: it is told by event."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one item: its own invoice, or the one it repeats, with the submission of that one.
    ``code`` says what was not taken of a repeated one (``words.REASONS``)."""

    invoice_id: UUID
    submission_id: UUID
    filename: str | None
    repeated: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A receipt as it is sent: its JSON, and headers beside the usual ones."""

    body: bytes
    headers: Mapping[str, str]

    def response(self, fields: Mapping[str, str]) -> Response:
        """``fields`` are those of this request alone."""
        headers = {**self.headers, **fields}
        return Response(self.body, status_code=202, headers=headers, media_type="application/json")


def receipt(submission_id: UUID, kept: tuple[Kept, ...]) -> Reply:
    """202. A submission sent again as it was gets the answer of the first time: one invoice, one receipt.
    Anything else is a submission of its own, which says of each invoice whether it is new."""
    repeated = all(item.repeated for item in kept)
    firsts = {item.submission_id for item in kept}
    same = repeated and len(firsts) == 1 and not any(item.code for item in kept)
    shown = kept[0].submission_id if same else submission_id
    seen: set[UUID] = set()
    items: list[dict[str, Any]] = []
    for item in kept:
        new = item.invoice_id not in seen and (same or not item.repeated)
        seen.add(item.invoice_id)
        items.append(_item(item, "received" if new else "duplicate"))
    headers = {"Location": f"/v1/submissions/{shown}", "Retry-After": str(RETRY_SECONDS)}
    if repeated:
        headers["Postbode-Repeat"] = "true"
    return Reply(orjson.dumps({"submission_id": str(shown), "invoices": items}), headers)


def _item(kept: Kept, status: str) -> dict[str, Any]:
    item = {"invoice_id": str(kept.invoice_id), "filename": kept.filename, "status": status}
    if kept.code is None:
        return item
    return {**item, "code": kept.code, "reason": REASONS[kept.code].model_dump()}
