"""Keys and addresses: form, strength, and that nothing stored opens anything."""

from __future__ import annotations

import re

import pytest

from services.ingest.access.credentials import Vault, new_api_key, new_local_part, read_api_key

VAULT = Vault(b"h" * 32, b"e" * 32)


def test_a_key_reads_back_as_it_was_made() -> None:
    key = new_api_key()
    assert read_api_key(str(key)) == key


@pytest.mark.parametrize(
    "text", ["", "pb_live_", "pb_live_abc_def", "Bearer x", "pb_live_" + "A" * 12 + "_" + "a" * 52]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert read_api_key(text) is None


@pytest.mark.proves("R13")
def test_a_mailbox_address_is_32_characters_and_never_the_same() -> None:
    made = {new_local_part() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[a-z0-9]{32}", local) for local in made)


def test_a_digest_needs_the_vaults_key() -> None:
    assert VAULT.matches("secret", VAULT.digest("secret"))
    assert not VAULT.matches("Secret", VAULT.digest("secret"))
    assert not Vault(b"x" * 32, b"e" * 32).matches("secret", VAULT.digest("secret"))


@pytest.mark.proves("R15")
def test_an_address_can_be_shown_again_but_not_read_from_the_table() -> None:
    token = VAULT.encrypt("address")
    assert b"address" not in token
    assert VAULT.decrypt(token) == "address"
