"""A Postgres of one's own, run from plain binaries in a data folder of its own.

Postgres refuses to run as root. When the hub is started by root the server runs as ``postgres``, or else
``nobody``, or whoever owns the data already; only the data folder and the socket folder are handed over,
no other permission is touched.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote

from libs.db.guard import Step, dropped
from libs.errors import HubError

ADMINISTRATOR = "postgres"
SOCKET_PORT = 5432
"""Part of the socket's file name; nothing listens on the network under it."""

StopMode: TypeAlias = Literal["fast", "immediate"]

_SOCKET_PATH_MAX = 103
"""The shortest limit among the systems we run on (macOS), in bytes."""

_SETTINGS = {
    "max_connections": "300",
    "shared_buffers": "128MB",
    "log_min_messages": "warning",
    # On two cores that the hub fills, the vacuum of each minute took a fifth of one for twenty seconds, and every invoice
    # waited that long. Slower it is hardly noticed, and keeps up (docs/performance.md).
    "autovacuum_vacuum_cost_delay": "5ms",
}


class PostgresFailed(HubError):
    """The private Postgres did what it should not, or not what it should."""

    slug = "postgres-failed"


class LocalPostgres:
    """One server. ``port`` is a TCP port on 127.0.0.1, guarded by ``password``; without one there is only
    the Unix socket, in a folder nobody else may enter."""

    def __init__(
        self,
        binaries: Path,
        data: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._binaries = binaries
        self._data = data
        self._port = port
        self._password = password
        self._settings = {**_SETTINGS, **(settings or {})}
        self._user = server_user(data)

    @property
    def url(self) -> str:
        """The administrator's URL."""
        if self._port is not None:
            return f"postgresql://{ADMINISTRATOR}:{self._password}@127.0.0.1:{self._port}/postgres"
        return f"postgresql://{ADMINISTRATOR}@/postgres?host={quote(str(self._sockets), safe='')}"

    @property
    def version(self) -> str:
        """Such as ``15.14``."""
        return self._run("postgres", "--version").split()[2]

    def initialise(self) -> None:
        """Make the data folder unless it is there. Cut short, it leaves no half-made one."""
        if (self._data / "PG_VERSION").exists():
            return
        unfinished = self._data.with_name(f"{self._data.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own(unfinished)
        options = ["-D", str(unfinished), "-U", ADMINISTRATOR, "--encoding=UTF8", "--locale=C.UTF-8"]
        options += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        with tempfile.NamedTemporaryFile() as secret:
            if self._password is not None:
                secret.write(self._password.encode())
                secret.flush()
                if self._user is not None:
                    os.chown(secret.name, self._user, -1)
                options.append(f"--pwfile={secret.name}")
            self._run("initdb", *options)
        unfinished.rename(self._data)

    def start(self) -> None:
        """Start, recovering what a crash left; one that runs is taken over. Raises ``PostgresFailed``."""
        if self.running():
            return
        self._own(self._sockets)
        options = {
            **self._settings,
            "unix_socket_directories": str(self._sockets),
            "listen_addresses": "" if self._port is None else "127.0.0.1",
            "port": str(self._port or SOCKET_PORT),
        }
        words = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
        log = self._data / "server.log"
        try:
            self._run(
                "pg_ctl", "start", "-w", "-t", "120", "-D", str(self._data), "-l", str(log), "-o", words
            )
        except PostgresFailed as error:
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise PostgresFailed(f"{error.message}\n{said}") from error

    def stop(self, mode: StopMode = "fast") -> None:
        """``fast`` ends sessions and closes the books; ``immediate`` is as if the power went."""
        if self.running():
            self._run("pg_ctl", *self._stop(mode))

    def running(self) -> bool:
        """Whether a server of this data folder is up."""
        if not (self._data / "postmaster.pid").exists():
            return False
        return self._try("pg_ctl", "status", "-D", str(self._data)).returncode == 0

    def farewell(self, mode: StopMode = "fast") -> Step:
        """How a guard stops it."""
        step = Step(run=[str(self._binaries / "pg_ctl"), *self._stop(mode)])
        if self._user is not None:
            step["user"] = self._user
        return step

    def _stop(self, mode: StopMode) -> list[str]:
        return ["stop", "-w", "-m", mode, "-D", str(self._data)]

    @property
    def _sockets(self) -> Path:
        if len(os.fsencode(self._data)) + len(f"/.s.PGSQL.{SOCKET_PORT}") <= _SOCKET_PATH_MAX:
            return self._data
        name = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"postbode-{name}"

    def _own(self, folder: Path) -> None:
        """``folder`` exists, belongs to the server's user and is closed to everybody else."""
        wanted = os.geteuid() if self._user is None else self._user
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            if self._user is not None:
                os.chown(folder, self._user, -1)
        found = folder.lstat()
        if found.st_uid != wanted or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
            raise PostgresFailed(f"{folder} must be a folder of user {wanted} that nobody else may enter")

    def _run(self, program: str, *arguments: str) -> str:
        done = self._try(program, *arguments)
        if done.returncode != 0:
            raise PostgresFailed(f"{program} ended with {done.returncode}: {done.stdout[-2000:].strip()}")
        return done.stdout

    def _try(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # The output goes to a file: the server that pg_ctl leaves behind would hold a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # noqa: S603  Postgres' own programs
                [str(self._binaries / program), *arguments],
                **dropped(self._user),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
                check=False,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read())


def server_user(data: Path) -> int | None:
    """The user id a server on ``data`` must run as, or ``None`` for the one we have."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise PostgresFailed("started by root, and there is no user postgres or nobody to run Postgres as")


def passable(path: Path, user: int | None) -> bool:
    """Whether ``user`` may walk down to ``path``; ``None`` is ourselves."""
    if user is None:
        return True
    return all(
        found.st_mode & stat.S_IXOTH or (found.st_uid == user and found.st_mode & stat.S_IXUSR)
        for found in (folder.stat() for folder in path.absolute().parents if folder.exists())
    )
