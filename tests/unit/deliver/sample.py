"""Deliveries as the tests of deliver need them."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.contracts.parts import DocumentRef, Identifier, InvoiceSummary, PartyFacts, Receiver
from services.deliver.parcel import Channel, Job, Lease, Loaded, Parcel

XML, PDF = b"<Invoice/>" * 20, b"%PDF-1.7 paper"
MAIL_FROM = "facturen@hub.example"
FOR_EVER = Lease(math.inf)
LOST = Lease(-math.inf)


def summary(number: str | None = "F1", **more: Any) -> InvoiceSummary:
    return InvoiceSummary(
        **{
            "number": number,
            "issue_date": date(2026, 11, 2),
            "currency": "EUR",
            "payable": Decimal("1234.50"),
            "seller": PartyFacts(name="Bakker Bouwmaterialen BV"),
            **more,
        }
    )


def receiver(
    name: str = "Aannemer De Jong BV",
    *,
    email: str | None = "in@dejong.example",
    language: Literal["nl", "en"] = "nl",
    party_id: UUID | None = None,
) -> Receiver:
    return Receiver(
        party_id=party_id or clock.uuid7(),
        name=name,
        identifier=Identifier(scheme="0106", value="58070036"),
        email=email,
        language=language,
    )


def document(size: int = len(XML), media_type: str = "application/xml") -> DocumentRef:
    return DocumentRef(document_id=clock.uuid7(), sha256="0" * 64, size=size, media_type=media_type)


def job(
    channel: Channel = "smtp",
    *,
    to: Receiver | None = None,
    settings: dict[str, str] | None = None,
    delivery_id: UUID | None = None,
    lane: str | None = None,
    pdf: bool = True,
    **more: Any,
) -> Job:
    own = settings or ({"folder": "dejong"} if channel == "folder" else {"email": "in@dejong.example"})
    fields: dict[str, Any] = {
        "delivery_id": delivery_id or clock.uuid7(),
        "invoice_id": clock.uuid7(),
        "account_id": UUID(int=42),
        "channel": channel,
        "lane": lane or own.get("folder") or own["email"].rpartition("@")[2],
        "number": 1,
        "unresolved": False,
        "failures": 0,
        "age": timedelta(),
        "lease": FOR_EVER,
        "prepared": False,
    }
    parcel = Parcel(
        receiver=to or receiver(),
        original=document(),
        pdf=document(len(PDF), "application/pdf") if pdf else None,
        summary=more.pop("summary", None) or summary(),
        settings=own,
    )
    return Job(**{**fields, "parcel": parcel, **more})


def loaded(of: Job, *, pdf: bytes | None = PDF, xml: bytes = XML) -> Loaded:
    return Loaded(of, xml, pdf)


class Watched(Loaded):
    """Documents that can be watched going."""


def watched(of: Job) -> Watched:
    every = loaded(of)
    return Watched(**{field.name: getattr(every, field.name) for field in fields(every)})
