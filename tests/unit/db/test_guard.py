"""The guard does what it was told, however its parent goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from libs.db.guard import Guard, Step, carry_out

PARENT = """
import os, sys
from libs.db.guard import Guard, Step
guard = Guard()
guard.plan([Step(remove=sys.argv[1] + "/not-this")])
guard.plan([Step(run=["touch", sys.argv[1] + "/told"]), Step(remove=sys.argv[1] + "/gone")])
os.kill(os.getpid(), 9)
"""


def until(path: Path, *, exists: bool) -> bool:
    for _ in range(200):
        if path.exists() == exists:
            return True
        time.sleep(0.05)
    return False


def test_a_killed_parents_last_plan_is_carried_out(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "not-this").mkdir()
    done = subprocess.run([sys.executable, "-c", PARENT, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert until(tmp_path / "told", exists=True)
    assert until(tmp_path / "gone", exists=False)
    assert (tmp_path / "not-this").exists()


def test_release_returns_when_the_plan_is_done(tmp_path: Path) -> None:
    guard = Guard()
    guard.plan([Step(run=["touch", str(tmp_path / "told")])])
    guard.release()
    assert (tmp_path / "told").exists()


def test_a_failing_step_does_not_stop_the_next(tmp_path: Path) -> None:
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    carry_out([Step(run=["/no/such/program"]), Step(run=["false"]), Step(kill=sleeper.pid)])
    assert sleeper.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("cut", [b"", b'[{"run": ["fal'])
def test_a_plan_cut_off_by_the_end_is_not_believed(tmp_path: Path, cut: bytes) -> None:
    guard = Guard()
    guard.plan([Step(run=["touch", str(tmp_path / "told")])])
    assert guard._process.stdin is not None
    os.write(guard._process.stdin.fileno(), cut)
    guard.release()
    assert (tmp_path / "told").exists()
