"""What a receiver's answer over HTTPS means: the right status and the right decision for each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.deliver.parcel import Failed, HandedOver, Parked, Refused
from services.deliver.receivers.http_replies import LONGEST_WAIT, meaning, retry_after

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_handed_over_with_its_word_as_receipt(status: int) -> None:
    told = f"HTTP {status}"
    said = HandedOver(f"{status} ok thanks", outward=told)
    assert meaning(status, {}, b"ok\r\nthanks", NOW, again=False) == said
    assert meaning(status, {}, b"", NOW, again=True) == HandedOver(f"{status}", repeated=True, outward=told)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, "https-redirect"), (302, "https-redirect"), (307, "https-redirect"), (308, "https-redirect"),
        (400, "https-refused"), (422, "https-refused"), (409, "https-refused"),
        (401, "https-trouble"), (403, "https-trouble"), (404, "https-trouble"), (405, "https-trouble"),
        (500, "https-trouble"), (502, "https-trouble"), (504, "https-trouble"), (100, "https-trouble"),
        (429, "https-later"), (503, "https-later"),
    ],
)  # fmt: skip
def test_what_may_be_mended_is_tried_again(status: int, code: str) -> None:
    outcome = meaning(status, {"Location": "https://127.0.0.1/"}, b"no", NOW, again=False)
    assert outcome == Failed(code, f"{status} no")


def test_gone_ends_the_connection_and_too_large_ends_the_delivery() -> None:
    gone = meaning(410, {"Retry-After": "5"}, b"", NOW, again=False)
    assert isinstance(gone, Parked)
    assert gone.ends_connection
    assert gone.code == "connection-ended"
    assert isinstance(meaning(413, {}, b"", NOW, again=False), Refused)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(seconds=120)), ("0", timedelta()), ("999999999", LONGEST_WAIT),
        ("Mon, 02 Nov 2026 12:00:30 GMT", timedelta(seconds=30)), ("Mon, 02 Nov 2026 11:00:00 GMT", timedelta()),
        ("Mon, 02 Nov 2099 11:00:00 GMT", LONGEST_WAIT),
        ("", None), ("-5", None), ("soon", None), ("1.5", None), ("\u0662", None), ("9" * 400, None),
        ("Mon, 99 Nov 2026", None),
    ],
)  # fmt: skip
def test_how_long_it_wants_to_be_left_alone(text: str, wait: timedelta | None) -> None:
    assert retry_after({"Retry-After": text}, NOW) == wait


@pytest.mark.parametrize("status", [429, 503, 500, 404])
def test_retry_after_is_obeyed_whatever_goes_with_it(status: int) -> None:
    outcome = meaning(status, {"Retry-After": "90"}, b"", NOW, again=False)
    assert outcome == Failed("https-later", str(status), wait=timedelta(seconds=90))
