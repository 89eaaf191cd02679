"""``/v1/check``: judging without sending, and reading one's own verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from libs import clock
from libs.contracts.invoice import InvoiceReceived
from libs.contracts.parts import DocumentRef
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.rules import engine
from libs.testing import builders
from services.validate import store
from services.validate.api import routes
from services.validate.cli import check_file
from services.validate.judgement import judge
from services.validate.report import as_json
from services.validate.settings import ValidateSettings
from tests.integration.validate.api_client import ANNA, as_, served


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
async def hub(pools: Pools) -> AsyncIterator[httpx.AsyncClient]:
    settings = ValidateSettings(max_check_bytes=200_000)
    async with served(routes(settings, await pools.get("validate", "api"))) as client:
        yield client


@pytest.mark.proves("R4")
async def test_a_check_says_everything_and_keeps_nothing(hub: httpx.AsyncClient, pools: Pools) -> None:
    data = builders.invoice(break_rule="BR-CO-15")
    reply = await hub.post("/v1/check", content=data, headers=as_("anna"))
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"file", "pack", "verdict", "findings"}
    assert (body["file"], body["pack"], body["verdict"]) == (None, "nlcius", "invalid")
    (finding,) = body["findings"]
    assert (finding["id"], finding["severity"]) == ("BR-CO-15", "fatal")
    assert (finding["value"], finding["expected"]) == ("26.10", "25.10")
    assert finding["line"] > 1
    assert finding["message"]["nl"] != finding["message"]["en"]
    worker = await pools.get("validate", "worker")
    for table in ("verdict", "outbox"):
        assert await worker.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await worker.fetchval("SELECT count(*) FROM documents.document") == 0


async def test_a_form_with_one_file_will_do_and_several_will_not(hub: httpx.AsyncClient) -> None:
    one = [("file", ("F1.xml", builders.invoice(), "application/xml"))]
    reply = await hub.post("/v1/check", files=one, headers=as_("anna"))
    assert (reply.json()["file"], reply.json()["verdict"]) == ("F1.xml", "valid")
    reply = await hub.post("/v1/check", files=one * 2, headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (400, "several-documents")


async def test_it_answers_what_the_command_line_answers(hub: httpx.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "F1.xml"
    path.write_bytes(builders.invoice(buyer_kvk="5807003", break_rule="BR-CO-15"))
    for pack in (None, *engine.PACKS):
        files = [("file", ("F1.xml", path.read_bytes(), "application/xml"))]
        query = {} if pack is None else {"pack": pack}
        reply = await hub.post("/v1/check", params=query, files=files, headers=as_("anna"))
        said, _ = check_file(str(path), pack)
        assert reply.json() == {**as_json(said), "file": "F1.xml"}


@pytest.mark.proves("R34")
async def test_a_wrong_kvk_number_is_warned_of_unless_a_pack_is_named(hub: httpx.AsyncClient) -> None:
    data = builders.invoice(buyer_kvk="000027449173")
    body = (await hub.post("/v1/check", content=data, headers=as_("anna"))).json()
    assert body["verdict"] == "valid_with_warnings"
    assert [finding["id"] for finding in body["findings"]] == ["POSTBODE-BRANCH-BUYER"]
    body = (await hub.post("/v1/check?pack=nlcius", content=data, headers=as_("anna"))).json()
    assert (body["pack"], body["verdict"], body["findings"]) == ("nlcius", "valid", [])


async def test_two_packs_in_one_request_are_refused(hub: httpx.AsyncClient) -> None:
    reply = await hub.post(
        "/v1/check?pack=nlcius&pack=en16931", content=builders.invoice(), headers=as_("anna")
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "several-packs")


async def test_an_unknown_pack_is_refused_with_the_list(hub: httpx.AsyncClient) -> None:
    reply = await hub.post("/v1/check?pack=nlcius-9", content=builders.invoice(), headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (400, "unknown-pack")
    assert "en16931, gaccount, nlcius" in reply.json()["words"]["nl"]
    described = (await hub.get("/openapi.json")).json()["paths"]["/v1/check"]["post"]
    (pack,) = [each for each in described["parameters"] if each["name"] == "pack"]
    assert set(engine.PACKS) == set(pack["schema"]["enum"])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Geachte heer,", "not-xml"),
        (b"%PDF-1.7 ...", "pdf-broken"),
        (b"<!DOCTYPE i [<!ENTITY a 'b'>]><i>&a;</i>", "doctype"),
        (b"<html/>", "not-an-invoice"),
        ("<Invoice>\xe9</Invoice>".encode("latin-1"), "encoding"),
    ],
)
async def test_what_passes_no_gate_is_422_naming_the_line(
    hub: httpx.AsyncClient, data: bytes, code: str
) -> None:
    reply = await hub.post("/v1/check", content=data, headers=as_("anna"))
    body = reply.json()
    assert (reply.status_code, body["code"], body["line"]) == (422, code, 1)
    assert body["words"]["nl"]


async def test_nothing_and_too_much(hub: httpx.AsyncClient) -> None:
    assert (await hub.post("/v1/check", headers=as_("anna"))).json()["code"] == "no-invoice"
    reply = await hub.post("/v1/check", content=b"<" + b"x" * 200_000, headers=as_("anna"))
    assert reply.status_code == 413

    async def undeclared() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"<" + b"x" * 100_000

    assert (await hub.post("/v1/check", content=undeclared(), headers=as_("anna"))).status_code == 413


async def test_who_may_check(hub: httpx.AsyncClient) -> None:
    data = builders.invoice()
    assert (await hub.post("/v1/check", content=data)).status_code == 401
    assert (await hub.post("/v1/check", content=data, headers=as_("nothing"))).status_code == 403


async def test_a_stored_verdict_is_shown_to_its_account_only(hub: httpx.AsyncClient, pools: Pools) -> None:
    invoice_id = clock.uuid7()
    original = DocumentRef(document_id=UUID(int=1), sha256="a" * 64, size=1, media_type="application/xml")
    received = InvoiceReceived(
        invoice_id=invoice_id, account_id=ANNA, sequence=1, submission_id=UUID(int=2), channel="api",
        syntax="ubl-invoice", original=original,
    )  # fmt: skip
    worker = await pools.get("validate", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await store.keep(conn, [(received, judge(builders.invoice(break_rule="BR-NL-2")))])
        await store.keep(conn, [(received, judge(builders.invoice(buyer_kvk="5807003")))])
    mine = await hub.get(f"/v1/check/{invoice_id}", headers=as_("anna"))
    assert mine.status_code == 200
    said = mine.json()
    assert (said["pack"], said["verdict"], said["sequence"]) == ("nlcius", "valid_with_warnings", 2)
    assert (said["fatals"], said["warnings"]) == (0, 1)
    assert [finding["id"] for finding in said["findings"]] == ["POSTBODE-KVK-BUYER"]
    assert (await hub.get(f"/v1/check/{invoice_id}", headers=as_("bert"))).status_code == 404
    assert (await hub.get("/v1/check/none", headers=as_("anna"))).status_code == 422
