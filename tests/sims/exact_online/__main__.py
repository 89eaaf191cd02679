"""``python -m tests.sims.exact_online --port 8096 --redirect https://hub.example/callback --division 100="Een BV"``

Serves until it is interrupted. Prints its address, then what the app is given; everything is gone when it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import signal

from tests.sims.exact_online.exact import Exact
from tests.sims.exact_online.fill import division
from tests.sims.exact_online.oauth import App
from tests.sims.exact_online.server import ExactServer
from tests.sims.exact_online.users import User


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sims.exact_online", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0: any that is free")
    parser.add_argument("--redirect", required=True, metavar="URI", help="registered for the app: https")
    parser.add_argument(
        "--division", action="append", default=[], metavar="CODE=NAME", help="may be given again"
    )
    parser.add_argument("--user", default="kantoor", help="with password wachtwoord")
    given = parser.parse_args()
    exact = Exact()
    app = exact.links.register(App((given.redirect,)))
    divisions = [each.partition("=") for each in given.division or ["100=Voorbeeld BV"]]
    for code, _, name in divisions:
        exact.add_division(division(int(code), name or code))
    exact.add_user(User(given.user, divisions=[int(code) for code, _, _ in divisions]))
    with ExactServer(exact, port=given.port) as server:
        print(
            server.base_url, f"client_id={app.client_id}", f"client_secret={app.secret}", sep="\n", flush=True
        )
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
