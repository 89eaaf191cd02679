"""The document store: bytes lie here, everything else carries a claim check (``DocumentRef``).

A document is written in the transaction of whoever makes it, never changed, and read back in batches. The
hash in the claim check is compared at every read: what comes out is what went in, or an error.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol
from uuid import UUID

import zstandard

from libs.contracts.parts import DocumentRef
from libs.db.types import Connection
from libs.errors import HubError

OFF_LOOP = 64 * 1024
"""Bytes from which compressing and hashing moves to a thread, so that the event loop stays free."""

_LEVEL = 1
"""zstd level: invoices shrink to about a seventh already; higher levels cost time on every document."""


class DocumentMissing(HubError):
    """A document is not in the store."""

    slug = "document-missing"


class DocumentDamaged(HubError):
    """A document is not what it was when it was stored."""

    slug = "document-damaged"
    transient = False


class NewDocument:
    """Bytes about to be stored. Hash and compressed form are worked out once, when first needed."""

    def __init__(self, document_id: UUID, data: bytes, media_type: str) -> None:
        self.document_id = document_id
        self.data = data
        self.media_type = media_type

    @cached_property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    @cached_property
    def packed(self) -> bytes:
        """``data`` as it is stored: a zstd frame with its content size."""
        return zstandard.ZstdCompressor(level=_LEVEL).compress(self.data)


class DocumentStore(Protocol):
    """Where documents are. Every service uses the same one."""

    async def put(self, conn: Connection, account: UUID, documents: Sequence[NewDocument]) -> None:
        """Store all, for one account, inside the caller's transaction (of any service's role)."""

    async def put_many(self, conn: Connection, documents: Sequence[tuple[UUID, NewDocument]]) -> None:
        """Store all, each with its account, inside the caller's transaction: one statement."""

    async def get(
        self, refs: Sequence[DocumentRef], accounts: Sequence[UUID], *, conn: Connection | None = None
    ) -> Mapping[UUID, bytes | HubError]:
        """The bytes of every claim check by document id, ``accounts[i]`` being the account of ``refs[i]``.

        What is missing or damaged is that document's ``DocumentMissing`` or ``DocumentDamaged``; the others
        come all the same. With ``conn`` the caller's own connection reads (an API within ``tenant()``).
        """


async def prepare(documents: Sequence[NewDocument]) -> None:
    """Hash and compress now, off the event loop when large: call it before opening a transaction."""

    def work() -> None:
        for document in documents:
            _ = document.sha256, document.packed

    if sum(len(document.data) for document in documents) > OFF_LOOP:
        await asyncio.to_thread(work)
    else:
        work()


def ref(document: NewDocument, filename: str | None = None) -> DocumentRef:
    """The claim check of a document."""
    return DocumentRef(
        document_id=document.document_id,
        sha256=document.sha256.hex(),
        size=len(document.data),
        media_type=document.media_type,
        filename=filename,
    )


def checked(document: DocumentRef, data: bytes) -> bytes | DocumentDamaged:
    """``data`` if it is what the claim check says."""
    if hashlib.sha256(data).hexdigest() != document.sha256:
        return DocumentDamaged(f"document {document.document_id} does not match its hash")
    return data
