"""A text that only the services of this hub can read, for what must travel in an event and lie in no queue readable. Pure.

Fernet (AES-128-CBC with HMAC-SHA-256) under a key derived from the master secret for one purpose.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken

KEY_ADDRESSES = "mailed key addresses"
"""What ``Settings.derive`` is asked for."""


def seal(key: bytes, text: str) -> str:
    """``key``: 32 bytes."""
    return _fernet(key).encrypt(text.encode()).decode()


def unseal(key: bytes, sealed: str) -> str:
    """Raises ``ValueError`` for what was not sealed with this key."""
    try:
        return _fernet(key).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise ValueError("this was not sealed with the key of this hub") from None


def _fernet(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key[:32]))
