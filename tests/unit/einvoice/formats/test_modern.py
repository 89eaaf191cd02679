"""What older profiles call by other names goes out under the names of today, and the report says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.einvoice import convert, documents
from libs.einvoice.formats import ubl_dialects
from libs.einvoice.formats.modern import modern
from libs.einvoice.model import Attached, Identifier, Invoice, PaymentInstructions, SupportingDocument
from libs.rules import engine
from libs.testing import builders


def old() -> bytes:
    """As a supplier whose software makes SI-UBL 1.2 sends it."""
    (read,) = documents.read(builders.invoice(order="PO-1"))
    invoice = replace(
        read.read.invoice,
        payment_instructions=tuple(
            replace(each, means_type_code="31") for each in read.read.invoice.payment_instructions
        ),
        supporting_documents=(SupportingDocument("1", attached=Attached(b"%PDF", "application/pdf")),),
    )
    return ubl_dialects.siubl_12(invoice).data


@pytest.mark.proves("R3")
@pytest.mark.parametrize("to", ["nlcius", "peppol", "ubl-2.1", "pdf"])
def test_si_ubl_1_2_is_lawful_in_every_format_of_today(to: str) -> None:
    assert b'"NL:KVK"' in old()
    (done,) = convert.convert(old(), to)
    assert done.judged is not None
    assert not engine.validate(*done.judged).fatal
    data, _ = done.judged
    assert b'schemeID="0106"' in data
    assert b"NL:KVK" not in data
    assert {"BT-30", "BT-47", "BT-81", "BT-125-2"} <= {each.term for each in done.filled}


def test_cii_is_written_with_the_codes_of_today_too() -> None:
    (done,) = convert.convert(old(), "cii")
    assert b'schemeID="0106"' in done.data
    assert "BT-30" in {each.term for each in done.filled}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Identifier("1", "NL:KVK"), Identifier("1", "0106")),
        (Identifier("1", "GLN"), Identifier("1", "0088")),
        (Identifier("1", "NL:VAT"), Identifier("1", None)),
        (Identifier("1", "9944"), Identifier("1", None)),
        (Identifier("1", "ZZZ"), Identifier("1", None)),
        (Identifier("1", "0106"), Identifier("1", "0106")),
        (Identifier("1", "0236"), Identifier("1", "0236")),
        (Identifier("1", "XYZ"), Identifier("1", "XYZ")),
        (Identifier("1", None), Identifier("1", None)),
    ],
)
def test_the_kind_of_a_number_by_its_code(given: Identifier, expected: Identifier) -> None:
    (read,) = documents.read(builders.invoice())
    seller = read.read.invoice.seller
    assert seller is not None
    invoice = replace(read.read.invoice, seller=replace(seller, identifiers=(given,)))
    changed, filled = modern(invoice)
    assert changed.seller is not None
    assert changed.seller.identifiers == (expected,)
    assert bool(filled) == (given != expected)


def test_an_address_may_be_a_vat_number() -> None:
    (read,) = documents.read(builders.invoice())
    buyer = read.read.invoice.buyer
    assert buyer is not None
    invoice = replace(read.read.invoice, buyer=replace(buyer, electronic_address=Identifier("NL1", "NL:VAT")))
    changed, _ = modern(invoice)
    assert changed.buyer is not None
    assert changed.buyer.electronic_address == Identifier("NL1", "9944")


def test_what_is_of_today_is_left_as_it_is() -> None:
    (read,) = documents.read(builders.invoice(lines=2))
    assert modern(read.read.invoice) == (read.read.invoice, ())
    transfer = PaymentInstructions(means_type_code="31", account_identifier="NL91ABNA0417164300")
    for profile in (None, "urn:cen.eu:en16931:2017"):
        invoice = Invoice(specification_identifier=profile, payment_instructions=(transfer,))
        assert modern(invoice)[1] == (), "a debit transfer is one, where nobody called a credit transfer so"
