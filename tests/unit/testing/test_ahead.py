"""The spare that is made beforehand."""

from __future__ import annotations

import itertools

import pytest

from libs.testing.ahead import Ahead


def test_each_taker_gets_one_of_its_own_and_nothing_is_left() -> None:
    alive: set[int] = set()
    numbers = itertools.count()

    def make() -> int:
        alive.add(number := next(numbers))
        return number

    spare = Ahead(make, alive.remove)
    first, second = spare.take(), spare.take()
    assert first != second
    spare.give_back(first)
    spare.give_back(second)
    spare.close()
    assert not alive
    assert next(numbers) == 3, "the spare, made and removed too"


def test_what_goes_wrong_in_the_thread_is_told() -> None:
    def fails(*_: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="full"):
        Ahead(fails, fails).take()
    spare = Ahead(lambda: None, fails)
    spare.give_back(spare.take())
    with pytest.raises(OSError, match="full"):
        spare.close()
