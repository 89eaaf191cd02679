"""A Postgres for tests: somebody's, in a container, or one run from binaries.

What was started here is stopped by ``close()``, and by a guard when the test process dies first.
"""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path
from typing import Protocol

from libs import clock
from libs.db import embedded
from libs.db.guard import Guard, Step
from libs.db.local import LocalPostgres, PostgresFailed, StopMode
from libs.testing.container import Container
from libs.testing.machine import NotOurs, free_ports, install, scratch, since

IMAGE = "docker.io/library/postgres:17-alpine"

BOOT = 100.0
"""Seconds a container may take to answer; fewer than a test may take, so that it is this that is told."""

_HASTY = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "10s"}
"""For tests: a killed server loses nothing by it, only a machine without power would."""


class Postgres(Protocol):
    """A running Postgres. ``stop``, ``start`` and ``restart`` raise ``NotOurs`` for somebody else's."""

    url: str
    """The administrator's URL."""
    says: str
    """One line: which Postgres this is."""

    def stop(self, mode: StopMode = "fast") -> None: ...

    def start(self) -> None: ...

    def restart(self, mode: StopMode = "immediate") -> None: ...

    def close(self) -> None: ...


class GivenPostgres:
    """The one an environment variable names: used, never stopped."""

    def __init__(self, url: str, variable: str) -> None:
        self.url = url
        self.says = f"the Postgres of {variable}"

    def stop(self, mode: StopMode = "fast") -> None:
        raise NotOurs(self.says)

    def start(self) -> None:
        raise NotOurs(self.says)

    def restart(self, mode: StopMode = "immediate") -> None:
        raise NotOurs(self.says)

    def close(self) -> None:
        """Nothing of ours."""


class BinaryPostgres:
    """Run from a folder of programs, with data in a temporary folder and a port of its own."""

    def __init__(self, binaries: Path | None, origin: str, *, durable: bool) -> None:
        """Without ``binaries``, those of the embedded Postgres."""
        started = since()
        self._folder = scratch("postgres", durable=durable)
        self._folder.chmod(0o711)  # the server may run as another user and must get through
        data = self._folder / "data"
        self._server = LocalPostgres(
            binaries or embedded.binaries(data),
            data,
            port=free_ports(1)[0],
            password=secrets.token_hex(16),
            settings={} if durable else _HASTY,
        )
        self._guard = Guard()
        self._guard.plan([Step(remove=str(self._folder))])
        try:
            self._server.initialise()
            self._guard.plan([self._server.farewell("immediate"), Step(remove=str(self._folder))])
            self._server.start()
        except BaseException:
            self.close()
            raise
        self.url = self._server.url
        self.says = f"Postgres {self._server.version} from {origin}, private, started in {started()}"

    def stop(self, mode: StopMode = "fast") -> None:
        self._server.stop(mode)

    def start(self) -> None:
        self._server.start()

    def restart(self, mode: StopMode = "immediate") -> None:
        self.stop(mode)
        self.start()

    def close(self) -> None:
        self._guard.release()


class ContainerPostgres:
    """In a container. One that everybody shares has its data in memory, which makes the contract tests twice
    as fast (measured), and would be empty after a stop: only a private one can be stopped."""

    def __init__(self, *, private: bool, durable: bool) -> None:
        started = since()
        password = secrets.token_hex(16)
        settings = {"max_connections": "300"} | ({} if durable else _HASTY)
        self._forgets = not (private or durable)
        self._container = Container(
            IMAGE,
            {"POSTGRES_PASSWORD": password},
            {free_ports(1)[0]: 5432},
            command="postgres" + "".join(f" -c {name}={value}" for name, value in settings.items()),
            memory="/var/lib/postgresql/data" if self._forgets else None,
        )
        try:
            self._ready()
            self.url = f"postgresql://postgres:{password}@{self._container.address(5432)}/postgres"
        except BaseException:
            self.close()
            raise
        self.says = f"Postgres in a container ({IMAGE}), started in {started()}"

    def _ready(self) -> None:
        # By TCP: the server that makes the data folder, and goes again, listens on its socket only.
        until = clock.monotonic() + BOOT
        while not self._container.succeeds(["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"]):
            if clock.monotonic() > until:
                raise PostgresFailed(f"{IMAGE} did not answer within {BOOT:.0f} s")
            time.sleep(0.1)

    def stop(self, mode: StopMode = "fast") -> None:
        if self._forgets:
            raise NotOurs(self.says)
        self._container.kill("SIGINT" if mode == "fast" else "SIGQUIT")

    def start(self) -> None:
        self._container.start()
        self._ready()

    def restart(self, mode: StopMode = "immediate") -> None:
        self.stop(mode)
        self.start()

    def close(self) -> None:
        self._container.close()


def local_binaries() -> Path | None:
    """The folder of the Postgres programs installed here: on PATH, or the newest of Debian's."""
    found = shutil.which("pg_ctl")
    if found is not None and (folder := Path(found).resolve().parent).joinpath("initdb").exists():
        return folder
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


def install_package() -> Path | None:
    """Debian's package, without the server it would set up and start by itself; ``None`` if apt fails."""
    settings = Path("/etc/postgresql-common/createcluster.conf")
    ours = not settings.exists()
    if ours:
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text("create_main_cluster = false\n")
    try:
        return local_binaries() if install("postgresql") else None
    finally:
        if ours:
            settings.unlink(missing_ok=True)
