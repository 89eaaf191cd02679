"""Documents in Postgres: schema ``documents``, one row a document, compressed by the client.

The column is stored EXTERNAL, so Postgres does not try to compress a second time. Statements name the
schema in full: they run on connections of any service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import zstandard

from libs.contracts.parts import DocumentRef
from libs.db.types import Connection, Pool, Record
from libs.documents.store import OFF_LOOP, DocumentDamaged, DocumentMissing, NewDocument, checked, prepare
from libs.errors import HubError

_PUT = """
INSERT INTO documents.document (account, document_id, media_type, sha256, size, body)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::int[], $6::bytea[])
"""

# Pairs, not two lists of ANY: Postgres before 17 probes the index with every combination of two lists.
_GET = """
SELECT account, document_id, body
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (account, document_id)
JOIN documents.document USING (account, document_id)
"""


class PostgresDocuments:
    """A ``DocumentStore`` on the database the services use anyway. ``pool``: of any service's worker; those
    may read every account's documents."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, conn: Connection, account: UUID, documents: Sequence[NewDocument]) -> None:
        await self.put_many(conn, [(account, document) for document in documents])

    async def put_many(self, conn: Connection, documents: Sequence[tuple[UUID, NewDocument]]) -> None:
        if not documents:
            return
        if not conn.is_in_transaction():
            raise RuntimeError("documents are stored within the transaction of what they belong to")
        await prepare([document for _, document in documents])
        await conn.execute(
            _PUT,
            [account for account, _ in documents],
            [document.document_id for _, document in documents],
            [document.media_type for _, document in documents],
            [document.sha256 for _, document in documents],
            [len(document.data) for _, document in documents],
            [document.packed for _, document in documents],
        )

    async def get(
        self, refs: Sequence[DocumentRef], accounts: Sequence[UUID], *, conn: Connection | None = None
    ) -> Mapping[UUID, bytes | HubError]:
        return await fetch(conn or self._pool, refs, accounts)


async def fetch(
    conn: Connection | Pool, refs: Sequence[DocumentRef], accounts: Sequence[UUID]
) -> Mapping[UUID, bytes | HubError]:
    """As ``DocumentStore.get``, on a connection at hand."""
    if len(refs) != len(accounts):
        raise ValueError("every document has an account")
    if not refs:
        return {}
    rows = await conn.fetch(_GET, accounts, [ref.document_id for ref in refs])
    if sum(ref.size for ref in refs) > OFF_LOOP:
        return await asyncio.to_thread(_unpack_all, refs, accounts, rows)
    return _unpack_all(refs, accounts, rows)


def _unpack_all(
    refs: Sequence[DocumentRef], accounts: Sequence[UUID], rows: Sequence[Record]
) -> dict[UUID, bytes | HubError]:
    bodies: dict[tuple[UUID, UUID], bytes] = {
        (row["account"], row["document_id"]): row["body"] for row in rows
    }
    return {
        ref.document_id: unpack(ref, bodies.get((account, ref.document_id)))
        for ref, account in zip(refs, accounts, strict=True)
    }


def unpack(ref: DocumentRef, body: bytes | None) -> bytes | HubError:
    """The bytes under a claim check, or why there are none."""
    if body is None:
        return DocumentMissing(f"document {ref.document_id} is not in the store")
    try:
        # The frame says its size beforehand: a forged one must not fill the memory.
        if zstandard.frame_content_size(body) != ref.size:
            return DocumentDamaged(f"document {ref.document_id} is not {ref.size} bytes long")
        data = zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError:
        return DocumentDamaged(f"document {ref.document_id} cannot be unpacked")
    return checked(ref, data)
