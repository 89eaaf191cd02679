"""Which invoices travel over Peppol by Belgian law, and which do not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from libs.contracts.parts import Identifier, PartyFacts
from services.deliver.parcel import Parcel
from services.deliver.waits import belgium
from tests.unit.deliver.sample import job, receiver, summary

ENTERPRISE = Identifier(scheme="0208", value="0428759497")
VAT = Identifier(scheme="9925", value="BE0428759497")
KVK = Identifier(scheme="0106", value="58070036")
BE = PartyFacts(name="Jansens BV", identifiers=(ENTERPRISE,), country="BE")


def parcel(**terms: Any) -> Parcel:
    to = receiver().model_copy(update={"identifier": terms.pop("to", KVK)})
    said = summary(**{"seller": BE, "buyer": BE, **terms})
    return job().parcel.model_copy(update={"receiver": to, "summary": said})


def party(*identifiers: Identifier, country: str | None = "BE") -> PartyFacts:
    return PartyFacts(identifiers=identifiers, country=country)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"type_code": "381"},
        {"issue_date": date(2026, 1, 1)},
        {"issue_date": None},
        {"seller": party(VAT), "buyer": party(VAT, country=None)},
        {"seller": party()},
        {"buyer": party(), "to": ENTERPRISE},
    ],
)
def test_between_two_belgian_businesses_it_goes_by_mail_only_on_the_senders_word(
    terms: dict[str, Any],
) -> None:
    assert belgium.asks("smtp", parcel(**terms))
    for channel in ("folder", "https", "pull", "sandbox"):
        assert not belgium.asks(channel, parcel(**terms)), "a package that takes it was agreed on"


@pytest.mark.parametrize(
    "terms",
    [
        {"issue_date": date(2025, 12, 31)},
        {"seller": party(KVK, country="NL")},
        {"buyer": party(KVK, country="NL")},
        {"seller": party(VAT, country="DE")},
        {"buyer": party(VAT, country="NL"), "to": ENTERPRISE},
        {"buyer": party()},
        {"seller": party(country=None)},
    ],
)
def test_other_invoices_go_as_they_go(terms: dict[str, Any]) -> None:
    assert not belgium.asks("smtp", parcel(**terms))


def test_the_words_say_what_to_do_and_the_warning_comes_behind_the_others() -> None:
    assert "permitted" in belgium.WAITS.reason.nl
    assert "permitted" in belgium.WAITS.reason.en
    told = belgium.warned(parcel().model_copy(update={"warnings": (belgium.WAITS.reason,)}))
    assert told.warnings == (belgium.WAITS.reason, belgium.WARNING)
