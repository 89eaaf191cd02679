from __future__ import annotations

from libs.process import main
from services.sync.app import MIGRATIONS, build
from services.sync.settings import SyncSettings

main("sync", SyncSettings, build, MIGRATIONS)
