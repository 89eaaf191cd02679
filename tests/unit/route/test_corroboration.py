"""A number alone is not believed between a sender and a receiver that were never seen together."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.parts import Identifier, PartyFacts
from services.route.corroboration import alike, evidence
from services.route.decision import NOT_CORROBORATED, Key, Parked, Party, Routed, decide
from tests.unit.route.sample import BE, BE_VAT, BRANCH, KVK, OIN, VAT, directory, party, summary

REAL = party(
    1,
    "Aannemersbedrijf De Jong BV",
    (KVK, "58070036"),
    (VAT, "NL001234567B01"),
    names=(),
    post_codes=("1234 AB",),
)


def neighbours(number: str) -> list[str]:
    """All numbers that differ in one digit."""
    return [
        number[:place] + digit + number[place + 1 :]
        for place in range(len(number))
        for digit in "0123456789"
        if digit != number[place]
    ]


def _strangers(seed: int) -> list[Party]:
    """Every neighbour of the number is a company, called and housed differently, some with a VAT number."""
    chance = random.Random(seed)
    words = (
        "Visser",
        "Bakker",
        "Smit",
        "Mulder",
        "Dekker",
        "Brouwer",
        "Kuiper",
        "Timmer",
        "Slager",
        "Molenaar",
    )
    trades = ("Schilders", "Loodgieters", "Transport", "Advies", "Catering", "Bloemen", "Fietsen", "Kantoor")
    strangers = []
    for n, kvk in enumerate(neighbours("58070036"), 100):
        name = f"{chance.choice(trades)} {chance.choice(words)} {n}"
        more: tuple[Key, ...] = ((VAT, f"NL{n:09}B01"),) if chance.random() < 0.5 else ()
        strangers.append(party(n, name, (KVK, kvk), *more, names=(), post_codes=(f"{n + 2000} XZ",)))
    return strangers


@settings(max_examples=8)
@given(
    st.integers(0, 2**32).map(_strangers),
    st.sampled_from([None, "NL001234567B01"]),
    st.sampled_from([None, "1234 AB", "9999 ZZ"]),
    st.sampled_from([None, "De Jong", "Aannemersbedrijf de Jong B.V.", "BV", ""]),
)
@pytest.mark.proves("R30", "R35")
def test_none_of_the_72_neighbours_of_a_number_gets_an_invoice_by_a_typo(
    strangers: list[Party], vat: str | None, post_code: str | None, name: str | None
) -> None:
    known = directory(REAL, *strangers)
    assert len(strangers) == 72
    for stranger in strangers:
        (typed,) = (key for key in stranger.keys if key[0] == KVK)
        # As from Globe, whose VAT number is no candidate; and as from others, where it is.
        beside = [(VAT, vat)] if vat else []
        for candidates in ([typed], [typed, *beside]):
            invoice = summary(*candidates, buyer=beside, name=name, post_code=post_code)
            decision = decide(invoice, known, {REAL.party_id})
            assert isinstance(decision, Parked), "also when this sender is known to send to the right one"


@pytest.mark.proves("R30")
def test_what_agrees_is_said_and_the_company_is_remembered() -> None:
    for invoice, word in (
        (summary((KVK, "58070036"), buyer=[(VAT, "NL001234567B01")], name=None), "tweede nummer"),
        (summary((KVK, "58070036"), name="De Jong Aannemersbedrijf"), "naam"),
        (summary((KVK, "58070036"), name=None, post_code="1234ab"), "postcode"),
    ):
        decision = decide(invoice, directory(REAL))
        assert isinstance(decision, Routed)
        assert word in decision.explanation.nl
        assert decision.company == REAL.party_id


@pytest.mark.proves("R35")
def test_a_number_alone_waits_with_both_names_and_what_to_do() -> None:
    invoice = summary((KVK, "58070036"), name="Bloemenzaak Smit", post_code="9999 ZZ")
    decision = decide(invoice, directory(REAL))
    assert isinstance(decision, Parked)
    assert decision.code == NOT_CORROBORATED
    for said in (decision.reason.nl, decision.reason.en):
        assert "Aannemersbedrijf De Jong BV" in said
        assert "Bloemenzaak Smit" in said
        assert "9999 ZZ" in said
    assert decision.waits_for == (("company", str(REAL.party_id)), (KVK, "58070036"))


def test_between_two_that_are_known_to_belong_together_the_number_is_enough() -> None:
    invoice = summary((KVK, "58070036"), name="Bloemenzaak Smit")
    decision = decide(invoice, directory(REAL), {REAL.party_id})
    assert isinstance(decision, Routed)
    assert decision.company is None
    place = party(2, "X Noord", (BRANCH, "000027449173"), branch_of=REAL, names=())
    there = summary((KVK, "58070036"), (BRANCH, "000027449173"), name="Bloemenzaak Smit")
    assert isinstance(decide(there, directory(REAL, place), {REAL.party_id}), Routed)


@pytest.mark.parametrize(
    ("written", "registered"),
    [
        ([(OIN, "00000003580700360000")], [(KVK, "58070036"), (OIN, "00000003580700360000")]),
        ([(BE_VAT, "BE0203201340")], [(BE, "0203201340"), (BE_VAT, "BE0203201340")]),
        ([(KVK, "58070036"), (BRANCH, "000027449173")], [(KVK, "58070036"), (BRANCH, "000027449173")]),
    ],
)
def test_a_number_made_from_another_proves_nothing_beside_it(
    written: list[Key], registered: list[Key]
) -> None:
    buyer = PartyFacts(identifiers=tuple(Identifier(scheme=s, value=v) for s, v in written))
    assert evidence(buyer, registered, (), ()) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Aannemer De Jong BV", "De Jong Aannemer B.V.", True),
        ("Aannemer De Jong", "Aannnemer de Jong BV", True),
        ("Café Zürich", "CAFE ZURICH VOF", True),
        ("De Jong Holding", "Bakkerij de Jong BV", True),
        ("Holding Nederland BV", "Nederland Holding", True),
        ("De Jong BV", "De Vries BV", False),
        ("Filiaal 12", "Filiaal 13", False),
        ("BV", "Smit BV", False),
        ("", "Smit BV", False),
        ("De Groep BV", "Groep Smit BV", False),
        ("Bakker", "Bakkerij Smit", False),
    ],
)
def test_names_are_compared_as_people_would(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_compared(one: str, other: str) -> None:
    assert alike(one, other) == alike(other, one)
