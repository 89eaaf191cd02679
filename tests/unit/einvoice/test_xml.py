"""The hardened parser (field.md §C.3 rows 1, 5, 6, 9, 13)."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from libs.einvoice import xml
from libs.errors import Unprocessable


def test_entities_of_outside_files_stay_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("rosebud")
    data = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]><a>&x;</a>'.encode()
    assert "rosebud" not in "".join(map(str, xml.parse(data).itertext()))


def test_comments_and_instructions_never_reach_the_tree() -> None:
    root = xml.parse(b"<a><!-- x --><?p x?><b/>t</a>")
    assert [child.tag for child in root] == ["b"]


def test_compressed_bytes_are_not_unpacked() -> None:
    with pytest.raises(Unprocessable):
        xml.parse(gzip.compress(b"<a/>"))


@pytest.mark.parametrize("data", [b"", b"<a>", b"<a>&x;</a>", b"\n<a>\n</b>"])
def test_what_is_not_xml_is_refused_with_its_line(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        xml.parse(data)
    assert caught.value.code == "not-xml"
    assert isinstance(caught.value.extra["line"], int)
