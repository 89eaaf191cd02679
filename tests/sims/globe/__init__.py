"""Exact Globe+ as a database: its tables on a real Postgres, people who change them, and what goes wrong.

Written from the public documents alone (README.md beside this package says which), never from the adapter.
"""

from __future__ import annotations

from tests.sims.globe.administration import Administration, Globe
from tests.sims.globe.fill import Fill

__all__ = ["Administration", "Fill", "Globe"]
