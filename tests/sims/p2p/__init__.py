"""Exact Purchase to Pay as a REST server on real storage, with switches for what goes wrong.

Written from the public documents alone (README.md beside this package says which), never from the adapter.
"""

from __future__ import annotations

from tests.sims.p2p.control import Control
from tests.sims.p2p.faults import Fault
from tests.sims.p2p.process import P2PProcess
from tests.sims.p2p.server import P2PServer
from tests.sims.p2p.settings import Settings

__all__ = ["Control", "Fault", "P2PProcess", "P2PServer", "Settings"]
