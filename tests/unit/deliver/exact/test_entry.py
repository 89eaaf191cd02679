"""An invoice as an entry: every amount arrives, and the whole is the invoice's to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice.model import PaymentInstructions
from services.deliver.exact import compare, entry
from services.deliver.exact import made as making
from services.deliver.exact.chart import Account, Chart, VatCode
from services.deliver.exact.kinds import PURCHASE, SALES
from services.deliver.exact.rules import Rule, Rules
from services.deliver.parcel import Parked
from tests.unit.deliver.exact import sample
from tests.unit.deliver.exact.sample import adjustment, body, invoice, line, made, parked
from tests.unit.sims.office import Office

LINES = PURCHASE.lines
INCLUSIVE = Rules(rules=(Rule(journal="60"), Rule(account="4500", vat_code="3")))


def total(found: dict[str, Any]) -> Decimal:
    """What Exact makes of a body, by the codes of the sample's chart."""
    sum_ = Decimal(0)
    for each in found[LINES]:
        amount, code = Decimal(each["AmountFC"]), sample.CHART.vat_codes.get(each.get("VATCode", ""))
        sum_ += amount
        if code is not None and not code.inclusive:
            own = (amount * code.percentage / 100).quantize(Decimal("0.01"))
            sum_ += Decimal(each.get("VATAmountFC", own))
    return sum_


def test_the_head_is_that_of_the_invoice() -> None:
    found = body(invoice())
    lines = found.pop(LINES)
    assert found == {
        "Supplier": sample.SUPPLIER,
        "Journal": "60",
        "Type": 30,
        "YourRef": "F2025-0117",
        "Description": "F2025-0117 Bakker Bouwmaterialen BV",
        "EntryDate": "2025-01-10T00:00:00",
        "DueDate": "2025-02-09T00:00:00",
        "Currency": "EUR",
    }
    assert lines == [{"AmountFC": "100.00", "GLAccount": sample.COSTS, "Description": "Zand", "VATCode": "2"}]


@pytest.mark.proves("R100")
def test_a_credit_note_is_of_its_own_type_and_goes_the_other_way() -> None:
    of = invoice(line("33.33"), sums=[("21", "33.33", "7.01")], type_code="381")
    found = body(of)
    assert (found["Type"], found[LINES][0]["AmountFC"], found[LINES][0]["VATAmountFC"]) == (
        31,
        "-33.33",
        "-7.01",
    )
    assert body(of, kind=SALES, rules=sales_rules())["Type"] == 21


def test_what_the_books_have_to_come_to_is_told() -> None:
    for of, total_ in ((invoice(paid="20.00"), "101.00"), (invoice(type_code="381"), "-121.00")):
        found = making.make(PURCHASE, of, sample.RULES, {}, sample.CHART, given={}, party=sample.SUPPLIER)
        assert not isinstance(found, Parked)
        assert found.total == Decimal(total_)
        assert (
            compare.differences(PURCHASE, found.body, {**found.body, "AmountFC": total_}, found.total) == ()
        )


def sales_rules() -> Rules:
    return Rules(rules=(Rule(journal="70"), Rule(account="7000", vat_code="4")))


def test_a_sales_entry_differs_in_its_names_alone() -> None:
    found = body(invoice(), kind=SALES, rules=sales_rules())
    assert (found["Customer"], found["Type"], found["Journal"]) == (sample.SUPPLIER, 20, "70")
    assert found["Description"] == "F2025-0117 Aannemer De Jong BV"
    assert found["SalesEntryLines"][0]["VATCode"] == "4"


def test_lines_that_are_coded_alike_are_one_and_others_are_not() -> None:
    lines = (line("60.00", name="Zand"), line("40.00", name="Grind"), line("10.00", "9", name="Boek"))
    found = body(invoice(*lines, sums=[("21", "100.00", "21.00"), ("9", "10.00", "0.90")]))
    assert [(each["AmountFC"], each["VATCode"], each["Description"]) for each in found[LINES]] == [
        ("100.00", "2", "Zand (+ 1)"),
        ("10.00", "1", "Boek"),
    ]


def test_vat_is_the_invoices_and_is_said_only_where_exact_would_make_another() -> None:
    rules = Rules(rules=(Rule(text="grind", account="7000"), *sample.RULES.rules))
    lines = (line("10.10", name="Zand"), line("10.10", name="Grind"))
    found = body(invoice(*lines, sums=[("21", "20.20", "4.24")]), rules=rules)
    assert [each.get("VATAmountFC") for each in found[LINES]] == [None, None]
    assert total(found) == Decimal("24.44")
    # The supplier rounded by line, and up: one cent more than the code makes of the sum.
    found = body(invoice(*lines, sums=[("21", "20.20", "4.25")]), rules=rules)
    assert [each.get("VATAmountFC") for each in found[LINES]] == ["2.13", None]
    assert total(found) == Decimal("24.45")


def test_half_a_cent_is_never_left_to_chance() -> None:
    found = body(invoice(line("0.50"), sums=[("21", "0.50", "0.11")]))
    assert found[LINES][0]["VATAmountFC"] == "0.11"


def test_with_an_inclusive_code_the_amount_holds_the_vat() -> None:
    found = body(invoice(), rules=INCLUSIVE)
    assert found[LINES] == [
        {"AmountFC": "121.00", "GLAccount": sample.COSTS, "Description": "Zand", "VATCode": "3"}
    ]
    found = body(invoice(line("10.00"), sums=[("21", "10.00", "2.12")]), rules=INCLUSIVE)
    assert (found[LINES][0]["AmountFC"], found[LINES][0]["VATAmountFC"]) == ("12.12", "2.12")


def test_allowances_and_charges_of_the_whole_invoice_are_booked() -> None:
    rules = Rules(rules=(Rule(of="charge", text="vracht", account="7000"), *sample.RULES.rules))
    of = invoice(
        line("100.00"),
        sums=[("21", "95.00", "19.95")],
        allowances=(adjustment("10.00", reason="Jaarkorting"),),
        charges=(adjustment("5.00", reason="Vrachtkosten"),),
    )
    found = body(of, rules=rules)
    assert [(each["AmountFC"], each["GLAccount"], each["Description"]) for each in found[LINES]] == [
        ("90.00", sample.COSTS, "Zand (+ 1)"),
        ("5.00", sample.STOCK, "Vrachtkosten"),
    ]
    assert total(found) == Decimal("114.95")


def test_a_rounding_and_what_was_paid_before_stand_on_lines_of_their_own() -> None:
    found = body(invoice(rounding="-0.02", paid="20.00", sums=[("21", "100.00", "21.00")]))
    assert [(each["AmountFC"], each["GLAccount"]) for each in found[LINES]] == [
        ("100.00", sample.COSTS),
        ("-20.02", sample.OTHER),
    ]
    assert total(found) == Decimal("100.98")


def test_lines_of_older_invoices_have_more_decimals_and_their_sum_is_right() -> None:
    lines = (line("3.3333"), line("3.3333", name="Grind"), line("3.3334"))
    rules = Rules(rules=(Rule(text="grind", account="7000"), *sample.RULES.rules))
    found = body(invoice(*lines, sums=[("21", "10.00", "2.10")]), rules=rules)
    assert sorted(each["AmountFC"] for each in found[LINES]) == ["3.33", "6.67"]
    assert total(found) == Decimal("12.10")


def test_what_does_not_add_up_is_not_booked() -> None:
    off = parked(made(invoice(line("90.00"))))
    assert off.code == "exact-other-total"
    assert "110.90" in off.reason.nl or "111.00" in off.reason.nl
    assert "121.00" in off.reason.en


def test_vat_far_from_what_the_code_makes_is_not_booked() -> None:
    off = parked(made(invoice(sums=[("21", "100.00", "19.99")])))
    assert (off.code, "21.00" in off.reason.nl, "19.99" in off.reason.en) == ("exact-other-vat", True, True)


def test_long_numbers_keep_their_end_and_stay_apart() -> None:
    first, second = f"{'A' * 30}-2025-0117", f"{'B' * 30}-2025-0117"
    assert entry.reference("F-1") == "F-1"
    assert len(entry.reference(first)) == 30
    assert "-2025-0117~" in entry.reference(first)
    assert entry.reference(first) != entry.reference(second)


def test_a_payment_reference_is_whole_or_not_there() -> None:
    ogm = (PaymentInstructions(remittance_information="+++090/9337/55493+++"),)
    assert body(invoice(payment_instructions=ogm))["PaymentReference"] == "+++090/9337/55493+++"
    long = (PaymentInstructions(remittance_information="x" * 51),)
    assert "PaymentReference" not in body(invoice(payment_instructions=long))


def test_what_is_looked_for_before_a_repeat() -> None:
    found = body(invoice(number="F'1"))
    assert entry.sought(PURCHASE, found) == f"YourRef eq 'F''1' and Supplier eq guid'{sample.SUPPLIER}'"


_CENTS = st.integers(-500_000, 5_000_000).filter(bool).map(lambda n: Decimal(n) / 100)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_CENTS, st.sampled_from(["21", "9", "0"])), min_size=1, max_size=12), st.booleans())
def test_whatever_the_lines_the_entry_is_the_invoice(nets: list[tuple[Decimal, str]], by_line: bool) -> None:
    lines = [
        line(str(net), rate, name="Grind" if place % 2 else "Zand", category="S" if rate != "0" else "Z")
        for place, (net, rate) in enumerate(nets)
    ]
    sums = []
    for rate in dict.fromkeys(rate for _, rate in nets):
        own = [net for net, each in nets if each == rate]
        percentage = Decimal(rate) / 100
        parts = [(net * percentage).quantize(Decimal("0.01")) for net in own]
        tax = sum(parts) if by_line else (sum(own) * percentage).quantize(Decimal("0.01"))
        sums.append((rate, str(sum(own)), str(tax)))
    rules = Rules(rules=(Rule(text="grind", account="7000"), *sample.RULES.rules))
    of = invoice(*lines, sums=sums)
    assert of.totals is not None
    assert of.totals.total_with_vat is not None
    assert total(body(of, rules=rules)) == of.totals.total_with_vat.value


async def test_exact_takes_it_and_its_total_is_the_invoices() -> None:
    """Against the simulator: the head's amount is with VAT, whatever code was used."""
    async with Office() as office:
        chart = Chart(
            {"4500": Account(office.costs, "4500", "2")},
            {
                code: VatCode(code, Decimal(rate), code == "3")
                for code, rate in (("0", 0), ("1", 9), ("2", 21), ("3", 21))
            },
        )
        lines = (line("10.10"), line("10.10", description="grind"), line("10.00", "9"))
        of = invoice(*lines, sums=[("21", "20.20", "4.25"), ("9", "10.00", "0.90")])
        for rules in (sample.RULES, Rules(rules=(Rule(rate=Decimal(21), vat_code="3"), *sample.RULES.rules))):
            sent = {**body(of, rules=rules, chart=chart), "Supplier": office.supplier}
            made_ = await office.made(PURCHASE.entries, sent)
            assert made_["AmountFC"] == 35.35
            (read,) = await office.rows(
                PURCHASE.entries,
                filter=f"EntryID eq guid'{made_['EntryID']}'",
                **{name.lstrip("$"): value for name, value in compare.asked(PURCHASE, sent).items()},
            )
            assert compare.differences(PURCHASE, sent, read, Decimal("35.35")) == ()
