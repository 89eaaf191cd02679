"""What an operator can set for validate: environment variables ``POSTBODE_VALIDATE_…``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.settings import Settings


class ValidateSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_VALIDATE_")

    max_check_bytes: int = Field(default=12_000_000, gt=0, description="largest body of a check, in bytes")
    checks_at_once: int = Field(
        default=2, ge=1, description="checks that may use a processor at the same time"
    )
