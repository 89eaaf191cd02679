"""From a document to its receiver: the reader and the decision together (SA5-SA8, SA19)."""

from __future__ import annotations

import pytest

from libs.rules import engine
from libs.testing import builders
from services.route.deciding.decision import Decision, Parked, Routed, decide
from tests.unit.route.sample import KVK, VAT, directory, party

X_VAT, Y_VAT = "NL857587973B01", "NL857961868B01"
_NLCIUS = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"
_GLOBE = b"urn:www.simplerinvoicing.org:si:si-ubl:ver1.1.x"
KNOWN = directory(
    party(1, "X BV", (KVK, "58070036"), (VAT, X_VAT)), party(2, "Y BV", (KVK, "69599084"), (VAT, Y_VAT))
)


def received(*, globe: bool = False, **terms: str | None) -> Decision:
    data = builders.invoice(**terms)  # type: ignore[arg-type]
    return decide(engine.validate(data.replace(_NLCIUS, _GLOBE) if globe else data).summary, KNOWN)


def receiver(decision: Decision) -> str:
    assert isinstance(decision, Routed), decision
    return decision.receiver.name


def waits(decision: Decision) -> Parked:
    assert isinstance(decision, Parked), decision
    return decision


@pytest.mark.proves("R30", "R33")
def test_the_buyers_kvk_number_in_the_xml_names_the_receiver() -> None:
    decision = received(buyer_kvk="58070036")
    assert receiver(decision) == "X BV"
    assert isinstance(decision, Routed)
    assert (
        "cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:CompanyID" in decision.explanation.en
    )


@pytest.mark.proves("R31")
@pytest.mark.parametrize("adres2", ["58070036", "KvK 58.07.00.36", "KvK-nummer: 58070036"])
def test_globe_carries_the_kvk_number_in_adres_2(adres2: str) -> None:
    assert receiver(received(globe=True, buyer_kvk=None, adres2=adres2)) == "X BV"


@pytest.mark.proves("SA19", "R31")
def test_globes_vat_number_decides_nothing_and_is_a_warning() -> None:
    decision = received(globe=True, buyer_kvk=None, adres2="58070036", buyer_vat=Y_VAT)
    assert receiver(decision) == "X BV"
    assert isinstance(decision, Routed)
    assert "Waarschuwing" in decision.explanation.nl
    assert "Y BV" in decision.explanation.nl


@pytest.mark.proves("SA7", "R32")
def test_a_vat_number_in_adres_2_goes_through_the_directory() -> None:
    assert receiver(received(globe=True, buyer_kvk=None, adres2=X_VAT)) == "X BV"


@pytest.mark.proves("SA6", "R35", "R36", "R37")
@pytest.mark.parametrize(
    ("adres2", "code"),
    [
        (None, "no-identifier"),
        ("2e verdieping", "address-text"),
        ("T.a.v. administratie 58070036", "address-text"),
        ("Postbus 58", "address-text"),
    ],
)
def test_without_a_number_in_adres_2_it_waits_and_new_orders_are_explained(
    adres2: str | None, code: str
) -> None:
    decision = waits(received(globe=True, buyer_kvk=None, adres2=adres2))
    assert decision.code == code
    assert "NIEUWE verkooporders" in decision.reason.nl
    assert "Only invoices of NEW sales orders carry it" in decision.reason.en


@pytest.mark.proves("SA8", "R34")
@pytest.mark.parametrize("globe", [True, False])
def test_a_branch_number_is_not_taken_for_a_kvk_number(globe: bool) -> None:
    branch = "000058070036"  # ends in the KvK number of X
    where = {"buyer_kvk": None, "adres2": branch} if globe else {"buyer_kvk": branch}
    decision = waits(received(globe=globe, **where))
    assert decision.code == "branch-number"
    assert branch in decision.reason.nl


@pytest.mark.proves("R35")
@pytest.mark.parametrize("globe", [True, False])
@pytest.mark.parametrize(
    ("said", "meant"),
    [("8070036", "08070036"), ("KvK 80.70.036", "08070036"), ("580700366", None), ("58O70036", None)],
)
def test_a_damaged_number_is_quoted_and_a_lost_zero_proposed(
    globe: bool, said: str, meant: str | None
) -> None:
    where = {"buyer_kvk": None, "adres2": said} if globe else {"buyer_kvk": said}
    decision = waits(received(globe=globe, **where))
    if globe and meant is None:
        assert decision.code == "address-text"
    else:
        assert decision.code == "bad-number"
        assert (meant or "precies 8 cijfers") in decision.reason.nl
    assert said in decision.reason.en
    assert decision.waits_for == ()


def test_the_oin_a_government_customer_has_holds_its_kvk_number() -> None:
    assert receiver(received(buyer_kvk=None, buyer_oin="00000003580700360000")) == "X BV"
