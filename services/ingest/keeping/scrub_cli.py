"""``postbode scrub``: read every stored document over."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from libs.contracts.parts import Words
from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.failures import EXPECTED, explain
from libs.settings import load
from libs.terminal import Lang, Language, say
from services.ingest.keeping.scrubber import Damaged, Scrubber
from services.ingest.settings import IngestSettings

app = typer.Typer(
    help="Is every stored document what it was? Exit code 0: yes; 1: some are damaged, and named; 2: it could not be "
    "looked at."
)
WHOLE = Words(nl="Alle bewaarde documenten zijn heel.", en="Every stored document is whole.")
BROKEN = Words(
    nl="Beschadigd: {document} van account {account}. Zet het terug uit een back-up.",
    en="Damaged: {document} of account {account}. Put it back from a backup.",
)


@app.callback(invoke_without_command=True)
def scrub(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
    lang: Lang = Language.nl,
) -> None:
    """Hash every stored document again and compare."""
    try:
        found = asyncio.run(_look())
    except EXPECTED as failed:
        say(f"postbode scrub: {explain(failed)[1]}", err=True)
        raise typer.Exit(2) from failed
    if as_json:
        say(json.dumps({"damaged": [{k: str(v) for k, v in each._asdict().items()} for each in found]}))
    elif not found:
        say(getattr(WHOLE, lang.value))
    else:
        for each in found:
            said = getattr(BROKEN, lang.value).format(document=each.document_id, account=each.account_id)
            say(f"{said} ({each.detail})")
    raise typer.Exit(1 if found else 0)


async def _look() -> list[Damaged]:
    settings = load(IngestSettings)
    pools = Pools(database_of(settings))
    try:
        return await Scrubber(await pools.get("ingest", "worker")).everything()
    finally:
        await pools.close()
