"""portal, wired."""

from __future__ import annotations

from datetime import timedelta

from libs.service import Resources, Service
from services.portal.hub import Hub
from services.portal.pages import Pages
from services.portal.sessions import Sessions
from services.portal.settings import PortalSettings

MIGRATIONS = None


async def build(settings: PortalSettings, resources: Resources) -> Service:
    """Wire portal. It needs no database and no broker."""
    hub = Hub(settings.api_url or resources.base_url)
    sessions = Sessions(
        lasts=timedelta(hours=settings.session_hours),
        secure=resources.base_url.startswith("https://"),
    )
    return Service(
        name="portal",
        migrations=MIGRATIONS,
        api=Pages(hub, sessions, settings.page_size).router(),
        background=(hub,),
    )
