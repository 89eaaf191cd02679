from __future__ import annotations

from libs.runtime import main
from services.route.app import build
from services.route.settings import RouteSettings

main("route", RouteSettings, build)
