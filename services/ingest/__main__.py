from __future__ import annotations

from libs.runtime import main
from services.ingest.app import build
from services.ingest.settings import IngestSettings

main("ingest", IngestSettings, build)
