"""The SFTP channel against a real SSH server: from plan to arrival, through kills and every fault of the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import asyncssh
import pytest

from libs.contracts.parts import Receiver
from libs.service import Wake
from services.deliver.app import sftp_channel
from services.deliver.arriving.afar import Afar
from services.deliver.arriving.arrivals import Arrivals
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.channels.folder import FolderChannel
from services.deliver.channels.sftp import PAIRS, SftpChannel
from services.deliver.channels.sftp_session import Session
from services.deliver.parcel import NotBegun
from services.deliver.receivers import connections, credentials
from services.deliver.waits.parked import Parking
from tests.integration.deliver.serving import Serving, serving
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import LOST, PDF, XML, receiver


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "server") as found:
        yield found


class Killed(BaseException):
    """As if the process had died here: nothing after it runs."""


async def connected(stage: Stage, server: Serving, **other: Any) -> Receiver:
    to = receiver("Globe BV")
    await connections.connect(stage.worker, to.party_id, None, "globe", "sftp", {**server.settings, **other})
    async with stage.worker.acquire() as conn, conn.transaction():
        key = server.client_key.export_private_key()
        await credentials.put(conn, stage.settings().keys, to.party_id, "sftp", key)
    return to


@contextlib.asynccontextmanager
async def placing(stage: Stage, **more: Any) -> AsyncIterator[tuple[Dispatcher, Arrivals]]:
    settings = stage.settings(**{"reachable_networks": ("127.0.0.0/8",), **more})
    channel = sftp_channel(settings, stage.worker)
    try:
        arrivals = Arrivals(stage.worker, FolderChannel(stage.root), Afar(stage.worker, channel), Wake())
        yield Dispatcher(settings, stage.worker, stage.documents, {"sftp": channel}, Wake()), arrivals
    finally:
        await channel.close()


async def last(stage: Stage) -> asyncpg.Record:
    row = await stage.worker.fetchrow("SELECT * FROM attempt ORDER BY started_at DESC LIMIT 1")
    assert row is not None
    return row


@pytest.mark.proves("R50", "R53")
async def test_a_pair_with_equal_names_then_taken_is_arrived(stage: Stage, server: Serving) -> None:
    await stage.send(await connected(stage, server), 3)
    async with placing(stage) as (dispatcher, arrivals):
        await dispatcher.dispatch()
        names = server.visible()
        assert len(names) == 6
        pdf, xml = names[:2]
        assert Path(pdf).stem == Path(xml).stem
        assert (server.folder / xml).read_bytes() == XML
        assert (server.folder / pdf).read_bytes() == PDF
        assert server.hidden() == [], "markers go when the results are written"
        await arrivals.look_afar()
        assert await stage.states() == ["handed_over"] * 3
        (server.folder / xml).unlink()
        await arrivals.look_afar()
        assert await stage.states() == ["handed_over"] * 3, "half taken is not taken"
        server.take()
        await arrivals.look_afar()
    assert await stage.states() == ["confirmed"] * 3
    assert {fact.channel for fact in await stage.told()} == {"sftp"}
    assert server.sessions == 1


@pytest.mark.proves("SA1")
@pytest.mark.parametrize("taken", [False, True], ids=["left lying", "taken at once"])
@pytest.mark.parametrize("place", range(6))
async def test_killed_at_any_step_it_arrives_once(
    stage: Stage, server: Serving, monkeypatch: pytest.MonkeyPatch, place: int, taken: bool
) -> None:
    """After the n-th step (PDF, XML and marker written; PDF, XML moved), or before the result."""
    await stage.send(await connected(stage, server))
    left = [place]
    for name in ("write", "move"):
        original = getattr(Session, name)

        async def step(*args: Any, _original: Any = original) -> None:
            if left and left[0] == 0:
                raise Killed
            await _original(*args)
            if left:
                left[0] -= 1

        monkeypatch.setattr(Session, name, step)
    async with placing(stage) as (dead, _), placing(stage) as (other, _arrivals):
        held = await dead.start("sftp")
        loaded, _ = await dead._load(list(held.jobs.values()))
        with contextlib.suppress(Killed):
            async for done in dead._channels["sftp"].deliver(loaded):
                assert not done or place == 5, "died before it could say anything"
        left.clear()
        received: list[str] = []
        for _ in range(3):
            if taken:
                received += [name for name in server.take() if name.endswith(".xml")]
            await stage.expire()
            await stage.make_due()
            await other.dispatch()
        received += [name for name in server.take() if name.endswith(".xml")]
    assert len(received) == 1
    assert await stage.states() == ["handed_over"]
    assert await stage.facts() == [("handed_over", 1)]
    assert not getattr((await stage.told())[0], "repeated", False)


async def test_many_pairs_go_side_by_side_over_one_session(
    stage: Stage, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's first file is put before each of the others has begun, and the folder's hidden area is made once."""
    all_begun = asyncio.Barrier(PAIRS)
    prepare = Session.prepare

    async def together(self: Session) -> None:
        await all_begun.wait()
        await prepare(self)

    monkeypatch.setattr(Session, "prepare", together)
    await stage.send(await connected(stage, server), PAIRS)
    async with placing(stage, sftp_seconds=20) as (dispatcher, _):
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"] * PAIRS
    assert server.sessions == 1
    assert len(server.visible()) == 2 * PAIRS
    assert server.hidden() == []


async def test_cut_off_among_many_each_comes_once(stage: Stage, server: Serving) -> None:
    """The connection dies with all of them on their way; the receiver takes what is in sight before they go again."""
    server.cut_at_rename = PAIRS + 2
    await stage.send(await connected(stage, server), PAIRS)
    received: list[str] = []
    async with placing(stage, breaker_failures=2 * PAIRS) as (dispatcher, _):
        await dispatcher.dispatch()
        assert "unknown" in {outcome for _, outcome in await stage.attempts()}
        received += server.take()
        await stage.make_due()
        await dispatcher.dispatch()
    received += server.take()
    assert await stage.states() == ["handed_over"] * PAIRS
    assert len(received) == len(set(received)) == 2 * PAIRS
    assert [each for each, _ in await stage.facts()] == ["handed_over"] * PAIRS


async def test_cut_off_between_the_last_step_and_its_answer_it_is_found_out(
    stage: Stage, server: Serving
) -> None:
    server.cut_at_rename = 2
    await stage.send(await connected(stage, server))
    async with placing(stage) as (dispatcher, _):
        await dispatcher.dispatch()
        assert await stage.attempts() == [(1, "unknown")]
        assert len([name for name in server.take() if name.endswith(".xml")]) == 1
        await stage.make_due()
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]
    assert server.visible() == [], "the receiver took it meanwhile, and gets no other"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (asyncssh.SFTPFailure("No space left on device"), "No space left"),
        (asyncssh.SFTPPermissionDenied("Permission denied"), "Permission denied"),
        (asyncssh.SFTPQuotaExceeded("Quota exceeded"), ""),
    ],
)
async def test_full_or_forbidden_it_fails_with_its_word_and_is_tried_again(
    stage: Stage, server: Serving, fault: Exception, said: str
) -> None:
    await stage.send(await connected(stage, server))
    async with placing(stage) as (dispatcher, _):
        server.fault = fault
        await dispatcher.dispatch()
        row = await last(stage)
        assert (await stage.states(), row["outcome"], row["code"]) == (["queued"], "failed", "folder-trouble")
        assert said in row["detail"]
        assert server.visible() == []
        server.fault = None
        await stage.make_due()
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]
    assert len(server.visible()) == 2


async def test_a_changed_host_key_gets_nothing_and_waits_for_a_person(stage: Stage, server: Serving) -> None:
    to = await connected(stage, server)
    await stage.send(to)
    await server.stop()
    server.host_key = asyncssh.generate_private_key("ssh-ed25519")
    await server.start()
    async with placing(stage) as (dispatcher, _):
        await dispatcher.dispatch()
        assert server.visible() == []
        assert await stage.states() == ["parked"]
        (told,) = await stage.told()
        assert told.code == "host-key-changed"  # type: ignore[attr-defined]
        assert told.reason.nl.startswith("De SFTP-server van de ontvanger")  # type: ignore[attr-defined]
        assert (await stage.rows())[0]["reason"]["receiver"]["nl"].startswith("Uw SFTP-server")
        await connections.connect(stage.worker, to.party_id, None, "globe", "sftp", server.settings)
        await Parking(stage.worker, Wake()).look()
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]


async def test_another_kind_of_key_is_not_the_one_that_was_agreed(stage: Stage, server: Serving) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().strip()
    await stage.send(await connected(stage, server, host_key=other))
    async with placing(stage) as (dispatcher, _):
        await dispatcher.dispatch()
    assert await stage.states() == ["parked"]
    assert server.visible() == []


async def test_a_key_that_is_not_let_in_is_tried_again(stage: Stage, server: Serving) -> None:
    server.client_key, let_in = asyncssh.generate_private_key("ssh-ed25519"), server.client_key
    to = await connected(stage, server)
    await stage.send(to)
    async with placing(stage) as (dispatcher, _):
        await dispatcher.dispatch()
        row = await last(stage)
        assert (row["outcome"], row["code"]) == ("failed", "folder-away")
        async with stage.worker.acquire() as conn, conn.transaction():
            await credentials.put(
                conn, stage.settings().keys, to.party_id, "sftp", let_in.export_private_key()
            )
        await stage.make_due()
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]


async def test_a_server_that_is_not_public_is_never_reached(stage: Stage, server: Serving) -> None:
    await stage.send(await connected(stage, server))
    async with placing(stage, reachable_networks=()) as (dispatcher, _):
        await dispatcher.dispatch()
    assert server.sessions == 0
    assert await stage.states() == ["parked"]


async def test_a_folder_that_is_not_there_is_not_made(stage: Stage, server: Serving) -> None:
    """An empty mount point: nothing is hidden under it, and nothing counts as taken from it."""
    to = await connected(stage, server)
    await stage.send(to)
    async with placing(stage) as (dispatcher, arrivals):
        await dispatcher.dispatch()
        away = server.folder.rename(server.root / "elsewhere")
        await arrivals.look_afar()
        assert await stage.states() == ["handed_over"]
        await stage.send(to)
        await dispatcher.dispatch()
        assert (await last(stage))["code"] == "folder-away"
        assert not server.folder.exists()
        server.folder.mkdir()
        await arrivals.look_afar()
        assert await stage.states() == ["handed_over", "queued"]
        server.folder.rmdir()
        away.rename(server.folder)
        await stage.make_due()
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"] * 2


async def test_a_server_that_hangs_is_left_in_time(stage: Stage, server: Serving) -> None:
    await stage.send(await connected(stage, server))
    server.hang = True
    async with placing(stage, sftp_seconds=0.5) as (dispatcher, _), asyncio.timeout(20):
        await dispatcher.dispatch()
        assert (await last(stage))["code"] == "folder-away"
    server.hang = False
    await stage.make_due()
    async with placing(stage) as (dispatcher, _):
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]


async def test_a_lease_that_is_lost_shows_nothing(stage: Stage, server: Serving) -> None:
    await stage.send(await connected(stage, server))
    async with placing(stage) as (dispatcher, _):
        held = await dispatcher.start("sftp")
        (job,) = held.jobs.values()
        object.__setattr__(job, "lease", LOST)
        loaded, _failed = await dispatcher._load([job])
        channel = dispatcher._channels["sftp"]
        assert isinstance(channel, SftpChannel)
        outcomes = [outcome async for done in channel.deliver(loaded) for _, outcome in done]
    assert outcomes == [NotBegun("the lease ran out")]
    assert server.visible() == []


async def test_woken_after_somebody_else_did_it_nothing_is_doubled(
    stage: Stage, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asleep right before the last step, with a lease that still held when it looked."""
    await stage.send(await connected(stage, server))
    asleep, woken = asyncio.Event(), asyncio.Event()
    move = Session.move

    async def sleepy(self: Session, name: str, to: str) -> None:
        if name.endswith(".xml") and not asleep.is_set():
            asleep.set()
            await woken.wait()
        await move(self, name, to)

    monkeypatch.setattr(Session, "move", sleepy)
    async with placing(stage) as (slow, _), placing(stage) as (other, _arrivals):
        held = await slow.start("sftp")
        sleeping = asyncio.create_task(slow.attempt("sftp", held))
        await asyncio.wait_for(asleep.wait(), 10)
        await stage.expire()
        await other.dispatch()
        received = [name for name in server.take() if name.endswith(".xml")]
        woken.set()
        await sleeping
        received += [name for name in server.take() if name.endswith(".xml")]
    assert len(received) == 1
    assert await stage.facts() == [("handed_over", 1)]
