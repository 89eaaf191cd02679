"""What is pushed: signed as Standard Webhooks says, the same in every attempt."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from libs import clock
from services.deliver.receivers import push
from tests.unit.deliver.sample import PDF, XML, job, loaded

HTTPS = {"url": "https://receiver.example/in"}


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    """The vector that libraries of Standard Webhooks in many languages are tested with."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = push.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_attempt_has_the_same_id_and_body_and_its_own_time() -> None:
    first = job("https", settings=HTTPS, lane="receiver.example")
    again = replace(first, number=2, unresolved=True)
    assert push.body(loaded(first)) == push.body(loaded(again))
    now, body = clock.now(), push.body(loaded(first))
    early = push.headers(first.delivery_id, body, [b"s" * 32], now)
    late = push.headers(again.delivery_id, body, [b"s" * 32], now + timedelta(hours=1))
    assert early["webhook-id"] == late["webhook-id"]
    assert "." not in early["webhook-id"]
    assert int(late["webhook-timestamp"]) - int(early["webhook-timestamp"]) == 3600
    assert early["webhook-signature"] != late["webhook-signature"]


def test_a_secret_that_is_being_replaced_signs_along() -> None:
    body = b"{}"
    made = push.headers(clock.uuid7(), body, [b"new" * 11, b"old" * 11], clock.now())
    one, other = made["webhook-signature"].split(" ")
    assert one != other
    assert other == push.signature(b"old" * 11, made["webhook-id"], made["webhook-timestamp"], body)


def test_the_documents_are_inside_with_their_hashes_and_equal_names() -> None:
    of = job("https", settings=HTTPS, lane="receiver.example")
    said = orjson.loads(push.body(loaded(of)))
    assert said["type"] == "invoice.delivery"
    assert said["data"]["number"] == "F1"
    xml, pdf = said["data"]["documents"]
    for each, data in ((xml, XML), (pdf, PDF)):
        assert base64.b64decode(each["content"]) == data
        assert each["sha256"] == hashlib.sha256(data).hexdigest()
        assert each["size"] == len(data)
    assert xml["file_name"].removesuffix(".xml") == pdf["file_name"].removesuffix(".pdf") == of.base_name


def test_it_looks_as_the_docs_show_it() -> None:
    page = (Path(__file__).parents[3] / "docs/receiving.md").read_text("utf-8")
    said = orjson.loads(push.body(loaded(job("https", settings=HTTPS, lane="receiver.example"))))
    assert _shape(orjson.loads(page.partition("```json\n")[2].partition("```")[0])) == _shape(said)


def _shape(of: object) -> object:
    """Which fields it has, in which order."""
    if isinstance(of, dict):
        return [(name, _shape(value)) for name, value in of.items()]
    return [_shape(each) for each in of] if isinstance(of, list) else type(of)


def test_strangers_names_end_no_line_and_no_string() -> None:
    of = job("https", settings=HTTPS, lane="receiver.example")
    odd = of.parcel.summary.model_copy(update={"number": 'F"1\r\nwebhook-id: x\x00'})
    of = replace(of, parcel=of.parcel.model_copy(update={"summary": odd}))
    said = orjson.loads(push.body(loaded(of)))
    assert said["data"]["number"] == 'F"1 webhook-id: x'
    assert all(
        "\r" not in value and "\n" not in value
        for value in push.headers(of.delivery_id, b"", [b"s"], clock.now()).values()
    )


def test_a_secret_is_shown_as_the_standard_has_it() -> None:
    secret = push.new_secret()
    shown = push.shown(secret)
    assert shown.startswith("whsec_")
    assert base64.b64decode(shown.removeprefix("whsec_")) == secret
    assert len(secret) == 32
    assert push.new_secret() != secret


@pytest.mark.parametrize("pdf", [None, PDF])
def test_without_a_page_only_the_invoice(pdf: bytes | None) -> None:
    of = job("https", settings=HTTPS, lane="receiver.example", pdf=pdf is not None)
    assert len(orjson.loads(push.body(loaded(of, pdf=pdf)))["data"]["documents"]) == (2 if pdf else 1)
