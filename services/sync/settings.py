"""What an operator can set for sync: environment variables ``POSTBODE_SYNC_…``."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from libs.settings import Settings


class SyncSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_SYNC_")
