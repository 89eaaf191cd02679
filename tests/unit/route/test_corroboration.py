"""A number alone is not believed between a sender and a receiver that were never seen together."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.parts import Identifier, PartyFacts
from services.route.deciding.corroboration import alike, evidence
from services.route.deciding.decision import NOT_CORROBORATED, Key, Parked, Party, Routed, decide
from tests.unit.route.sample import BE, BE_VAT, BRANCH, KVK, OIN, VAT, directory, party, summary

REAL = party(
    1,
    "Aannemersbedrijf De Jong BV",
    (KVK, "58070036"),
    (VAT, "NL001234567B01"),
    names=(),
    post_codes=("1234 AB",),
)
FIRST = replace(REAL, name="Aannemersbedrijf De Jong 1 BV")
"""The first of some that are called the same but for a number."""


def neighbours(number: str) -> list[str]:
    """All numbers that differ in one digit."""
    return [
        number[:place] + digit + number[place + 1 :]
        for place in range(len(number))
        for digit in "0123456789"
        if digit != number[place]
    ]


def _strangers(seed: int) -> list[Party]:
    """Every neighbour of the number is a company, housed differently and called differently, or the same but for a number;
    some with a VAT number."""
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
        name = chance.choice(
            [
                f"{chance.choice(trades)} {chance.choice(words)} {n}",
                f"Aannemersbedrijf De Jong {chance.choice(['2', '3', '9', '11', 'II', 'IV', 'X'])} BV",
            ]
        )
        more: tuple[Key, ...] = ((VAT, f"NL{n:09}B01"),) if chance.random() < 0.5 else ()
        strangers.append(party(n, name, (KVK, kvk), *more, names=(), post_codes=(f"{n + 2000} XZ",)))
    return strangers


@settings(max_examples=8)
@given(
    st.integers(0, 2**32).map(_strangers),
    st.sampled_from([None, "NL001234567B01"]),
    st.sampled_from([None, "1234 AB", "9999 ZZ"]),
    st.sampled_from([None, "De Jong", "Aannemersbedrijf de Jong 1 B.V.", "De Jong I", "BV", ""]),
)
@pytest.mark.proves("R30", "R35")
def test_none_of_the_72_neighbours_of_a_number_gets_an_invoice_by_a_typo(
    strangers: list[Party], vat: str | None, post_code: str | None, name: str | None
) -> None:
    known = directory(FIRST, *strangers)
    assert len(strangers) == 72
    for stranger in strangers:
        (typed,) = (key for key in stranger.keys if key[0] == KVK)
        # As from Globe, whose VAT number is no candidate; and as from others, where it is.
        beside = [(VAT, vat)] if vat else []
        for candidates in ([typed], [typed, *beside]):
            invoice = summary(*candidates, buyer=beside, name=name, post_code=post_code)
            decision = decide(invoice, known, {FIRST.party_id})
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
        assert (decision.company, decision.first) == (REAL.party_id, True)


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
    assert not decision.first
    place = party(2, "X Noord", (BRANCH, "000027449173"), branch_of=REAL, names=())
    there = summary((KVK, "58070036"), (BRANCH, "000027449173"), name="Bloemenzaak Smit")
    assert isinstance(decide(there, directory(REAL, place), {REAL.party_id}), Routed)


@pytest.mark.proves("R30", "R34")
@pytest.mark.parametrize(
    "both",
    [
        [(KVK, "58070036"), (OIN, "00000003580700360000")],
        [(BE, "0203201340"), (BE_VAT, "BE0203201340")],
        [(KVK, "58070036"), (BRANCH, "000027449173")],
    ],
)
def test_a_number_made_from_another_proves_nothing_beside_it(both: list[Key]) -> None:
    for written in (both, both[:1], both[1:]):
        buyer = PartyFacts(identifiers=tuple(Identifier(scheme=s, value=v) for s, v in written))
        assert evidence(buyer, both, (), ()) is None


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
        ("Vastgoed Fonds 1 B.V.", "Vastgoed Fonds 2 B.V.", False),
        ("Vastgoed Fonds 1 B.V.", "Vastgoed Fonds 12 B.V.", False),
        ("Vastgoed Fonds 1 B.V.", "Vastgoed Fonds B.V.", False),
        ("Vastgoed Fonds 1 B.V.", "Fonds 1 Vastgoed", True),
        ("Windpark I B.V.", "Windpark II B.V.", False),
        ("Windpark V B.V.", "Windpark B.V.", False),
        ("Windpark XII B.V.", "Windpark XI B.V.", False),
        ("Windpark Zeewolde II B.V.", "Windpark II", True),
        ("Holding 12 B.V.", "Beheer 12 B.V.", False),
        ("Smit Transport B. V.", "Smit Transport N V", True),
        ("Bakkerij v/d Berg V.O.F.", "Bakkerij van den Berg v o f", True),
        ("M. de Jong", "De Jong Schilders", True),
        ("A. Jansen B.V.", "B. Jansen B.V.", False),
        ("A.B. Jansen", "B.A. Jansen", False),
        ("J. P. de Vries", "P. J. de Vries B.V.", False),
        ("A.Timmermans", "B.Timmermans", False),
        ("A. Jansen", "B.C. Jansen", False),
        ("A. Jansen", "A.B. Jansen Schilders", True),
        ("A.B. Jansen", "A. B. Jansen Schilders", True),
        ("J.P.Jansen", "J.P. Jansen", True),
        ("Fonds A B.V.", "Fonds B B.V.", False),
        ("K.P.N. B.V.", "KPN", True),
        ("Bakkerij v.d. Berg", "Bakkerij van den Berg", True),
        ("Bakkerij Twee", "Bakkerij 2", False),
        ("Bakkerij Twee", "Bakkerij", False),
        ("Vastgoed Fonds Een", "Vastgoed Fonds Twee", False),
        ("Vastgoed Fonds Een", "Vastgoed Fonds één B.V.", True),
        ("Fonds Eenentwintig", "Fonds Tweeëntwintig", False),
        ("Fonds Dertien", "Fonds Veertien", False),
        ("Tweede Fonds", "Derde Fonds", False),
        ("Twee Beheer", "Twee Holding", False),
        ("Winkel 1234567890", "Winkel 1234567891", False),
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


@pytest.mark.proves("R30")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Holding B.V.", "De Holding Groep"),
        ("Nederland BV", "Beheer Nederland BV"),
        ("A", "A Jansen Schilders"),
        ("J. de Holding", "J. van der Groep"),
    ],
)
def test_words_that_thousands_have_and_single_letters_are_no_evidence(one: str, other: str) -> None:
    assert not alike(one, other)
    assert not alike(other, one)
    assert alike(one, one)


@pytest.mark.parametrize("filler", ["-", ".", "n/a", " "])
def test_a_post_code_that_is_none_is_no_evidence(filler: str) -> None:
    buyer = PartyFacts(name="Iets anders", identifiers=(), post_code=filler)
    assert evidence(buyer, (), ("De Jong",), (filler,)) is None
