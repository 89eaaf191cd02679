"""What a seller is known by is written once and asked for once, and remembered no longer than there is room for."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest

from libs.contracts.parts import Identifier, PartyFacts
from services.route.companies.sellers import Heard, Remembered, Saying, Seller, heard
from tests.unit.route.sample import BE, GLN, KVK, OIN, VAT

ANNA, BERT = UUID(int=1), UUID(int=2)


def seller(
    *keys: tuple[str, str], name: str | None = None, account: UUID = ANNA, by: Remembered | None = None
) -> Seller:
    said = tuple(Identifier(scheme=scheme, value=value) for scheme, value in keys)
    return (Remembered() if by is None else by).seller(account, PartyFacts(name=name, identifiers=said))


class Rows:
    """The table; counts who asks it."""

    def __init__(self) -> None:
        self.written: set[Saying] = set()
        self.asked = 0

    async def fetch(self, query: str, keys: list[UUID], most: int) -> list[dict[str, object]]:
        assert (query.count("LIMIT $2"), most) == (1, 100)
        self.asked += 1
        return [each._asdict() for each in self.written if each.key in keys]

    async def heard(self, *sellers: Seller) -> Heard:
        return await heard(cast("Any", self), sellers)

    async def write(self, *sellers: Seller) -> None:
        said = await self.heard(*sellers)
        self.written.update(each for some in said.new.values() for each in some)
        self.asked = 0


K, V, N = (KVK, "69599084"), (VAT, "NL001234567B01"), "Bakker BV"


@pytest.mark.proves("R51")
@pytest.mark.parametrize(
    ("later", "found"),
    [
        (seller(V), True),
        (seller(name="bakker  bv"), True),
        (seller(V, (GLN, "8712345678906")), True),
        (seller(K, V, name=N), False),
        (seller((KVK, "55344526"), V, name=N), False),
        (seller(V, account=BERT), False),
        (seller((VAT, "NL009999999B01")), False),
        (seller(name="Molenaar BV"), False),
    ],
)
async def test_who_says_less_may_be_who_said_more(later: Seller, found: bool) -> None:
    rows = Rows()
    first = seller(K, V, name=N)
    together = await rows.heard(later, first)
    assert together.better.get(later, ()) == (("0106:69599084",) if found else ())
    await rows.write(first)
    assert (await rows.heard(later)).better.get(later, ()) == (("0106:69599084",) if found else ())


@pytest.mark.proves("R51")
async def test_another_number_of_the_same_kind_is_another_seller_and_all_of_a_group_may_be_meant() -> None:
    rows = Rows()
    await rows.write(
        seller(V, name=N), seller((KVK, "55344526"), V), seller(K, V), seller((OIN, "0000001"), V)
    )
    same_name = seller((VAT, "NL009999999B01"), name=N)
    assert (await rows.heard(same_name)).better[same_name] == ()
    belgian = seller((BE, "0403019261"), V)
    assert (await rows.heard(belgian)).better[belgian] == ("0106:55344526", "0106:69599084", "0190:0000001")


async def test_what_is_committed_is_asked_for_once_and_never_before() -> None:
    rows, by = Rows(), Remembered()

    def one() -> Seller:
        return seller(K, V, name=N, by=by)

    for _ in range(2):  # Whoever was to write it may have failed.
        assert len((await rows.heard(one())).new[one()]) == 2
    await rows.write(seller(K, V, name=N))
    assert (await rows.heard(one())).new == {}
    assert rows.asked == 1
    assert (await rows.heard(one())).new == {}
    assert rows.asked == 1
    # Who may have left something out is asked about every time: another may have said more of it since.
    await rows.write(less := seller(V, name=N))
    for _ in range(2):
        assert (await rows.heard(less)).better[less] == ("0106:69599084",)
    assert rows.asked == 2
    assert await rows.heard(seller(K), seller()) == Heard()
    assert rows.asked == 2


def test_so_many_are_remembered_and_no_more() -> None:
    by = Remembered(2)
    first, second = (seller((KVK, f"0000000{n}"), by=by) for n in range(2))
    assert seller((KVK, "00000000"), by=by) is first
    assert seller((KVK, "00000000"), account=BERT, by=by) is not first
    assert seller((KVK, "00000001"), by=by) is second
    assert seller((KVK, "00000000"), by=by) is not first
    assert len(by) == 2
