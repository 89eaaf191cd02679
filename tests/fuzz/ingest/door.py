"""Ingest's API in this process, without socket and database, and what the fuzz tests of both doors ask of what was kept."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import cast
from uuid import UUID

import httpx
import pytest

from libs.db.types import Pool
from libs.einvoice import detect, gate
from libs.einvoice.formats.eexact import Sender
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from libs.http.quota import Quota
from services.ingest import store
from services.ingest.api import routes
from services.ingest.backlog import Backlog
from services.ingest.described import BATCH, SUBMIT
from services.ingest.settings import IngestSettings
from services.ingest.uploads.groups import GroupCommit
from services.ingest.uploads.receipts import Kept
from services.ingest.uploads.submissions import Submission
from services.ingest.uploads.submit import Commits, Gate

PATHS = {"/v1/submissions": SUBMIT, "/v1/submissions:batch": BATCH}
KEY = {"Authorization": "Bearer known"}


class _Known:
    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization != KEY["Authorization"]:
            raise Unauthenticated
        return Principal(UUID(int=1), None, frozenset({"invoice:write"}), frozenset(), None)


@contextlib.asynccontextmanager
async def door(kept: list[Submission], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it; what would be stored comes into ``kept``."""

    async def keep(submissions: Sequence[Submission]) -> list[store.Outcome]:
        kept.extend(submissions)
        return [tuple(Kept(i.invoice_id, s.submission_id, i.filename) for i in s.items) for s in submissions]

    async def seller(*_: object) -> Sender:
        return Sender("Bakker")

    async def never(*_: object) -> None:
        return None

    monkeypatch.setattr("services.ingest.access.accounts.sender", seller)
    monkeypatch.setattr("services.ingest.uploads.remembered.recall", never)
    nobody = cast("Pool", None)
    open_to = Gate(Quota("account", never, per_second=0, burst=1), Backlog(nobody, seconds=0))
    commits: Commits = GroupCommit(keep, linger=0.0)
    async with commits:
        router = routes(IngestSettings(), nobody, _Known(), commits, open_to)
        app = create_app([router], title="ingest", identity=_Known(), openapi_extra_paths=PATHS)
        # What the app raises is what a server would hang up on.
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as http:
            yield http


def packed(*files: tuple[str, bytes]) -> bytes:
    """A ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            made.writestr(name, data)
    return out.getvalue()


def are_invoices(submission: Submission) -> None:
    """What was kept can be shown, its invoices are invoices, and what is none says why."""
    assert submission.items
    for item in submission.items:
        assert item.filename is None or (item.filename.isprintable() and len(item.filename) <= 200)
        if item.upload is not None:
            assert detect.readable(gate.check(item.upload.original.data)).syntax == item.upload.syntax
        elif item.refused is not None:
            assert item.refused.reason.nl
            assert item.refused.reason.en
