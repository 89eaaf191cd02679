"""What ingest needs beside database and broker before it should get work."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

from libs import clock
from libs.errors import Unavailable
from libs.room import room
from libs.service import Part
from services.ingest.mailbox.certificate import ends
from services.ingest.settings import IngestSettings


class CertificateEnded(Unavailable):
    """The certificate of the key mailboxes has ended: put a renewed one in its place."""

    slug = "certificate-ended"
    dutch = "Het certificaat van de sleutelmailboxen is verlopen: zet een vernieuwd op zijn plaats."


def checks(settings: IngestSettings) -> Mapping[Part, Mapping[str, Callable[[], Awaitable[None]]]]:
    """By part of the process."""
    disk = room(Path(tempfile.gettempdir()), settings.least_free_bytes)
    if not settings.smtp_certificate:
        return {"api": {"disk": disk}}

    end: datetime | None = None

    async def certificate() -> None:
        nonlocal end
        # Halfway through a renewal, or gone: the one that was read before is shown, and that ends too.
        with contextlib.suppress(OSError, ValueError):
            end = ends(Path(settings.smtp_certificate))
        if end is not None and end <= clock.now():
            said = f"{settings.smtp_certificate}, {end:%Y-%m-%d %H:%M} UTC"
            raise CertificateEnded(
                f"{CertificateEnded.__doc__} ({said})", nl=f"{CertificateEnded.dutch} ({said})"
            )

    return {"api": {"disk": disk, "certificate": certificate}}
