"""What a mail server's reply means (RFC 5321 §4.2)."""

from __future__ import annotations

import pytest

from services.deliver.email.replies import Stage, meaning
from services.deliver.parcel import Failed, Refused


@pytest.mark.proves("R56")
@pytest.mark.parametrize(
    ("stage", "code", "becomes"),
    [
        ("recipient", 550, "mail-refused"),
        ("recipient", 553, "mail-refused"),
        ("recipient", 450, None),
        ("recipient", 421, None),
        ("recipient", 552, None),  # mailbox full: RFC 5321 §4.5.3.1.10 wants it taken for 452
        ("data", 554, "mail-refused"),
        ("data", 552, "mail-too-large"),
        ("data", 451, None),
        ("session", 554, None),  # it is the hub that is refused: for an operator, not for the sender
        ("session", 530, None),
    ],
)
def test_for_ever_or_for_now(stage: Stage, code: int, becomes: str | None) -> None:
    said = meaning(stage, code, "5.1.1 no\r\nsuch user")
    if becomes is None:
        assert isinstance(said, Failed)
        assert said.detail == f"{code} 5.1.1 no such user"
    else:
        assert isinstance(said, Refused)
        assert said.code == becomes
        assert f"({code} 5.1.1 no such user)" in said.reason.nl
        assert f"({code} 5.1.1 no such user)" in said.reason.en


def test_a_reply_with_braces_is_only_text() -> None:
    said = meaning("recipient", 550, "{said} {0}")
    assert isinstance(said, Refused)
    assert "{said} {0}" in said.reason.nl
