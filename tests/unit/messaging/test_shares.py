"""What one account gets while others are about, on a clock that the tests move."""

from __future__ import annotations

from uuid import UUID

from libs.messaging.shares import ABOUT_SECONDS, WINDOW_SECONDS, Shares

FLOOD, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def of(shares: Shares, *accounts: UUID, most: int = 400) -> list[int]:
    return shares.of(accounts, most)


def test_turns_are_equal_and_a_share_is_the_most() -> None:
    shares = Shares(100, Time())
    assert of(shares, FLOOD, OTHER) == [15, 15]
    assert of(shares, FLOOD, OTHER, most=8) == [4, 4]
    assert of(shares, *(UUID(int=n) for n in range(500))) == [1] * 500


def test_who_had_a_share_gets_none_until_the_window_ends_and_others_do() -> None:
    time = Time()
    shares = Shares(100, time)
    assert of(shares, FLOOD, OTHER) == [15, 15]
    shares.taken([FLOOD] * 15 + [OTHER])
    assert of(shares, FLOOD, OTHER) == [0, 14]
    assert shares.until == time.now + WINDOW_SECONDS
    time.now = shares.until
    assert of(shares, FLOOD, OTHER) == [15, 15]


def test_in_a_second_nobody_gets_more_than_the_share() -> None:
    time = Time()
    shares = Shares(100, time)
    taken = 0
    for _ in range(1000):
        (left, other) = of(shares, FLOOD, OTHER)
        assert other >= 1
        shares.taken([FLOOD] * left)
        taken += left
        time.now += 0.001
    assert 90 <= taken <= 115


def test_an_account_that_is_alone_gets_all_there_is() -> None:
    time = Time()
    shares = Shares(100, time)
    assert of(shares, FLOOD) == [400]
    assert of(shares, FLOOD, OTHER) == [15, 15]
    assert of(shares, FLOOD) == [15], "the other is still about"
    time.now += ABOUT_SECONDS + 1
    assert of(shares, FLOOD) == [400]
    assert of(shares, THIRD) == [15], "the flood is still about"


def test_without_a_bound_only_turns_are_equal() -> None:
    shares = Shares(0, Time())
    shares.taken([FLOOD] * 1000)
    assert of(shares, FLOOD, OTHER) == [200, 200]
