"""Extra fields beside an invoice: whose they are, and what is told of what will not do (R120, R121)."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.invoice import InvoiceReceived
from libs.contracts.parts import Words
from libs.errors import HubError
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from services.ingest.uploads import fields, intake, zipped
from services.ingest.uploads.archive import Archive
from services.ingest.uploads.part import Part
from services.ingest.uploads.submissions import compose
from tests.unit.deliver.exact.extra import VALUES

XML, PDF = builders.invoice(number="F1"), builders.pdf("F1")
SAID = b'{"Notes": "Pand 12", "StatisticalValue": 12.50}'
HEARD = {"Notes": "Pand 12", "StatisticalValue": "12.50"}


def refusal(*parts: Part) -> HubError:
    with pytest.raises(HubError) as refused:
        intake.sort_strictly(parts)
    assert Words.model_validate(refused.value.extra["words"]).nl != refused.value.message
    return refused.value


def of(said: Any) -> HubError:
    return refusal(Part(XML, "F1.xml"), Part(json.dumps(said).encode(), "F1.fields.json"))


@pytest.mark.proves("R121")
def test_all_18_are_taken_as_they_are_written() -> None:
    assert fields.read(json.dumps(VALUES).encode()) == VALUES
    assert fields.read(b"\xef\xbb\xbf" + SAID) == HEARD, "numbers keep their digits"
    assert fields.read(b'{"Notes": " een\\r\\ntwee "}') == {"Notes": "een\ntwee"}
    assert fields.read(b"{}") is None


def test_they_belong_to_the_invoice_of_their_name_and_travel_with_it() -> None:
    xml, said = Part(XML, "F1.xml"), Part(SAID, "f1.FIELDS.json")
    found = intake.sort_strictly(
        [said, xml, Part(PDF, "F1.pdf"), Part(builders.invoice(number="F2"), "F2.xml")]
    )
    assert [(each.original.filename, each.fields) for each in found] == [("F1.xml", HEARD), ("F2.xml", None)]
    assert found[0].pdf is not None
    told = [item.event.data for item in compose(UUID(int=1), "api", found).items]
    assert [each.fields for each in told if isinstance(each, InvoiceReceived)] == [HEARD, None]


def test_of_a_file_of_many_invoices_they_are_said_of_each() -> None:
    many = file([GlobeInvoice(number="1"), GlobeInvoice(number="2")])
    found = intake.sort_strictly([Part(many, "globe.xml"), Part(SAID, "globe.fields.json")])
    assert [each.fields for each in found] == [HEARD, HEARD]


@pytest.mark.parametrize(
    ("said", "code", "nl", "en"),
    [
        (
            {"Kleur": "rood"},
            "unknown-field",
            "Kleur is geen extra veld; er zijn: YourRef",
            "Kleur is no extra field",
        ),
        ({"YourRef": "x" * 31}, "unfit-field", "hoogstens 30 tekens", "at most 30 characters"),
        ({"From": "1 januari"}, "unfit-field", "een datum (jjjj-mm-dd)", "a date (yyyy-mm-dd)"),
        ({"To": "2026-02-30"}, "unfit-field", "T/m (To) is “2026-02-30”", "To (To) is"),
        (
            {"From": "2026-02-01", "To": "2026-01-01"},
            "unfit-field",
            "T/m (To) ligt voor",
            "To is before From",
        ),
        ({"Notes": ""}, "unfit-field", "Notities (Notes)", "Notes (Notes)"),
        ({"Notes": None}, "unfit-field", "hoogstens 2000", "at most 2000"),
        ({"Notes": "a\u0000b"}, "unfit-field", "Notities", "Notes"),
        ({"Notes": "a\ud800b"}, "unfit-field", "Notities", "Notes"),
        ({"Notes": ["x"]}, "unfit-field", "Notities", "Notes"),
        (["Notes"], "fields-unreadable", "JSON-object", "JSON object"),
        ("Notes", "fields-unreadable", "JSON-object", "JSON object"),
    ],
)
def test_what_will_not_do_is_told_at_the_door_by_its_name(said: Any, code: str, nl: str, en: str) -> None:
    no = of(said)
    assert (no.code, no.status, no.extra["filename"]) == (code, 422, "F1.fields.json")
    words = Words.model_validate(no.extra["words"])
    assert nl in words.nl
    assert en in words.en


def test_all_that_is_wrong_is_told_at_once() -> None:
    no = of({"YourRef": "x" * 31, "From": "31-01-2026", "Notes": "goed"})
    assert ("(YourRef)" in no.message, "(From)" in no.message, "(Notes)" in no.message) == (True, True, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"Notes": "a", "Notes": "b"}',
        b"\xff",
        b"[" * 60_000,
        b'{"Notes": "%s"}' % (b" " * 64_000),
    ],
    ids=["empty", "cut off", "twice", "no text", "deep", "large"],
)
def test_what_is_no_object_is_told_and_no_more(data: bytes) -> None:
    assert refusal(Part(XML, "F1.xml"), Part(data, "F1.fields.json")).code == "fields-unreadable"


def test_fields_of_nobody_and_of_more_than_one_are_refused() -> None:
    said = Part(SAID, "F1.fields.json")
    assert refusal(said).code == "lone-fields"
    assert refusal(Part(XML, "F2.xml"), said).code == "lone-fields"
    assert refusal(Part(XML, None), Part(SAID, ".fields.json")).code == "lone-fields"
    assert refusal(Part(XML, "F1.xml"), said, said).code == "ambiguous-fields"
    assert (
        refusal(Part(XML, "F1.xml"), Part(builders.invoice(number="F2"), "F1.xml"), said).code
        == "ambiguous-fields"
    )
    assert refusal(Part(b"<html/>", "F1.xml"), said).code == "not-an-invoice"


def packed(*names: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        for name in names:
            made.writestr(name, SAID if name.endswith(".json") else PDF if name.endswith(".pdf") else XML)
    return body.getvalue()


def test_in_a_zip_they_lie_in_the_folder_of_their_invoice() -> None:
    inside = zipped.opened_strictly([Part(packed("a/F1.xml", "b/F1.xml", "b/F1.fields.json"), "x.zip")])
    found = intake.sort_strictly(inside)
    assert [each.fields for each in found] == [None, HEARD]


def test_each_item_of_a_batch_has_its_own() -> None:
    names = (
        "F1.fields.json",
        "F1.pdf",
        "F1.xml",
        "a/F1.xml",
        "los.fields.json",
        "2.xml",
        "2.XML",
        "2.fields.json",
    )
    batch = Archive(io.BytesIO(packed(*names)), most_file=10_000_000, most_bytes=10_000_000)
    assert [tuple(each.filename for each in item.files) for item in batch.items] == [
        ("F1.xml", "F1.pdf", "F1.fields.json"), ("a/F1.xml",), ("los.fields.json",), ("2.xml",), ("2.XML",),
        ("2.fields.json",),
    ]  # fmt: skip

    def judged(number: int) -> Any:
        item = batch.items[number]
        try:
            (upload,) = batch.uploads(batch.parts(item), item)
        except HubError as no:
            return no.code
        return upload.fields

    assert [judged(n) for n in range(6)] == [HEARD, None, "lone-fields", None, None, "ambiguous-fields"]


def test_a_mail_has_none() -> None:
    found = intake.sort([Part(XML, "F1.xml"), Part(SAID, "F1.fields.json")])
    assert [each.fields for each in found.uploads] == [None]
    assert [each.code for each in found.refused] == ["unknown-kind"]
