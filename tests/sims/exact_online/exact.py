"""The service as a whole: its clock, settings, people, divisions, limits, planned faults and journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tests.sims.exact_online.accounts import Store
from tests.sims.exact_online.books import Books
from tests.sims.exact_online.clock import Clock
from tests.sims.exact_online.faults import Planned
from tests.sims.exact_online.limits import Blocks, Budget
from tests.sims.exact_online.oauth import App, Links
from tests.sims.exact_online.settings import Settings
from tests.sims.exact_online.users import User
from tests.sims.exact_online.webhooks import Webhooks

Effect = Literal["created", "changed", "deleted", "none"]


@dataclass
class Entry:
    """One request in the journal. ``at``: seconds since 1970 by the service's clock; ``endpoint``: such as
    ``crm/Accounts``, ``token`` or ``consent``; ``status``: 0 when nothing was answered; ``effect``: what it did to which
    ``key``, whatever was answered."""

    at: float
    method: str
    endpoint: str
    division: int | None = None
    user: str | None = None
    status: int = 0
    message: str = ""
    effect: Effect = "none"
    key: str | None = None
    fault: str | None = None


class Exact:
    """In memory, for one thread."""

    def __init__(self, clock: Clock | None = None, settings: Settings | None = None) -> None:
        self.clock = clock or Clock()
        self.settings = settings or Settings()
        self.links = Links(self.clock, self.settings)
        self.users: list[User] = []
        self.divisions: dict[int, Books] = {}
        self.blocks = Blocks(self.settings)
        self.faults = Planned()
        self.webhooks = Webhooks()
        self.attachments = Store()
        self.journal: list[Entry] = []
        self._budgets: dict[tuple[str, int | None], Budget] = {}

    def budget(self, app: App, division: int | None) -> Budget:
        key = (app.client_id, division)
        found = self._budgets.get(key)
        if found is None:
            found = self._budgets[key] = Budget(self.settings)
        return found

    def add_user(self, user: User) -> User:
        self.users.append(user)
        return user

    def add_division(self, books: Books) -> Books:
        self.divisions[books.code] = books
        return books


def written(journal: Iterable[Entry], endpoint: str) -> list[Entry]:
    """The requests that changed something there, answered or not."""
    return [entry for entry in journal if entry.endpoint == endpoint and entry.effect != "none"]
