"""``Idempotency-Key``: what a caller calls its request, so that trying again never does it twice. Pure.

After draft-ietf-httpapi-idempotency-key-header-07: the same key with the same files gets the reply of the first
time, with other files 422, and while the first is being done 409. A key belongs to one account, and lasts as long
as the submission it made. A refusal uses up no key: nothing was stored, the same files are refused again, and mended
ones may come under the same key.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.errors import BadInput, Conflict, Unprocessable
from services.ingest.uploads.part import Part

LONGEST = 255
"""Characters of a key."""

_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
"""A string of RFC 9651 §3.3.3. Many clients leave the quotes out: bare, a key has no blanks."""
_BARE = re.compile(r"[!#-+\--\[\]-~]+")


@dataclass(frozen=True, slots=True)
class Key:
    """A key with what was sent under it. ``position``: which item of a batch, from 1; else 0."""

    name: str
    fingerprint: bytes
    position: int = 0


def read(header: str) -> str:
    """The key a header names, quoted or bare. Raises ``BadInput`` (``idempotency-key-malformed``)."""
    text = header.strip()
    quoted = _QUOTED.fullmatch(text)
    name = re.sub(r'\\(["\\])', r"\1", quoted[1]) if quoted else text if _BARE.fullmatch(text) else ""
    if not 1 <= len(name) <= LONGEST:
        raise malformed()
    return name


def fingerprint(parts: Sequence[Part]) -> bytes:
    """32 bytes of the files and their names: a form that is built anew has another boundary and is the same."""
    digest = hashlib.sha256()
    for part in parts:
        name = (part.filename or "").encode("utf-8", "surrogatepass")
        digest.update(b"%d %d\n" % (len(name), len(part.data)))
        digest.update(name)
        digest.update(part.data)
    return digest.digest()


def malformed() -> BadInput:
    """The header holds no key."""
    return BadInput(
        f"The Idempotency-Key is no key: send 1 to {LONGEST} printable ASCII characters, such as a UUID.",
        nl=f"De Idempotency-Key is geen sleutel: stuur 1 tot {LONGEST} leesbare ASCII-tekens, zoals een UUID.",
        code="idempotency-key-malformed",
    )


def reused() -> Unprocessable:
    """The key was used for other files."""
    return Unprocessable(
        "This Idempotency-Key was used for other files: nothing was taken now. Give every request a key of its own, "
        "and send the same files with it when you try again.",
        nl="Deze Idempotency-Key is al gebruikt voor andere bestanden: er is nu niets aangenomen. Geef elk verzoek een "
        "eigen sleutel, en stuur er dezelfde bestanden mee als u het opnieuw probeert.",
        code="idempotency-key-reused",
    )


def running() -> Conflict:
    """The first request with this key has no reply yet."""
    return Conflict(
        "A request with this Idempotency-Key is still being done: send the same again in a moment.",
        nl="Een verzoek met deze Idempotency-Key loopt nog: stuur hetzelfde zo nog eens.",
        code="idempotency-key-running",
        retry_after=1,
    )


class Running:
    """The keys of requests that this process is busy with. ``with running.hold(account, key): …`` raises
    ``Conflict`` when somebody has it."""

    def __init__(self) -> None:
        self._held: set[tuple[UUID, str]] = set()

    @contextlib.contextmanager
    def hold(self, account_id: UUID, name: str) -> Iterator[None]:
        own = (account_id, name)
        if own in self._held:
            raise running()
        self._held.add(own)
        try:
            yield
        finally:
            self._held.discard(own)
