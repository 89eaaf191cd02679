"""``python -m tests.sims.globe --url postgresql://… --administration 001="Voorbeeld BV" [--records 1000]``

Makes each administration as a database ``globe_001`` (the one of that name is dropped first) and prints, a line
each, where to read it. It stays until it is made again.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import date

from tests.sims.globe.administration import Administration, Globe
from tests.sims.globe.fill import Fill


async def make(url: str, fill: Fill) -> Administration:
    globe = Globe(url)
    company = fill.company()
    database = f"globe_{fill.code.lower()}"
    await globe.drop(Administration(f"{url.rpartition('/')[0]}/{database}", fill.code))
    made = await globe.create(company, database)
    await made.load(fill.rows())
    return made


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.sims.globe")
    parser.add_argument("--url", required=True, help="of a Postgres, its administrator's")
    parser.add_argument("--administration", action="append", metavar="CODE=NAME", help="may be given again")
    parser.add_argument("--records", type=int, default=200, help="in each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--currency", default="EUR")
    parser.add_argument("--country", default="NL")
    given = parser.parse_args()
    for each in given.administration or ["001=Voorbeeld BV"]:
        code, _, name = each.partition("=")
        fill = Fill(
            code, name or f"Administratie {code}", given.seed, given.records, given.country, given.currency,
            date.today(),  # noqa: DTZ011  the day on this machine's calendar, as Globe's user sees it
        )  # fmt: skip
        made = asyncio.run(make(given.url, fill))
        print(f"{code} {name}: {made.reader_url}")


if __name__ == "__main__":
    main()
