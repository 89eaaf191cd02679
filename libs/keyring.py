"""Envelope encryption: a secret sealed under a key of its own, that key wrapped under one that lives elsewhere.

::

    secret ── AES-256-GCM, a new key for each secret ──▶ sealed
    that key ── AES-256-GCM, the key-encryption key ───▶ wrapped, with the name of the key-encryption key

Another key-encryption key means that the small wrapped keys are made anew and no secret is read. ``Keys`` is the port a
key management service goes behind; ``KeyRing`` has its keys from the settings. What is sealed about one thing cannot be
opened as another's: ``about`` is bound to both layers as associated data (NIST SP 800-38D).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class CannotOpen(Exception):
    """No key that is at hand opens this, or it was changed."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """``name``: of the key-encryption key it takes to open it."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """One secret as it is stored."""

    key: WrappedKey
    data: bytes = field(repr=False)


class Keys(Protocol):
    """Key-encryption keys, wherever they live."""

    @property
    def current(self) -> str:
        """The name of the one that wraps."""

    async def wrap(self, key: bytes, about: bytes) -> WrappedKey: ...

    async def unwrap(self, wrapped: WrappedKey, about: bytes) -> bytes:
        """Raises ``CannotOpen``."""


class KeyRing:
    """Keys held in memory: the first wraps, every one opens. Each is named after its own hash."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys``: 32 bytes each, at least one."""
        self._keys = {name_of(key): AESGCM(key) for key in keys}
        self._current = name_of(keys[0])

    @property
    def current(self) -> str:
        return self._current

    async def wrap(self, key: bytes, about: bytes) -> WrappedKey:
        return WrappedKey(self._current, _encrypted(self._keys[self._current], key, about))

    async def unwrap(self, wrapped: WrappedKey, about: bytes) -> bytes:
        cipher = self._keys.get(wrapped.name)
        if cipher is None:
            raise CannotOpen(f"there is no key {wrapped.name}")
        return _decrypted(cipher, wrapped.data, about)


async def seal(keys: Keys, secret: bytes, about: bytes) -> Sealed:
    """``about``: whose it is and what for; it must be known again to open it."""
    own = os.urandom(KEY_BYTES)
    return Sealed(await keys.wrap(own, about), _encrypted(AESGCM(own), secret, about))


async def unseal(keys: Keys, sealed: Sealed, about: bytes) -> bytes:
    """Raises ``CannotOpen``."""
    return _decrypted(AESGCM(await keys.unwrap(sealed.key, about)), sealed.data, about)


async def rewrap(keys: Keys, wrapped: WrappedKey, about: bytes) -> WrappedKey:
    """The same key under the current key-encryption key. Raises ``CannotOpen``."""
    return await keys.wrap(await keys.unwrap(wrapped, about), about)


def read_key(text: str) -> bytes:
    """A key as it stands in a setting: 32 bytes in base64. Raises ``ValueError``, without the key in it."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a key is 32 random bytes in base64: openssl rand -base64 32") from None
    return key


def name_of(key: bytes) -> str:
    """Sixteen hexadecimal digits that tell keys apart and say nothing about them."""
    return hashlib.sha256(b"postbode key name\0" + key).hexdigest()[:16]


def _encrypted(cipher: AESGCM, data: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data, about)


def _decrypted(cipher: AESGCM, data: bytes, about: bytes) -> bytes:
    try:
        return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        raise CannotOpen("it was changed, or sealed about something else") from None
