"""Which mails may come again: those cut off in their place, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from libs import clock
from tests.crash.mailed import Key, Mailed, id_of, may_come_again, uncut

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
    ("done", "told"),
    [
        (quick, ["open", "closed"]),
        (cut_off, ["open"]),
        (written_when_somebody_else_may_have_it, ["open", "overdue"]),
        (renewed, ["open", "closed"]),
        (stood_still_between_the_look_and_the_dot, ["open", "overdue"]),
        (without_its_lease, ["closed"]),
        (of_unknown_end, ["open", "overdue"]),
        (overtaken_by_its_own_process, ["open", "2 open", "2 closed"]),
    ],
)
def test_what_is_told_of_a_mail(
    done: Callable[[Mailed, Watch], None], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, heard = Watch(), list[str]()
    monkeypatch.setattr(clock, "boottime", lambda: watch.now)
    mails = Mailed(lambda key, state: heard.append(state if key == KEY else f"{key[1]} {state}"))
    mails.leased([KEY], watch.now + LEASE)
    done(mails, watch)
    assert heard == told


@pytest.mark.parametrize(
    ("came", "cut_off", "wrong"),
    [
        ({"A": 1}, {("A", 1): False}, []),
        ({"A": 2}, {("A", 1): True, ("A", 2): False}, []),
        ({"A": 3}, {("A", 1): True, ("A", 2): True, ("A", 3): False}, []),
        # Nobody lived to send it again, or what was cut off had not arrived.
        ({"A": 1}, {("A", 1): True}, []),
        ({"A": 1}, {("A", 1): True, ("A", 2): False}, []),
        ({"A": 2}, {("A", 1): False, ("A", 2): False}, ["A"]),
        # A double of one beside what would excuse another; and one that came before it was cut off.
        ({"A": 2, "B": 1}, {("A", 1): False, ("A", 2): False, ("B", 1): True, ("B", 2): False}, ["A"]),
        ({"A": 2}, {("A", 1): False, ("A", 2): True}, ["A"]),
        ({"A": 3}, {("A", 1): True, ("A", 2): False, ("A", 3): False}, ["A"]),
    ],
)
def test_what_was_cut_off_excuses_its_own_repeat_alone(
    came: dict[str, int], cut_off: dict[Key, bool], wrong: list[str]
) -> None:
    mails = {f"<{which}@hub>": times for which, times in came.items()}
    assert [each[1] for each in uncut(mails, may_come_again(cut_off))] == wrong


@pytest.mark.parametrize(
    "message_id", ["<1a-2b@hub.example>", "<notice.1a-2b@hub.example>", "<notices.1a-2b@hub>"]
)
def test_a_mail_names_what_it_is_about(message_id: str) -> None:
    assert id_of(message_id) == "1a-2b"
