"""How a key is read, and which files are the same."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.errors import BadInput, Conflict
from services.ingest.uploads.idempotency import Running, fingerprint, read
from services.ingest.uploads.part import Part


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (r'"a \"b\" \\ c"', r'a "b" \ c'),
        ("F/2026.1~x", "F/2026.1~x"),
        ("k" * 255, "k" * 255),
    ],
)
def test_a_key_is_read_quoted_or_bare(header: str, name: str) -> None:
    assert read(header) == name


@pytest.mark.parametrize(
    "header", ["", '""', " ", '"open', "two words", "k" * 256, '"a"; b=1', "é", "a\x00b", '"a,"b"']
)
def test_what_is_no_key_is_said(header: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(header)
    assert refused.value.code == "idempotency-key-malformed"


def test_files_are_the_same_by_name_bytes_and_where_they_end() -> None:
    a, b = Part(b"<a/>", "a.xml"), Part(b"<b/>", "b.xml")
    assert fingerprint([a, b]) == fingerprint([Part(b"<a/>", "a.xml", "text/xml"), b])
    others = [[b, a], [a], [Part(b"<a/>", "b.xml"), b], [Part(b"<a/><b/>", "a.xml")], [Part(b"<a/><b/>")]]
    assert len({fingerprint(each) for each in [[a, b], *others]}) == 1 + len(others)


def test_a_key_is_held_by_one_at_a_time_in_an_account() -> None:
    running = Running()
    with running.hold(UUID(int=1), "k"), running.hold(UUID(int=2), "k"):
        with pytest.raises(Conflict) as refused, running.hold(UUID(int=1), "k"):
            raise AssertionError("held twice")
        assert (refused.value.code, refused.value.extra["retry_after"]) == ("idempotency-key-running", 1)
    with running.hold(UUID(int=1), "k"):
        pass
