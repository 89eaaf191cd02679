"""Before ingest gets work: a certificate that has not ended, and room for what it unpacks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from libs import clock
from libs.room import DiskFull, room
from libs.testing import certificates
from services.ingest.mailbox.certificate import Certificate
from services.ingest.needs import CertificateEnded, checks
from services.ingest.settings import IngestSettings


async def test_a_certificate_that_ended_is_told_with_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when its file is gone by then: what was read of it is still shown."""
    path = certificates.pem(tmp_path, "mail", ends=clock.now() - timedelta(days=3))
    check = checks(IngestSettings(smtp_certificate=str(path)))["api"]["certificate"]
    with pytest.raises(CertificateEnded) as ended:
        await check()
    day = f"{clock.now() - timedelta(days=3):%Y-%m-%d}"
    assert day in ended.value.message
    assert day in ended.value.words["nl"]
    certificates.pem(tmp_path, "mail")
    await check()
    path.write_text("half a rene")
    await check()
    later = clock.now() + timedelta(days=4_000)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(CertificateEnded):
        await check()


async def test_who_shows_no_certificate_needs_none() -> None:
    assert "certificate" not in checks(IngestSettings())["api"]


def test_what_is_shown_tells_when_it_ends(tmp_path: Path) -> None:
    end = (clock.now() + timedelta(days=40)).replace(microsecond=0)
    shown = Certificate(str(certificates.pem(tmp_path, "mail", ends=end)), "")
    assert shown.ends == end


async def test_a_full_disk_is_told_with_the_folder(tmp_path: Path) -> None:
    await room(tmp_path, 1)()
    with pytest.raises(DiskFull, match="MB free") as full:
        await room(tmp_path / "not" / "yet", 2**60)()
    assert str(tmp_path) in full.value.words["nl"]
