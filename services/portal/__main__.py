from __future__ import annotations

from libs.process import main
from services.portal.app import build
from services.portal.settings import PortalSettings

main("portal", PortalSettings, build, None)
