"""What an operator can set for ingest: environment variables ``POSTBODE_INGEST_…``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.settings import Settings


class IngestSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_INGEST_")

    upload_domains: tuple[str, ...] = Field(
        default=("uploads.localhost",),
        description="domains of the key mailboxes; all work at once, the first is shown for new ones (R13)",
    )
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=2525, description="0 picks a free port")
    max_submission_bytes: int = Field(default=25_000_000, description="largest submission, in bytes")
    group_linger_ms: float = Field(default=5.0, description="how long a commit waits for company")
    group_pace_ms: float = Field(default=25.0, description="from one commit to the next while more comes in")
    group_most: int = Field(default=200, description="most submissions in one commit")
