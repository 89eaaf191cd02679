"""What an operator can set for route: environment variables ``POSTBODE_ROUTE_…``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from libs.setting_types import Certificates, HttpUrl
from libs.settings import Settings

CODES = "codes of letters"
"""The key that hashes them."""


class RouteSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_ROUTE_")
    purposes: ClassVar[tuple[str, ...]] = (CODES,)

    release_most: int = Field(
        default=500, ge=1, description="most parked invoices released in one transaction"
    )
    parked_days: float = Field(
        default=30.0,
        gt=0,
        description="how long an invoice waits before it is given back; its sender is told at half",
    )
    parked_every_s: float = Field(default=60.0, gt=0, description="how often to see what has waited too long")
    release_every_s: float = Field(default=2.0, gt=0, description="how soon the rest follows, in seconds")

    kvk_api_key: SecretStr | None = Field(
        default=None, description="key for the API of the KvK trade register; without one it is not asked"
    )
    kvk_lookup: bool = Field(
        default=True, description="false: do not ask the register, although there is a key"
    )
    kvk_api_url: HttpUrl = Field(
        default="https://api.kvk.nl/api", description="its address, without a version"
    )
    kvk_trusted: Certificates | None = Field(
        default=None, description="file of certificates (PEM) to trust as well: the register's own root"
    )
    kvk_timeout_s: float = Field(default=5.0, gt=0, description="longest wait for an answer, in seconds")
    kvk_daily: int = Field(default=200, ge=0, description="most questions a day, of all processes together")
    kvk_keep_days: int = Field(default=30, ge=1, description="how long an answer is good")
    kvk_every_s: float = Field(
        default=60.0,
        gt=0,
        description="how often companies are looked up for which invoices wait, in seconds",
    )
