"""What is pushed to a receiver's own address: one invoice in JSON with its documents inside, signed. Pure.

The signature is that of Standard Webhooks 1.0.0: HMAC-SHA256 over ``id.timestamp.body``, in base64 behind ``v1,``, one for
each secret that holds, separated by blanks. The id and the body are the same in every attempt at a delivery, so whoever
gets it twice knows; the timestamp is the attempt's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from services.deliver.parcel import Loaded
from services.deliver.results import line

TYPE = "invoice.delivery"
PREFIX = "whsec_"
_MEDIA = {"xml": "application/xml", "json": "application/json", "csv": "text/csv", "pdf": "application/pdf"}


def new_secret() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)


def shown(secret: bytes) -> str:
    """A secret as its receiver gets it, once."""
    return PREFIX + base64.b64encode(secret).decode()


def webhook_id(delivery_id: UUID) -> str:
    """The same for every attempt; no full stop in it."""
    return delivery_id.hex


def headers(delivery_id: UUID, body: bytes, secrets_: Sequence[bytes], now: datetime) -> dict[str, str]:
    name, at = webhook_id(delivery_id), str(int(now.timestamp()))
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(signature(secret, name, at, body) for secret in secrets_),
    }


def signature(secret: bytes, name: str, at: str, body: bytes) -> str:
    made = hmac.new(secret, f"{name}.{at}.".encode(), hashlib.sha256)
    made.update(body)
    return f"v1,{base64.b64encode(made.digest()).decode()}"


def body(each: Loaded) -> bytes:
    """The same bytes for every attempt."""
    job = each.job
    summary = job.parcel.summary
    return orjson.dumps(
        {
            "type": TYPE,
            "timestamp": _planned(job.delivery_id).isoformat(),
            "data": {
                "delivery_id": str(job.delivery_id),
                "invoice_id": str(job.invoice_id),
                "number": line(summary.number or ""),
                "issue_date": summary.issue_date,
                "seller": line(summary.seller.name or ""),
                "receiver": line(job.parcel.receiver.name),
                "warnings": [warning.model_dump() for warning in job.parcel.warnings],
                "documents": list(_documents(each)),
            },
        }
    )


def _documents(each: Loaded) -> Iterator[dict[str, Any]]:
    """The e-invoice first, then the page."""
    parts = ((each.extension, each.xml), ("pdf", each.pdf))
    for extension, data in parts:
        if data is not None:
            yield {
                "file_name": f"{each.job.base_name}.{extension}",
                "media_type": _MEDIA[extension],
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "content": base64.b64encode(data).decode(),
            }


def _planned(delivery_id: UUID) -> datetime:
    """Its id says when (UUID version 7)."""
    return datetime.fromtimestamp((delivery_id.int >> 80) / 1000, UTC)
