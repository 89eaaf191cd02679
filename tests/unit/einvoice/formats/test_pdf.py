"""The page and what is inside it: PDF/A-3b, the XML attached, a text that reads in order, a picture that renders."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import pytest
import segno
from PIL import Image, ImageChops, ImageStat

from libs.einvoice import convert, documents, gate, model, terms, xml
from libs.einvoice.formats import epc, hybrid, pdf, ubl
from libs.einvoice.formats.page import page
from libs.errors import TooLarge, Unprocessable
from libs.testing import builders, picture
from libs.testing.pdf_readers import READERS


def invoice(**how: object) -> model.Invoice:
    return ubl.read(xml.parse(builders.invoice(**how))).invoice  # type: ignore[arg-type]


FORTY = pdf.write(invoice(lines=40)).data


def opened(data: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(data))


@pytest.mark.proves("R3")
def test_forty_lines_are_a_pdf_a_3b_with_the_invoice_inside() -> None:
    with opened(FORTY) as found:
        with found.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"
        assert found.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert pdf.ATTACHMENT in found.attachments
        specification = found.attachments[pdf.ATTACHMENT]
        assert specification.obj.AFRelationship == "/Alternative"
        assert [str(each.UF) for each in found.Root.AF] == [pdf.ATTACHMENT]
        assert found.Root.Lang == "nl"
        assert len(found.pages) > 1
    (inside,) = documents.read(FORTY)
    assert list(terms.walk(inside.read.invoice)) == list(terms.walk(invoice(lines=40)))
    assert not inside.remarks


@pytest.mark.proves("R3")
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_gets_its_text_in_order_and_draws_it(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(FORTY)
    seen = READERS[reader](path)
    # The heading stands beside the seller: programs differ in which comes first.
    order = ["Bakker Bouwmaterialen BV", "Aan", "Aannemer De Jong BV", "Factuurnummer", "Artikel 1 voor F1",
             "Artikel 40 voor F1", "Btw-specificatie", "Te betalen", "Betaling", "NL91ABNA0417164300"]  # fmt: skip
    places = [seen.text.find(each) for each in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)
    assert seen.text.find("Factuur") < places[1]
    assert len(seen.pages) > 1
    for pixels in seen.pages:
        assert len(set(pixels)) > 8, "a page with something on it"


def test_the_same_invoice_gives_the_same_bytes() -> None:
    assert pdf.write(invoice(lines=40)).data == FORTY


@pytest.mark.parametrize(
    ("language", "word"), [("nl", "Te betalen"), ("en", "Amount due"), ("fr", "À payer")]
)
def test_it_speaks_the_receivers_language(language: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(pdf.write(invoice(), language).data)  # type: ignore[arg-type]
    assert all(word in reader(path).text for reader in READERS.values())


def test_the_qr_code_says_what_a_bank_needs() -> None:
    text = epc.payload(invoice(number="F1"))
    assert text is not None
    lines = text.split("\n")
    assert lines[:5] == ["BCD", "002", "1", "SCT", ""]
    assert lines[5:7] == ["Bakker Bouwmaterialen BV", "NL91ABNA0417164300"]
    assert lines[7].startswith("EUR")
    assert lines[8:] == ["", "", "F1"]


@pytest.mark.parametrize(
    "how", [{"iban": "NL00ABNA0000000000"}, {"credit_note": True}, {"payment_means": None}]
)
def test_without_a_payment_to_make_there_is_no_code(how: dict[str, object]) -> None:
    assert epc.payload(invoice(**how)) is None


IBAN = "NL91ABNA0417164300"
TRANSFER = model.PaymentInstructions(means_type_code="30", account_identifier=IBAN)


def paid_by(*means: model.PaymentInstructions, name: str = "a\nb") -> model.Invoice:
    due = model.DocumentTotals(amount_due=model.Amount(Decimal("10.00"), "EUR"))
    seller = model.Seller(name=name)
    return model.Invoice(
        number="F1", currency_code="EUR", seller=seller, payment_instructions=means, totals=due
    )


@pytest.mark.parametrize("code", ["30", "31", "42", "58"])
def test_a_transfer_has_a_code(code: str) -> None:
    assert epc.payload(paid_by(replace(TRANSFER, means_type_code=code))) is not None


@pytest.mark.parametrize("code", ["10", "48", "49", "54", "57", "59", None])
def test_what_is_paid_in_another_way_is_not_paid_again(code: str | None) -> None:
    other = replace(TRANSFER, means_type_code=code)
    assert epc.payload(paid_by(other)) is None
    assert epc.payload(paid_by(TRANSFER, other)) is None


def test_nor_is_what_a_mandate_collects() -> None:
    assert epc.payload(paid_by(replace(TRANSFER, mandate_reference_identifier="M1"))) is None


def test_no_share_of_a_g_account_is_paid_as_the_whole() -> None:
    share = replace(TRANSFER, amount=model.Amount(Decimal("8.00"), "EUR"))
    assert epc.payload(paid_by(share, replace(share, amount=model.Amount(Decimal("2.00"), "EUR")))) is None


@pytest.mark.parametrize(("text", "fits"), [("é" * 120, True), ("é" * 121, False), ("x" * 141, False)])
def test_a_code_is_never_larger_than_banks_read(text: str, fits: bool) -> None:
    code = epc.payload(paid_by(replace(TRANSFER, remittance_information=text), name="x" * 45))
    assert (code is not None) == fits
    if code is not None:
        assert len(code.encode()) == 331
        made = segno.make(code, error="m", encoding="utf-8", micro=False)
        assert int(made.version) <= 13


def test_no_term_can_add_a_line_to_the_code() -> None:
    text = epc.payload(paid_by(replace(TRANSFER, remittance_information="x\nEUR1.00\ny")))
    assert text is not None
    assert text.split("\n")[5:] == ["a b", "NL91ABNA0417164300", "EUR10.00", "", "", "x EUR1.00 y"]


SCRIPT = {"/S": pikepdf.Name.JavaScript, "/JS": pikepdf.String("app.alert(1)")}


def spoiled(change: str) -> bytes:
    with opened(FORTY) as found:
        page, script = found.pages[0].obj, pikepdf.Dictionary(SCRIPT)
        if change == "link":
            page.Annots = pikepdf.Array([found.make_indirect(pikepdf.Dictionary(Subtype="/Link", A=script))])
        elif change == "field":
            page.Annots = pikepdf.Array([pikepdf.Dictionary(AA=pikepdf.Dictionary(E=script))])
        elif change == "bookmark":
            first = found.make_indirect(pikepdf.Dictionary(Title=pikepdf.String("x"), A=script))
            found.Root.Outlines = found.make_indirect(pikepdf.Dictionary(First=first))
        elif change == "next":
            web = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String("https://example.org"))
            web.Next = pikepdf.Array([script])
            found.Root.OpenAction = web
        elif change == "xfa":
            found.Root.AcroForm = pikepdf.Dictionary(XFA=found.make_stream(b"<xdp/>"))
        elif change == "javascript":
            found.Root.OpenAction = pikepdf.Dictionary(
                S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)")
            )
        elif change == "launch":
            action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("calc.exe"))
            link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link)
            link.A = found.make_indirect(action)
            found.pages[0].obj.Annots = pikepdf.Array([link])
        out = io.BytesIO()
        found.save(out)
    data = out.getvalue()
    return data.replace(b"startxref", b"startxxxx") if change == "xref" else data


@pytest.mark.parametrize(
    "change", ["javascript", "launch", "link", "field", "bookmark", "next", "xfa", "xref"]
)
def test_what_could_do_harm_is_reduced_to_its_xml_with_the_reason(change: str) -> None:
    (found,) = documents.read(spoiled(change))
    assert len(found.remarks) == 1
    assert found.read.invoice.number == "F1"


def test_so_is_what_has_too_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrid, "PAGES", 1)
    (found,) = documents.read(FORTY)
    assert len(found.remarks) == 1


def test_the_pages_are_counted_whatever_the_count_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrid, "PAGES", 1)
    out = io.BytesIO()
    with opened(FORTY) as found:
        found.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
        honest = b"/Count %d " % len(found.pages)
    assert out.getvalue().count(honest) == 1
    (said,) = hybrid.unfit(out.getvalue().replace(honest, b"/Count 1 "))
    assert "pages" in said.en


def test_so_is_what_has_too_much_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrid, "PIECES", 1)
    assert hybrid.unfit(spoiled("next"))


def with_files(**files: bytes) -> bytes:
    """The page with these XML files inside and no other."""
    with opened(FORTY) as found:
        del found.attachments[pdf.ATTACHMENT]
        for name, data in files.items():
            found.attachments[f"{name}.xml"] = data
        out = io.BytesIO()
        found.save(out)
    return out.getvalue()


def test_of_two_different_invoices_none_is_chosen() -> None:
    one, other = builders.invoice(number="F1"), builders.invoice(number="F2")
    with pytest.raises(Unprocessable) as refused:
        hybrid.extract(with_files(invoice=one, other=other))
    assert refused.value.code == "pdf-many"
    assert hybrid.extract(with_files(invoice=one, other=one)).xml == one


def test_what_is_no_invoice_hides_none() -> None:
    one = builders.invoice(number="F1")
    assert hybrid.extract(with_files(aaa=b"<order/>", zzz=one)).xml == one
    with pytest.raises(Unprocessable) as refused:
        documents.read(with_files(aaa=b"<order/>", zzz=b"<list/>"))
    assert refused.value.code == "not-an-invoice"


def test_more_files_than_anybody_needs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrid, "FILES", 1)
    with pytest.raises(Unprocessable):
        hybrid.extract(with_files(a=b"<a/>", b=b"<b/>"))


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_a_line_end_or_byte_order_mark_may_stand_before_it(before: bytes) -> None:
    (found,) = documents.read(before + FORTY)
    assert found.read.invoice.number == "F1"
    with pytest.raises(Unprocessable) as refused:
        gate.check(before + FORTY)
    assert refused.value.code == "pdf"


def test_a_pdf_without_an_invoice_is_refused() -> None:
    with opened(FORTY) as found:
        for name in list(found.attachments):
            del found.attachments[name]
        out = io.BytesIO()
        found.save(out)
    with pytest.raises(Unprocessable) as refused:
        hybrid.extract(out.getvalue())
    assert refused.value.code == "pdf"


def test_a_locked_pdf_is_refused() -> None:
    with opened(FORTY) as found:
        out = io.BytesIO()
        found.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(Unprocessable) as refused:
        hybrid.extract(out.getvalue())
    assert refused.value.code == "pdf-locked"


def test_a_few_kilobytes_never_unpack_to_gigabytes() -> None:
    with opened(FORTY) as found:
        found.attachments[pdf.ATTACHMENT].obj.EF.UF.write(b"\0" * 11_000_000)
        out = io.BytesIO()
        found.save(out, compress_streams=True, recompress_flate=True)
    assert len(out.getvalue()) < 1_000_000
    with pytest.raises(Unprocessable) as refused:
        hybrid.extract(out.getvalue())
    assert refused.value.code == "pdf-too-large"


def test_a_file_over_the_cap_is_refused_unopened() -> None:
    with pytest.raises(TooLarge):
        hybrid.extract(b"%PDF-1.7\n" + b"\0" * 11_000_000)


@pytest.mark.parametrize("data", [b"%PDF-", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", FORTY[:5000]])
def test_a_damaged_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable) as refused:
        convert.convert(data, "nlcius")
    assert refused.value.code in ("pdf", "pdf-broken")


def printed(of: model.Invoice) -> dict[str, Any]:
    return page(of, "nl")


@pytest.mark.parametrize(
    ("number", "country", "shown"),
    [
        (model.Identifier("69599068", "0106"), "NL", "KvK 69599068"),
        (model.Identifier("69599068"), "NL", "KvK 69599068"),
        (model.Identifier("00000001003214345000", "0190"), "NL", "OIN 00000001003214345000"),
        (model.Identifier("0403019261", "0208"), "BE", "Ondernemingsnummer 0403019261"),
        (model.Identifier("HRB 123"), "DE", "Registratienummer HRB 123"),
        (model.Identifier("HRB 123", "0204"), None, "Registratienummer HRB 123"),
    ],
)
def test_a_number_bears_the_name_of_its_register(
    number: model.Identifier, country: str | None, shown: str
) -> None:
    address = model.PostalAddress(country_code=country)
    seller = model.Seller(legal_registration_identifier=number, postal_address=address)
    buyer = model.Buyer(legal_registration_identifier=number, postal_address=address)
    found = printed(model.Invoice(seller=seller, buyer=buyer))
    assert found["seller"]["ids"] == found["buyer"]["ids"] == [shown]


def test_reverse_charge_is_said_in_words() -> None:
    coded = model.VatBreakdown(category_code="AE", exemption_reason_code="VATEX-EU-AE")
    assert printed(model.Invoice(vat_breakdown=(coded,)))["reasons"] == ["Btw verlegd"]
    own = replace(coded, exemption_reason="Btw verlegd naar afnemer")
    assert printed(model.Invoice(vat_breakdown=(own,)))["reasons"] == ["Btw verlegd naar afnemer"]


def test_long_words_stay_on_the_page_and_signs_nobody_can_draw_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    source = invoice(number="N" * 120)
    line = replace(source.lines[0], item=model.Item(name="Artikel" * 60))
    made = pdf.write(replace(source, lines=(line,)))
    assert made.remarks == ()
    path.write_bytes(made.data)
    with pdfium.PdfDocument(path) as found:
        text = found[0].get_textpage()
        width = found[0].get_width()
        assert all(0 <= text.get_charbox(at)[2] <= width for at in range(text.count_chars()))
        town = text.search("Amersfoort").get_next()
        assert town is not None
        left = [text.get_charbox(at)[2] for at in range(town[0], sum(town))]
        number = text.search("Factuurnummer").get_next()
        assert number is not None
        assert max(left) < text.get_charbox(number[0])[0], "the buyer keeps room of its own"
        words = re.sub(r"\s", "", text.get_text_range())
    assert "N" * 120 in words
    assert "Artikel" * 60 in words
    for strange in ("\u4e2d", "\u202e"):
        boxed = replace(line, item=model.Item(name=strange))
        (remark,) = pdf.write(replace(source, lines=(boxed,))).remarks
        assert pdf.BOX in remark.en


def test_the_picture_in_the_docs_is_of_the_page_as_it_is() -> None:
    """Red after a change of the page: ``make contracts`` draws it anew."""
    with Image.open(picture.FILE) as kept:
        drawn = picture.draw()
        assert kept.size == drawn.size
        apart = ImageChops.difference(kept.convert("L"), drawn.convert("L"))
    # Everything one pixel lower is 5; fewer colours in the file are 0.1.
    assert ImageStat.Stat(apart).mean[0] < 1
