"""A ZIP is judged by what its end says before anything of it is unpacked; items are in the order of the ZIP."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

import pytest

from libs.errors import HubError, Refusal
from libs.testing import builders
from services.ingest.uploads import archive
from services.ingest.uploads.archive import Archive

XML = builders.invoice(number="F1")


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def opened(data: bytes, *, most_file: int = 10_000_000, most_bytes: int = 100_000_000) -> Archive:
    return Archive(io.BytesIO(data), most_file=most_file, most_bytes=most_bytes)


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(HubError) as refused:
        work()
    return refused.value.code


def link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        member = zipfile.ZipInfo("F1.xml")
        member.external_attr = 0o120777 << 16
        made.writestr(member, "/etc/passwd")
    return out.getvalue()


def patched(at: bytes, offset: int, form: str, value: int, data: bytes | None = None) -> bytes:
    """``value`` written where a record that begins with ``at`` has it."""
    made = bytearray(packed({"F1.xml": XML}) if data is None else data)
    struct.pack_into(form, made, made.rindex(at) + offset, value)
    return bytes(made)


ENTRY, END = b"PK\x01\x02", b"PK\x05\x06"

HOSTILE: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "no ZIP": (lambda: XML, "zip-broken"),
    "nothing at all": (lambda: b"", "zip-broken"),
    "cut off": (lambda: packed({"F1.xml": XML})[:-30], "zip-broken"),
    "empty": (lambda: packed({}), "no-invoice"),
    "only a folder": (lambda: packed({"map/": b""}), "no-invoice"),
    "a name that leads outside": (lambda: packed({"../F1.xml": XML}), "zip-name"),
    "the same the other way": (lambda: packed({"a\\..\\..\\F1.xml": XML}), "zip-name"),
    "an absolute name": (lambda: packed({"/etc/F1.xml": XML}), "zip-name"),
    "a drive": (lambda: packed({"C:F1.xml": XML}), "zip-name"),
    "a link": (link, "zip-name"),
    "a password": (lambda: patched(ENTRY, 8, "<H", 1), "zip-locked"),
    "an unusual method": (lambda: packed({"F1.xml": XML}, zipfile.ZIP_LZMA), "zip-locked"),
    "a bomb": (lambda: packed({"F1.xml": b" " * 5_000_000}), "zip-bomb"),
    "a file that is too large": (lambda: patched(ENTRY, 24, "<L", 10_000_001), "zip-bomb"),
    "too many files by its own count": (lambda: patched(END, 10, "<H", 60_000), "zip-too-much"),
    "a list too long to read": (lambda: patched(END, 12, "<L", 4_000_001), "zip-too-much"),
    "an end behind the end": (lambda: packed({"F1.xml": XML}) + b"x", "zip-broken"),
}  # fmt: skip


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_zip_is_refused_whole(attack: str) -> None:
    made, code = HOSTILE[attack]
    assert code_of(lambda: opened(made())) == code


def test_the_other_form_of_end_is_not_believed() -> None:
    """The library would take its numbers, which nobody has looked at."""
    plain = packed({"F1.xml": XML})
    at = plain.rindex(END)
    size, start = struct.unpack_from("<LL", plain, at + 12)
    longer = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    made = plain[:at] + longer + locator + plain[at:]
    assert zipfile.ZipFile(io.BytesIO(made)).namelist() == ["F1.xml"]
    assert code_of(lambda: opened(made)) == "zip-broken"


def test_bounds_of_all_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    two = packed({"F1.xml": XML, "F2.xml": XML})
    assert code_of(lambda: opened(two, most_bytes=2 * len(XML) - 1)) == "zip-bomb"
    assert len(opened(two, most_bytes=2 * len(XML)).items) == 2
    monkeypatch.setattr(archive, "MOST_ITEMS", 1)
    assert code_of(lambda: opened(two)) == "zip-too-much"


def test_a_file_that_is_not_what_it_promised_is_refused_alone() -> None:
    whole = packed({"F1.xml": XML, "F2.xml": XML.replace(b">F1<", b">F2<")}, zipfile.ZIP_STORED)
    torn = opened(whole.replace(b">F1<", b">F9<"))
    assert code_of(lambda: torn.parts(torn.items[0])) == "zip-damaged"
    assert torn.parts(torn.items[1])[0].filename == "F2.xml"
    less = opened(patched(ENTRY, 24, "<L", len(XML) - 1))
    assert code_of(lambda: less.parts(less.items[0])) == "zip-damaged"
    more = opened(patched(ENTRY, 24, "<L", len(XML) + 1))
    assert code_of(lambda: more.parts(more.items[0])) == "zip-damaged"


@pytest.mark.proves("R23")
def test_items_are_invoices_with_the_page_of_their_name_in_their_folder() -> None:
    page = builders.pdf("x")
    made = opened(
        packed({
            "a/F1.pdf": page, "a/F1.xml": XML, "b/F1.xml": XML, "loose.pdf": page,
            "twice.xml": XML, "twice.XML": XML, "twice.pdf": page,
        })
    )  # fmt: skip
    assert [tuple(file.filename for file in item.files) for item in made.items] == [
        ("a/F1.xml", "a/F1.pdf"), ("b/F1.xml",), ("loose.pdf",), ("twice.xml",), ("twice.XML",), ("twice.pdf",),
    ]  # fmt: skip

    def judged(n: int) -> object:
        return made.uploads(made.parts(made.items[n]), made.items[n])

    (upload,) = made.uploads(made.parts(made.items[0]), made.items[0])
    assert upload.pdf is not None
    assert code_of(lambda: judged(2)) == "lone-pdf"
    assert code_of(lambda: judged(5)) == "ambiguous-pdf"


def test_an_archive_inside_is_no_invoice() -> None:
    made = opened(packed({"F1.zip": packed({"F1.xml": XML}), "F2.xml": packed({"F1.xml": XML})}))
    for item in made.items:
        with pytest.raises(Refusal) as refused:
            made.uploads(made.parts(item), item)
        assert refused.value.code == "zip"
