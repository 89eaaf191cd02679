"""The 18 extra fields: which, from where, and what is told of a value that will not do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from libs.einvoice import extra_fields
from libs.einvoice.model import Note, Period, SupportingDocument
from services.deliver.exact import fields, values
from services.deliver.exact.kinds import KINDS, Kind
from services.deliver.exact.rules import Rule, Rules
from services.deliver.exact.values import Extra
from tests.unit.deliver.exact import sample
from tests.unit.deliver.exact.extra import VALUES
from tests.unit.deliver.exact.sample import body, invoice, line, made, parked

SENT = {**VALUES, "From": "2025-01-01T00:00:00", "To": "2025-03-31T00:00:00"}


def read(matching: fields.Matching, of: object, **given: str) -> Extra:
    found = values.read(matching, of, given)  # type: ignore[arg-type]
    assert isinstance(found, Extra), found.reason.en
    return found


def test_the_list_is_that_of_the_rule_with_its_labels_and_levels() -> None:
    names = [(each.number, each.words.nl, each.level, each.name) for each in extra_fields.ALL]
    assert [number for number, *_ in names] == list(range(1, 19))
    assert len({name for *_, name in names}) == 18
    assert {name for *_, level, name in names if level == "header"} == {
        "YourRef",
        "PaymentReference",
        "ExternalLinkReference",
        "ExternalLinkDescription",
    }
    assert set(VALUES) == {name for *_, name in names}


@pytest.mark.proves("R121")
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_all_18_arrive_in_their_property_on_both_kinds(kind: Kind) -> None:
    properties = {name: value for name, value in VALUES.items() if extra_fields.BY_NAME[name].level == "line"}
    notes = tuple(
        Note(None, f"{name}: {value}")
        for name, value in VALUES.items()
        if extra_fields.BY_NAME[name].level == "header"
    )
    matching = {name: (f"property:{name}" if name in properties else f"note:{name}",) for name in VALUES}
    of = invoice(line("60.00", properties=properties), line("40.00"), notes=notes)
    vat = "2" if kind.name == "purchase" else "4"
    found = body(
        of,
        matching=matching,
        kind=kind,
        rules=Rules(rules=(Rule(journal="60"), Rule(account="4500", vat_code=vat))),
    )
    first, second = found[kind.lines]
    assert {**found, **first} == {**found, **first, **SENT}
    assert not set(second) & set(properties), "the other line has none, and is not put together with it"


@pytest.mark.proves("R122")
def test_a_field_of_the_invoice_goes_to_all_lines_of_the_entry() -> None:
    of = invoice(line("60.00"), line("30.00", "9"), sums=[("21", "60.00", "12.60"), ("9", "30.00", "2.70")])
    found = body(of, matching={"Notes": ("BT-1",), "IntraStatCountry": ("value:DE",)})
    assert [(each["Notes"], each["IntraStatCountry"]) for each in found["PurchaseEntryLines"]] == [
        ("F2025-0117", "DE")
    ] * 2


@pytest.mark.proves("R122")
def test_a_field_of_a_line_is_refused_for_a_property_of_the_head() -> None:
    why = fields.trouble("YourRef", ("BT-13", "property:Uw ref"))
    assert why is not None
    assert "Uw ref." in why.nl
    assert "line" in why.en
    assert fields.trouble("YourRef", ("BT-13", "note:Uw ref")) is None
    assert fields.trouble("Notes", ("property:Notitie", "BT-127", "BT-22", "value:-")) is None


@pytest.mark.parametrize("source", ["BT-0", "BT-999", "bt-13", "PO", "property:", "line:x", "BT-13 "])
def test_what_is_no_source_is_refused(source: str) -> None:
    assert fields.level_of(source) is None
    assert fields.trouble("Notes", (source,)) is not None


def test_an_unknown_field_is_refused_with_those_there_are() -> None:
    why = fields.trouble("IntraStatArea", ("BT-13",))
    assert why is not None
    assert "IntraStatTransportMethod" in why.en


def test_transaction_b_is_for_four_countries() -> None:
    assert fields.trouble("IntraStatTransactionB", ("value:1",), "NL") is not None
    assert fields.trouble("IntraStatTransactionB", ("value:1",), "BE") is None
    assert fields.trouble("IntraStatTransactionB", ("value:1",)) is None


def test_the_first_source_that_has_a_value_counts() -> None:
    of = invoice(line("60.00", properties={"Serie": "A"}), line("40.00"), purchase_order_reference="PO-1")
    found = read({"SerialNumber": ("property:serie", "value:0"), "YourRef": ("BT-14", "BT-13")}, of)
    assert [found.of_line(place)["SerialNumber"] for place in (0, 1, None)] == ["A", "0", "0"]
    assert found.header == {"YourRef": "PO-1"}
    assert (found.own(0), found.own(1), found.own(None)) == (True, False, False)
    found = read({"SerialNumber": ("value:0", "property:serie")}, of)
    assert found.of_line(0) == {"SerialNumber": "0"}


@pytest.mark.proves("R120", "R122")
def test_what_the_sender_said_beside_it_counts_where_it_is_matched_and_in_that_order() -> None:
    of = invoice(line("100.00", properties={"Notitie": "van de regel"}), purchase_order_reference="PO-1")
    said = {"YourRef": "D-7", "Notes": "erbij", "SerialNumber": "SN-1"}
    assert read({}, of, **said) == Extra({}, {}, ({},)), "its word, and nobody's books asked for it"
    found = read({"YourRef": ("BT-13", "field:YourRef"), "Notes": ("field:SerialNumber",)}, of, **said)
    assert (found.header, found.of_line(0)) == ({"YourRef": "PO-1"}, {"Notes": "SN-1"})
    found = read({"YourRef": ("BT-14", "field:YourRef", "value:-")}, of, **said)
    assert found.header == {"YourRef": "D-7"}
    assert read({"YourRef": ("BT-14", "field:YourRef", "value:-")}, of).header == {"YourRef": "-"}
    found = read({"Notes": ("property:notitie", "field:Notes")}, of, **said)
    assert (found.of_line(0)["Notes"], found.of_line(None)["Notes"]) == ("van de regel", "erbij")
    assert parked(made(of, matching={"From": ("field:Notes",)}, given=said)).code == "exact-field"
    assert fields.trouble("Notes", ("field:Notes", "field:Kleur")) is not None


@pytest.mark.proves("R120")
def test_in_its_own_books_what_a_sender_said_counts_unless_they_match_something_else() -> None:
    of = invoice(line("100.00"), purchase_order_reference="PO-1")
    said = {"YourRef": "D-7", "Notes": "erbij", "PaymentReference": "B-1"}
    own = fields.own({"YourRef": ("BT-13",), "PaymentReference": ()}, said)
    found = read(own, of, **said)
    assert (found.header, found.shared) == ({"YourRef": "PO-1"}, {"Notes": "erbij"})


def test_a_value_that_is_not_there_is_not_sent() -> None:
    found = read(
        {"YourRef": ("BT-13",), "Notes": ("property:x", "note:x", "document:x", "BT-127")}, invoice()
    )
    assert (found.header, found.shared, found.lines) == ({}, {}, ({},))


def test_terms_notes_and_documents() -> None:
    document = SupportingDocument(
        reference="D-1", description="Pakbon", external_location="https://x.example/d1"
    )
    period = Period(date(2025, 1, 1), date(2025, 1, 31))
    of = invoice(
        line("100.00", period=period, quantity=None, note="Kraan 2"),
        notes=(Note("AAI", "algemeen"), Note(None, "Project : 12")),
        supporting_documents=(document,),
    )
    found = read(
        {
            "YourRef": ("note:project",),
            "PaymentReference": ("note:AAI",),
            "ExternalLinkReference": ("document:pakbon",),
            "ExternalLinkDescription": ("document:pakbon",),
            "From": ("BT-134",),
            "To": ("BT-135",),
            "Notes": ("BT-127",),
        },
        of,
    )
    assert found.header == {
        "YourRef": "12",
        "PaymentReference": "algemeen",
        "ExternalLinkReference": "https://x.example/d1",
        "ExternalLinkDescription": "D-1",
    }
    assert found.of_line(0) == {
        "From": "2025-01-01T00:00:00",
        "To": "2025-01-31T00:00:00",
        "Notes": "Kraan 2",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YourRef", "x" * 31),
        ("PaymentReference", "x" * 51),
        ("ExternalLinkReference", "javascript:alert(1)"),
        ("ExternalLinkDescription", "x" * 51),
        ("IntraStatCountry", "Duitsland"),
        ("StatisticalValue", "12,50"),
        ("StatisticalValue", "1.234"),
        ("StatisticalNetWeight", "1e9"),
        ("StatisticalNumber", "8471"),
        ("IntraStatTransactionA", "111"),
        ("IntraStatTransportMethod", "zee"),
        ("IntraStatDeliveryTerm", "franco"),
        ("From", "31-01-2025"),
        ("From", "2025-02-30"),
        ("Notes", "x" * 2001),
    ],
)
def test_a_value_exact_would_not_take_is_told_by_its_fields_name(name: str, value: str) -> None:
    why = parked(made(invoice(), matching={name: (f"value:{value}",)}))
    assert why.code == "exact-field"
    assert extra_fields.BY_NAME[name].words.nl in why.reason.nl
    assert f"({name})" in why.reason.en


def test_a_value_of_a_line_is_told_with_its_line() -> None:
    of = invoice(line("100.00", properties={"gewicht": "zwaar"}, identifier="7"))
    why = parked(made(of, matching={"StatisticalNetWeight": ("property:Gewicht",)}))
    assert "op regel 7 is “zwaar”" in why.reason.nl


def test_from_and_to_come_together_and_in_order() -> None:
    for matching in (
        {"From": ("value:2025-01-01",)},
        {"From": ("value:2025-02-01",), "To": ("value:2025-01-01",)},
    ):
        assert "T/m" in parked(made(invoice(), matching=matching)).reason.nl
    both = {"From": ("value:2025-01-01",), "To": ("value:2025-01-01",)}
    assert body(invoice(), matching=both)["PurchaseEntryLines"][0]["To"] == "2025-01-01T00:00:00"


def test_the_page_for_people_lists_the_same_fields() -> None:
    page = (Path(__file__).parents[4] / "docs" / "exact-online.md").read_text("utf-8")
    for each in extra_fields.ALL:
        assert f"| {each.number} | {each.words.nl} | {each.level} | `{each.name}` |" in page
    assert sample.SUPPLIER not in page
