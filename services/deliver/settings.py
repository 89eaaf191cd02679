"""What an operator can set for deliver: environment variables ``POSTBODE_DELIVER_…``."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from libs.http.public import Network
from libs.keyring import KeyRing, read_key
from libs.setting_types import Certificates, Domain, Host, MailAddress, Port
from services.deliver.email.dkim import Signer
from services.deliver.email.return_paths import PURPOSE as RETURN_PATHS
from services.deliver.exact.settings import ExactSettings
from services.deliver.plan import Policy, mail_address

CONNECTIONS = "secrets of receivers' connections"
"""The key they lie under when there is no other."""

_SERVER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


class DeliverSettings(ExactSettings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_DELIVER_")
    purposes: ClassVar[tuple[str, ...]] = (RETURN_PATHS, CONNECTIONS)

    folder_root: Path = Field(
        default=Path("var/folders"), description="one folder per Globe receiver below it"
    )
    secret_keys: tuple[SecretStr, ...] = Field(
        default=(),
        repr=False,
        description="keys under which receivers' secrets lie, 32 bytes in base64 each: the first wraps, all open; "
        "none: one derived from POSTBODE_SECRET, which always opens",
    )

    poll_seconds: float = Field(default=5.0, gt=0, description="how often to see whether files were taken")

    payments_seconds: float = Field(
        default=3600.0,
        ge=60,
        description="how often what is paid is read from Exact Online, where that is automatic",
    )

    smtp_host: Host = Field(default="127.0.0.1", description="the relay that takes the hub's mail")
    smtp_port: Port = Field(default=25, description="its port")
    smtp_tls: Literal["opportunistic", "verified", "off"] = Field(
        default="opportunistic",
        description="STARTTLS when offered; always and with a certificate that holds; never",
    )
    smtp_username: str | None = Field(default=None, description="who logs in at the relay; unset: nobody")
    smtp_password: SecretStr | None = Field(default=None, description="the password that goes with it")
    smtp_servers: dict[str, str] = Field(
        default={},
        description="receiving domains whose mail goes to a server of their own, where nobody logs in: "
        '{"bakker.example": "mx.bakker.example:25"}',
    )
    smtp_seconds: float = Field(default=60.0, gt=0, description="how long one answer of the relay may take")
    mail_from: MailAddress = Field(
        default="facturen@postbode.example", description="sender of the mails that carry invoices"
    )
    bounce_domain: Domain | None = Field(
        default=None,
        description="the domain bounces come back to, an address for each delivery; its mail must reach the bounce port. "
        "Unset: bounces go to the sender's address and the hub hears nothing of them",
    )
    bounce_host: Host = Field(default="127.0.0.1", description="address to listen on for bounces (SMTP)")
    bounce_port: Port = Field(
        default=2526,
        description="its port, open where there is a domain for bounces; 0 picks one",
    )
    dkim_selector: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$",
        description="under which name the public key is published: <selector>._domainkey.<domain of the sender>",
    )
    dkim_key: SecretStr | None = Field(
        default=None, description="private RSA key (PEM) that signs mails (DKIM); unset: they are not signed"
    )
    mail_connections: int = Field(
        default=8, ge=1, description="connections to the relay at once, of those that answer in time"
    )
    mail_connections_slow: int = Field(
        default=16, ge=0, description="and so many that do not: they keep nobody waiting"
    )
    mail_connections_per_domain: int = Field(
        default=4, ge=1, description="of those, for one receiving domain: a slow one leaves room for others"
    )

    https_seconds: float = Field(
        default=20.0, gt=0, le=120, description="how long a receiver may take over one pushed invoice"
    )
    https_connections: int = Field(default=64, ge=1, description="pushed at once")
    https_connections_per_receiver: int = Field(
        default=4, ge=1, description="of those, to one host: a slow one leaves room for others"
    )
    https_secret_hours: float = Field(
        default=24.0,
        ge=0,
        description="how long a receiver's old secret signs along after it asked for another",
    )
    https_certificates: Certificates | None = Field(
        default=None,
        description="certificates (PEM) to trust beside the usual ones, for receivers' addresses",
    )
    reachable_networks: tuple[str, ...] = Field(
        default=(),
        description="networks that are not public and may be called all the same when a receiver names them: 10.1.0.0/16",
    )

    sftp_seconds: float = Field(
        default=60.0, gt=0, le=300, description="how long one pair may take at a receiver's SFTP server"
    )
    sftp_poll_seconds: float = Field(
        default=60.0, gt=0, description="how often to see there whether files were taken"
    )
    sftp_results_seconds: float = Field(
        default=900.0,
        gt=0,
        description="how often to look there for what the receiver's package says of a pair",
    )
    pull_days: float = Field(
        default=7.0,
        gt=0,
        description="how long an invoice lies ready for a receiver that fetches; then it is undeliverable",
    )

    batch: int = Field(default=200, ge=1, le=1000, description="deliveries claimed at once")
    makers: int = Field(
        default=2, ge=1, description="documents converted, or pages made, at once: each takes a processor"
    )
    lease_seconds: float = Field(
        default=20.0, gt=0, description="renewed while an attempt runs; a dead process's work waits this long"
    )
    attempt_seconds: float = Field(default=600.0, gt=0, description="after this an attempt counts as lost")
    retry_first_seconds: float = Field(default=10.0, gt=0, description="wait after the first failure")
    retry_longest_seconds: float = Field(default=21_600.0, gt=0, description="waits triple up to this")
    most_attempts: int = Field(default=20, ge=1, description="failures, then the invoice is undeliverable")
    give_up_hours: float = Field(
        default=72.0, gt=0, description="age at which a failing delivery is undeliverable"
    )
    parked_days: float = Field(
        default=30.0, gt=0, description="how long a parked delivery waits before it is given back"
    )
    parked_seconds: float = Field(
        default=2.0, gt=0, description="how often to see whether what is parked may go on"
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="failures in a row after which a receiver is only probed"
    )
    breaker_longest_seconds: float = Field(
        default=300.0, gt=0, description="longest time between probes; the first is the first retry's wait"
    )

    @field_validator("smtp_servers")
    @classmethod
    def _servers(cls, value: dict[str, str]) -> dict[str, str]:
        for domain, server in value.items():
            if mail_address(f"in@{domain}") is None or not _SERVER.fullmatch(server):
                raise ValueError(
                    f"{domain}: {server} is no domain and its mail server, with or without a port"
                )
        return value

    @property
    def mail_servers(self) -> dict[str, tuple[str, int]]:
        """Host and port by receiving domain, as the lane of a delivery names it."""
        parts = ((domain, server.partition(":")) for domain, server in self.smtp_servers.items())
        return {
            str(mail_address(f"in@{domain}")).removeprefix("in@").lower(): (host, int(port or 25))
            for domain, (host, _, port) in parts
        }

    @field_validator("reachable_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each)
        return value

    @property
    def also(self) -> tuple[Network, ...]:
        """Networks that may be called though they are not public."""
        return tuple(map(ip_network, self.reachable_networks))

    @field_validator("secret_keys")
    @classmethod
    def _keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for each in value:
            read_key(each.get_secret_value())
        return value

    @property
    def keys(self) -> KeyRing:
        """The key-encryption keys of receivers' secrets, the one that wraps first."""
        own = [read_key(each.get_secret_value()) for each in self.secret_keys]
        return KeyRing([*own, self.derive(CONNECTIONS)])

    @property
    def policy(self) -> Policy:
        """When a failed delivery is tried again, and when it ends."""
        return Policy(
            timedelta(seconds=self.retry_first_seconds),
            timedelta(seconds=self.retry_longest_seconds),
            self.most_attempts,
            timedelta(hours=self.give_up_hours),
            timedelta(days=self.parked_days),
        )

    @field_validator("dkim_key")
    @classmethod
    def _signs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Signer("any.example", "any", value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _able_to_sign(self) -> DeliverSettings:
        if (self.dkim_key is None) != (self.dkim_selector is None):
            raise ValueError(
                "POSTBODE_DELIVER_DKIM_KEY and POSTBODE_DELIVER_DKIM_SELECTOR go together: set both or neither"
            )
        return self
