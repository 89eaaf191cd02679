"""Ends what a process started, also when that process is killed outright.

A tiny second process waits at the end of a pipe. However its parent goes (return, exception, ``kill -9``)
the pipe closes, and the guard carries out the plan it was last told. Stopping on purpose takes the same
road, so the road is walked every day.

The file is both sides: imported it is ``Guard``, run as a program it is the guard (standard library only).
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import TypedDict

PATIENCE = 60.0
"""Seconds a plan may take."""


class Step(TypedDict, total=False):
    """One thing to do at the end; each step holds one of ``run``, ``kill`` and ``remove``."""

    run: list[str]
    user: int
    """User id ``run`` runs as; absent, the parent's."""
    kill: int
    """Process group that is killed outright."""
    remove: str
    """Folder that is removed."""


class Guard:
    """The parent's side. ``keep`` is a file descriptor the guard holds open until it is through: a lock on
    it tells others that the plan is not finished yet."""

    def __init__(self, *, keep: int | None = None) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and file
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,  # an interrupt at the keyboard is for the parent to handle
            pass_fds=() if keep is None else (keep,),
        )

    def plan(self, steps: Sequence[Step]) -> None:
        """What to do at the end, replacing what was said before."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(list(steps)).encode() + b"\n")
        self._process.stdin.flush()

    def release(self) -> None:
        """Carry out the plan now; returns when it is done."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Identity(TypedDict, total=False):
    """Who a child process is, as ``subprocess`` takes it."""

    user: int
    group: int
    extra_groups: list[int]


def dropped(user: int | None) -> Identity:
    """Be ``user`` with its own group and no other; ``None`` stays who we are."""
    if user is None:
        return Identity()
    return Identity(user=user, group=pwd.getpwuid(user).pw_gid, extra_groups=[])


def carry_out(steps: Sequence[Step]) -> None:
    """Every step, whatever becomes of the ones before."""
    for step in steps:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if "run" in step:
                subprocess.run(  # noqa: S603  the parent's own words
                    step["run"],
                    **dropped(step.get("user")),
                    timeout=PATIENCE / 2,
                    check=False,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                )
            elif "kill" in step:
                os.killpg(step["kill"], signal.SIGKILL)
            elif "remove" in step:
                shutil.rmtree(step["remove"], ignore_errors=True)


def main() -> None:
    """The guard's side: read plans until the parent is gone."""
    steps: list[Step] = []
    for line in sys.stdin:
        with contextlib.suppress(ValueError):  # cut off by the parent's end: the plan before it holds
            steps = json.loads(line)
    carry_out(steps)


if __name__ == "__main__":
    main()
