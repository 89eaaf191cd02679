"""A RabbitMQ for tests: somebody's, in a container, or a private node run from the installed server.

Tests keep apart by virtual host: making one through the management API takes about 40 ms, one through
``rabbitmqctl`` more than a second. A private node shares nothing with one that runs on this machine: own
name, ports, cookie, name server (epmd), configuration and folders.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from libs import clock
from libs.db.guard import Guard, Step
from libs.errors import HubError
from libs.testing.container import Container
from libs.testing.machine import NotOurs, free_ports, scratch, since
from libs.testing.management import Management

IMAGE = "docker.io/library/rabbitmq:4-management-alpine"

BOOT = 100.0
"""Seconds a node may take to answer; fewer than a test may take, so that it is this that is told."""

YOUNG = 1.5
"""Seconds after which RabbitMQ has a new quorum queue's registration on disk (seen with 3.10.8: killed
0.6 s after its declaration a queue never finds a leader again, after 1 s it does; messages in older queues
are safe at once). ``stop(hard=True)`` waits this long, so that a test meets crashes and not this trap."""

_SERVERS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",  # Debian: what is on PATH there insists on its own user
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)


class BrokerFailed(HubError):
    """The private RabbitMQ did not start."""

    slug = "broker-failed"


class RabbitMQ(Protocol):
    """A running broker. Stopping, starting and wiping raise ``NotOurs`` for somebody else's."""

    url: str
    """AMQP URL of the default virtual host."""
    says: str
    """One line: which broker this is."""
    management: Management

    def stop(self, *, hard: bool = False) -> None:
        """``hard`` is ``kill -9``, after ``YOUNG`` seconds."""

    def start(self) -> None: ...

    def restart(self, *, hard: bool = True) -> None: ...

    def wipe(self) -> None:
        """Lose the disk: killed, emptied, started again. Virtual hosts are gone too."""

    def close(self) -> None: ...


class GivenRabbitMQ:
    """The one an environment variable names: used, never stopped."""

    def __init__(self, url: str, management_url: str, variable: str) -> None:
        self.url = url
        self.says = f"the RabbitMQ of {variable}"
        self.management = Management(management_url)
        if not self.management.ready():
            self.management.close()
            raise BrokerFailed(
                f"{self.says} has no management API at {urlsplit(management_url).hostname}:"
                f"{urlsplit(management_url).port}: enable rabbitmq_management, or say where it is in "
                "POSTBODE_TEST_AMQP_MANAGEMENT_URL (tests make virtual hosts with it)"
            )

    def stop(self, *, hard: bool = False) -> None:
        raise NotOurs(self.says)

    def start(self) -> None:
        raise NotOurs(self.says)

    def restart(self, *, hard: bool = True) -> None:
        raise NotOurs(self.says)

    def wipe(self) -> None:
        raise NotOurs(self.says)

    def close(self) -> None:
        self.management.close()


class PrivateRabbitMQ:
    """A node of its own, run from the installed server in a temporary folder."""

    def __init__(self, server: Path, *, durable: bool = False) -> None:
        started = since()
        self._server = server
        self._folder = scratch("rabbitmq", durable=durable)
        amqp, management, self._epmd_port, distribution = free_ports(4)
        user, password = "postbode", secrets.token_hex(16)
        self._write_settings(amqp, management, user, password)
        self._environment = self._environment_of(distribution)
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._guard = Guard()
        self.url = f"amqp://{user}:{password}@127.0.0.1:{amqp}/"
        self.management = Management(f"http://{user}:{password}@127.0.0.1:{management}")
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        version = self.management.version()
        self.says = f"RabbitMQ {version} from {server}, private node, started in {started()}"

    def start(self) -> None:
        self._start_epmd()
        with (self._folder / "output.log").open("ab") as output:
            self._node = subprocess.Popen(
                [str(self._server)],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.plan(self._farewell())
        until = clock.monotonic() + BOOT
        while not self.management.ready():
            if self._node.poll() is not None or clock.monotonic() > until:
                said = (self._folder / "output.log").read_text(errors="replace")[-3000:]
                raise BrokerFailed(f"{self._server} did not start:\n{said}")
            time.sleep(0.1)

    def stop(self, *, hard: bool = False) -> None:
        if hard:
            time.sleep(YOUNG)
        self._end(signal.SIGKILL if hard else signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._node is None:
            return
        os.killpg(self._node.pid, how)
        try:
            self._node.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._node.pid, signal.SIGKILL)
            self._node.wait()
        self._node = None
        self._guard.plan(self._farewell())

    def restart(self, *, hard: bool = True) -> None:
        self.stop(hard=hard)
        self.start()

    def wipe(self) -> None:
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder / "mnesia")
        self.start()

    def close(self) -> None:
        self.management.close()
        self._guard.release()
        for process in (self._node, self._epmd):
            if process is not None:
                process.wait()

    def _farewell(self) -> list[Step]:
        running = [process for process in (self._node, self._epmd) if process is not None]
        return [*(Step(kill=process.pid) for process in running), Step(remove=str(self._folder))]

    def _start_epmd(self) -> None:
        """The name server of Erlang nodes. Left alone, a node would start one that outlives it."""
        if self._epmd is not None and self._epmd.poll() is None:
            return
        self._epmd = subprocess.Popen(
            [_epmd(), "-address", "127.0.0.1", "-port", str(self._epmd_port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        self._guard.plan(self._farewell())

    def _write_settings(self, amqp: int, management: int, user: str, password: str) -> None:
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{amqp}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n"
            f"default_user = {user}\ndefault_pass = {password}\n"
            # Figures at once, not every five seconds: tests read queue depths.
            "collect_statistics_interval = 1000\n"
        )
        (self._folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self._folder / "rabbitmq-env.conf").write_text("")

    def _environment_of(self, distribution: int) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
        folder = str(self._folder)
        return {
            **inherited,
            "HOME": folder,  # the Erlang cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"postbode{os.getpid()}x{distribution}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/generated",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
        }


class ContainerRabbitMQ:
    """In a container. As with Postgres, only a private one can be stopped."""

    def __init__(self, *, private: bool, durable: bool) -> None:
        started = since()
        amqp, management = free_ports(2)
        self._ports = {amqp: 5672, management: 15672}
        self._user, self._password = "postbode", secrets.token_hex(16)
        self._forgets = not (private or durable)
        self._container = self._run()
        try:
            login = f"{self._user}:{self._password}"
            self.url = f"amqp://{login}@{self._container.address(5672)}/"
            self.management = Management(f"http://{login}@{self._container.address(15672)}")
            self._ready()
            version = self.management.version()
        except BaseException:
            self._container.close()
            raise
        self.says = f"RabbitMQ {version} in a container ({IMAGE}), started in {started()}"

    def _run(self) -> Container:
        return Container(
            IMAGE,
            {"RABBITMQ_DEFAULT_USER": self._user, "RABBITMQ_DEFAULT_PASS": self._password},
            self._ports,
            hostname="postbode-rabbitmq",  # the data folder carries the host's name
            memory="/var/lib/rabbitmq" if self._forgets else None,
        )

    def _ready(self) -> None:
        until = clock.monotonic() + BOOT
        while not self.management.ready():
            if clock.monotonic() > until:
                where = urlsplit(self.management.url).netloc.rpartition("@")[2]
                raise BrokerFailed(f"{IMAGE} did not answer at {where} within {BOOT:.0f} s")
            time.sleep(0.2)

    def stop(self, *, hard: bool = False) -> None:
        if self._forgets:
            raise NotOurs(self.says)
        if hard:
            time.sleep(YOUNG)
            self._container.kill("SIGKILL")
        else:
            self._container.stop()

    def start(self) -> None:
        self._container.start()
        self._ready()

    def restart(self, *, hard: bool = True) -> None:
        self.stop(hard=hard)
        self.start()

    def wipe(self) -> None:
        self._container.close()
        self._container = self._run()
        self._ready()

    def close(self) -> None:
        self.management.close()
        self._container.close()


def local_server() -> Path | None:
    """The server script installed here; not Debian's wrapper, which insists on its own user and folders."""
    on_path = shutil.which("rabbitmq-server")
    candidates = (*_SERVERS, on_path) if on_path else _SERVERS
    return next((Path(path) for path in candidates if os.access(path, os.X_OK)), None)


def _epmd() -> str:
    """Erlang's name server: on PATH, or beside ``erl``."""
    found = shutil.which("epmd")
    if found is None and (erl := shutil.which("erl")) is not None:
        beside = sorted(Path(erl).resolve().parents[1].glob("erts-*/bin/epmd"))
        found = str(beside[-1]) if beside else None
    if found is None:
        raise BrokerFailed("rabbitmq-server is installed, but Erlang's epmd is nowhere to be found")
    return found
