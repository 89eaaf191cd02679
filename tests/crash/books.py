"""A receiver whose books are at Exact Online, simulated: what stands there is what came to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import httpx

from libs import clock
from libs.db.types import Pool
from libs.keyring import KeyRing
from services.deliver.exact.client import Grant
from services.deliver.exact.oauth import Pair
from tests.crash.pushed import Came
from tests.integration.deliver import exact_office
from tests.sims.exact_online import App, Exact, ExactServer, Screens, Settings, User, fill
from tests.unit.sims.office import CALLBACK

PAUSE_SECONDS = 0.05


class Books:
    """One division, somebody who may book in it, and the hub's app."""

    def __init__(self) -> None:
        # Calls that died with their worker count as errors that may come, for three minutes: more than a run may wait for.
        self.exact = Exact(settings=Settings(per_minute=100_000, per_day=1_000_000))
        self.app = self.exact.links.register(App((CALLBACK,)))
        self.division = self.exact.add_division(fill.division(100))
        self.user = self.exact.add_user(User("kantoor", divisions=[100]))
        self.server = ExactServer(self.exact)
        self._seen: set[str] = set()
        self._looking: asyncio.Task[None] | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Of a hub that is registered here."""
        said = {
            "CLIENT_ID": self.app.client_id,
            "CLIENT_SECRET": self.app.secret,
            "REDIRECT_URI": CALLBACK,
            "HOST": self.server.base_url,
            "SETTLE_SECONDS": "0",
        }
        return {f"POSTBODE_DELIVER_EXACT_{name}": value for name, value in said.items()}

    async def consented(self) -> Pair:
        """What the hub is given when the person consents."""
        query = urlencode(
            {"client_id": self.app.client_id, "redirect_uri": CALLBACK, "response_type": "code"}
        )
        target = self.server.do(lambda exact: Screens(exact).sign_in(f"/api/oauth2/auth?{query}", self.user))
        code = parse_qs(urlsplit(target).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                "client_id": self.app.client_id, "client_secret": self.app.secret}  # fmt: skip
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.post(f"{self.server.base_url}/api/oauth2/token", data=form)
        return Pair(reply.json()["access_token"], reply.json()["refresh_token"])

    async def granted(self, worker: Pool, keys: KeyRing) -> Grant:
        """The same, as deliver keeps it."""
        grant = Grant(clock.uuid7(), self.server.base_url, self.user.id)
        await exact_office.enter(worker, grant, await self.consented(), clock.now(), keys)
        return grant

    async def of(self, party_id: UUID, worker: Pool, keys: KeyRing) -> None:
        """What comes for this party is booked here from now on."""
        await exact_office.books_of(worker, await self.granted(worker, keys), party_id)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.server.do(lambda _: list(self.division.table(table).all()))

    # ------------------------------------------------------------------ as a receiver of a scene

    def begin(self, came: Came) -> None:
        """Tell of each entry that is made."""
        self._looking = asyncio.create_task(self._look_for_ever(came))

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_for_ever(self, came: Came) -> None:
        while True:
            for key, files in await asyncio.to_thread(self.server.do, self._new):
                came(key, files["xml"], files.get("pdf"))
            await asyncio.sleep(PAUSE_SECONDS)

    def _new(self, exact: Exact) -> list[tuple[str, dict[str, bytes]]]:
        """Entries that were made since, each with the files of its document by their endings."""
        table, files = self.division.table("purchase_entries"), list(self.division.table("attachments").all())
        found = []
        for row in table.all():
            if row["EntryID"] in self._seen:
                continue
            self._seen.add(row["EntryID"])
            own = {
                str(each["FileName"]).rpartition(".")[2]: exact.attachments.get(each["_content"])
                for each in files
                if each["Document"] == row["Document"]
            }
            found.append((str(row["EntryID"]), own))
        return found


@contextlib.contextmanager
def opened() -> Iterator[Books]:
    """They answer on a port of their own."""
    books = Books()
    with books.server:
        yield books
