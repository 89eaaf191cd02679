from __future__ import annotations

from libs.process import main
from services.deliver.app import MIGRATIONS, build
from services.deliver.settings import DeliverSettings

main("deliver", DeliverSettings, build, MIGRATIONS)
