"""API keys, session tokens, user names and key mailbox addresses: how they look, how they are kept. Pure.

An API key is ``pb_live_<id>_<secret>``, or ``pb_test_…`` for the sandbox: the id finds the row, the secret (256 bits)
is compared by keyed hash, so a stolen table opens nothing. A session token is ``pb_sess_<id>_<secret>``, kept alike.
A key mailbox address is a bearer secret too (R13): 32 characters a-z0-9 (165 bits), found by keyed hash, kept
encrypted because the portal shows it again (R15).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from cryptography.fernet import Fernet

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_KEY = re.compile(r"^pb_(?:live|(test))_([a-z0-9]{12})_([a-z0-9]{52})$")
_SESSION = re.compile(r"^pb_sess_([a-z0-9]{12})_([a-z0-9]{52})$")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in the clear: shown once, never stored."""

    key_id: str
    secret: str
    test: bool = False
    """Of the sandbox."""

    def __str__(self) -> str:
        return f"pb_{'test' if self.test else 'live'}_{self.key_id}_{self.secret}"


def new_api_key(*, test: bool = False) -> ApiKey:
    return ApiKey(_random(12), _random(52), test)


def read_api_key(text: str) -> ApiKey | None:
    """The parts of a key, or None when it does not have the form of one."""
    match = _KEY.match(text)
    return ApiKey(match[2], match[3], match[1] is not None) if match else None


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What somebody who signed in holds instead of the key."""

    session_id: str
    secret: str

    def __str__(self) -> str:
        return f"pb_sess_{self.session_id}_{self.secret}"


def new_session_token() -> SessionToken:
    return SessionToken(session_id=_random(12), secret=_random(52))


def read_session_token(text: str) -> SessionToken | None:
    """The parts of a token, or None when it does not have the form of one."""
    match = _SESSION.match(text)
    return SessionToken(*match.groups()) if match else None


def bearer(authorization: str | None) -> str:
    """What an ``Authorization: Bearer …`` carries; empty for anything else."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


def basic(authorization: str | None) -> tuple[str, str] | None:
    """User name and password of an ``Authorization: Basic …`` (RFC 7617, UTF-8); None for anything else."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name.strip().lower(), password) if name and colon and "\0" not in name else None


def new_local_part() -> str:
    """The part before the @ of a new key mailbox."""
    return _random(32)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Vault:
    """Hashes and encrypts with keys derived from the hub's master secret."""

    hash_key: bytes
    encryption_key: bytes

    def digest(self, text: str) -> bytes:
        """Keyed hash (HMAC-SHA-256) of a secret or an address."""
        return hmac.new(self.hash_key, text.encode(), sha256).digest()

    def matches(self, text: str, digest: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.digest(text), digest)

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        return self._fernet.decrypt(token).decode()

    @property
    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.encryption_key[:32]))
