"""Exact Online as an HTTP server, with switches for what goes wrong.

Written from public documents alone (docs/exact-online.md says which rules, and what is inference), never from the
adapter, with which it shares no code.
"""

from __future__ import annotations

from tests.sims.exact_online.api import Api
from tests.sims.exact_online.books import Books
from tests.sims.exact_online.clock import Clock
from tests.sims.exact_online.exact import Entry, Exact, written
from tests.sims.exact_online.faults import Fault
from tests.sims.exact_online.oauth import App
from tests.sims.exact_online.screens import Screens
from tests.sims.exact_online.server import ExactServer, application
from tests.sims.exact_online.settings import Settings
from tests.sims.exact_online.users import User

__all__ = [
    "Api",
    "App",
    "Books",
    "Clock",
    "Entry",
    "Exact",
    "ExactServer",
    "Fault",
    "Screens",
    "Settings",
    "User",
    "application",
    "written",
]
