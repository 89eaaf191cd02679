"""What an operator can set for ingest: environment variables ``POSTBODE_INGEST_…``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from libs import links
from libs.sealed import KEY_ADDRESSES
from libs.setting_types import Domain, FolderOrEmpty, Host, MailAddress, Port
from libs.settings import Settings
from services.ingest.mailbox.certificate import read

CREDENTIALS, MAILBOXES = "ingest credentials", "ingest mailbox addresses"
"""Keys that hash keys and sessions, and that seal the addresses of key mailboxes."""


class IngestSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_INGEST_")
    purposes: ClassVar[tuple[str, ...]] = (CREDENTIALS, MAILBOXES, links.PURPOSE, KEY_ADDRESSES)

    upload_domains: tuple[Domain, ...] = Field(
        default=("uploads.localhost",),
        min_length=1,
        description="domains of the key mailboxes; all work at once, the first is shown for new ones (R13)",
    )
    retention_seconds: float = Field(
        default=3600,
        gt=0,
        description="how often is looked for what has been kept long enough (docs/lifetimes.md)",
    )
    scrub_seconds: float = Field(
        default=60, ge=0, description="how often the next 50 MB of stored documents are read over; 0: never"
    )
    smtp_host: Host = Field(default="127.0.0.1", description="address where the key mailboxes listen")
    smtp_port: Port = Field(default=2525, description="their port; 0 picks a free one")
    smtp_certificate: str = Field(
        default="",
        description="PEM file of the certificate for STARTTLS, read again when it changes; empty: no TLS",
    )
    smtp_certificate_key: str = Field(default="", description="PEM file of its key; empty: the same file")
    smtp_require_tls: bool = Field(default=False, description="no mail without STARTTLS")
    smtp_connections: int = Field(default=200, gt=0, description="mail connections at once")
    smtp_connections_each: int = Field(default=20, gt=0, description="of them from one address")
    smtp_seconds: float = Field(
        default=300, gt=0, description="a mail connection is closed this long after its last command"
    )
    smtp_held_bytes: int = Field(
        default=48 * 1024 * 1024, gt=0, description="most bytes of mails that are being received"
    )
    lmtp_port: Port | None = Field(
        default=None,
        description="port for a mail server in front that hands over by LMTP, at the same address; unset: none",
    )
    support_addresses: tuple[MailAddress, ...] = Field(
        default=(),
        description="addresses of support the hub answers itself: key requests (R17), and invoices that went astray (R64)",
    )
    support_people: str = Field(
        default="", description="where people read mail: said to whoever asks support_addresses anything else"
    )
    mail_authserv_id: str = Field(
        default="",
        description="name of the mail server in front whose Authentication-Results are kept (RFC 8601); it must remove "
        "those of others under its name. Empty: nobody's",
    )
    max_submission_bytes: int = Field(default=25_000_000, gt=0, description="largest submission, in bytes")
    requests_per_second: float = Field(
        default=200,
        ge=0,
        description="submissions of an account over time, however many processes take them; 0: no limit",
    )
    requests_burst: int = Field(default=2_000, gt=0, description="submissions of an account at once")
    account_share: float = Field(
        default=25,
        ge=0,
        description="submissions of an account that are stored, and processed, in a second while others hand over fewer; "
        "the rest waits its turn, and an account that is alone, or among others that all have more, gets all there is; "
        "0: no bound",
    )
    backlog_seconds: float = Field(
        default=600,
        ge=0,
        description="an account whose oldest submission waits for longer to be processed hands over no more; 0: no limit",
    )
    max_batch_bytes: int = Field(
        default=250_000_000, gt=0, description="largest ZIP of a batch, as it is sent"
    )
    max_batch_unpacked_bytes: int = Field(
        default=1_000_000_000, gt=0, description="what a ZIP of a batch may become, in bytes"
    )
    max_batches: int = Field(default=4, gt=0, description="batches a process takes at once; one an account")
    batch_upload_seconds: float = Field(
        default=900, gt=0, description="the upload of a batch is cut off after this"
    )
    batch_folder: FolderOrEmpty = Field(
        default="", description="where batches lie while they are read; empty: the system's"
    )
    group_linger_ms: float = Field(default=5.0, ge=0, description="how long a commit waits for company")
    group_pace_ms: float = Field(
        default=25.0, ge=0, description="from one commit to the next while more comes in"
    )
    group_most: int = Field(default=200, ge=1, description="most submissions in one commit")

    @model_validator(mode="after")
    def _able_to_encrypt(self) -> IngestSettings:
        if self.smtp_certificate:
            try:
                read(self.smtp_certificate, self.smtp_certificate_key)
            except (OSError, ValueError) as bad:  # an SSLError is an OSError
                raise ValueError(
                    f"POSTBODE_INGEST_SMTP_CERTIFICATE: {self.smtp_certificate} and its key "
                    f"({self.smtp_certificate_key or 'in the same file'}) cannot be read as PEM: {bad}"
                ) from bad
        elif self.smtp_require_tls or self.smtp_certificate_key:
            raise ValueError(
                "POSTBODE_INGEST_SMTP_CERTIFICATE: not set, and POSTBODE_INGEST_SMTP_REQUIRE_TLS or "
                "POSTBODE_INGEST_SMTP_CERTIFICATE_KEY is: set a file with the certificate in PEM"
            )
        return self
