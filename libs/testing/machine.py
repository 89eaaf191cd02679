"""What the machine offers: ports, a container engine, packages."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from libs import clock
from libs.errors import HubError

_ROOM = 2 << 30
"""Bytes that must be free in memory. Containers often have 64 MB there, which Postgres needs for itself."""

_PATIENCE = 30
"""Seconds a container engine may be silent, also while it fetches."""


class NotOurs(HubError):
    """This server is shared, with its owner or among tests: they may use it but not stop it."""

    slug = "not-ours"

    def __init__(self, says: str) -> None:
        super().__init__(f"{says} is shared: tests use it but never stop it (take a private one)")


def free_ports(count: int) -> list[int]:
    """That many different TCP ports on 127.0.0.1 that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def scratch(purpose: str, *, durable: bool) -> Path:
    """A new folder for a server. Unless it must be durable it lies in memory, where there is room: copying
    a test's database takes 25 ms there and 370 ms on a disk (measured)."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    parent = memory if roomy and not durable else None
    return Path(tempfile.mkdtemp(prefix=f"postbode-{purpose}-", dir=parent))


def since() -> Callable[[], str]:
    """A stopwatch: call what it returns to hear how long ago this was, such as ``1.2 s``."""
    start = clock.monotonic()
    return lambda: f"{clock.monotonic() - start:.1f} s"


def most_memory(pid: int) -> int:
    """The most memory a running process has had so far, in kB (Linux).

    Not ``ru_maxrss`` of an ended child: that begins with the size of whoever started it.
    """
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def docker_answers() -> bool:
    """Whether a container engine answers, at ``DOCKER_HOST`` or the usual socket."""
    with _engine() as client:
        return client is not None


@lru_cache
def docker_lacks(image: str) -> str | None:
    """Why the engine, which answers, cannot run this image: it has none and cannot fetch it. ``None`` when it can."""
    errors: Any = import_module("docker.errors")
    with _engine() as client:
        try:
            client.images.get(image)
        except errors.ImageNotFound:
            try:
                client.images.pull(image)
            except (errors.DockerException, OSError) as error:
                return f"the container engine cannot fetch {image}: {error}"
    return None


@contextmanager
def _engine() -> Iterator[Any]:
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        yield None
        return
    docker: Any = import_module("docker")
    try:
        client = docker.from_env(timeout=_PATIENCE)
    except docker.errors.DockerException:
        yield None
        return
    with closing(client):
        yield client


def may_install() -> bool:
    """Whether Debian packages can be installed here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> bool:
    """Install a Debian package without starting what it brings; ``False`` when that fails."""
    quiet = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "RUNLEVEL": "1",  # no service starts by itself in single-user mode
    }
    for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
        done = subprocess.run(["apt-get", "-q", *words], env=quiet, capture_output=True, check=False)
        if done.returncode != 0:
            return False
    return True
