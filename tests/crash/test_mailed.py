"""Which mails may come again: those cut off in their place, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from libs import clock
from tests.crash.mailed import Mailed

KEY = ("a delivery", 1)
LEASE = 20.0


class Watch:
    """A clock that is set."""

    now = 1000.0


def sent(mails: Mailed, *, held: bool = True) -> None:
    mails.begins(KEY, held=held)
    mails.out(KEY)


def quick(mails: Mailed, watch: Watch) -> None:
    sent(mails)
    mails.known(KEY, surely=True)


def cut_off(mails: Mailed, watch: Watch) -> None:
    sent(mails)


def written_when_somebody_else_may_have_it(mails: Mailed, watch: Watch) -> None:
    sent(mails)
    watch.now += LEASE
    mails.known(KEY, surely=True)


def renewed(mails: Mailed, watch: Watch) -> None:
    sent(mails)
    watch.now += LEASE - 1
    mails.leased([KEY], watch.now + LEASE)
    watch.now += LEASE - 1
    mails.known(KEY, surely=True)


def stood_still_between_the_look_and_the_dot(mails: Mailed, watch: Watch) -> None:
    mails.begins(KEY, held=True)
    watch.now += LEASE
    mails.out(KEY)
    mails.known(KEY, surely=True)


def without_its_lease(mails: Mailed, watch: Watch) -> None:
    watch.now += LEASE
    sent(mails, held=False)
    mails.known(KEY, surely=True)


def of_unknown_end(mails: Mailed, watch: Watch) -> None:
    sent(mails)
    mails.known(KEY, surely=False)


def overtaken_by_its_own_process(mails: Mailed, watch: Watch) -> None:
    sent(mails)
    watch.now += LEASE
    again = (KEY[0], 2)
    mails.leased([again], watch.now + LEASE)
    mails.begins(again, held=True)
    mails.out(again)
    mails.known(again, surely=True)


@pytest.mark.parametrize(
    ("done", "open_", "overdue"),
    [
        (quick, 0, 0),
        (cut_off, 1, 0),
        (written_when_somebody_else_may_have_it, 0, 1),
        (renewed, 0, 0),
        (stood_still_between_the_look_and_the_dot, 0, 1),
        (without_its_lease, 0, 0),
        (of_unknown_end, 0, 1),
        (overtaken_by_its_own_process, 1, 0),
    ],
)
def test_what_may_come_again(
    done: Callable[[Mailed, Watch], None], open_: int, overdue: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    monkeypatch.setattr(clock, "boottime", lambda: watch.now)
    mails = Mailed(lambda: None)
    mails.leased([KEY], watch.now + LEASE)
    done(mails, watch)
    assert (len(mails.open), mails.overdue) == (open_, overdue)
