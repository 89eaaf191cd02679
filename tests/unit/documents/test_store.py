"""Claim checks, and what is told about documents that are not what they were."""

from __future__ import annotations

import hashlib
import threading
from uuid import UUID

import pytest
import zstandard

from libs import clock
from libs.documents.postgres import unpack
from libs.documents.store import OFF_LOOP, DocumentDamaged, DocumentMissing, NewDocument, prepare, ref


def document(data: bytes = b"<Invoice/>") -> NewDocument:
    return NewDocument(clock.uuid7(), data, "application/xml")


def test_a_claim_check_tells_hash_and_size_of_what_came() -> None:
    new = document(b"abc")
    check = ref(new, "F1.xml")
    assert check.document_id == new.document_id
    assert check.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (check.size, check.media_type, check.filename) == (3, "application/xml", "F1.xml")


@pytest.mark.parametrize("data", [b"", b"x", b"<a>" * 100_000])
def test_what_goes_in_comes_out(data: bytes) -> None:
    new = document(data)
    assert unpack(ref(new), new.packed) == data


def test_a_missing_document_is_an_error_of_its_own() -> None:
    assert isinstance(unpack(ref(document()), None), DocumentMissing)


@pytest.mark.parametrize(
    "body",
    [
        document(b"<invoice/>").packed,  # other bytes of the same length
        document(b"<Invoice>").packed,
        document().packed[:-1],
        b"<Invoice/>",
        b"",
        zstandard.ZstdCompressor(write_content_size=False).compress(b"<Invoice/>"),
        zstandard.ZstdCompressor().compress(bytes(1 << 30)),  # a bomb: 1 GiB in 32 KiB
    ],
    ids=["changed", "shorter", "cut", "not packed", "empty", "no size", "bomb"],
)
def test_anything_else_under_the_claim_check_is_damage(body: bytes) -> None:
    assert isinstance(unpack(ref(document()), body), DocumentDamaged)


@pytest.mark.parametrize(("size", "elsewhere"), [(OFF_LOOP - 1, False), (OFF_LOOP + 1, True)])
async def test_large_documents_are_packed_off_the_event_loop(
    size: int, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[threading.Thread] = []

    class Spy(NewDocument):
        @property
        def packed(self) -> bytes:
            seen.append(threading.current_thread())
            return b""

    await prepare([Spy(UUID(int=1), bytes(size), "application/pdf")])
    assert (seen[0] is not threading.main_thread()) is elsewhere
