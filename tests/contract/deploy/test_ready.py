"""What a service says it needs itself is asked by ``/readyz`` of its process: as it is wired, not as it could be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from libs import clock
from libs.http.health import Readiness
from libs.testing import certificates
from services.deliver.settings import DeliverSettings
from services.ingest.settings import IngestSettings
from tests.contract.deploy.test_kubernetes import built

TOO_MUCH = 2**60


async def test_ingest_is_not_ready_with_a_certificate_that_ended(tmp_path: Path) -> None:
    path = certificates.pem(tmp_path, "mail", ends=clock.now() - timedelta(days=1))
    service = await built("ingest", IngestSettings(smtp_certificate=str(path)))
    assert await Readiness(service.checks["api"]).report() == {"certificate": "CertificateEnded"}
    certificates.pem(tmp_path, "mail")
    assert await Readiness(service.checks["api"]).report() == {}


async def test_nobody_is_ready_who_has_no_room_to_write(tmp_path: Path) -> None:
    ingest = await built("ingest", IngestSettings(least_free_bytes=TOO_MUCH))
    assert await Readiness(ingest.checks["api"]).report() == {"disk": "DiskFull"}
    deliver = await built("deliver", DeliverSettings(least_free_bytes=TOO_MUCH, folder_root=tmp_path))
    assert await Readiness(deliver.checks["worker"]).report() == {"disk": "DiskFull"}
