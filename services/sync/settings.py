"""What an operator can set for sync: environment variables ``POSTBODE_SYNC_…``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs import lifetimes
from libs.settings import Settings

CREDENTIALS = "sync credentials"
"""The key that seals passwords of administrations and clients."""


class SyncSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_SYNC_")
    purposes: ClassVar[tuple[str, ...]] = (CREDENTIALS,)

    batch: int = Field(default=100, ge=1, le=500, description="records written between two commits")
    at_once: int = Field(default=8, ge=1, le=64, description="requests to one Purchase to Pay at once")
    request_seconds: float = Field(default=30.0, gt=0, description="how long one answer of it may take")
    retry_seconds: float = Field(default=0.5, ge=0, description="first wait before a record is tried again")
    mirror_seconds: float = Field(
        default=60.0, ge=0, description="while writing: how often to see what others changed there"
    )
    record_days: int = Field(
        default=lifetimes.SYNC_RECORDS.kept.days,
        ge=1,
        description="how long a plan keeps its records, before and after; one nobody applied expires then. What became of a"
        " record last is kept",
    )
    plan_days: int = Field(
        default=lifetimes.SYNC_PLANS.kept.days,
        ge=1,
        description="how long a plan is listed after its records went",
    )
    history_days: int = Field(
        default=lifetimes.SYNC_HISTORY.kept.days,
        ge=1,
        description="how long what became of a record is told; the last of each is kept",
    )
    lease_seconds: float = Field(
        default=30.0, gt=0, description="renewed during a run; a dead process's run waits this long"
    )
    look_seconds: float = Field(default=15.0, gt=0, description="how often to see what is due")
    most_deactivations: int = Field(
        default=25, ge=0, description="a plan that deactivates more waits for a person"
    )
    most_share: float = Field(
        default=0.5, gt=0, le=1, description="so does one that changes more than this share of all records"
    )
