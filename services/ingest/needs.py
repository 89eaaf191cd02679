"""What ingest needs beside database and broker before it should get work."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
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

    async def certificate() -> None:
        try:
            end = ends(Path(settings.smtp_certificate))
        except (OSError, ValueError):
            # Halfway through a renewal: the one that was read before is shown.
            return
        if end <= clock.now():
            said = f"{settings.smtp_certificate}, {end:%Y-%m-%d %H:%M} UTC"
            raise CertificateEnded(
                f"{CertificateEnded.__doc__} ({said})", nl=f"{CertificateEnded.dutch} ({said})"
            )

    return {"api": {"disk": disk, "certificate": certificate}}
