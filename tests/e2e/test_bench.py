"""A short form of the bench: five processes, a real broker, unique invoices, each delivered exactly once."""

from __future__ import annotations

from pathlib import Path

from libs.db.settings import DatabaseSettings
from tests.bench.pipeline.hub import hub
from tests.bench.pipeline.phases import Bench, Load
from tests.bench.pipeline.usage import Processes


async def test_two_hundred_invoices_through_separate_processes(
    database: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    # What is taken from a folder is seen at once, and not after five seconds.
    async with hub(database, amqp_url, tmp_path, POSTBODE_DELIVER_POLL_SECONDS="0.2") as running:
        bench = Bench(running, Processes(running.pids))
        for load in (Load("folder", 150, in_flight=100), Load("smtp", 50, rate=100)):
            figures = await bench.run(load.channel, load)
            assert figures["wrong"] == {}, figures
            assert (figures["lost"], figures["duplicated"], figures["damaged"]) == (0, 0, 0)
            assert figures["invoices_per_s"] > 0
            assert figures["cpu_ms_per_invoice"]["validate"] > 0
