"""Settings from the environment, with secrets from mounted files where that is safer.

What processes share is read under ``POSTBODE_…``. A service derives from ``Settings`` with a prefix of its
own: what it adds is read under that prefix (``POSTBODE_INGEST_SMTP_PORT``), and what is shared may be
overridden there (``POSTBODE_INGEST_LOG_LEVEL``). For every variable ``X`` there may instead be ``X_FILE``,
the path of a file that holds the value (Kubernetes and Docker secrets); setting both is an error.

Lists are written with commas (``a.example,b.example``) or as JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_origin
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from libs.contracts.topology import Rounds
from libs.setting_types import AmqpUrl, Host, HttpUrl, HttpUrlOrEmpty, Port, PostgresUrl, PostgresUrlOrEmpty

PREFIX = "POSTBODE_"
PUBLIC_SECRET = "only-for-this-machine"  # noqa: S105  everybody knows it: that is why it is refused elsewhere

INTROSPECTION = "token introspection"
"""What a service shows ingest when it asks whose credentials these are, and ingest knows it by."""

_KEY = re.compile(r"[0-9a-f]{64}")
_ROLE_URL = re.compile(r"POSTBODE_[A-Z_]+_DATABASE_URL(_FILE)?")
_POSTGRES_URL = TypeAdapter(PostgresUrl, config={"hide_input_in_errors": True})

S = TypeVar("S", bound="Settings")


class BadSettings(Exception):
    """The environment does not hold what this process needs; the message names every variable."""


class Settings(BaseSettings):
    """What every process of the hub shares."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    purposes: ClassVar[tuple[str, ...]] = ()
    """What ``derive`` is asked for by this service alone, or by few."""

    database_url: PostgresUrlOrEmpty = Field(
        default="", repr=False, description="administrator's URL; services log in as their own roles"
    )
    secret: str = Field(
        default=PUBLIC_SECRET,
        repr=False,
        min_length=16,
        description="master secret: role passwords, key hashes and service tokens are derived from it",
    )
    own_keys: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="in the place of the master secret: what this service derives from it and nothing else, as `postbode "
        "keys` prints it",
    )
    transport: Literal["amqp", "memory"] = Field(
        default="amqp", description="memory is for the whole hub in one process"
    )
    amqp_url: AmqpUrl = Field(
        default="amqp://guest:guest@127.0.0.1:5672/", repr=False, description="the RabbitMQ broker"
    )
    base_url: HttpUrl = Field(
        default="http://127.0.0.1:8080", description="where people reach the public APIs"
    )
    identity_url: HttpUrlOrEmpty = Field(default="", description="where ingest answers; empty: base_url")
    host: Host = Field(default="127.0.0.1", description="address to listen on")
    port: Port = Field(default=8080, description="port of the API; 0 picks a free one")
    health_port: Port | None = Field(
        default=None,
        description="where a worker or relay by itself answers /livez, /readyz and /metrics; unset: nowhere",
    )
    max_body_bytes: int = Field(default=30_000_000, gt=0, description="no request may be larger")
    drain_seconds: float = Field(default=30, gt=0, description="a stopping process leaves after this long")
    grace_seconds: float = Field(
        default=0, ge=0, description="how long to go on after a stop signal, until the load balancer knows"
    )
    dead_rounds: int = Field(
        default=1, ge=0, le=10, description="rounds more for an event that reached the delivery limit"
    )
    dead_round_seconds: float = Field(
        default=300, gt=0, le=86_400, description="how long it waits for each; then it goes alone"
    )
    least_free_bytes: int = Field(
        default=64_000_000,
        ge=0,
        description="a process with less room on a disk it writes to is not ready",
    )
    otlp_endpoint: HttpUrlOrEmpty = Field(
        default="", description="OTLP/HTTP collector; empty: nothing is exported"
    )
    sampling_ratio: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="share of traces recorded whole; what fails or is slow is recorded always",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        default="INFO", description="what is less than this is not logged"
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="for machines; or for people, in a terminal"
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("own_keys")
    @classmethod
    def _shapes(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(_KEY.fullmatch(key) for key in value.values()):
            raise ValueError("each key is 64 hexadecimal digits: `postbode keys` prints them")
        return value

    @model_validator(mode="after")
    def _own_secret(self) -> Settings:
        if self.own_keys:
            if self.secret != PUBLIC_SECRET:
                raise ValueError(
                    f"set {PREFIX}SECRET or {PREFIX}OWN_KEYS, not both: who has the first needs no second"
                )
            return self
        if self.secret != PUBLIC_SECRET:
            return self
        for where, name in ((self.base_url, urlsplit(self.base_url).hostname), (self.host, self.host)):
            if not _is_here(name):
                raise ValueError(
                    f"{PREFIX}SECRET is not set, and {where} is not this machine: "
                    "set it to 32 or more random characters"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        own = str(settings_cls.model_config.get("env_prefix", PREFIX))
        if own == PREFIX:
            return init_settings, _Environment(settings_cls, PREFIX)
        shared = frozenset(Settings.model_fields)
        return init_settings, _Environment(settings_cls, own), _Environment(settings_cls, PREFIX, shared)

    @property
    def rounds(self) -> Rounds:
        """What an event gets that the broker gave up on."""
        return Rounds(self.dead_rounds, timedelta(seconds=self.dead_round_seconds))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, different for every purpose. Raises ``BadSettings``."""
        return derived(self.secret, self.own_keys, purpose)

    @property
    def introspection_secret(self) -> str:
        """What a service shows ingest when it asks whose credentials these are."""
        return self.derive(INTROSPECTION).hex()

    @property
    def introspection_url(self) -> str:
        """Where ingest tells whose credentials these are (RFC 7662)."""
        return f"{self.identity_url or self.base_url}/v1/tokens/introspect"


def derived(secret: str, own_keys: Mapping[str, str], purpose: str) -> bytes:
    """HMAC-SHA-256 of the purpose under the master secret, 32 bytes; or what was handed out of that for one service.
    Raises ``BadSettings`` when that is not among it."""
    if not own_keys:
        return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()
    if purpose not in own_keys:
        raise BadSettings(
            f"{PREFIX}OWN_KEYS: there is no key for “{purpose}”; make them anew with `postbode keys`"
        )
    return bytes.fromhex(own_keys[purpose])


def _is_here(host: str | None) -> bool:
    """Whether only this machine reaches it."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def load(kind: Callable[[], S]) -> S:
    """The settings of this process. Raises ``BadSettings``, fit to be shown to whoever starts it."""
    try:
        settings = kind()
    except SettingsError as wrong:
        raise BadSettings(str(wrong.__cause__ or wrong)) from wrong
    except ValidationError as wrong:
        prefix = str(getattr(kind, "model_config", {}).get("env_prefix", PREFIX))
        raise BadSettings("\n".join(_explain(prefix, error) for error in wrong.errors())) from wrong
    for name in sorted({each.removesuffix("_FILE") for each in os.environ if _ROLE_URL.fullmatch(each)}):
        try:
            _POSTGRES_URL.validate_python(variable(name))
        except ValidationError as wrong:
            raise BadSettings(f"{name}: {_said(wrong.errors()[0])}") from wrong
    return settings


def _said(error: Any) -> str:
    return str(error["msg"].removeprefix("Value error, "))


def _explain(prefix: str, error: Any) -> str:
    message = _said(error)
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    variable = f"{PREFIX if name in Settings.model_fields else prefix}{name.upper()}"
    return f"{variable}: {message}"


def variable(name: str) -> str | None:
    """What the variable says, or the file that ``<name>_FILE`` names; for those that are no fields because their names
    are made. Raises ``BadSettings``."""
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    try:
        return value if path is None else _in_file(name, value, path)
    except ValueError as wrong:
        raise BadSettings(str(wrong)) from wrong


def _in_file(name: str, value: str | None, path: str) -> str:
    if value is not None:
        raise ValueError(f"set {name} or {name}_FILE, not both")
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as away:
        raise ValueError(f"{name}_FILE: {path} cannot be read ({away})") from away


class _Environment(EnvSettingsSource):
    """Variables under one prefix, or the files they name; of ``only`` these fields, if given."""

    def __init__(self, kind: type[BaseSettings], prefix: str, only: Collection[str] | None = None) -> None:
        super().__init__(kind, env_prefix=prefix)
        self._only = only

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if self._only is not None and field_name not in self._only:
            return None, field_name, False
        value, key, is_complex = super().get_field_value(field, field_name)
        variable = f"{self.env_prefix}{field_name}"
        path = self.env_vars.get(f"{variable}_file".lower())
        if path is None:
            return value, key, is_complex
        return _in_file(variable.upper(), value, path), key, is_complex

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        kind = get_origin(field.annotation) or field.annotation
        if kind in {list, tuple, set, frozenset} and not str(value).lstrip().startswith("["):
            return [part.strip() for part in str(value).split(",") if part.strip()]
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as wrong:
            raise ValueError(f"{self.env_prefix}{field_name.upper()} is not JSON: {wrong}") from wrong
