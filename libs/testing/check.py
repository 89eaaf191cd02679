"""Everything that can be said about the code without a database or broker, side by side: ``make check``.

The slowest start first, as many at a time as there are processors. A check that fails shows what it said;
one that passes, its time; one that could not be made for want of a network (code 75) is called skipped, with its reason,
and is not counted as passed. Ends 1 when any failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

_BIN = Path(sys.executable).parent
_CLIENT = str(Path(__file__).parents[1] / "client")
_MARKS = {0: "ok     ", os.EX_TEMPFAIL: "skipped"}

CHECKS: Mapping[str, Sequence[str]] = {
    "unit tests": (sys.executable, "-m", "pytest", "-q", "--budgets", "--no-header", "tests/unit"),
    "types": (str(_BIN / "mypy"),),
    "imports": (str(_BIN / "lint-imports"), "--no-logo"),
    "contracts": (sys.executable, "-m", "libs.contracts.export", "--check"),
    "style": (str(_BIN / "ruff"), "check", "--quiet", "."),
    "audit": (sys.executable, "-m", "libs.testing.audit"),
    "format": (str(_BIN / "ruff"), "format", "--check", "--quiet", "."),
}


def run(checks: Mapping[str, Sequence[str]] = CHECKS) -> int:
    """Run all, tell as each ends. The exit code: 0 or 1."""
    begin = time.monotonic()
    failed, skipped = [], 0
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        running = [pool.submit(_one, name, command) for name, command in checks.items()]
        for done in as_completed(running):
            name, code, seconds, said = done.result()
            mark = _MARKS.get(code, "FAILED ")
            print(f"{mark} {name:10}  {seconds:5.1f} s", flush=True)
            if code:
                print(said, flush=True)
            if code == os.EX_TEMPFAIL:
                skipped += 1
            elif code:
                failed.append(name)
    passed = len(checks) - len(failed) - skipped
    rest = f", {skipped} skipped" if skipped else ""
    print(f"{passed} of {len(checks)} checks passed{rest} in {time.monotonic() - begin:.0f} s")
    return 1 if failed else 0


def _one(name: str, command: Sequence[str]) -> tuple[str, int, float, str]:
    begin = time.monotonic()
    # The linter of imports finds a distribution of its own as Python does.
    path = {**os.environ, "PYTHONPATH": _CLIENT}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=path)
    return name, done.returncode, time.monotonic() - begin, (done.stdout + done.stderr).strip()


if __name__ == "__main__":
    sys.exit(run())
