"""Cursors go round, and nothing made up gets through."""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import URL

from libs.errors import BadInput
from libs.http import paging
from tests.unit.http import cursors
from tests.unit.http.cursors import made_up

_text = st.text(max_size=50).filter(lambda t: "\0" not in t and t.isprintable())
_keys = st.one_of(
    _text,
    st.integers(-(2**63), 2**63 - 1),
    st.uuids(),
    st.datetimes(
        datetime(2000, 1, 2),  # noqa: DTZ001 - the zone is drawn
        datetime(2199, 12, 30),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]),
    ),
)


@given(st.lists(_keys, min_size=1, max_size=4))
def test_round_trip(keys: list[Any]) -> None:
    text = paging.cursor(*keys)
    kinds = [type(key) for key in keys]
    assert paging.place(text, *kinds) == tuple(keys)
    # It stands in a URL as it is.
    assert str(httpx.URL("http://x/", params={"after": text})).endswith(f"after={text}")


@given(st.text(max_size=100) | st.binary(max_size=80).map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_anything_else_is_bad_input(text: str) -> None:
    with contextlib.suppress(BadInput):
        at, key = paging.place(text, datetime, UUID)
        assert isinstance(at, datetime)
        assert isinstance(key, UUID)


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        (["2026-01-01T00:00:00"], [datetime]),  # no offset: whose midnight?
        ([1], [UUID]),
        ([None], [str]),
        ([True], [int]),
        ([2**63], [int]),
        (["a\0b"], [str]),
        ([{"$gt": ""}], [str]),
        ([["x"]], [str]),
        (["x", "y"], [str]),
        ([1.5], [int]),
    ],
)
def test_a_cursor_of_the_wrong_kinds(keys: list[object], kinds: list[type]) -> None:
    with pytest.raises(BadInput):
        paging.place(made_up(*keys), *kinds)


@pytest.mark.parametrize("text", cursors.INSTANT_AND_ID.values(), ids=cursors.INSTANT_AND_ID)
def test_no_instant_leaves_the_calendar(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        paging.place(text, datetime, UUID)
    assert refused.value.code == "bad-cursor"


def test_the_link_is_relative_and_keeps_the_filters() -> None:
    url = URL("http://internal:8080/v1/invoices?status=sent&after=old&limit=5")
    link = paging.link_next(url, "new")["Link"]
    assert link == '</v1/invoices?status=sent&limit=5&after=new>; rel="next"'


async def test_limits_hold(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/items", params={"limit": 200})).json()[0] == 200
    for limit in ("0", "201", "-1", "x"):
        assert (await http.get("/v1/items", params={"limit": limit})).status_code == 422
