"""The folder channel from plan to arrival, and through every kill."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.deliver.attempts.leases import Round
from services.deliver.channels import disk
from services.deliver.channels import folder as channel
from services.deliver.channels.folder import FolderChannel
from services.deliver.parcel import HandedOver, NotBegun
from tests.integration.deliver.stage import Stage, running, until
from tests.unit.deliver.sample import LOST, PDF, XML, job, loaded


class Killed(BaseException):
    """As if the process had died here: nothing after it runs."""


@pytest.mark.proves("R50", "R53")
async def test_a_pair_with_equal_names_then_taken_is_arrived(stage: Stage) -> None:
    to = await stage.folder("dejong")
    await stage.send(to)
    await stage.dispatcher().dispatch()
    pdf, xml = stage.visible("dejong")
    assert Path(pdf).stem == Path(xml).stem
    assert (stage.root / "dejong" / xml).read_bytes() == XML
    assert (stage.root / "dejong" / pdf).read_bytes() == PDF
    arrivals = stage.arrivals()
    await arrivals.look()
    assert await stage.states() == ["handed_over"]
    # Half taken is not taken: the receiver is at it.
    (stage.root / "dejong" / xml).unlink()
    await arrivals.look()
    assert await stage.states() == ["handed_over"]
    (stage.root / "dejong" / pdf).unlink()
    for _ in range(2):
        await arrivals.look()
    assert await stage.states() == ["confirmed"]
    assert await stage.facts() == [("handed_over", 1), ("confirmed", 2)]
    evidence = (await stage.told())[1]
    assert xml in evidence.evidence  # type: ignore[attr-defined]


async def test_without_a_pdf_only_the_xml(stage: Stage) -> None:
    await stage.send(await stage.folder("dejong"), pdf=None)
    await stage.dispatcher().dispatch()
    (name,) = stage.take("dejong")
    assert name.endswith(".xml")
    await stage.arrivals().look()
    assert await stage.states() == ["confirmed"]


@pytest.mark.proves("R54")
async def test_an_empty_mount_point_is_not_a_folder_from_which_all_was_taken(stage: Stage) -> None:
    await stage.send(await stage.folder("dejong"))
    await stage.dispatcher().dispatch()
    mounted, away = stage.root / "dejong", stage.root / "elsewhere"
    mounted.rename(away)
    for _ in range(2):
        await stage.arrivals().look()
        assert await stage.states() == ["handed_over"]
        mounted.mkdir(exist_ok=True)
    # And nothing is hidden under it either: the next delivery waits until the file system is back.
    await stage.send(await stage.routed_to("dejong"))
    dispatcher = stage.dispatcher()
    await dispatcher.dispatch()
    assert await stage.states() == ["handed_over", "queued"]
    assert list(mounted.iterdir()) == []
    mounted.rmdir()
    away.rename(mounted)
    await stage.make_due()
    await dispatcher.dispatch()
    assert len(stage.visible("dejong")) == 4


async def test_never_visible_half_written(stage: Stage) -> None:
    """A receiver that looks all the time never sees a part of a file, nor an XML without its PDF."""
    root = stage.root / "dejong"
    big = b"%PDF" + os.urandom(300_000)
    seen: dict[str, int] = {}
    wrong: list[str] = []
    stop = threading.Event()

    def receive() -> None:
        while not stop.is_set():
            for xml in sorted(root.glob("*.xml")):
                pdf = xml.with_suffix(".pdf")
                if not pdf.exists():
                    wrong.append(f"{xml.name} without its PDF")
                elif pdf.stat().st_size != len(big) or xml.stat().st_size != len(XML):
                    wrong.append(f"{xml.name} half written")
                seen[xml.name] = seen.get(xml.name, 0) + 1
                pdf.unlink(missing_ok=True)
                xml.unlink()

    receiving = threading.Thread(target=receive)
    receiving.start()
    try:
        await stage.send(await stage.folder("dejong"), 40, pdf=big)
        async with running(stage.dispatcher(batch=7)):
            await until(lambda: _all(stage, "handed_over"))
        await asyncio.sleep(0.05)
    finally:
        stop.set()
        receiving.join()
    assert wrong == []
    assert len(seen) == 40
    assert set(seen.values()) == {1}


async def _all(stage: Stage, *states: str) -> bool:
    return set(await stage.states()) <= set(states)


@pytest.mark.proves("SA1")
@pytest.mark.parametrize("taken", [False, True], ids=["left lying", "taken at once"])
@pytest.mark.parametrize("place", range(13))
async def test_killed_at_any_step_it_arrives_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, place: int, taken: bool
) -> None:
    """The process dies after the n-th thing it does to the disk (the receiver may take the files before the
    next one comes), or before its result: the next attempt neither loses nor doubles the pair."""
    await stage.send(await stage.folder("dejong"), 2)
    steps = _count_steps(monkeypatch, place)
    received: list[str] = []
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("folder")
    loaded_jobs, _ = await dispatcher._load(list(held.jobs.values()))
    with contextlib.suppress(Killed):
        async for _ in FolderChannel(stage.root).deliver(loaded_jobs):
            assert place == 12, "died before it could say anything"
    steps.clear()
    for _ in range(3):
        if taken:
            received += [name for name in stage.take("dejong") if name.endswith(".xml")]
        await stage.expire()
        await stage.make_due()
        await stage.dispatcher().dispatch()
    received += [name for name in stage.take("dejong") if name.endswith(".xml")]
    assert len(received) == len(set(received)) == 2
    assert set(await stage.states()) == {"handed_over"}
    assert await stage.facts() == [("handed_over", 1)] * 2
    await stage.sweep("dejong")
    assert stage.hidden("dejong") == []
    assert (await stage.attempts())[0] == (1, "unknown")


def _count_steps(monkeypatch: pytest.MonkeyPatch, place: int) -> list[int]:
    """Kill after ``place`` steps, once; ``clear()`` the list and it kills no more."""
    left = [place]

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object) -> object:
            if left and left[0] == 0:
                raise Killed
            done = work(*args)
            if left:
                left[0] -= 1
            return done

        return step

    for name in ("write", "show"):
        monkeypatch.setattr(disk.Folder, name, counted(getattr(disk.Folder, name)))
    monkeypatch.setattr(disk, "sync", counted(disk.sync))
    return left


async def test_a_repeat_under_a_lost_lease_is_not_begun(stage: Stage) -> None:
    folder = FolderChannel(stage.root)
    late = job("folder", lease=LOST)
    assert [o async for done in folder.deliver([loaded(late)]) for _, o in done] == [
        NotBegun("the lease ran out")
    ]
    assert stage.visible("dejong") == []


async def test_stopped_before_the_last_step_and_woken_after_somebody_else_did_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who slept holds the lock: whoever takes over waits for it, and finds the pair in place."""
    of = job("folder")
    asleep, woken = threading.Event(), threading.Event()
    show = disk.Folder.show

    def sleepy(self: disk.Folder, staged: str, name: str) -> None:
        if name.endswith(".xml") and not asleep.is_set():
            asleep.set()
            assert woken.wait(10)
        show(self, staged, name)

    monkeypatch.setattr(disk.Folder, "show", sleepy)
    monkeypatch.setattr(channel, "OPEN_SECONDS", 0.2)
    first = asyncio.create_task(_deliver(stage, of))
    await asyncio.to_thread(asleep.wait, 10)
    again = replace(of, number=2)
    assert await _deliver(stage, again) == [channel._NO_ANSWER]
    woken.set()
    assert await first == [HandedOver(f"{of.base_name}.xml")]
    stage.take("dejong")
    assert await _deliver(stage, again) == [HandedOver(f"{of.base_name}.xml")]
    assert stage.visible("dejong") == []


async def _deliver(stage: Stage, of: object) -> list[object]:
    folder = FolderChannel(stage.root)
    return [o async for done in folder.deliver([loaded(of)]) for _, o in done]  # type: ignore[arg-type]


async def test_a_locked_folder_holds_up_nobody_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped holds the lock of one folder; the others get theirs while that is waited for."""
    monkeypatch.setattr(channel, "OPEN_SECONDS", 60.0)
    await stage.send(await stage.folder("stuck"))
    await stage.dispatcher().dispatch()
    stage.take("stuck")
    held = os.open(stage.root / "stuck" / ".postbode" / "lock", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        await stage.send(await stage.routed_to("stuck"), 5)
        quick = await stage.folder("quick")
        async with running(stage.dispatcher()):
            for _ in range(4):
                await stage.send(quick, 3)
                await asyncio.sleep(0.1)
            await until(lambda: _count(stage, "quick", 24))
            assert stage.visible("stuck") == []
            os.close(held)
            held = -1
            await until(lambda: _count(stage, "stuck", 10))
    finally:
        if held >= 0:
            os.close(held)
    assert all(row["failures"] == 0 for row in await stage.rows())


async def _count(stage: Stage, name: str, files: int) -> bool:
    return len(stage.visible(name)) == files


async def test_an_error_before_anybody_looked_says_nothing_about_the_attempt_before(stage: Stage) -> None:
    """Shown, and killed before the result; then the share does not work any more. Who is told that it did not arrive
    would send it again."""
    await stage.send(await stage.folder("dejong"), 2)
    dispatcher = stage.dispatcher()
    pairs, _ = await dispatcher._load(list((await dispatcher.start("folder")).jobs.values()))
    async for done in FolderChannel(stage.root).deliver(pairs):
        assert all(isinstance(outcome, HandedOver) for _, outcome in done)
    (stage.root / "dejong").rename(stage.root / "elsewhere")
    (stage.root / "dejong").write_text("not a directory")
    await stage.expire()
    await stage.dispatcher(most_attempts=2).dispatch()
    assert [row["reason"]["code"] for row in await stage.rows()] == ["gave-up-unsure"] * 2


class Refusing:
    """``os``, as ``disk`` has it, in which one call fails for one folder, from its ``from_``-th on."""

    def __init__(self, call: str, code: int, folder: Path, from_: int = 1) -> None:
        self._call, self._code, self._folder, self._left = call, code, folder, from_

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name != self._call:
            return real

        def refusing(*args: Any, **named: Any) -> Any:
            fd = named.get("dir_fd", named.get("src_dir_fd", args[0]))
            place = Path(f"/proc/self/fd/{fd}" if isinstance(fd, int) else fd).resolve()
            if self._folder.resolve() not in (place, *place.parents):
                return real(*args, **named)
            self._left -= 1
            if self._left < 0:
                raise OSError(self._code, os.strerror(self._code))
            # A disk that is almost full takes a part.
            return real(args[0], args[1][:3]) if name == "write" else real(*args, **named)

        return refusing


@pytest.mark.parametrize(
    ("call", "code", "after"),
    [
        ("write", errno.ENOSPC, 1), ("write", errno.EDQUOT, 1), ("write", errno.EROFS, 0),
        ("open", errno.EACCES, 0), ("open", errno.EACCES, 3), ("rename", errno.EACCES, 0), ("rename", errno.EPERM, 1),
    ],
    ids=["full", "over quota", "read-only", "no permission", "none inside", "none to show", "none for the XML"],
)  # fmt: skip
async def test_a_disk_that_refuses_fails_its_own_delivery_and_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, call: str, code: int, after: int
) -> None:
    await stage.send(await stage.folder("dejong"))
    await stage.send(await stage.folder("smit"))
    with monkeypatch.context() as patched:
        patched.setattr(disk, "os", Refusing(call, code, stage.root / "dejong", after))
        await stage.dispatcher().dispatch()
    assert sorted(await stage.states()) == ["handed_over", "queued"]
    assert not [name for name in stage.visible("dejong") if name.endswith(".xml")]
    row = await stage.worker.fetchrow(
        "SELECT outcome, code, detail FROM attempt WHERE outcome <> 'handed_over'"
    )
    assert row is not None
    assert (row["outcome"], row["code"]) == ("failed", "folder-trouble")
    assert os.strerror(code) in row["detail"]
    await stage.make_due()
    await stage.dispatcher().dispatch()
    pdf, xml = stage.visible("dejong")
    assert (stage.root / "dejong" / pdf).read_bytes() == PDF
    assert (stage.root / "dejong" / xml).read_bytes() == XML


async def test_links_planted_by_the_receiver_lead_nowhere(stage: Stage, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (stage.root / "dejong").mkdir(parents=True)
    (stage.root / "dejong" / ".postbode").symlink_to(victim)
    await stage.send(await stage.folder("dejong"))
    await stage.dispatcher().dispatch()
    assert list(victim.iterdir()) == []
    assert await stage.states() == ["queued"]


async def test_leftovers_of_a_kill_are_swept(stage: Stage) -> None:
    await stage.send(await stage.folder("dejong"), 2)
    dispatcher = stage.dispatcher()
    await dispatcher.dispatch()
    first, second = await stage.rows()
    hidden = stage.root / "dejong" / ".postbode"
    done, under_way = first["delivery_id"].hex, second["delivery_id"].hex
    lists = {"done": [done], "mixed": [done, under_way], "torn": [done, under_way[:7]], "empty": []}
    for name, ids in lists.items():
        (hidden / f"{name}.staged").write_text("\n".join(ids))
    for name in (f"{done}.pdf", f"{under_way}.xml", "not ours.txt"):
        (hidden / name).touch()
    await stage.worker.execute(
        "UPDATE delivery SET state = 'attempting' WHERE delivery_id = $1", second["delivery_id"]
    )
    await stage.arrivals().sweep()
    assert len(stage.hidden("dejong")) == 7, "young ones are left alone"
    await stage.sweep("dejong")
    assert stage.hidden("dejong") == sorted([f"{under_way}.xml", "mixed.staged", "not ours.txt"])


async def test_two_dispatchers_never_act_twice(stage: Stage) -> None:
    await stage.send(await stage.folder("dejong"), 60)
    await stage.send(await stage.folder("smit"), 60)
    dispatchers = [stage.dispatcher(batch=9) for _ in range(2)]
    async with running(dispatchers[0]), running(dispatchers[1]):
        await until(lambda: _all(stage, "handed_over"))
    assert await stage.attempts() == [(1, "handed_over")] * 120
    assert len(stage.visible("dejong")) == len(stage.visible("smit")) == 120
    assert len(await stage.facts()) == 120


async def test_the_lease_is_renewed_while_an_attempt_takes_long(stage: Stage) -> None:
    dispatcher = stage.dispatcher(lease_seconds=2)
    await stage.send(await stage.folder("dejong"))
    held: Round = await dispatcher.start("folder")
    (begun,) = await stage.rows()
    here = held.lease.until

    async def renewed() -> bool:
        (row,) = await stage.rows()
        return held.lease.until > here and row["lease_until"] > begun["lease_until"]

    keeping = asyncio.create_task(dispatcher._leases.keep())
    with dispatcher._leases.kept(held):
        await until(renewed)
        assert await stage.dispatcher().dispatch() == 0
    keeping.cancel()
    await stage.expire()
    assert await stage.dispatcher().dispatch() == 1
    await dispatcher._leases.renew(held)
    assert not held.lease.held, "somebody else has it"


async def test_a_batch_is_cheap(stage: Stage) -> None:
    """Processor time of one delivery within a full batch, best of five: 0.13 ms when written."""
    folder = FolderChannel(stage.root)
    best = 1.0
    for _ in range(5):
        batch = [loaded(job("folder"), xml=XML * 80, pdf=None) for _ in range(200)]
        began = time.process_time()
        async for done in folder.deliver(batch):
            await folder.settled([each for each, _ in done])
        best = min(best, (time.process_time() - began) / len(batch))
    assert best < 0.000_3
