"""Where a party is: as a table says it, as a letter writes it, and what of it decides."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import ValidationError

from libs.contracts.parts import Identifier
from services.route.companies.addresses import Address, GivenAddress, still_said
from services.route.companies.parties import Entry
from services.route.confirming import letters
from services.route.loads.wishes import Wish
from services.route.trade_register.corroborator import enriched
from services.route.trade_register.register import Company
from tests.unit.route.sample import KVK
from tests.unit.route.test_loads import codes, judged, loaded

KADE = Address("Kade 1", city="Delft", post_code="2611 AA")
WEG = Address("Weg 2", city="Gent", post_code="9000", country_code="BE")


def party(*addresses: Address, **terms: object) -> Entry:
    numbers = (Identifier(scheme=KVK, value="58070036"),)
    entry = Entry(UUID(int=1), UUID(int=2), "X BV", numbers, status="confirmed", addresses=addresses)
    return replace(entry, **terms)  # type: ignore[arg-type]


def test_the_post_codes_of_its_addresses_are_a_partys() -> None:
    own = party(KADE, WEG, post_codes=("2611aa", "1234 AB"))
    assert own.post_codes == ("2611aa", "1234 AB", "9000")
    assert replace(own, addresses=(KADE,), post_codes=()).post_codes == ("2611 AA",)


def test_a_letter_is_written_where_it_can_be_brought_and_names_another_country() -> None:
    long = replace(KADE, address_line_2="t.a.v. inkoop", address_line_3="gebouw B", country_subdivision="ZH")
    assert long.postal == ("Kade 1", "t.a.v. inkoop", "gebouw B", "2611 AA Delft")
    assert WEG.postal == ("Weg 2", "9000 Gent", "BE")
    for less in (
        replace(KADE, address_line_1=None),
        replace(KADE, city=None),
        replace(KADE, post_code=None),
    ):
        assert less.postal == ()


def test_one_row_of_a_table_has_one_address() -> None:
    wish, none, without = judged(
        "naam;kvk;straat;Adres 2;plaats;postcode;land\n"
        "X;58070036;Kade 1;t.a.v. inkoop;Delft;2611 AA;\n"
        "Y;69599084;;;;2611AA|2612BB;NL\n"
        "Z;68750110;;;Gent;;be\n"
    )
    for one in (wish, none, without):
        assert isinstance(one, Wish)
    line, entered = loaded(wish)
    assert (line.outcome, line.troubles) == ("added", ())
    assert entered is not None
    assert entered.addresses == (replace(KADE, address_line_2="t.a.v. inkoop"),)
    assert (entered.addresses[0].said_by, entered.post_codes) == ("operator", ("2611 AA",))
    _, plain = loaded(none)
    assert plain is not None
    assert (plain.addresses, plain.post_codes) == ((), ("2611AA", "2612BB"))
    _, belgian = loaded(without)
    assert belgian is not None
    assert belgian.addresses == (Address(city="Gent", country_code="BE"),)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ("Kade 1;Delft;2611AA|2612BB", "which-post-code"),
        ("=Kade;Delft;2611AA", "formula"),
        (f"{'K' * 201};Delft;2611AA", "too-long"),
        (f"Kade 1;{'D' * 101};2611AA", "too-long"),
        ("Kade 1;De\u202elft;2611AA", "control-characters"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_and_nothing_of_the_row_is_loaded(
    cells: str, code: str
) -> None:
    (one,) = judged(f"naam;kvk;adres;plaats;postcode\nX;58070036;{cells}\n")
    assert codes(one) == [code]


def test_a_load_adds_an_address_and_takes_none_away_and_knows_one_however_it_is_written() -> None:
    text = "naam;kvk;adres;plaats;postcode\nX BV;58070036;{};Delft;{}\n"
    (same,) = judged(text.format("KADE  1", "2611aa"))
    line, nothing = loaded(same, party(replace(KADE, said_by="owner")))
    assert (line.outcome, nothing) == ("unchanged", None)
    (moved,) = judged(text.format("Laan 9", "2612 BB"))
    line, now = loaded(moved, party(KADE))
    assert set(line.changes) == {"addresses", "post_codes"}
    assert now is not None
    assert now.addresses == (KADE, Address("Laan 9", city="Delft", post_code="2612 BB"))
    full = party(*(replace(KADE, address_line_1=f"Kade {n}") for n in range(10)))
    line, unchanged = loaded(moved, full)
    assert [trouble.code for trouble in line.troubles] == ["no-room"]
    assert unchanged is not None
    assert unchanged.addresses == full.addresses
    assert "2612 BB" in unchanged.post_codes


def test_json_lines_hold_addresses_as_the_api_takes_them() -> None:
    given = {"name": "X", "identifiers": [{"scheme": "0106", "value": "58070036"}]}
    kade = {"address_line_1": "Kade 1", "city": "Delft", "post_code": "2611 AA", "country_subdivision": ""}
    weg = {"address_line_1": "Weg 2", "city": "Gent", "post_code": "9000", "country_code": "be"}
    lines = [
        {"addresses": [kade, weg, kade]},
        {"addresses": [kade | {"street": "x"}]},
        {"addresses": [{"country_code": "NL"}]},
        {"addresses": [kade | {"country_code": "NLD"}]},
        {"addresses": [kade | {"address_line_1": f"Kade {n}"} for n in range(11)]},
    ]
    one, *others = judged("\n".join(json.dumps(given | each) for each in lines), "jsonl")
    _, entered = loaded(one)
    assert entered is not None
    assert entered.addresses == (KADE, WEG)
    assert [codes(each) for each in others] == [["bad-json"], ["no-place"], ["bad-country"], ["too-long"]]


def test_who_repeats_an_address_has_not_said_it() -> None:
    claimed = replace(KADE, said_by="owner")
    (kept, new) = still_said((claimed,), (KADE, WEG))
    assert (kept.said_by, new.said_by) == ("owner", "operator")


def test_an_address_says_something() -> None:
    for nothing in ({}, {"country_code": "NL"}, {"city": "  "}):
        with pytest.raises(ValidationError, match="at least"):
            GivenAddress.model_validate(nothing)
    read = GivenAddress(city=" Gent ").read("BE", "owner")
    assert (read, read.said_by) == (Address(city="Gent", country_code="BE"), "owner")


def test_the_register_adds_addresses_that_are_not_there_however_they_are_written() -> None:
    register = Address("kade 1", city="Delft", post_code="2611AA", said_by="register")
    box = Address("Postbus 8", city="Delft", post_code="2600 AA", said_by="register")
    found = enriched(party(KADE), Company("58070036", "X BV", addresses=(box, register)))
    assert [each.said_by for each in found.addresses] == ["operator", "register"]
    assert found.addresses == (KADE, box)


def test_a_letter_proves_where_the_register_says_it_is_and_nothing_its_owner_says() -> None:
    claimed = party(replace(WEG, said_by="owner"), status="claimed", post_codes=("1111AA",))
    kade = replace(KADE, said_by="register")
    proven = letters.proven(claimed, Company("58070036", "X BV", addresses=(kade,)))
    assert (proven.addresses, proven.post_codes) == ((KADE,), ("2611 AA",))
    typed = letters.proven(
        replace(claimed, addresses=(*claimed.addresses, KADE)), Company("58070036", "X BV")
    )
    assert (typed.addresses, typed.post_codes) == ((KADE,), ("2611 AA",))
