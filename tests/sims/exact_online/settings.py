"""What a test can set of the whole service, beside planned faults."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass
class Settings:
    """``[S]``: in the reference; all others are inferences, on the strict side."""

    access_seconds: int = 600
    """[S] How long an access token holds."""
    refresh_from: int = 570
    """[S] Seconds after its issue from which a token may be exchanged."""
    refresh_days: int = 30
    """An unused refresh token lapses ([I] in the reference too)."""
    code_seconds: int = 180
    reuse_ends_link: bool = True
    """A refresh token that is used twice ends the whole link, not only the second attempt."""
    consent_replaces: bool = True
    """A new consent of the same person for the same app ends the earlier link. Not known to be so: switch it off for
    what an operator's override (R106) needs."""
    encoded_slashes: bool = True
    """Whether ``redirect_uri`` may come with %2F: sources differ."""
    per_minute: int = 60
    """[S] Calls of an app in a division."""
    per_day: int = 5000
    """[S]"""
    errors_per_hour: int = 10
    """[S] Of one app, person, division and endpoint."""
    block_seconds: int = 3600
    """[S] The first time; twice as long each time after."""
    block_whole_key: bool = True
    """Else only the app, person, division and endpoint that erred."""
    page: int = 60
    """[S] Rows of a page."""
    sync_page: int = 1000
    """[S] The same of sync and bulk endpoints."""
    query_length: int = 2048
    """Characters of a query."""
    attachment_bytes: int = 10_000_000
    vat_tolerance: Decimal = Decimal("1.00")
    """How far ``VATAmountFC`` of a line may be from what its VAT code makes of it."""
    processed_at_once: bool = False
    """Entries are processed (status 50) when they are made; else by people."""
    partial_splits: bool = True
    """A payment of a part splits the term in one that is paid and one for the rest; else the term stays open and only
    its ``LastPaymentDate`` tells."""
