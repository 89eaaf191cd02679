"""One-time links: a token says whose it is, and nobody else can make one."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.links import read_token, token_of

KEY, LINK = b"k" * 32, UUID("0197a3c0-5e00-7000-8000-0000000000b7")


def test_a_token_leads_back_to_its_link() -> None:
    token = token_of(KEY, LINK)
    assert read_token(KEY, f" {token} ") == LINK
    assert token.isascii()
    assert len(token) < 200


@pytest.mark.parametrize(
    "changed", ["", "pb_link_", token_of(b"o" * 32, LINK), token_of(KEY, LINK)[:-1], "\x00"]
)
def test_anything_else_is_none(changed: str) -> None:
    assert read_token(KEY, changed) is None


def test_a_token_is_of_its_own_link_only() -> None:
    other = token_of(KEY, UUID(int=7))
    assert read_token(KEY, f"pb_link_{LINK.hex}_{other[-52:]}") is None
