"""What a receiver's Globe says of a pair, and what is no such word."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.deliver.arriving import globe

ID = UUID(int=42)
NAME = f"2026-11-02_F1_{ID.hex}"


@pytest.mark.parametrize("name", [f"{NAME}.txt", f"{NAME}.LOG", f"x_{ID.hex}.log"])
def test_a_result_is_named_like_its_pair(name: str) -> None:
    assert globe.about(name) == ID


@pytest.mark.parametrize(
    "name", [f"{NAME}.xml", f"{NAME}.pdf", "readme.txt", f"{ID.hex}.txt", f"../{NAME}.txt", f"{NAME}.txt.bak"]
)
def test_anything_else_is_left_alone(name: str) -> None:
    assert globe.about(name) is None


@pytest.mark.parametrize(
    "data", [b"Processed", b"\xef\xbb\xbfProcessed\r\n", "processed".encode("utf-16"), b"  PROCESSED 12:00"]
)
def test_processed(data: bytes) -> None:
    said = globe.read(ID, "n", data)
    assert said is not None
    assert said.processed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Can't process:The period is closed", "The period is closed"),
        (b"Can't process: Currency differs\r\nfrom the journal\x00", "Currency differs from the journal"),
        ("Can\u2019t process: dicht".encode(), "dicht"),
        ("Can't process: dicht".encode("utf-16"), "dicht"),
        (b"CANT PROCESS:", "?"),
    ],
)
def test_refused_with_its_reason_on_one_line(data: bytes, reason: str) -> None:
    said = globe.read(ID, "n", data)
    assert said is not None
    assert not said.processed
    assert said.refused == reason
    assert reason in globe.why(said).reason.nl


@pytest.mark.parametrize(
    "data", [b"", b"Not processed", b"Processing", b"\xff\xfe\x00", b"<Invoice/>", b"ok"]
)
def test_any_other_text_says_nothing(data: bytes) -> None:
    assert globe.read(ID, "n", data) is None
