"""What is an answer, what is none yet, and what would give the key away."""

from __future__ import annotations

import json

import httpx
import pytest

from postbode_client import answers, wire
from postbode_client.batch import Batch
from postbode_client.errors import HubError, Refused, Unreachable
from postbode_client.parcels import File
from postbode_client.patience import Patience

TAKEN = (
    b'{"item":%d,"status":202,"submission_id":"s",'
    b'"invoices":[{"invoice_id":"i%d","filename":"F.xml","status":"received"}]}'
)


def reply(status: int, body: bytes = b"", **headers: str) -> wire.Reply:
    return wire.reply(httpx.Response(status, content=body, headers=headers))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (408, b""),
        (429, b'{"code":"too-many-requests"}'),
        (500, b"{}"),
        (502, b"<html>"),
        (503, b'{"code":"unavailable"}'),
        (409, b'{"code":"idempotency-key-running"}'),
        (202, b"<html>a page of the airport</html>"),
        (202, b""),
        (200, b"[]"),
    ],
)
def test_neither_yes_nor_no_is_tried_again(status: int, body: bytes) -> None:
    assert reply(status, body).later


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"{}"),
        (401, b""),
        (403, b"<html>"),
        (409, b'{"code":"other"}'),
        (413, b""),
        (422, b'{"code":"not-xml"}'),
    ],
)
def test_a_no_is_a_no(status: int, body: bytes) -> None:
    said = reply(status, body)
    assert not said.later
    with pytest.raises(Refused) as refused:
        said.value()
    assert refused.value.status == status


def test_a_refusal_says_what_the_hub_said() -> None:
    body = b'{"code":"not-xml","detail":"Line 2: x","words":{"nl":"Regel 2: x","en":"Line 2: x"},"line":2,"trace_id":"t"}'
    with pytest.raises(Refused, match="not-xml: Line 2: x") as refused:
        reply(422, body).value()
    said = refused.value
    assert (said.code, said.line, said.trace_id, said.said("nl")) == ("not-xml", 2, "t", "Regel 2: x")
    # Whatever a proxy sends instead, it reads as something.
    strange = Refused(403, {"code": 7, "words": "none", "line": "2", "trace_id": 1})
    assert (strange.code, strange.said("nl"), strange.line, strange.trace_id) == ("7", "HTTP 403", None, None)


def test_a_redirect_is_not_followed_but_told() -> None:
    with pytest.raises(Refused, match=r"other\.example"):
        reply(307, b"", location="https://other.example/").value()
    assert wire.options("https://hub.example", "k")["follow_redirects"] is False


@pytest.mark.parametrize(
    "url", ["http://hub.example", "ftp://hub.example", "hub.example", "", "http://127.0.0.1.example"]
)
def test_an_address_without_tls_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        wire.options(url, "key")
    assert wire.options("http://127.0.0.1:8000", "key")["base_url"] == "http://127.0.0.1:8000"


@pytest.mark.parametrize("key", ["", "two words", "key\n", "sleutel\u00eb", "a\r\nX: y"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="no API key"):
        wire.options("https://hub.example", key)


def test_ids_do_not_leave_their_place_in_the_path() -> None:
    assert wire.invoice("../accounts/me?x").path == "/v1/invoices/..%2Faccounts%2Fme%3Fx"
    assert wire.submission("a/b").path == "/v1/submissions/a%2Fb"


def test_extra_fields_go_along_as_the_file_of_the_first() -> None:
    files = [File("F1.xml", b"<x/>"), File("F1.pdf", b"%PDF")]
    asked = wire.submit(files, "k", {"Notes": "Café"})
    assert [each.name for each in asked.files] == ["F1.xml", "F1.pdf", "F1.fields.json"]
    assert json.loads(asked.files[2].data) == {"Notes": "Café"}
    assert wire.submit(files, "k").files == wire.submit(files, "k", {}).files == files


def test_what_is_no_receipt_is_no_answer() -> None:
    bodies: list[dict[str, object]] = [
        {"submission_id": "x"},
        {"invoices": []},
        {"submission_id": "x", "invoices": [1]},
    ]
    for body in bodies:
        with pytest.raises(HubError, match="no receipt"):
            answers.receipt(body)


def batch() -> Batch:
    return Batch(100, "k", Patience(10))


def test_items_come_once_each_and_a_batch_goes_on_where_it_was() -> None:
    under_way = batch()
    assert under_way.ask().params == {"offset": "0"}
    first = under_way.line((TAKEN % (0, 0)).decode())
    assert first is not None
    assert first.receipt is not None
    assert first.receipt.invoices[0].invoice_id == "i0"
    assert under_way.line('{"item":1,"filename":"x.pdf","status":422,"code":"lone-pdf"}') is not None
    assert 0 < under_way.over() <= 0.5
    assert under_way.ask().params == {"offset": "2"}
    assert under_way.line('{"stopped":{"retry_after":3,"status":503,"code":"unavailable","next":2}}') is None
    assert under_way.over() == 3
    under_way.ask()
    # Cut off in the middle of a line: as if it never came.
    assert under_way.line('{"item":2,"status":202,"submi') is None
    assert not under_way.ended
    assert under_way.line('{"end":{"next":2,"accepted":1,"refused":1}}') is None
    assert under_way.ended
    assert under_way.over() == 0


@pytest.mark.parametrize("line", [(TAKEN % (1, 1)).decode(), '{"end":{"next":1,"accepted":1,"refused":0}}'])
def test_an_item_that_is_left_out_is_no_success(line: str) -> None:
    with pytest.raises(HubError, match="item 0 is next"):
        batch().line(line)


def test_a_zip_the_hub_cannot_read_is_not_sent_again() -> None:
    with pytest.raises(Refused):
        batch().refused(reply(422, b'{"code":"zip-bomb"}'))
    assert batch().refused(reply(429, b'{"code":"batch-running"}', **{"retry-after": "5"})) == 5
    with pytest.raises(Unreachable) as said:
        Batch(1, "k", Patience(0.1, "k")).refused(reply(503, b"", **{"retry-after": "5"}))
    assert said.value.key == "k"
