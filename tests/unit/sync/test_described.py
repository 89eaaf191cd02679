"""The page of the sync has the mapping tables as the code has them."""

from __future__ import annotations

from services.sync import described
from services.sync.mappings import KINDS


def test_the_page_is_as_the_code() -> None:
    page = described.PAGE.read_text("utf-8")
    assert described.written(page) == page, "run `make contracts`"


def test_every_row_is_there_in_both_languages() -> None:
    text = described.tables()
    for kind in KINDS:
        for each in kind.fields:
            assert f"| {each.row} | *{each.names.globe_nl}* {each.names.globe_en}" in text
