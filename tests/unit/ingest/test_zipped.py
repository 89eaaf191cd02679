"""ZIPs in a mail, and what an account may leave out of file names."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage

import pytest

from libs.errors import HubError, Unprocessable
from libs.testing import builders
from services.ingest.mailbox import mailed
from services.ingest.mailbox.mailed import Mailed
from services.ingest.uploads import intake, zipped
from services.ingest.uploads.part import Part

XML, OTHER, PDF = builders.invoice(number="F1"), builders.invoice(number="F2"), builders.pdf("F1")


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in files:
            made.writestr(name, data)
    return out.getvalue()


def sent(*files: tuple[str, bytes]) -> Mailed:
    message = EmailMessage()
    message["From"] = "a@b.example"
    message.set_content("Bijgaand.")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mailed.read(message.as_bytes())


def pairs(found: Mailed) -> list[tuple[str | None, str | None]]:
    return [(u.original.filename, u.pdf.filename if u.pdf else None) for u in found.uploads]


def codes(found: Mailed) -> list[str]:
    return [each.code for each in found.refused]


@pytest.mark.proves("R24")
def test_pairs_in_a_zip_beside_it_and_across_its_edge_are_pairs() -> None:
    inside = packed(("F1.xml", XML), ("F1.pdf", PDF), ("F2.xml", OTHER), ("leesmij.txt", b"Beste klant"))
    found = sent(("facturen.zip", inside), ("F2.pdf", PDF), ("F3.pdf", PDF))
    assert pairs(found) == [("F1.xml", "F1.pdf"), ("F2.xml", "F2.pdf")]
    assert codes(found) == ["lone-pdf"]


@pytest.mark.proves("R23")
def test_folders_of_a_zip_keep_names_apart() -> None:
    found = sent(("a.zip", packed(("x/F.xml", XML), ("x/F.pdf", PDF), ("y/F.xml", OTHER))), ("F.pdf", PDF))
    assert pairs(found) == [("F.xml", "F.pdf"), ("F.xml", None)]
    assert codes(found) == ["lone-pdf"]


def test_what_is_wrong_with_a_zip_is_said_and_its_neighbours_go_on() -> None:
    bomb = packed(("F1.xml", b" " * 20_000_000))
    for data, code in (
        (bomb, "zip-bomb"),
        (packed(("../F1.xml", XML)), "zip-name"),
        (packed(("F1.xml", XML))[:-30], "zip-damaged"),
        (packed(("leesmij.txt", b"x")), "no-invoice"),
        (packed(*((f"{n}.xml", b"<a/>") for n in range(zipped.MOST_FILES + 1))), "zip-too-much-mailed"),
    ):
        found = sent(("facturen.zip", data), ("F2.xml", OTHER))
        assert (pairs(found), codes(found)) == ([("F2.xml", None)], [code])
        assert found.refused[0].part.data == data
        assert found.refused[0].reason.nl


def test_zips_of_a_mail_have_one_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MOST_UNPACKED", 60_000)
    noise = [(f"{n}.zip", packed((f"{n}.bin", b"x" * 25_000), method=zipfile.ZIP_STORED)) for n in range(3)]
    found = sent(*noise, ("F1.xml", XML))
    assert codes(found) == ["zip-bomb", "unknown-kind", "unknown-kind"]
    assert found.refused[0].part.filename == "2.zip"
    assert pairs(found) == [("F1.xml", None)]


def test_an_archive_in_an_archive_and_an_office_document_stay_closed() -> None:
    inner = packed(("F1.xml", XML))
    assert codes(sent(("a.zip", packed(("b.zip", inner))))) == ["zip"]
    office = packed(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<a/>"))
    assert codes(sent(("brief.docx", office), ("F1.xml", XML))) == ["zip"]


def test_a_mail_of_much_that_is_no_invoice_is_one_refusal() -> None:
    junk = packed(*((f"{n}.xml", b"<html/>") for n in range(30)))
    found = sent(("junk.zip", junk))
    assert codes(found) == ["no-invoice"]
    assert len(codes(sent(("junk.zip", junk), ("F1.xml", XML)))) == 30


@pytest.mark.proves("R25")
def test_where_an_operator_allows_it_one_invoice_and_one_pdf_belong_together() -> None:
    found = sent(("F1.xml", XML), ("scan.pdf", PDF))
    assert (pairs(found), codes(found)) == ([("F1.xml", None)], ["lone-pdf"])
    loose = found.loosely()
    assert (pairs(loose), codes(loose)) == ([("F1.xml", "scan.pdf")], [])


@pytest.mark.proves("R22", "R25")
@pytest.mark.parametrize(
    "files",
    [
        [("scan.pdf", PDF)],
        [("F1.xml", XML), ("a.pdf", PDF), ("b.pdf", PDF)],
        [("F1.xml", XML), ("F2.xml", OTHER), ("scan.pdf", PDF)],
        [("F1.xml", XML), ("F1.pdf", PDF), ("scan.pdf", PDF)],
    ],
)
def test_where_it_is_not_clear_it_stays_refused(files: list[tuple[str, bytes]]) -> None:
    found = sent(*files)
    assert found.loosely() == found
    assert "lone-pdf" in codes(found)


def test_a_pdf_that_can_do_harm_does_not_come_along_loosely_either() -> None:
    assert codes(sent(("F1.xml", XML), ("scan.pdf", PDF[:300])).loosely()) == ["pdf-unfit"]


def test_a_zip_handed_over_is_taken_whole_or_not_at_all() -> None:
    inside = packed(("F1.xml", XML), ("F1.pdf", PDF), ("F2.xml", OTHER))
    taken = intake.sort_strictly(zipped.opened_strictly([Part(inside, "facturen.zip")]))
    assert [(u.original.filename, u.pdf is not None) for u in taken] == [("F1.xml", True), ("F2.xml", False)]
    junk = packed(("F1.xml", XML), ("los.pdf", PDF.replace(b"F1", b"F9")))
    with pytest.raises(Unprocessable) as no:
        intake.sort_strictly(zipped.opened_strictly([Part(junk, "facturen.zip")]))
    assert no.value.code == "lone-pdf"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (packed(("F1.xml", b" " * 20_000_000)), 413, "zip-bomb"),
        (packed(("../F1.xml", XML)), 422, "zip-name"),
        (packed(("F1.xml", XML))[:-30], 422, "zip-damaged"),
        (packed(*((f"{n}.xml", b"<a/>") for n in range(1_001))), 413, "zip-too-much-mailed"),
        (packed(), 400, "no-invoice"),
    ],
)
def test_a_zip_that_is_none_is_an_error_with_a_code(data: bytes, status: int, code: str) -> None:
    with pytest.raises(HubError) as no:
        zipped.opened_strictly([Part(data, "facturen.zip")])
    assert (no.value.status, no.value.code) == (status, code)
    assert no.value.words["nl"] != no.value.words["en"]
