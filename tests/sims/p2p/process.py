"""The server as a process of its own, which can be killed and started again on the same storage and port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[3]


class P2PProcess:
    """``with P2PProcess(file) as p2p: … p2p.kill(); p2p.start()``"""

    def __init__(self, storage: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "tests.sims.p2p", "--storage", str(storage), *options]
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.base_url = ""

    def start(self) -> None:
        """Returns when it answers."""
        command = [*self._command, "--port", str(self._port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        if not self.base_url:
            raise RuntimeError("Purchase to Pay did not start")
        self._port = int(self.base_url.split("/")[2].rpartition(":")[2])

    @property
    def address(self) -> str:
        """For ``Control``."""
        return "/".join(self.base_url.split("/")[:3])

    def kill(self) -> None:
        """``kill -9``: nothing can be tidied up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
