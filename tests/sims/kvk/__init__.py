"""The trade register's API, simulated: what it answers of a company by its number.

Written from public documents alone (README.md in the folder above says which), never from the adapter.
"""

from __future__ import annotations

from tests.sims.kvk.companies import TEST_KEY
from tests.sims.kvk.server import Fault, KvkServer

__all__ = ["TEST_KEY", "Fault", "KvkServer"]
