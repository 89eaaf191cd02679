"""What an operator can set for track: environment variables ``POSTBODE_TRACK_…``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs import links
from libs.sealed import KEY_ADDRESSES
from libs.setting_types import Host, MailAddress, Port
from libs.settings import Settings


class TrackSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_TRACK_")
    purposes: ClassVar[tuple[str, ...]] = (links.PURPOSE, KEY_ADDRESSES)

    smtp_host: Host = Field(default="127.0.0.1", description="mail server that takes the notices")
    smtp_port: Port = Field(default=1025, description="its port")
    smtp_seconds: float = Field(default=15.0, gt=0, lt=30, description="longest wait for one mail")
    mail_from: MailAddress = Field(
        default="noreply@postbode.localhost",
        description="sender address of the notices; its domain is that of their Message-IDs",
    )
    notice_seconds: float = Field(default=1.0, gt=0, description="how often is looked for due notices")
    notice_quiet_seconds: float = Field(
        default=10.0,
        ge=0,
        description="what comes for one address within so long of each other is one mail, with a list",
    )
    notice_mails_a_day: int = Field(
        default=10, ge=0, description="so many notices an address gets at once in a day; then one an hour"
    )
    notice_lease_seconds: int = Field(
        default=60, gt=0, description="a mail without a result after this long is taken to be unknown"
    )
    ledger_seconds: float = Field(
        default=300, ge=0, description="how often the ledger is taken for the metrics; 0: never"
    )
