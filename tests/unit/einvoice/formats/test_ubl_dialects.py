"""Each profile of UBL says what it is, keeps what it can, and tells what it cannot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice import gate, model, schema, terms, xml
from libs.einvoice.formats import ubl, ubl_dialects
from libs.rules import engine
from libs.testing import builders, models
from libs.testing.examples.edits import edited

NAMES = sorted(ubl_dialects.WRITERS)
PROFILES = {
    "nlcius": "nlcius-2.0",
    "peppol": "peppol-bis-3",
    "siubl-1.2": "si-ubl-1.2",
    "ubl-2.1": "en16931",
    "ubl-2.0": "e-fff",
}
SET_BY_PROFILE = {"BT-23", "BT-24"}
RENAMED = {
    "BT-29",
    "BT-30",
    "BT-34",
    "BT-46",
    "BT-47",
    "BT-49",
    "BT-60",
    "BT-61",
    "BT-71",
    "BT-28",
    "BT-45",
    "BT-157",
}
"""What SI-UBL 1.2 says under older names of schemes, and its names twice."""


def read(data: bytes) -> model.Invoice:
    return ubl.read(xml.parse(gate.check(data).data)).invoice


@pytest.mark.proves("R3")
@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.5, 0.95]), st.sampled_from(NAMES))
def test_what_is_not_lost_is_there(seed: int, density: float, name: str) -> None:
    invoice = models.invoice(seed, density=density)
    written = ubl_dialects.WRITERS[name](invoice)
    other = SET_BY_PROFILE | (RENAMED if name == "siubl-1.2" else set())
    # Names of another age go out under those of today, and the report says which.
    other |= {filled.term.removesuffix("-2") for filled in written.filled}
    gone = {(term.number, str(term.value)) for term in written.lost}
    kept = [(t.number, str(t.value)) for t in terms.walk(invoice) if t.number not in other]
    again = [(t.number, str(t.value)) for t in terms.walk(read(written.data)) if t.number not in other]
    assert again == [term for term in kept if term not in gone or term in again]
    assert {term for term in kept if term not in again} <= gone


@pytest.mark.proves("R3")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("credit", [False, True])
def test_a_lawful_invoice_stays_lawful(name: str, credit: bool) -> None:
    source = builders.invoice(lines=3, credit_note=credit, order="PO-1")
    original = "+BillingReference/InvoiceDocumentReference/ID=F0"
    invoice = read(edited(source, original))
    written = ubl_dialects.WRITERS[name](invoice)
    root = xml.parse(written.data)
    assert not schema.check(root, "ubl-creditnote" if credit else "ubl-invoice")
    verdict = engine.validate(written.data)
    assert not verdict.fatal, [f.rule for f in verdict.findings]
    profiles = {
        "nlcius": "nlcius-2.0",
        "peppol": "peppol-bis-3",
        "siubl-1.2": "si-ubl-1.2",
        "ubl-2.1": "en16931",
        "ubl-2.0": "e-fff",
    }
    assert verdict.profile == profiles[name]


def test_si_ubl_1_2_speaks_its_own_dialect() -> None:
    invoice = read(builders.invoice(lines=2))
    text = ubl_dialects.siubl_12(invoice).data.decode()
    assert '<cbc:CompanyID schemeID="NL:KVK" schemeAgencyID="ZZZ">' in text
    assert '<cbc:CompanyID schemeID="NL:VAT" schemeAgencyID="ZZZ">NL' in text
    assert text.count("<cac:TaxTotal>") == 3, "the document's and one a line"
    assert '<cbc:ID schemeID="IBAN">' in text
    assert "<cbc:Name>" in text.split("PostalAddress")[0]


def test_what_si_ubl_1_2_wants_besides_is_told() -> None:
    filled = {each.term: each.value for each in ubl_dialects.siubl_12(read(builders.invoice(lines=2))).filled}
    assert {"BT-28", "BT-45", "BG-25"} <= set(filled)
    invoice = model.Invoice(seller=model.Seller(name="A", trading_name="B"), buyer=model.Buyer(name="C"))
    terms_of = {each.term for each in ubl_dialects.siubl_12(invoice).filled}
    assert terms_of & {"BT-28", "BT-45", "BG-25"} == {"BT-45"}


@pytest.mark.parametrize(
    ("terms", "filled", "said"),
    [
        ({"payment_means": "58"}, {"BT-81": "31", "BT-86": "ABNANL2A"}, 'schemeID="BIC">ABNANL2A<'),
        ({"payment_means": "59"}, {"BT-81": "49", "BT-86": "ABNANL2A"}, ">49</cbc:PaymentMeansCode>"),
        ({"payment_means": "30"}, {"BT-86": "ABNANL2A"}, ">30</cbc:PaymentMeansCode>"),
        ({"iban": "BE71096123456769"}, {"BT-86": "GKCCBEBB"}, 'schemeID="BIC">GKCCBEBB<'),
        ({"iban": "DE89370400440532013000"}, {}, '<cbc:ID schemeID="LOCAL">DE89370400440532013000<'),
        ({"iban": "123456789"}, {}, '<cbc:ID schemeID="LOCAL">123456789<'),
        (
            {"buyer_country": "BE", "buyer_kvk": None, "buyer_vat": "BE0403170701"},
            {"BT-47": "BE0403170701"},
            '<cbc:CompanyID schemeID="BE:VAT">BE0403170701<',
        ),
    ],
)
def test_what_its_own_rules_would_not_take_is_said_in_the_words_of_its_age(
    terms: dict[str, Any], filled: dict[str, str], said: str
) -> None:
    written = ubl_dialects.siubl_12(read(builders.invoice(lines=2, **terms)))
    assert said in written.data.decode()
    verdict = engine.validate(written.data)
    assert (verdict.rule_pack, verdict.findings) == ("siubl-1.2", ())
    told = {each.term: each.value for each in written.filled}
    assert filled.items() <= told.items()
    assert told.keys() & {"BT-81"} == filled.keys() & {"BT-81"}


def test_ubl_2_0_has_the_due_date_with_the_means_of_payment() -> None:
    invoice = read(builders.invoice())
    text = ubl_dialects.ubl_20(invoice).data.decode()
    assert "<cbc:DueDate>" not in text
    assert f"<cbc:PaymentDueDate>{invoice.payment_due_date}</cbc:PaymentDueDate>" in text
    assert ("BT-10" in {term.number for term in ubl_dialects.ubl_20(invoice).lost}) == (
        invoice.buyer_reference is not None
    )


def test_a_text_that_looks_like_a_tag_is_a_text() -> None:
    invoice = model.Invoice(
        number="<cbc:DocumentCurrencyCode>",
        type_code="380",
        notes=(model.Note(None, "</cbc:DocumentDescription>"),),
    )
    for name in NAMES:
        again = read(ubl_dialects.WRITERS[name](invoice).data)
        assert (again.number, again.notes) == (invoice.number, invoice.notes)


def test_the_share_of_a_g_account_makes_it_the_extension() -> None:
    data = builders.invoice()
    invoice = read(data)
    assert ubl_dialects.nlcius(invoice).filled == ()
    share = model.PaymentInstructions(
        identifier="1", means_type_code="58", amount=model.Amount(Decimal(1), "EUR")
    )
    shared = ubl_dialects.nlcius(model.Invoice(payment_instructions=(share,), type_code="380"))
    assert ubl_dialects.GACCOUNT.encode() in shared.data
