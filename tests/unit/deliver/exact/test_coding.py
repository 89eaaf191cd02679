"""Rules give codes, first match counts, and what is missing says which rule would help."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from libs.einvoice.model import VatBreakdown
from services.deliver.exact import chart
from services.deliver.exact.coding import Coded
from services.deliver.exact.kinds import SALES
from services.deliver.exact.rules import Rule, Rules
from tests.unit.deliver.exact import sample
from tests.unit.deliver.exact.sample import adjustment, coded, euro, invoice, line, parked

DEFAULTS = sample.RULES.rules


def accounts(*rules: Rule, of: object = None) -> list[str]:
    found = coded(of if of is not None else invoice(), Rules(rules=(*rules, *DEFAULTS)))  # type: ignore[arg-type]
    assert isinstance(found, Coded), found.reason.en
    return [each.account.code for each in found.parts]


@pytest.mark.proves("R6")
def test_the_first_rule_that_holds_counts() -> None:
    assert accounts() == ["4500"]
    assert accounts(Rule(text="ZAND", account="7000"), Rule(text="zand", account="4910", vat_code="2")) == [
        "7000"
    ]
    assert accounts(Rule(text="grind", account="7000")) == ["4500"]
    assert accounts(Rule(rate=Decimal(9), account="7000")) == ["4500"]


@pytest.mark.parametrize("party", ["58070036", "5807 0036", "NL810433941B01", "nl8104.33.941.b01"])
def test_a_supplier_is_known_by_any_of_its_numbers_however_written(party: str) -> None:
    assert accounts(Rule(party=party, account="7000")) == ["7000"]
    assert accounts(Rule(party="58070037", account="7000")) == ["4500"]


def test_a_customer_is_the_party_of_a_sale() -> None:
    rules = Rules(rules=(Rule(party="NL001234567B01", journal="70", account="7000", vat_code="4"), *DEFAULTS))
    found = coded(invoice(), rules, SALES)
    assert isinstance(found, Coded)
    assert (found.journal, found.parts[0].account.code) == ("70", "7000")


def test_a_rule_may_give_one_thing_and_another_the_rest() -> None:
    found = coded(
        invoice(),
        Rules(rules=(Rule(text="zand", cost_center="BOUW"), Rule(party="58070036", journal="61"), *DEFAULTS)),
    )
    assert isinstance(found, Coded)
    (part,) = found.parts
    assert (found.journal, part.account.code, part.cost_center, part.vat_code and part.vat_code.code) == (
        "61",
        "4500",
        "BOUW",
        "2",
    )


def test_text_is_looked_for_in_description_number_note_and_reason() -> None:
    for more in ({"description": "fijn zand"}, {"note": "project X"}, {"buyer_accounting_reference": "KP-9"}):
        of = invoice(line("100.00", name="Artikel", **more))
        (text,) = more.values()
        assert accounts(Rule(text=text[-4:], account="7000"), of=of) == ["7000"]
    of = invoice(allowances=(adjustment("0.00", reason="Jaarkorting"),))
    assert accounts(Rule(text="korting", account="7000"), of=of) == ["4500", "7000"]
    assert accounts(Rule(of="allowance", account="7000"), of=of) == ["4500", "7000"]


def test_the_accounts_own_vat_code_will_do_where_it_says_the_same() -> None:
    bare = Rules(rules=(Rule(journal="60"), Rule(account="4500")))
    found = coded(invoice(), bare)
    assert isinstance(found, Coded)
    assert found.parts[0].vat_code is not None
    assert found.parts[0].vat_code.code == "2"
    other = parked(coded(invoice(line("100.00", "9"), sums=[("9", "100.00", "9.00")]), bare))
    assert other.code == "exact-no-vat-code"
    assert "`category` S, `rate` 9 " in other.reason.nl


@pytest.mark.parametrize(
    ("rules", "code", "said"),
    [
        ((Rule(account="4500"),), "exact-no-journal", "dagboek"),
        ((Rule(journal="60"),), "exact-no-account", "“Zand”"),
        ((Rule(journal="60"), Rule(account="1234")), "exact-unknown-account", "1234"),
        ((Rule(journal="60"), Rule(account="4999")), "exact-blocked-account", "4999"),
        ((Rule(journal="60"), Rule(account="4910")), "exact-no-vat-code", "`rate` 21"),
        ((Rule(journal="60"), Rule(account="4500", vat_code="77")), "exact-unknown-vat-code", "77"),
        ((Rule(journal="60"), Rule(account="4500", vat_code="9")), "exact-unusable-vat-code", "geblokkeerd"),
        (
            (Rule(journal="60"), Rule(account="4500", vat_code="4")),
            "exact-unusable-vat-code",
            "inkoopboeking",
        ),
        ((Rule(journal="60"), Rule(account="4500", vat_code="1")), "exact-other-rate", "9 %"),
    ],
)
def test_what_is_missing_says_which_rule_would_help(rules: tuple[Rule, ...], code: str, said: str) -> None:
    why = parked(coded(invoice(), Rules(rules=rules)))
    assert why.code == code
    assert said in why.reason.nl
    assert why.reason.en.startswith("Not booked. ")


@pytest.mark.parametrize("category", ["AE", "K"])
def test_reverse_charge_by_a_code_that_reckons_vat_is_refused_with_what_to_do(category: str) -> None:
    breakdown = VatBreakdown(euro("100.00"), euro("0.00"), category, Decimal(0))
    of = invoice(
        line("100.00", "0", category=category), vat_breakdown=(breakdown,), sums=[("0", "100.00", "0.00")]
    )
    why = parked(coded(of, Rules(rules=(Rule(journal="60"), Rule(account="4500", vat_code="2")))))
    assert why.code == "exact-reverse-charge"
    assert f"`category` {category}, `rate` 0 een code van 0 %" in why.reason.nl
    assert "by hand" in why.reason.en


def test_all_that_is_missing_is_told_at_once_and_each_thing_once() -> None:
    of = invoice(line("50.00"), line("50.00"), line("10.00", "9"))
    why = parked(coded(of, Rules(rules=(Rule(account="4910"),))))
    assert why.detail == "exact-no-journal, exact-no-vat-code"
    assert why.reason.nl.count("`rate` 21") == 1
    assert why.reason.nl.count("`rate` 9") == 1


def test_a_rounding_has_no_account_unless_a_rule_names_it() -> None:
    bare = Rules(rules=tuple(rule for rule in DEFAULTS if rule.of is None))
    assert "`of` rounding" in parked(coded(invoice(rounding="0.02"), bare)).reason.nl
    assert "nog eens betaald" in parked(coded(invoice(paid="20.00"), bare)).reason.nl


def test_no_vat_comes_on_a_rounding_by_its_accounts_default() -> None:
    rules = (Rule(of="rounding", account="4500"), *(rule for rule in DEFAULTS if rule.of is None))
    why = parked(coded(invoice(rounding="0.02"), Rules(rules=rules)))
    assert (why.code, "`of` rounding" in why.reason.en) == ("exact-no-vat-code", True)
    with_zero = Rules(rules=(Rule(of="rounding", vat_code="0"), *rules))
    found = coded(invoice(rounding="0.02"), with_zero)
    assert isinstance(found, Coded)
    assert [each.vat_code.code if each.vat_code else None for each in found.parts] == ["2", "0"]


def test_rules_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="gives something"):
        Rule(text="zand")
    with pytest.raises(ValidationError, match="one journal"):
        Rule(text="zand", journal="60")
    with pytest.raises(ValidationError):
        Rule.model_validate({"account": "4500", "categorie": "S"})


def test_a_chart_is_read_from_what_exact_gives() -> None:
    found = chart.of_rows(
        [{"ID": "a", "Code": "4500", "VATCode": "2  ", "IsBlocked": False}],
        [{"Code": "2  ", "Percentage": 0.21, "Type": "I", "VATTransactionType": "P", "IsBlocked": True}],
    )
    assert found.accounts["4500"] == chart.Account("a", "4500", "2")
    assert found.vat_codes["2"] == chart.VatCode(
        "2", Decimal(21), inclusive=True, direction="P", blocked=True
    )
    assert chart.of_rows([], [{"Code": "6", "Percentage": 0.055}]).vat_codes["6"].percentage == Decimal("5.5")
