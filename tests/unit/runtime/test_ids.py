"""Ids made the short way are those the long way makes."""

from __future__ import annotations

import pickle
from hashlib import sha256
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs import ids


@given(st.uuids())
def test_an_id_is_the_same_whichever_way_it_is_made(one: UUID) -> None:
    for other in (ids.of_int(one.int), ids.of_text(str(one)), ids.of_text(one.hex), ids.of_bytes(one.bytes)):
        assert other == one
        assert hash(other) == hash(one)
        assert (str(other), other.version, other.is_safe) == (str(one), one.version, one.is_safe)
        assert orjson.dumps(other) == orjson.dumps(one)
        assert pickle.loads(pickle.dumps(other)) == one


def test_of_a_hash_the_first_half_counts() -> None:
    digest = sha256(b"x").digest()
    assert ids.of_bytes(digest) == UUID(bytes=digest[:16])


@pytest.mark.parametrize("bad", ["", "x", "0" * 31, "0197a3c0-5e00-7000-8000-00000000001"])
def test_what_is_no_id_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="UUID string"):
        ids.of_text(bad)
