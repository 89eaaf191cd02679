"""Documents: original bytes behind a claim check. The port is ``store.py``."""

from __future__ import annotations

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
