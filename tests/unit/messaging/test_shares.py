"""What one account gets while others are about, on a clock that the tests move."""

from __future__ import annotations

from uuid import UUID

from libs.messaging.shares import ABOUT_SECONDS, WINDOW_SECONDS, Shares

FLOOD, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)
SHARE = 20
EACH = round(SHARE * WINDOW_SECONDS)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def of(shares: Shares, *accounts: UUID, most: int = 400) -> list[int]:
    return shares.of(accounts, most)


def flooded(time: Time) -> Shares:
    """One account has had all it may have, another is about."""
    shares = Shares(SHARE, time)
    of(shares, FLOOD, OTHER)
    shares.taken([FLOOD] * SHARE)
    return shares


def test_turns_are_equal_and_a_share_is_the_most() -> None:
    shares = Shares(SHARE, Time())
    assert of(shares, FLOOD, OTHER) == [SHARE, SHARE]
    assert of(shares, FLOOD, OTHER, most=8) == [4, 4]
    assert of(shares, *(UUID(int=n) for n in range(500))) == [1] * 500


def test_who_had_a_share_gets_none_until_there_is_more_and_others_do() -> None:
    time = Time()
    shares = flooded(time)
    shares.taken([OTHER])
    assert of(shares, FLOOD, OTHER) == [0, SHARE - 1]
    assert shares.until == time.now + WINDOW_SECONDS
    time.now = shares.until
    assert of(shares, FLOOD) == [EACH]


def test_who_stays_below_its_share_does_not_go_in_one_batch_with_who_does_not() -> None:
    """It would take as long as all of it, at every stage."""
    time = Time()
    shares = flooded(time)
    time.now = shares.until
    assert of(shares, FLOOD, OTHER) == [0, SHARE]
    shares.taken([OTHER])
    assert of(shares, FLOOD) == [EACH]


def test_who_has_used_up_its_share_waits_for_a_round_of_its_own_no_longer_than_two_windows() -> None:
    time = Time()
    shares, taken = flooded(time), 0
    for _ in range(1000):
        (left, other) = of(shares, FLOOD, OTHER)
        assert other >= 1
        shares.taken([FLOOD] * left)
        taken += left
        time.now += 0.01
    assert 9.5 * SHARE <= taken <= 10.5 * SHARE


def test_who_stays_below_its_share_never_waits_for_more() -> None:
    """Half of it on average, and half a second's worth at once."""
    time = Time()
    shares = flooded(time)
    for _ in range(100):
        for _ in range(SHARE // 2):
            assert of(shares, FLOOD, OTHER)[1] >= 1
            shares.taken([OTHER])
        for _ in range(100):
            shares.taken([FLOOD] * of(shares, FLOOD)[0])
            time.now += 0.01


def test_in_a_second_nobody_gets_more_than_the_share() -> None:
    time = Time()
    shares, taken = flooded(time), 0
    for _ in range(10_000):
        (left, other) = of(shares, FLOOD, OTHER)
        assert other >= 1
        shares.taken([FLOOD] * left)
        taken += left
        time.now += 0.001
    assert 9.5 * SHARE <= taken <= 10.5 * SHARE


def test_an_account_that_is_alone_gets_all_there_is() -> None:
    time = Time()
    shares = Shares(SHARE, time)
    assert of(shares, FLOOD) == [400]
    shares.taken([FLOOD] * 400)
    assert of(shares, FLOOD, OTHER) == [0, SHARE]
    time.now += WINDOW_SECONDS
    assert of(shares, FLOOD) == [EACH], "the other is still about"
    time.now += ABOUT_SECONDS + 1
    assert of(shares, FLOOD) == [400]
    assert of(shares, THIRD) == [SHARE], "the flood is still about"


def test_where_all_want_more_than_their_share_nobody_is_kept_back_until_somebody_comes_who_does_not() -> None:
    time = Time()
    shares = flooded(time)
    shares.taken([OTHER] * SHARE)
    for _ in range(20):
        time.now += WINDOW_SECONDS
        assert of(shares, FLOOD, OTHER) == [200, 200]
        shares.taken([FLOOD] * 200 + [OTHER] * 2 * EACH)
    time.now += WINDOW_SECONDS
    assert of(shares, FLOOD, OTHER) == [200, 200]
    assert of(shares, FLOOD, THIRD)[1] == SHARE
    time.now += WINDOW_SECONDS
    assert of(shares, FLOOD, OTHER, THIRD) == [0, 0, SHARE]
    assert of(shares, FLOOD, OTHER) == [EACH, EACH]


def test_without_a_bound_only_turns_are_equal() -> None:
    shares = Shares(0, Time())
    shares.taken([FLOOD] * 1000)
    assert of(shares, FLOOD, OTHER) == [200, 200]
