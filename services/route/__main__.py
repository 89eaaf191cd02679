from __future__ import annotations

from libs.process import main
from services.route.app import MIGRATIONS, build
from services.route.settings import RouteSettings

main("route", RouteSettings, build, MIGRATIONS)
