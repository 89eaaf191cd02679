"""Typst as images hold it: packed (docs/adr/0058-typst-lies-packed.md). Stands in the place of the wheel's ``__init__``.

The library is unpacked into memory by the first who draws in a process; whoever only imports it pays nothing.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import zstandard

_PACKED = Path(__file__).with_name("_typst.abi3.so.zst")
_one_at_a_time = threading.Lock()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    with _one_at_a_time:
        library = _unpacked()
    return getattr(library, name)


@cache
def _unpacked() -> ModuleType:
    """In no folder: nobody can change it, a root that is read-only stays so, and no ``/tmp`` need allow programs."""
    file = os.memfd_create("typst")
    try:
        with _PACKED.open("rb") as packed, open(file, "wb", closefd=False) as library:
            zstandard.ZstdDecompressor().copy_stream(packed, library)
        loader = ExtensionFileLoader("typst._typst", f"/proc/self/fd/{file}")
        spec = spec_from_file_location(loader.name, loader.path, loader=loader)
        assert spec is not None
        module = module_from_spec(spec)
        loader.exec_module(module)
        return module
    finally:
        os.close(file)
