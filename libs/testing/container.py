"""A server in a container: on ports that stay the same over restarts, and gone afterwards whatever happens.

Testcontainers' own reaper (Ryuk) is not asked. It is one image more to fetch, it wants the engine's socket, and
what it is told can be lost: its port is published before it listens, and then the containers of a killed
process stay for ever (seen). The guard that ends our other servers removes containers as well, and knows the
name before there is one.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from libs.db.guard import Guard, Step

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

_REMOVE = "import sys, docker; docker.from_env().containers.get(sys.argv[1]).remove(force=True, v=True)"


class Container:
    """Running once it is made. ``ports`` says which port of this machine leads to which of the container;
    ``memory`` is a folder that is kept in memory and so forgets all when the container stops."""

    def __init__(
        self,
        image: str,
        environment: Mapping[str, str],
        ports: Mapping[int, int],
        *,
        command: str = "",
        hostname: str | None = None,
        memory: str | None = None,
    ) -> None:
        # Slow to import, and rarely needed.
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer

        testcontainers_config.ryuk_disabled = True
        name = f"postbode-test-{secrets.token_hex(6)}"
        self._container: DockerContainer = DockerContainer(image).with_name(name)
        for variable, value in environment.items():
            self._container.with_env(variable, value)
        for ours, its in ports.items():
            self._container.with_bind_ports(its, ours)
        if command:
            self._container.with_command(command)
        if hostname:
            self._container.with_kwargs(hostname=hostname)
        if memory:
            self._container.with_tmpfs_mount(memory)
        self._guard = Guard()
        self._guard.plan([Step(run=[sys.executable, "-I", "-c", _REMOVE, name])])
        try:
            self._container.start()
        except BaseException:
            self.close()
            raise

    def address(self, port: int) -> str:
        """Where ``port`` of the container is reached: ``host:port``."""
        return f"{self._container.get_container_host_ip()}:{self._container.get_exposed_port(port)}"

    def succeeds(self, command: Sequence[str]) -> bool:
        """Whether ``command``, run inside, ends 0."""
        return bool(self._container.exec(list(command)).exit_code == 0)

    def kill(self, signal: str) -> None:
        """Send ``signal`` and wait for the end."""
        self._engine.kill(signal)
        self._engine.wait()

    def stop(self) -> None:
        """As the engine does it: the image's own stop signal, and time to finish."""
        self._engine.stop(timeout=60)

    def start(self) -> None:
        self._engine.start()

    def close(self) -> None:
        """Removed, with its data."""
        self._guard.release()

    @property
    def _engine(self) -> Any:
        """The engine's own handle."""
        return self._container.get_wrapped_container()
