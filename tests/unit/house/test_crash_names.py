"""What the crash suite breaks and kills at is there: a name that moved stops every one of its processes at the start."""

from __future__ import annotations

import importlib
import re
from functools import reduce
from pathlib import Path

CRASH = Path(__file__).parents[2] / "crash"
_TARGET = re.compile(r'wrap\(\s*"([\w.]+):([\w.]+)"')


def test_every_name_it_wraps_is_there() -> None:
    found = {target for file in CRASH.glob("*.py") for target in _TARGET.findall(file.read_text("utf-8"))}
    assert len(found) > 50
    gone = []
    for module, name in sorted(found):
        try:
            reduce(lambda owner, each: vars(owner)[each], name.split("."), importlib.import_module(module))
        except (ImportError, KeyError):
            gone.append(f"{module}:{name}")
    assert gone == []
