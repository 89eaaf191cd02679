"""Which invoices have one number, and whether two of them say the same."""

from __future__ import annotations

from datetime import date
from typing import Any, cast
from uuid import UUID

import pytest

from libs.contracts.invoice import InvoiceValidated
from libs.contracts.parts import DocumentRef, Identifier, PartyFacts
from libs.testing import builders
from services.route.deciding import comparing, numbers
from services.route.deciding.numbering import Number, names_of, number_of, numbered, seller_of
from tests.unit.route.sample import BE, BE_VAT, BRANCH, GLN, KVK, OIN, VAT, summary

ANNA = UUID(int=1)


def seller(*identifiers: tuple[str, str], name: str | None = None) -> PartyFacts:
    return PartyFacts(name=name, identifiers=tuple(Identifier(scheme=s, value=v) for s, v in identifiers))


def of(**terms: Any) -> Number:
    said = summary(**terms)
    found = numbered(ANNA, said, names_of(said.seller))
    assert found is not None
    return found


@pytest.mark.proves("R51")
@pytest.mark.parametrize(
    "other",
    [
        {"number": "F2"},
        {"type_code": "381"},
        {"issue_date": date(2025, 12, 31)},
        {"seller": seller((KVK, "55344526"))},
    ],
)
def test_one_number_is_seller_number_type_and_year(other: dict[str, Any]) -> None:
    terms: dict[str, Any] = {
        "number": "F1",
        "type_code": "380",
        "issue_date": date(2026, 1, 1),
        "seller": seller((KVK, "69599068")),
    }
    own = number_of(ANNA, summary(**terms))
    assert own == number_of(ANNA, summary(**{**terms, "issue_date": date(2026, 12, 31), "number": " F1 "}))
    assert own != number_of(ANNA, summary(**{**terms, **other}))
    assert own != number_of(UUID(int=2), summary(**terms))


def test_without_a_number_or_a_date_nothing_can_be_said() -> None:
    assert number_of(ANNA, summary(number=None, issue_date=date(2026, 1, 1))) is None
    assert number_of(ANNA, summary(number="F1")) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (seller((VAT, "NL1"), (KVK, "69599068")), seller((KVK, "69599068"), (GLN, "8712"), name="x")),
        (seller((OIN, "00000003695990680000")), seller((KVK, "69599068"))),
        (seller((BE_VAT, "BE0403019261")), seller((BE, "0403019261"))),
        (seller((BRANCH, "000027449173"), name="Bakker  BV"), seller(name="bakker bv")),
    ],
)
def test_a_seller_is_known_by_its_most_trusted_number(one: PartyFacts, other: PartyFacts) -> None:
    assert seller_of(one) == seller_of(other)


@pytest.mark.proves("R51")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([(OIN, "00000001123456780000")], [(OIN, "00000001123456780000"), (KVK, "69599068")]),
        ([(VAT, "NL001234567B01")], [(VAT, "NL001234567B01"), (KVK, "69599068")]),
        ([(GLN, "8712345678906")], [(KVK, "69599068"), (GLN, "8712345678906"), (VAT, "NL001234567B01")]),
    ],
)
def test_a_seller_that_says_more_of_itself_than_before_is_the_same(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    terms: dict[str, Any] = {"number": "F1", "type_code": "380", "issue_date": date(2026, 1, 1)}
    less, more = (of(**terms, seller=seller(*said)) for said in (before, after))
    assert less.key in more.others
    assert more.key not in [less.key, *less.others]
    assert len(more.others) == len(after) - 1


@pytest.mark.proves("R51")
async def test_who_has_the_number_of_what_the_seller_said_before_is_compared_with() -> None:
    """Of three invoices of the same bytes, from the same seller as it says more and more of itself, the first counts."""
    terms: dict[str, Any] = {"issue_date": date(2026, 1, 1)}
    said = [(GLN, "8712345678906"), (VAT, "NL001234567B01"), (KVK, "69599068")]
    original = DocumentRef(document_id=UUID(int=9), sha256="a" * 64, size=1, media_type="application/xml")
    first, *others = (
        InvoiceValidated(
            invoice_id=UUID(int=n),
            account_id=ANNA,
            sequence=1,
            rule_pack="nlcius-2.0",
            original=original,
            summary=summary(seller=seller(*said[:n]), **terms),
        )
        for n in (1, 2, 3)
    )
    held = number_of(ANNA, first.summary)
    row = {"key": held, "invoice_id": first.invoice_id, "document_id": UUID(int=1), "size": 1}

    class Rows:
        """Of the table: one row."""

        async def fetch(self, query: str, keys: list[UUID], *_: object) -> list[dict[str, object]]:
            found = held in keys and "holds" in query
            return [{**row, "sha256": bytes.fromhex(first.original.sha256)}] if found else []

    wanted = {each.invoice_id: of(**terms, seller=each.summary.seller) for each in others}
    assert await numbers.taken(cast("Any", Rows()), others, wanted) == {
        each.invoice_id: numbers.Same(first.invoice_id) for each in others
    }


def test_two_companies_of_one_vat_group_do_not_have_each_others_numbers() -> None:
    terms: dict[str, Any] = {"number": "F1", "issue_date": date(2026, 1, 1)}
    one, other = (
        of(**terms, seller=seller((KVK, number), (VAT, "NL001234567B01")))
        for number in ("69599068", "55344526")
    )
    assert one.key not in [other.key, *other.others]


def test_what_is_compared_is_what_it_says() -> None:
    data = builders.invoice(number="F1", buyer_kvk="58070036")
    text = data.decode()
    same = text.replace("><", ">\n <").replace("<cbc:ID>F1</cbc:ID>", "<cbc:ID>F1</cbc:ID><!-- again -->", 1)
    assert same != text
    assert comparing.differences(comparing.said(data), comparing.said(same.encode())) == ()


def test_a_difference_names_term_place_and_both_values() -> None:
    data = builders.invoice(number="F1", buyer_kvk="58070036")
    other = data.replace(b"25.10</cbc:PayableAmount>", b"26.10</cbc:PayableAmount>").replace(
        b"ORDER-F1", b"ORDER-F2"
    )
    found = comparing.differences(comparing.said(data), comparing.said(other))
    assert found is not None
    assert [(each.term, each.path, each.before, each.after) for each in found] == [
        ("BT-10", "buyer_reference", "ORDER-F1", "ORDER-F2"),
        ("BT-115", "totals.amount_due", "25.1 EUR", "26.1 EUR"),
    ]


def test_differences_are_bounded_and_what_cannot_be_read_is_like_nothing() -> None:
    before = comparing.said(builders.invoice(number="F1", buyer_kvk="58070036", lines=40))
    after = comparing.said(builders.invoice(number="F2", buyer_kvk="58070036", lines=40))
    assert len(comparing.differences(before, after) or ()) == comparing.MOST
    assert comparing.differences(before, comparing.said(b"%PDF-1.7 no invoice")) is None
