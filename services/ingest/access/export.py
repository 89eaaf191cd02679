"""Everything an account has, as one ZIP that is written while it is sent: for who leaves, and who asks what is kept.

``account.json`` (what it says of itself, users, keys without their secrets, key mailboxes, retention),
``submissions.ndjson`` (a line each, with its invoices), ``documents.ndjson`` (a line each: when stored, SHA-256) and the
originals as they came, in ``documents/``.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import orjson
import zstandard

from libs.db.pools import tenant
from libs.db.types import Pool, Record
from services.ingest import store
from services.ingest.access import accounts, keys, users
from services.ingest.keeping import retention

PAGE = 50
_START = UUID(int=0)
_DOCUMENTS = """
SELECT document_id, media_type, encode(sha256, 'hex') AS sha256, size, created_at, body FROM documents.document
 WHERE account = $1 AND document_id > $2 ORDER BY document_id LIMIT $3
"""
_SUBMISSIONS = "SELECT submission_id FROM submission WHERE submission_id > $1 ORDER BY submission_id LIMIT $2"
_ENDINGS = {"application/xml": "xml", "application/pdf": "pdf"}


class _Sent(io.RawIOBase):
    """What was written since it was last emptied. Cannot go back, so the ZIP is written from front to end."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = b"".join(self._parts), []
        return parts


async def export(pool: Pool, account_id: UUID, addresses: Sequence[dict[str, Any]]) -> AsyncIterator[bytes]:
    """The ZIP, piece by piece; no transaction stays open meanwhile. ``pool`` has the api role; ``addresses``: the key
    mailboxes as they are shown."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
        async with tenant(pool, account_id, snapshot=True) as conn:
            whole = {
                "account": await accounts.account(conn),
                "users": await users.users(conn),
                "keys": await keys.keys(conn),
                "mailboxes": addresses,
                "retention": await retention.shown(conn),
            }
        archive.writestr("account.json", orjson.dumps(whole, default=str, option=orjson.OPT_INDENT_2))
        yield sent.taken()
        with archive.open("submissions.ndjson", "w", force_zip64=True) as lines:
            async for page in _submissions(pool, account_id):
                lines.write(b"".join(orjson.dumps(each, default=str) + b"\n" for each in page))
                yield sent.taken()
        listed: list[bytes] = []
        async for rows in _documents(pool, account_id):
            listed += await asyncio.to_thread(_pack, archive, rows)
            yield sent.taken()
        archive.writestr("documents.ndjson", b"\n".join(listed))
    yield sent.taken()


async def _submissions(pool: Pool, account_id: UUID) -> AsyncIterator[list[dict[str, Any] | None]]:
    after = _START
    while True:
        async with tenant(pool, account_id, snapshot=True) as conn:
            ids = [row["submission_id"] for row in await conn.fetch(_SUBMISSIONS, after, PAGE)]
            page = [await store.submission(conn, each) for each in ids]
        if not ids:
            return
        yield page
        after = ids[-1]


async def _documents(pool: Pool, account_id: UUID) -> AsyncIterator[list[Record]]:
    after = _START
    while True:
        async with tenant(pool, account_id) as conn:
            rows = await conn.fetch(_DOCUMENTS, account_id, after, PAGE)
        if not rows:
            return
        yield list(rows)
        after = rows[-1]["document_id"]


def _pack(archive: zipfile.ZipFile, rows: Sequence[Record]) -> list[bytes]:
    listed: list[bytes] = []
    for row in rows:
        name = f"documents/{row['document_id']}.{_ENDINGS.get(row['media_type'], 'bin')}"
        archive.writestr(name, zstandard.ZstdDecompressor().decompress(row["body"]))
        facts = {key: row[key] for key in ("sha256", "size", "media_type", "created_at")}
        listed.append(orjson.dumps({"name": name, **facts}, default=str))
    return listed
