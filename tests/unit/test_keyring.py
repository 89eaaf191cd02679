"""What is sealed is opened by its keys alone, about its thing alone, and changes hands without being read."""

from __future__ import annotations

import base64

import pytest

from libs import keyring
from libs.keyring import CannotOpen, KeyRing

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
SECRET = b"whsec_of_somebody"


async def test_sealed_it_is_opened_about_its_own_thing_and_no_other() -> None:
    keys = KeyRing([OLD])
    sealed = await keyring.seal(keys, SECRET, b"mine")
    assert SECRET not in sealed.data
    assert await keyring.unseal(keys, sealed, b"mine") == SECRET
    with pytest.raises(CannotOpen):
        await keyring.unseal(keys, sealed, b"another's")
    with pytest.raises(CannotOpen):
        await keyring.unseal(KeyRing([NEW]), sealed, b"mine")


@pytest.mark.parametrize("part", ["key", "data"])
async def test_changed_by_a_bit_it_is_not_opened(part: str) -> None:
    keys = KeyRing([OLD])
    sealed = await keyring.seal(keys, SECRET, b"mine")
    wrapped, data = sealed.key, sealed.data
    if part == "key":
        wrapped = keyring.WrappedKey(wrapped.name, wrapped.data[:-1] + bytes([wrapped.data[-1] ^ 1]))
    else:
        data = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(CannotOpen):
        await keyring.unseal(keys, keyring.Sealed(wrapped, data), b"mine")


async def test_another_key_takes_over_while_both_open_and_then_alone() -> None:
    before = await keyring.seal(KeyRing([OLD]), SECRET, b"mine")
    both = KeyRing([NEW, OLD])
    assert await keyring.unseal(both, before, b"mine") == SECRET
    moved = keyring.Sealed(await keyring.rewrap(both, before.key, b"mine"), before.data)
    assert moved.key.name == keyring.name_of(NEW) == both.current
    assert await keyring.unseal(KeyRing([NEW]), moved, b"mine") == SECRET


async def test_the_same_secret_never_looks_the_same() -> None:
    keys = KeyRing([OLD])
    one, other = [await keyring.seal(keys, SECRET, b"mine") for _ in range(2)]
    assert one.data != other.data
    assert one.key.data != other.key.data


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(bytes(31)).decode(), "!" * 44, "é"])
def test_what_is_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="32 random bytes") as no:
        keyring.read_key(text)
    assert not text or text not in str(no.value)


def test_a_key_and_its_text() -> None:
    assert keyring.read_key(base64.b64encode(NEW).decode()) == NEW
    assert "AES" not in repr(KeyRing([NEW]))
    assert NEW.hex()[:8] not in keyring.name_of(NEW)
