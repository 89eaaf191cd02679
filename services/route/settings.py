"""What an operator can set for route: environment variables ``POSTBODE_ROUTE_…``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.settings import Settings


class RouteSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_ROUTE_")

    release_most: int = Field(
        default=500, ge=1, description="most parked invoices released in one transaction"
    )
    release_every_s: float = Field(default=2.0, gt=0, description="how soon the rest follows, in seconds")
