"""Kills without end while invoices come in: each start of a process gets one strike for each part it has, and
dies of whichever comes first.

Of a part's windows the one that was struck least so far is chosen, so all get their share. ``at`` is never the
first passing, so a message that comes back after a kill is handled before the next one: what is tried here is
dying anywhere, not the delivery limit, which is for messages that kill.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

from tests.crash.faults import WINDOWS, Strike
from tests.crash.people import LATER, invoices
from tests.crash.scene import SERVICES, Scene

_PARTS = {
    "ingest": ("door", "relay", "consumer"),
    "validate": ("consumer", "relay"),
    "route": ("consumer", "relay"),
    "deliver": (
        "consumer",
        "relay",
        "dispatch",
        "folder",
        "sftp",
        "mail",
        "push",
        "pull",
        "result",
        "arrivals",
    ),
    "track": ("consumer", "notice"),
}
_BY_ROLE = {
    "api": frozenset({"door", "pull"}),
    "worker": frozenset(
        {"consumer", "dispatch", "folder", "sftp", "mail", "push", "result", "arrivals", "notice"}
    ),
    "relay": frozenset({"relay"}),
}
_ROLES = {**_BY_ROLE, "serve": frozenset().union(*_BY_ROLE.values())}
PROGRESS_SECONDS = 60.0
AHEAD = 3
"""Kills by which a window may be ahead of the one struck least."""
ODD = 0.15
"""Share of invoices that wait, come back or are set apart."""
ONCE_A_BATCH = 4
ONCE_AN_INVOICE = 20
MOST_OPEN = 300
"""A long storm is to kill, and not to be busy with invoices: no more come while so many are under way."""
_OPEN = """
SELECT (SELECT count(*) FROM ingest.outbox)
     + (SELECT count(*) FROM deliver.delivery WHERE state IN ('queued', 'attempting'))
"""
_OFTEN = ("door.", "folder.staged", "folder.shown", "folder.pdf", "mail.dot", "push.sent")


class Storm:
    """The plan of strikes. ``service role`` is read off the name of a process: ``deliver.worker.2``."""

    def __init__(self, scene: Scene, *, solo: bool = False) -> None:
        self._scene = scene
        self._solo = solo
        self._planned: dict[str, list[str]] = {}
        """What is to strike each process in this life; nothing: it is spared."""
        self._each = 0

    def __call__(self, name: str) -> Sequence[Strike]:
        chance = self._scene.random
        struck = self._scene.hub.strikes()
        # Not all processes go for the same window at once; where each must have its share, what few can die of comes first.
        others = Counter(each for who, planned in self._planned.items() if who != name for each in planned)
        able = Counter(each for who in self._scene.hub.members for each in self.windows_of(who) if self._each)
        planned = self._planned[name] = []
        parts: dict[str, list[str]] = {}
        for window in self._open_to(name):
            # Where each window must have its share, one strike a life: else the frequent ones come first always.
            parts.setdefault("" if self._each else _part_of(window), []).append(window)
        died_of = {_part_of(window) for window in +struck}
        if not self._each and (new := parts.keys() - died_of):
            # Nor do the parts that everybody comes by first leave no life for the others.
            parts = {part: windows for part, windows in parts.items() if part in new}
        strikes = []
        for windows in parts.values():
            window = min(windows, key=lambda w: (able[w], struck[w] + others[w], chance.random()))
            planned.append(window)
            strikes.append(Strike(window, at=self._passing_of(window, new=_part_of(window) not in died_of)))
        self._call_up()
        return strikes

    def _passing_of(self, window: str, *, new: bool) -> int:
        """At which passing to strike. Not at the first, see above; but what is fetched comes by one process alone, and
        who asked for it asks again as often as it likes."""
        if self._each:
            first, last = (1, 2) if window.startswith("pull.") else (2, 3)
        else:
            first, last = 2, ONCE_AN_INVOICE if window.startswith(_OFTEN) and not new else ONCE_A_BATCH
        return self._scene.random.randint(first, last)

    def _open_to(self, name: str) -> list[str]:
        """The windows of this process that are to be struck now. Where each must have its share, those far ahead wait
        for the others: a late step is reached only if the earlier ones live long enough to feed it."""
        windows = self.windows_of(name)
        if not self._each:
            return windows
        struck = self._scene.hub.strikes()
        most = min(self._each, min(struck[window] for window in WINDOWS) + AHEAD)
        return [window for window in windows if struck[window] < most]

    def _call_up(self) -> None:
        """Those who were spared and whose turn it is begin a new life."""
        for name in [name for name, planned in self._planned.items() if not planned and self._open_to(name)]:
            del self._planned[name]
            self._scene.hub.kill(name)

    def windows_of(self, name: str) -> list[str]:
        if self._solo:
            return list(WINDOWS)
        service, role, *_ = name.split(".")
        parts = set(_PARTS[service]) & _ROLES[role]
        return [window for window in WINDOWS if _part_of(window) in parts]

    async def rage(
        self,
        seconds: float,
        *,
        kills: int,
        each: int = 0,
        longest: float = 0,
        prefix: str = "F",
        at_once: int = 3,
        patience: float = 60,
    ) -> None:
        """Send invoices for so long, and until so many kills landed, and ``each`` in every window, while processes
        die; they live again when it returns, unharmed. A busy machine starts processes slowly: it gets more time,
        ``longest`` seconds, else six times as much.
        """
        scene = self._scene
        scene.hub.plan = self
        self._each = each
        numbers, waiting = 0, list(LATER[:1])
        began = asyncio.get_running_loop().time()
        tell_at = began + PROGRESS_SECONDS
        while (passed := asyncio.get_running_loop().time() - began) < (longest or 6 * seconds):
            struck = scene.hub.strikes()
            enough = struck.total() >= kills and all(struck[window] >= each for window in WINDOWS)
            if passed >= seconds and enough:
                break
            if not each or await scene.ask(_OPEN) < MOST_OPEN:
                batch = invoices(24 if each else 12, scene.random, f"{prefix}{numbers:05d}", odd=ODD)
                numbers += 1
                await scene.send(batch, at_once=8 if each else at_once, patience=patience)
            await asyncio.sleep(0.3 if each else 0.05)
            self._call_up()
            if asyncio.get_running_loop().time() > tell_at:
                tell_at += PROGRESS_SECONDS
                print(f"{passed:5.0f} s, {self.progress()}", file=sys.stderr, flush=True)
            if waiting and passed > seconds / 2:
                # Now the hub hears of one it has parked invoices for; of the other when the kills are over.
                await scene.enter(waiting.pop())
        for receiver in waiting:
            await scene.enter(receiver)
        scene.hub.plan = lambda _: ()
        # Those with a strike still to come are replaced by processes without one.
        for name in list(scene.hub.members):
            scene.hub.kill(name)
        for receiver in LATER[1:]:
            await scene.enter(receiver)

    def progress(self) -> str:
        """How far it is, and the windows that need most."""
        struck = self._scene.hub.strikes()
        least = sorted(WINDOWS, key=lambda window: struck[window])[:8]
        full = sum(struck[window] >= self._each for window in WINDOWS)
        return (
            f"{struck.total()} kills, {full} of {len(WINDOWS)} windows have {self._each}; least: "
            + ", ".join(f"{window} {struck[window]}" for window in least)
        )

    def short(self) -> str:
        """The windows that got fewer than they must have; empty: none."""
        struck = self._scene.hub.strikes()
        return ", ".join(f"{window} {struck[window]}" for window in WINDOWS if struck[window] < self._each)

    def table(self) -> str:
        """How many kills landed in each window."""
        struck = self._scene.hub.strikes()
        return "\n".join(f"  {window:26} {struck[window]:4}" for window in WINDOWS)


def _part_of(window: str) -> str:
    return window.partition(".")[0]


async def start(scene: Scene, *, roles: Sequence[str] = ("serve",)) -> None:
    """Every service in every one of ``roles``, and a second dispatcher."""
    for service in SERVICES:
        for role in roles:
            if (service, role) not in {("validate", "api"), ("track", "relay")}:
                # Only one process can listen where mail comes in.
                mail = {"POSTBODE_INGEST_SMTP_PORT": "0"} if role == "worker" else {}
                await scene.hub.start(f"{service}.{role}", service, role, settings=mail)
    await scene.hub.start("deliver.worker.2", "deliver", "worker")


async def start_more(scene: Scene) -> None:
    """More of those who have most windows of their own: what one has left when it died another takes up."""
    for name in ("deliver.worker.3", "deliver.worker.4", "track.worker.2"):
        await scene.hub.start(name, name.partition(".")[0], "worker")
    port = {"POSTBODE_PORT": str(scene.hub.place.ports["spare"])}
    await scene.hub.start("deliver.serve.spare", "deliver", "serve", settings=port)
