"""``make demo``: ``postbode demo`` with an Exact Online for one of its receivers, the simulator of ``tests/sims``.

To the hub that is a service somewhere else, so a kill of the demo must not make it forget: what a request changed is on
disk before it is answered, and it comes back at the same address.
"""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from services import cli, demo
from services.demo.books import Office
from tests.sims.exact_online import App, Exact, ExactServer, Settings, User, fill

REDIRECT = "https://hub.example/exact"
DIVISION = 100
PERSON = {"username": "kantoor", "password": "wachtwoord"}


@contextlib.contextmanager
def office(folder: Path) -> Iterator[Office]:
    """All it knows is kept in ``folder``, which is the user's alone."""
    file = folder / "exact.pickle"
    exact, app, port = pickle.loads(file.read_bytes()) if file.exists() else new()

    def keep() -> None:
        draft = file.with_suffix(".new")
        draft.write_bytes(pickle.dumps((exact, app, port)))
        draft.replace(file)

    with started(exact, port, keep) as server:
        port = urlsplit(server.base_url).port
        server.do(lambda _: keep())
        yield Office(
            base_url=server.base_url,
            client_id=app.client_id,
            client_secret=app.secret,
            redirect_uri=REDIRECT,
            division=DIVISION,
            person=PERSON,
            entries=lambda: server.do(entries),
        )


def started(exact: Exact, port: int, keep: Callable[[], None]) -> ExactServer:
    """Where it was; elsewhere when somebody else is there now."""
    try:
        return ExactServer(exact, port=port, changed=keep)
    except OSError:
        return ExactServer(exact, changed=keep)


def new() -> tuple[Exact, App, int]:
    """One division, somebody who may book in it, and the hub's app; any port will do. A demo may rest for more than the 30
    days after which a link lapses."""
    exact = Exact(settings=Settings(refresh_days=36_500))
    exact.add_division(fill.division(DIVISION, "Mulder Interieur BV"))
    exact.add_user(User(PERSON["username"], divisions=[DIVISION]))
    return exact, exact.links.register(App((REDIRECT,))), 0


def entries(exact: Exact) -> Mapping[str, set[str]]:
    """Numbers of what stands in the books, by invoice number."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in exact.divisions[DIVISION].table("purchase_entries").all():
        found[row["YourRef"]].add(str(row["EntryNumber"]))
    return found


if __name__ == "__main__":
    cli.run(demo.command(office), "demo", sys.argv[1:])
