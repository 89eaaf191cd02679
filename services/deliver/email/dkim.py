"""DKIM signatures (RFC 6376, rsa-sha256) on mails made here. Pure.

``relaxed/simple``: of the headers, which servers on the way fold anew, folding and spaces do not count; the body is signed
byte by byte, for it is ASCII with short lines, which nobody has to change. Written for mails as ``mail.compose`` makes
them: CR LF everywhere, every header once.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SIGNED = (
    "from", "to", "subject", "date", "message-id", "x-postbode-invoice", "x-postbode-delivery", "auto-submitted",
    "mime-version", "content-type",
)  # fmt: skip
_NO_SECOND = ("from", "to", "subject", "date", "message-id", "content-type")
"""Named once more than they are there: whoever adds another breaks the signature (§5.4.2)."""
LEAST_BITS = 2048

_SPACES = re.compile(r"[ \t\r\n]+")
_HEADER = re.compile(r"([!-9;-~]+):((?:.|\r\n[ \t])*)\r\n")


class BadKey(ValueError):
    """It cannot sign mail; the message says why."""


class Signer:
    """Signs as ``domain``, whose public key is published at ``<selector>._domainkey.<domain>``."""

    def __init__(self, domain: str, selector: str, pem: str) -> None:
        """``pem``: a private RSA key without a password. Raises ``BadKey``."""
        try:
            key = load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError) as bad:
            raise BadKey("this is no private key in PEM without a password") from bad
        if not isinstance(key, RSAPrivateKey):
            raise BadKey("mail is signed with an RSA key here, and this is another kind")
        if key.key_size < LEAST_BITS:
            raise BadKey(f"an RSA key of {key.key_size} bits is believed nowhere: make one of {LEAST_BITS}")
        self._key = key
        names = ":".join((*SIGNED, *_NO_SECOND))
        self._about = f"v=1; a=rsa-sha256; c=relaxed/simple; d={domain}; s={selector};\r\n h={names};\r\n bh="

    def sign(self, mail: bytes) -> bytes:
        """``mail`` with its signature in front."""
        head, _, body = mail.partition(b"\r\n\r\n")
        digest = b64encode(sha256(body.rstrip(b"\r\n") + b"\r\n").digest()).decode("ascii")
        unsigned = f"DKIM-Signature: {self._about}{digest};\r\n b="
        found = {match[1].lower(): match[2] for match in _HEADER.finditer(head.decode("ascii") + "\r\n")}
        lines = [_relaxed(name, found[name]) for name in SIGNED]
        # Last and without an end of line: the signature's own header, its value still empty (§3.7).
        signed = ("".join(lines) + _relaxed("dkim-signature", unsigned.partition(":")[2])[:-2]).encode(
            "ascii"
        )
        signature = b64encode(self._key.sign(signed, PKCS1v15(), SHA256())).decode("ascii")
        pieces = "\r\n ".join(signature[n : n + 72] for n in range(0, len(signature), 72))
        return f"{unsigned}{pieces}\r\n".encode("ascii") + mail


def _relaxed(name: str, value: str) -> str:
    return f"{name}:{_SPACES.sub(' ', value).strip()}\r\n"
