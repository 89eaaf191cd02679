"""What a document says twice, or where no term stands for it, is told: neither the first nor the second just goes."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import pytest

from libs.einvoice import documents, model, terms
from libs.einvoice.formats import cii, ubl
from libs.einvoice.formats.reading import Read
from libs.testing.eexact import GlobeInvoice, file

_MEANS = tuple(
    model.PaymentInstructions(
        code, remittance_information="K1", account_identifier=account, mandate_reference_identifier=mandate
    )
    for code, account, mandate in (("30", "NL91ABNA0417164300", None), ("59", "NL02", "M1"))
)
_OF = model.Invoice(
    number="F1",
    currency_code="EUR",
    payment_terms="30 dagen",
    payment_instructions=_MEANS,
    supporting_documents=(
        model.SupportingDocument("A", attached=model.Attached(b"aa", "text/csv", "a.csv")),
    ),
    vat_point_date_code="35",
    vat_breakdown=(model.VatBreakdown(category_code="S"),),
)


@cache
def source(syntax: str) -> str:
    return (ubl.write(_OF) if syntax == "ubl" else cii.write(_OF).data).decode()


def read(syntax: str, old: str, new: str) -> Read:
    text = source(syntax)
    assert old in text
    (document,) = documents.read(text.replace(old, new, 1).encode())
    return document.read


def twice(name: str, first: str, second: str) -> tuple[str, str, str]:
    """A leaf, that leaf and another behind it, and the other's name."""
    leaf = f"<{name}>{first}</{name}>"
    return leaf, f"{leaf}<{name}>{second}</{name}>", name


_BINARY = ">YWE=</cbc:EmbeddedDocumentBinaryObject>"
_AMOUNT = '<cbc:Amount currencyID="EUR">50</cbc:Amount>'
_NETWORK = "<cbc:PrimaryAccountNumberID>1</cbc:PrimaryAccountNumberID><cbc:NetworkID>VISA</cbc:NetworkID>"
_CARD = f"<cac:CardAccount>{_NETWORK}</cac:CardAccount>"


@pytest.mark.proves("R3")
@pytest.mark.parametrize(
    ("syntax", "old", "new", "unread"),
    [
        ("ubl", "</cac:PaymentTerms>", f"{_AMOUNT}</cac:PaymentTerms>", "PaymentTerms/cbc:Amount"),
        (
            "ubl",
            "<cbc:Note>30 dagen</cbc:Note>",
            f"<cbc:PaymentMeansID>ZZ</cbc:PaymentMeansID><cbc:Note>30 dagen</cbc:Note>{_AMOUNT}",
            "PaymentTerms/cbc:Amount",
        ),
        (
            "ubl",
            "<cbc:Note>30 dagen</cbc:Note>",
            "<cbc:PaymentMeansID>ZZ</cbc:PaymentMeansID><cbc:Note>30 dagen</cbc:Note>",
            "cbc:PaymentMeansID",
        ),
        ("ubl", *twice("cbc:PaymentMeansCode", "30", "58")),
        (
            "ubl",
            _BINARY,
            f'{_BINARY}<cbc:EmbeddedDocumentBinaryObject filename="b.csv">YmI=</cbc:EmbeddedDocumentBinaryObject>',
            "cbc:EmbeddedDocumentBinaryObject",
        ),
        ("ubl", *twice("cbc:DescriptionCode", "35", "3")),
        ("ubl", *twice("cbc:PaymentID", "K1", "K2")),
        ("ubl", "<cac:PayeeFinancialAccount>", f"{_CARD}<cac:PayeeFinancialAccount>", "cbc:NetworkID"),
        ("cii", *twice("ram:PaymentReference", "K1", "K2")),
        ("cii", *twice("ram:DueDateTypeCode", "29", "5")),
    ],
)
def test_what_has_no_place_of_its_own_is_unread(syntax: str, old: str, new: str, unread: str) -> None:
    done = read(syntax, old, new)
    (one,) = done.unread
    assert one.endswith(unread)
    # The first counts: everything else is as it was.
    same = {"BT-87"}
    assert [t for t in terms.walk(done.invoice) if t.number not in same] == list(
        terms.walk(read(syntax, old, old).invoice)
    )


def test_the_same_said_twice_is_nothing_to_tell() -> None:
    leaf = "<cbc:PaymentID>K1</cbc:PaymentID>"
    assert not read("ubl", leaf, leaf * 2).unread


def test_what_cii_says_once_for_every_means_is_told() -> None:
    done = read("cii", "F1", "F1")
    assert {(each.term, each.value) for each in done.filled} == {("BT-83", "K1"), ("BT-89", "M1")}
    assert [each.mandate_reference_identifier for each in done.invoice.payment_instructions] == ["M1", "M1"]


def globe(old: str, new: str, **how: object) -> Read:
    text = file([GlobeInvoice(**how)]).decode()  # type: ignore[arg-type]
    assert old in text
    (document,) = documents.read(text.replace(old, new).encode())
    return document.read


def test_freight_of_globe_does_not_go_from_the_total() -> None:
    done = globe("<InvoiceLine", "<Freight><Value>15.00</Value></Freight><InvoiceLine")
    assert [(each.rule, each.seen) for each in done.findings] == [("READ-FREIGHT", "15.00")]
    assert not globe("<InvoiceLine", "<Freight><Value>0</Value></Freight><InvoiceLine").findings


def test_a_selection_of_globe_is_unread() -> None:
    done = globe(
        "<InvoiceLine", '<Selection code="A"><Description>Actie</Description></Selection><InvoiceLine'
    )
    assert {"/eExact/Invoices/Invoice/Selection", "/eExact/Invoices/Invoice/Selection/Description"} <= set(
        done.unread
    )


def test_the_category_of_a_zero_rate_of_globe_is_derived() -> None:
    done = globe("Invoice", "Invoice", rate=Decimal(0))
    assert ("BT-151", "Z") in {(each.term, each.value) for each in done.filled}
    assert "BT-151" not in {each.term for each in globe("Invoice", "Invoice").filled}


def test_a_creditor_identifier_that_moves_to_the_payee_is_told() -> None:
    number = '<cac:PartyIdentification><cbc:ID schemeID="SEPA">NL1</cbc:ID></cac:PartyIdentification>'
    seller = f"<cac:AccountingSupplierParty><cac:Party>{number}</cac:Party></cac:AccountingSupplierParty>"
    payee = "<cac:PayeeParty><cac:PartyName><cbc:Name>P</cbc:Name></cac:PartyName></cac:PayeeParty>"

    def filled(more: str) -> list[tuple[str, str]]:
        done = read("ubl", "<cac:PaymentMeans>", f"{more}<cac:PaymentMeans>")
        assert done.invoice.bank_assigned_creditor_identifier == "NL1"
        return [(each.term, each.value) for each in done.filled]

    assert filled(seller + payee) == [("BT-90", "NL1")]
    assert filled(seller) == []


def test_a_part_of_cii_without_its_namespace_is_a_finding() -> None:
    done = read(
        "cii", "<ram:PaymentReference>K1</ram:PaymentReference>", "<PaymentReference>K1</PaymentReference>"
    )
    assert [each.rule for each in done.findings if each.rule != "READ-MISSING"] == ["READ-MIXED"]
