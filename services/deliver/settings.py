"""What an operator can set for deliver: environment variables ``POSTBODE_DELIVER_…``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.settings import Settings


class DeliverSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_DELIVER_")

    folder_root: Path = Field(
        default=Path("var/folders"), description="one folder per Globe receiver below it"
    )
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    mail_from: str = "facturen@postbode.example"
    mail_connections: int = Field(default=4, ge=1, description="mails under way at once")
    poll_seconds: float = Field(default=5.0, gt=0, description="how often to see whether files were taken")
    lease_seconds: float = Field(default=60.0, gt=1, description="how long an attempt may take")
    batch: int = Field(default=200, ge=1, le=1000)
    most_attempts: int = Field(default=12, ge=1, description="then the invoice is undeliverable")
