"""``python -m tests.sims.p2p --port 8095 --storage p2p.sqlite --company 001="Voorbeeld BV"``

Serves until it is interrupted. The first line it prints is the base address; what it was told the first time
(settings, companies) stays in the storage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os

import uvloop

from tests.sims.p2p.control import Control
from tests.sims.p2p.server import P2PServer
from tests.sims.p2p.settings import RateLimit, Settings


async def serve(server: P2PServer, companies: dict[str, str]) -> None:
    serving = asyncio.create_task(server.serve())
    async with Control(server.address) as control:
        await control.until_up()
        for code, name in companies.items():
            if await control.find("Company", code) is None:
                await control.keep("Company", {"externalId": code, "name": name})
    print(server.base_url, flush=True)
    await serving


def main() -> None:
    has = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m tests.sims.p2p", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0: any that is free")
    parser.add_argument(
        "--storage", default=":memory:", help="an SQLite file; else nothing outlives the process"
    )
    parser.add_argument("--base-path", default="", help="such as /klant1")
    parser.add_argument(
        "--company", action="append", default=[], metavar="CODE=NAME", help="may be given again"
    )
    parser.add_argument("--username", default=os.environ.get("P2P_USERNAME", has.username))
    parser.add_argument("--password", default=os.environ.get("P2P_PASSWORD", has.password))
    parser.add_argument("--api-key", default=os.environ.get("P2P_API_KEY", has.api_key))
    parser.add_argument("--page-size", type=int, default=has.page_size)
    parser.add_argument("--rate-limit", metavar="REQUESTS/SECONDS", help="such as 60/60")
    given = parser.parse_args()
    limit = None
    if given.rate_limit:
        requests, _, seconds = given.rate_limit.partition("/")
        limit = RateLimit(requests=int(requests), seconds=float(seconds or 1))
    settings = Settings(
        username=given.username,
        password=given.password,
        api_key=given.api_key,
        page_size=given.page_size,
        rate_limit=limit,
    )
    companies = dict(each.partition("=")[::2] for each in given.company)
    server = P2PServer(given.storage, settings, port=given.port, base_path=given.base_path)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(server, companies))


if __name__ == "__main__":
    main()
