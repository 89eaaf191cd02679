"""What an operator can set for portal: environment variables ``POSTBODE_PORTAL_…``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.setting_types import HttpUrlOrEmpty
from libs.settings import Settings


class PortalSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_PORTAL_")

    api_url: HttpUrlOrEmpty = Field(
        default="", description="where portal reaches the public APIs; empty: base_url"
    )
    session_hours: float = Field(default=10, gt=0.02, le=168, description="how long a sign-in lasts")
    page_size: int = Field(default=25, ge=1, le=200, description="invoices on a page")
