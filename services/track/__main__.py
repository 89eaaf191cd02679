from __future__ import annotations

from libs.process import main
from services.track.app import MIGRATIONS, build
from services.track.settings import TrackSettings

main("track", TrackSettings, build, MIGRATIONS)
