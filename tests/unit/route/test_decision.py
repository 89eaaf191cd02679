"""Whom an invoice goes to, and why (R30, R34-R36, C1, C18)."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.parts import InvoiceSummary
from services.route.deciding.decision import Directory, Key, Parked, Party, Routed, decide, wanted
from tests.unit.route.sample import (
    BE,
    BE_VAT,
    BRANCH,
    GLN,
    KVK,
    OIN,
    VAT,
    X_NORTH,
    X,
    Y,
    directory,
    party,
    summary,
)


def routed(invoice: InvoiceSummary, known: Directory) -> Routed:
    decision = decide(invoice, known)
    assert isinstance(decision, Routed), decision
    return decision


def parked(invoice: InvoiceSummary, known: Directory) -> Parked:
    decision = decide(invoice, known)
    assert isinstance(decision, Parked), decision
    return decision


@pytest.mark.proves("R30")
def test_the_kvk_number_names_the_receiver_and_the_explanation_says_where_it_stood() -> None:
    decision = routed(summary((KVK, "58070036")), directory(X, Y))
    assert decision.receiver.party_id == X.party_id
    assert decision.receiver.email == X.email
    assert (decision.receiver.identifier.scheme, decision.receiver.identifier.value) == (KVK, "58070036")
    for text in (decision.explanation.nl, decision.explanation.en):
        assert "58070036" in text
        assert "/Invoice/place[1]" in text
        assert "X BV" in text


@pytest.mark.proves("SA7", "R32")
def test_a_vat_number_alone_goes_through_the_directory() -> None:
    assert routed(summary((VAT, "NL001234567B01")), directory(X, Y)).receiver.party_id == X.party_id


def test_an_oin_of_the_trade_register_holds_a_kvk_number() -> None:
    decision = routed(summary((OIN, "00000003580700360000")), directory(X, Y))
    assert decision.receiver.party_id == X.party_id
    assert decision.receiver.identifier.value == "58070036"


def test_an_oin_of_another_register_is_looked_up_as_it_is() -> None:
    oin = (OIN, "00000001003214345000")
    council = party(9, "Gemeente", oin)
    assert routed(summary(oin), directory(X, council)).receiver.party_id == council.party_id
    assert wanted(summary(oin)) == {oin}


@pytest.mark.parametrize(
    ("registered", "written"),
    [((BE, "0203201340"), (BE_VAT, "BE0203201340")), ((BE_VAT, "BE0203201340"), (BE, "0203201340"))],
)
def test_a_belgian_vat_number_and_its_enterprise_number_are_one(registered: Key, written: Key) -> None:
    belgian = party(8, "Brussel NV", registered)
    assert routed(summary(written), directory(belgian)).receiver.party_id == belgian.party_id


@pytest.mark.proves("SA19")
def test_a_number_the_reader_does_not_trust_decides_nothing_and_warns() -> None:
    decision = routed(summary((KVK, "58070036"), buyer=[(VAT, "NL007654321B01")]), directory(X, Y))
    assert decision.receiver.party_id == X.party_id
    assert "Waarschuwing" in decision.explanation.nl
    assert "Y BV" in decision.explanation.nl
    assert parked(summary(buyer=[(VAT, "NL007654321B01")]), directory(X, Y)).code == "no-identifier"


@pytest.mark.proves("R30")
@pytest.mark.parametrize(
    "candidates",
    [((KVK, "69599084"), (KVK, "58070036")), ((KVK, "69599084"), (VAT, "NL001234567B01"))],
)
def test_two_numbers_of_two_parties_are_never_weighed(candidates: tuple[Key, ...]) -> None:
    for order in (candidates, candidates[::-1]):
        decision = parked(summary(*order), directory(X, Y))
        assert decision.code == "contradiction"
        for name in ("X BV", "Y BV"):
            assert name in decision.reason.nl
            assert name in decision.reason.en


def test_an_unknown_kvk_number_is_not_overruled_by_a_vat_number_of_another_company() -> None:
    decision = parked(summary((KVK, "90004760"), (VAT, "NL001234567B01")), directory(X, Y))
    assert decision.code == "contradiction"
    assert decision.waits_for == ((KVK, "90004760"),)
    assert "90004760" in decision.reason.nl
    assert "X BV" in decision.reason.en


def test_of_two_kvk_numbers_an_unknown_one_makes_it_wait_wherever_it_stands() -> None:
    for candidates in (((KVK, "90004760"), (KVK, "58070036")), ((KVK, "58070036"), (KVK, "90004760"))):
        assert parked(summary(*candidates), directory(X)).code == "contradiction"


@pytest.mark.proves("R30")
@pytest.mark.parametrize(
    ("has", "beside"),
    [
        ((OIN, "00000003580700360000"), (KVK, "90004760")),
        ((OIN, "00000003580700360000"), (OIN, "00000003900047600000")),
        ((KVK, "58070036"), (OIN, "00000003900047600000")),
        ((BE_VAT, "BE0203201340"), (BE, "0403170701")),
        ((BE, "0203201340"), (BE_VAT, "BE0403170701")),
    ],
)
def test_a_number_inside_another_is_held_against_whoever_has_another_one(has: Key, beside: Key) -> None:
    only = party(6, "Enig", has)
    for read in ((has, beside), (beside, has)):
        assert parked(summary(*read), directory(only)).code == "contradiction"
        assert isinstance(decide(summary(*read), directory(only), {only.party_id}), Parked), "also when known"
    same = [key for key in wanted(summary(has)) if key != has]
    assert routed(summary(has, *same), directory(only)).receiver.party_id == only.party_id


def test_a_vat_number_helps_when_the_directory_has_no_kvk_number_of_its_owner() -> None:
    shop = party(5, "Winkel", (VAT, "NL009999999B01"))
    decision = routed(summary((KVK, "90004760"), (VAT, "NL009999999B01")), directory(shop))
    assert decision.receiver.party_id == shop.party_id
    assert "90004760" in decision.explanation.nl


# --- branch numbers ---


@pytest.mark.proves("R34", "SA8")
@pytest.mark.parametrize("country", ["NL", "BE", None])
def test_a_branch_number_where_the_kvk_number_belongs_is_not_taken_for_one(country: str | None) -> None:
    decision = parked(summary((BRANCH, "000027449173"), country=country), directory(X, Y, X_NORTH))
    assert decision.code == "branch-number"
    assert "vestigingsnummer" in decision.reason.nl
    assert "12" in decision.reason.nl
    assert "8 digits" in decision.reason.en


@pytest.mark.proves("R34")
def test_a_branch_number_is_the_reason_also_beside_a_vat_number_nobody_has() -> None:
    decision = parked(summary((BRANCH, "000027449173"), (VAT, "NL009999999B01")), directory(X))
    assert decision.code == "branch-number"
    assert decision.waits_for == ((VAT, "NL009999999B01"),)


@pytest.mark.proves("R34")
def test_a_branch_number_refines_within_its_company() -> None:
    decision = routed(summary((KVK, "58070036"), (BRANCH, "000027449173")), directory(X, X_NORTH))
    assert decision.receiver.party_id == X_NORTH.party_id
    assert decision.receiver.identifier.value == "000027449173"
    assert "X Noord" in decision.explanation.nl


@pytest.mark.proves("R34")
def test_a_branch_of_another_company_and_two_branches_of_one_make_it_wait() -> None:
    decision = parked(summary((KVK, "69599084"), (BRANCH, "000027449173")), directory(X, Y, X_NORTH))
    assert decision.code == "contradiction"
    assert "X Noord" in decision.reason.en
    south = party(4, "X Zuid", (BRANCH, "000011111111"), branch_of=X)
    both = summary((KVK, "58070036"), (BRANCH, "000027449173"), (BRANCH, "000011111111"))
    assert parked(both, directory(X, X_NORTH, south)).code == "contradiction"


@pytest.mark.proves("R34")
def test_a_branch_may_be_named_by_any_number_it_has() -> None:
    gln = (GLN, "8712345000004")
    north = party(4, "X Noord", gln, branch_of=X)
    for candidates in (((KVK, "58070036"), gln), (gln, (KVK, "58070036")), (gln,)):
        assert routed(summary(*candidates), directory(X, north)).receiver.party_id == north.party_id


# --- nobody ---


@pytest.mark.proves("R35", "R36", "SA6")
def test_without_any_number_the_sender_is_told_what_to_look_up_and_where_to_put_it() -> None:
    decision = parked(summary(), directory(X))
    assert decision.code == "no-identifier"
    assert decision.waits_for == ()
    assert "Kamer van Koophandel" in decision.reason.nl
    assert "NIEUWE verkooporders" in decision.reason.nl
    assert "Chamber of Commerce" in decision.reason.en
    assert "NEW sales orders" in decision.reason.en


@pytest.mark.proves("R36", "SA6")
def test_ordinary_text_in_adres_2_is_quoted_and_explained() -> None:
    decision = parked(summary(("text", "2e verdieping")), directory(X))
    assert decision.code == "address-text"
    assert "2e verdieping" in decision.reason.nl
    assert "NEW sales orders" in decision.reason.en


def test_text_in_adres_2_does_not_matter_when_there_is_a_number() -> None:
    assert routed(summary((KVK, "58070036"), ("text", "2e verdieping")), directory(X))
    assert parked(summary((KVK, "90004760"), ("text", "2e")), directory(X)).code == "unknown-receiver"


def test_a_number_nobody_has_waits_for_somebody_who_has_it() -> None:
    decision = parked(summary((OIN, "00000003900047600000"), (KVK, "90004760")), directory(X))
    assert decision.code == "unknown-receiver"
    assert set(decision.waits_for) == {(OIN, "00000003900047600000"), (KVK, "90004760")}
    assert "90004760" in decision.reason.nl
    assert "Klant BV" in decision.reason.nl
    assert "kvk.nl" in decision.reason.en


@pytest.mark.proves("R35")
def test_a_dutch_customer_with_only_an_unknown_vat_number_is_asked_for_the_kvk_number() -> None:
    invoice = summary((VAT, "NL009999999B01"))
    assert "Kamer van Koophandel" in parked(invoice, directory(X)).reason.nl
    german = summary(("9930", "DE123456789"), country="DE")
    assert "Kamer van Koophandel" not in parked(german, directory(X)).reason.nl


def test_a_number_that_stands_in_three_places_is_said_once_with_the_first() -> None:
    known = directory(party(1, "X BV", (VAT, "NL001234567B01")))
    decision = routed(summary((KVK, "58070036"), (VAT, "NL001234567B01"), (KVK, "58070036")), known)
    assert decision.explanation.en.count("58070036") == 1
    assert "(/Invoice/place[1])" in decision.explanation.en


def test_a_long_text_from_the_invoice_is_cut_before_it_is_quoted() -> None:
    assert len(parked(summary(("text", "x" * 5000)), directory(X)).reason.nl) < 1000


# --- for any invoice and any directory ---

_kvk = st.sampled_from(["58070036", "69599084", "90004760", "55344526"]).map(lambda v: (KVK, v))
_vat = st.sampled_from(["NL001234567B01", "NL007654321B01", "NL009999999B01"]).map(lambda v: (VAT, v))
_oin = st.sampled_from(["00000003580700360000", "00000001003214345000"]).map(lambda v: (OIN, v))
_branch = st.sampled_from(["000027449173", "000011111111"]).map(lambda v: (BRANCH, v))
_gln = st.just((GLN, "8712345000004"))
_key = st.one_of(_kvk, _vat, _oin, _branch, _gln, st.just(("text", "2e verdieping")))


@st.composite
def _directories(draw: st.DrawFn) -> Directory:
    """Every number belongs to at most one party; some parties are branches of others."""
    numbers = draw(st.lists(st.one_of(_kvk, _vat, _oin, _branch, _gln), unique=True, max_size=10))
    parties: list[Party] = []
    for n, key in enumerate(numbers, 1):
        join = draw(st.integers(0, len(parties)))
        if join < len(parties):
            old = parties[join]
            parties[join] = Party(
                old.party_id, old.name, old.email, old.language, old.keys | {key}, old.branch_of, old.names
            )
        else:
            head = draw(st.sampled_from([None, *parties]))
            parties.append(party(n, f"P{n} BV", key, branch_of=head))
    return directory(*parties)


@given(st.lists(_key, max_size=6), st.lists(_key, max_size=3), _directories())
def test_the_receiver_always_carries_a_number_of_the_invoice(
    read: list[Key], others: list[Key], known: Directory
) -> None:
    invoice = summary(*dict.fromkeys(read), buyer=others)
    decision = decide(invoice, known)
    looked_up = {key: known[key] for key in wanted(invoice) if key in known}
    assert decide(invoice, looked_up) == decision, "wanted() asks for all that decides"
    if isinstance(decision, Parked):
        assert decision.reason.nl
        assert decision.reason.en
        return
    receiver = decision.receiver
    carried = (receiver.identifier.scheme, receiver.identifier.value)
    trusted = wanted(summary(*read))
    assert carried in trusted
    assert known[carried].party_id == receiver.party_id
    if carried[0] == BRANCH:
        head = known[carried].branch_of
        assert any(known[key].party_id == head for key in trusted if key in known and key[0] != BRANCH)


@given(st.data(), st.lists(_key, max_size=6, unique=True), st.lists(_key, max_size=3), _directories())
@pytest.mark.proves("R30")
def test_the_order_of_the_candidates_decides_nothing(
    data: st.DataObject, read: list[Key], others: list[Key], known: Directory
) -> None:
    """It is only quoted: the number that carries most trust names the receiver in the explanation, and only there."""
    buyer = [*read, *others]
    one = decide(summary(*read, buyer=buyer), known)
    other = decide(summary(*data.draw(st.permutations(read)), buyer=buyer), known)
    if isinstance(one, Routed):
        assert isinstance(other, Routed)
        assert one.receiver == other.receiver
    else:
        assert isinstance(other, Parked)
        assert (one.code, set(one.waits_for)) == (other.code, set(other.waits_for))


def test_a_number_inside_another_names_somebody_too() -> None:
    known = directory(
        party(1, "OIN BV", (OIN, "00000003580700360000")), party(2, "KvK BV", (KVK, "58070036"))
    )
    assert parked(summary((OIN, "00000003580700360000")), known).code == "contradiction"


def test_a_number_nobody_has_is_held_against_everybody_named() -> None:
    """The place of business has no KvK number of its own, its company has another than the invoice says."""
    oin = (OIN, "00000001003214345000")
    known = directory(X, party(4, "X Zuid", oin, branch_of=X))
    for read in permutations([(KVK, "69599084"), oin, (KVK, "58070036")]):
        assert parked(summary(*read), known).code == "contradiction"


@given(st.lists(_key, max_size=6), _directories())
@pytest.mark.proves("R30")
def test_whoever_else_a_number_names_is_never_passed_over(read: list[Key], known: Directory) -> None:
    decision = decide(summary(*dict.fromkeys(read)), known)
    if isinstance(decision, Parked):
        return
    parties = [known[key] for key in wanted(summary(*read)) if key in known]
    heads = {each.branch_of or each.party_id for each in parties}
    assert len(heads) == 1


@given(st.lists(_key, min_size=1, max_size=6), _directories())
def test_whoever_appears_for_what_it_waits_for_lets_it_go_on(read: list[Key], known: Directory) -> None:
    invoice = summary(*read)
    decision = decide(invoice, known)
    if isinstance(decision, Routed) or decision.code == "contradiction":
        return
    if any(key in known for key in read if key[0] == BRANCH):
        return  # whoever has that place of business is somebody else
    if decision.waits_for:
        newcomer = party(100, "Nieuw BV", *decision.waits_for)
        with_newcomer = {**known, **directory(newcomer)}
        assert routed(invoice, with_newcomer).receiver.party_id == newcomer.party_id
