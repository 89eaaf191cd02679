from __future__ import annotations

from libs.process import main
from services.ingest.app import MIGRATIONS, build
from services.ingest.settings import IngestSettings

main("ingest", IngestSettings, build, MIGRATIONS)
