"""Settings from the environment (``POSTBODE_…``), with secrets from mounted files where that is safer.

For every variable ``X`` there may be ``X_FILE``: the path of a file that holds the value (Kubernetes and
Docker secrets). Services derive from ``Settings``: what they add has their own prefix
(``POSTBODE_INGEST_…``), what they share is read under ``POSTBODE_…``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "POSTBODE_"


class Settings(BaseSettings):
    """What every process of the hub shares."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: str = Field(
        default="", description="administrator's URL; services log in as their own roles"
    )
    secret: str = Field(
        default="only-for-this-machine",
        description="master secret: role passwords, key hashes and service tokens are derived from it",
    )
    transport: Literal["amqp", "memory"] = "amqp"
    amqp_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    base_url: str = Field(default="http://127.0.0.1:8080", description="where people reach the public APIs")
    identity_url: str = Field(default="", description="where ingest answers; empty: base_url")
    host: str = "127.0.0.1"
    port: int = 8080
    otlp_endpoint: str = Field(default="", description="OTLP/HTTP collector; empty: nothing is exported")
    sampling_ratio: float = Field(default=0.02, ge=0, le=1, description="share of traces recorded whole")
    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"

    @model_validator(mode="before")
    @classmethod
    def _shared_and_files(cls, values: Any) -> Any:
        return {**_from_environment(cls), **values} if isinstance(values, Mapping) else values

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, from the master secret (HMAC-SHA-256); different for every purpose."""
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).digest()

    @property
    def introspection_secret(self) -> str:
        """What a service shows ingest when it asks whose credentials these are."""
        return self.derive("token introspection").hex()


def _from_environment(kind: type[Settings]) -> dict[str, str]:
    """Values under the shared prefix for shared fields, and from ``…_FILE`` for any field."""
    own = str(kind.model_config.get("env_prefix", PREFIX))
    found: dict[str, str] = {}
    for name in kind.model_fields:
        for prefix in (PREFIX, own) if name in Settings.model_fields else (own,):
            variable = f"{prefix}{name.upper()}"
            if variable in os.environ and prefix != own:
                found[name] = os.environ[variable]
            if f"{variable}_FILE" in os.environ:
                found[name] = Path(os.environ[f"{variable}_FILE"]).read_text().strip()
    return found
