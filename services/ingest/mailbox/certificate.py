"""The certificate the key mailboxes show, read again when its files change."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509

from libs.telemetry import metrics

_log = structlog.get_logger(__name__)


class Certificate:
    """``chain`` and ``key`` are PEM files. Raises ``OSError`` or ``ssl.SSLError`` when they cannot be used at the start;
    later ones that cannot be used leave those before in place."""

    ends: datetime
    """When the one shown stops being valid."""

    def __init__(self, chain: str, key: str) -> None:
        self._chain, self._key = Path(chain), Path(key or chain)
        self._seen = self._look()
        self._context = self._read()
        metrics.certificate_end.answer({"use": "smtp"}, lambda: self.ends.timestamp())

    def context(self) -> ssl.SSLContext:
        """For a new connection."""
        try:
            now = self._look()
            if now != self._seen:
                self._seen = now
                self._context = self._read()
                _log.info("the mail certificate was read again", chain=str(self._chain))
        except OSError as bad:  # an SSLError is one
            # Halfway through a renewal, or a bad one: the connection gets what worked before.
            _log.error("the mail certificate cannot be read", error=str(bad))
        return self._context

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        # Kubernetes changes a link above the files: what they are then differs, whatever their times.
        return tuple((s.st_mtime_ns, s.st_ino, s.st_size) for s in (self._chain.stat(), self._key.stat()))

    def _read(self) -> ssl.SSLContext:
        context, self.ends = read(self._chain, self._key)
        return context


def read(chain: str | Path, key: str | Path) -> tuple[ssl.SSLContext, datetime]:
    """What a server shows, and when it ends; without ``key`` it stands in ``chain`` too. Raises ``OSError`` and
    ``ValueError``, also of a key with a password: nobody is there to give it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, key or chain, password="")
    return context, ends(Path(chain))


def ends(chain: Path) -> datetime:
    """When a PEM file's certificate, the first in it, stops being valid. Raises ``OSError``, ``ValueError``."""
    return x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc
