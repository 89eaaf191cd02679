"""``POST /v1/convert`` over HTTP: no database, nothing kept."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator

import httpx
import pytest

from libs.einvoice import convert
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from services.deliver.converting import convert_api
from tests.integration.validate.api_client import as_, served

UBL = builders.invoice(lines=2, order="PO-1")


@pytest.fixture
async def hub() -> AsyncIterator[httpx.AsyncClient]:
    async with served(convert_api.routes()) as client:
        yield client


@pytest.mark.proves("R3")
async def test_an_invoice_comes_back_in_the_format_asked_for_with_its_report(hub: httpx.AsyncClient) -> None:
    reply = await hub.post("/v1/convert?to=cii", content=UBL, headers=as_("anna"))
    assert reply.status_code == 200
    (one,) = reply.json()["conversions"]
    assert b64decode(one["data"]) == convert.convert(UBL, "cii")[0].data
    assert (one["media_type"], one["extension"]) == ("application/xml", "xml")
    assert {each["term"] for each in one["report"]["filled"]} == {"BT-24"}
    assert one["report"]["lost"] == []


async def test_a_download_is_the_file_alone(hub: httpx.AsyncClient) -> None:
    reply = await hub.post("/v1/convert?to=pdf&language=fr&download=true", content=UBL, headers=as_("anna"))
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.content.startswith(b"%PDF-")


@pytest.mark.proves("R26")
async def test_a_file_of_several_is_several_conversions_and_no_download(hub: httpx.AsyncClient) -> None:
    data = [
        ("file", ("globe.xml", file([GlobeInvoice(number="1"), GlobeInvoice(number="2")]), "application/xml"))
    ]
    reply = await hub.post("/v1/convert?to=nlcius&seller=Leverancier", files=data, headers=as_("anna"))
    assert [each["report"]["number"] for each in reply.json()["conversions"]] == ["1", "2"]
    reply = await hub.post("/v1/convert?to=nlcius&download=true", files=data, headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (400, "several-invoices")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "no-invoice"),
        (b"<html/>", 422, "not-an-invoice"),
        (b"%PDF-1.7", 422, "pdf-broken"),
        (b"x" * (convert_api.MOST_BYTES + 1), 413, "too-large"),
    ],
)
async def test_what_is_no_invoice_is_refused(
    hub: httpx.AsyncClient, data: bytes, status: int, code: str
) -> None:
    reply = await hub.post("/v1/convert?to=nlcius", content=data, headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_an_unknown_format_and_a_stranger_are_refused(hub: httpx.AsyncClient) -> None:
    assert (await hub.post("/v1/convert?to=docx", content=UBL, headers=as_("anna"))).status_code in (400, 422)
    assert (await hub.post("/v1/convert?to=cii", content=UBL)).status_code == 401
    assert (await hub.post("/v1/convert?to=cii", content=UBL, headers=as_("nothing"))).status_code == 403
