"""What kind of file a part is: the bytes first, then the name, what the sender calls it last."""

from __future__ import annotations

import pytest

from libs.testing import builders
from services.ingest.mailbox import mailed
from services.ingest.uploads.part import Part

XML = builders.invoice(number="F1")
XHTML = b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body>Invoice</body></html>'


@pytest.mark.parametrize(
    "part",
    [
        Part(XML), Part(XML, None, "application/octet-stream"), Part(XML, "b.xml", "image/png"),
        Part(XML, None, "text/plain"), Part(XML, "factuur.txt", "text/plain"), Part(XML, "x.html", "text/html"),
        Part(b"\xef\xbb\xbf" + XML, None, "text/plain"),
        Part(XML.decode().encode("utf-16"), None, "text/plain"),
        Part(b"<!-- made by us --><rsm:CrossIndustryInvoice>", None, "text/plain"),
        Part(b"broken", "a.xml", "text/plain"), Part(b"broken", None, "text/xml"),
        Part(b"broken", "a", "application/vnd.oasis.ubl+xml"),
    ],
)  # fmt: skip
def test_what_may_be_an_invoice_is_never_left_out(part: Part) -> None:
    assert part.claims_xml
    assert not part.is_aside


@pytest.mark.parametrize(
    "part",
    [
        Part(b"Geachte heer,", None, "text/plain"), Part(b"<p>Geachte heer,", None, "text/html"),
        Part(XHTML, None, "text/html"), Part(b"<html/>", "factuur.html", "application/octet-stream"),
        Part(b"\x89PNG", "logo.png", "image/png"), Part(b"<svg/>", "logo.svg", "image/svg+xml"),
        Part(b"0\x82", "smime.p7s", "application/pkcs7-signature"), Part(b"BEGIN:VCARD", "jan.vcf", "text/x-vcard"),
        Part(b"-----BEGIN PGP", "signature.asc", "application/pgp-signature"),
        Part(b"x", "ATT00001.txt", "text/plain"),
    ],
)  # fmt: skip
def test_what_mails_carry_beside_their_files_is_no_file(part: Part) -> None:
    assert part.is_aside


def mail(*parts: tuple[str, str | None, bytes]) -> bytes:
    def one(kind: str, name: str | None, data: bytes) -> bytes:
        called = f'Content-Disposition: attachment; filename="{name}"\r\n' if name else ""
        return f"--b\r\nContent-Type: {kind}\r\n{called}\r\n".encode() + data + b"\r\n"

    head = b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"".join(one(*part) for part in parts) + b"--b--\r\n"


@pytest.mark.proves("R21", "R24")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/octet-stream", None), ("application/vnd.oasis.ubl+xml", None), ("image/png", "b.xml"),
        ("text/plain", None), ("application/pdf", "b.pdf"),
    ],
)  # fmt: skip
def test_every_part_of_a_mail_is_looked_at(kind: str, name: str | None) -> None:
    second = builders.invoice(number="F2")
    found = mailed.read(mail(("application/xml", "a.xml", XML), (kind, name, second)))
    assert [upload.original.data.strip() for upload in found.uploads] == [XML.strip(), second.strip()]
    assert found.refused == ()


def test_a_signed_mail_with_an_invoice_brings_no_refusal() -> None:
    found = mailed.read(
        mail(
            ("text/html", None, b"<html>Hierbij</html>"), ("application/xml", "a.xml", XML),
            ("text/x-vcard", "jan.vcf", b"BEGIN:VCARD"), ("text/html", "a.html", b"<html/>"),
            ("application/pkcs7-signature", "smime.p7s", b"0\x82\x9f"),
        )
    )  # fmt: skip
    assert len(found.uploads) == 1
    assert found.refused == ()


@pytest.mark.parametrize(
    ("kind", "name", "data", "code"),
    [
        ("application/ms-tnef", "winmail.dat", b"\x78\x9f\x3e\x22", "winmail"),
        ("application/octet-stream", "winmail.dat", b"\x78\x9f\x3e\x22", "winmail"),
        ("application/pkcs7-mime", "smime.p7m", b"0\x82", "sealed"),
        ("application/octet-stream", "uren.zip", b"PK\x03\x04", "zip-damaged"),
        ("application/octet-stream", "uren.bin", b"\x9f\x00", "unknown-kind"),
        ("application/octet-stream", None, b"zomaar", "unknown-kind"),
        ("application/xml", "kapot.xml", b"<Invoice>", "not-xml"),
    ],
)
def test_every_other_file_is_refused_for_what_it_is(
    kind: str, name: str | None, data: bytes, code: str
) -> None:
    found = mailed.read(mail(("application/xml", "a.xml", XML), (kind, name, data)))
    assert len(found.uploads) == 1
    assert [refused.code for refused in found.refused] == [code]
    assert found.refused[0].reason.nl


def test_a_mail_of_asides_alone_is_kept_whole() -> None:
    raw = mail(("image/png", "scan.png", b"\x89PNG"), ("text/plain", None, b"Beste"))
    (refused,) = mailed.read(raw).refused
    assert (refused.code, refused.part.data) == ("no-invoice", raw)


@pytest.mark.proves("R11")
def test_the_pdf_of_a_refused_xml_is_kept_with_it() -> None:
    raw = mail(("application/xml", "a.xml", b"<Invoice>"), ("application/pdf", "a.pdf", b"%PDF-1.4"))
    found = mailed.read(raw)
    (refused,) = found.refused
    assert refused.pdf is not None
