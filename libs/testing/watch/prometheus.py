"""A Prometheus for tests: its programs, found or unpacked, and a private server that scrapes what a test runs.

===  ================================  ===========================================================
1    ``prometheus``, ``promtool``      on PATH
2    unpacked by an earlier run        ``.state/prometheus``
3    Debian's package                  fetched by ``apt-get download`` and unpacked there: needs no root, installs
                                       and starts nothing
4    otherwise                         an error that names these ways
===  ================================  ===========================================================
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from libs import clock
from libs.db.guard import Guard, Step
from libs.errors import HubError
from libs.testing.machine import free_ports, may_install, scratch

UNPACKED = Path(".state/prometheus")
BOOT = 20.0
"""Seconds a server may take to answer."""


class NoPrometheus(HubError):
    """Prometheus is not here, and these tests run its programs. Either of these helps: (1) install it, so that
    `prometheus` and `promtool` are on PATH (Debian and Ubuntu: apt install prometheus); (2) be on Debian or Ubuntu with
    a package list (apt-get update): it is then fetched and unpacked for the tests alone."""

    slug = "no-prometheus"

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


def program(name: Literal["prometheus", "promtool"]) -> str:
    """Where it is. Raises ``NoPrometheus``."""
    kept = UNPACKED / "usr/bin" / name
    found = shutil.which(name)
    if found is None and not kept.exists():
        _unpack()
    if found is None and not kept.exists():
        raise NoPrometheus
    return found or str(kept.absolute())


def _unpack() -> None:
    """Debian's package, without its service; left alone when it cannot be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        fetched = _ran(["apt-get", "-q", "download", "prometheus"], folder)
        if not fetched and may_install() and _ran(["apt-get", "-q", "update"], folder):
            fetched = _ran(["apt-get", "-q", "download", "prometheus"], folder)
        packages = list(Path(folder).glob("*.deb"))
        if fetched and packages:
            UNPACKED.mkdir(parents=True, exist_ok=True)
            _ran(["dpkg-deb", "-x", str(packages[0]), str(UNPACKED.absolute())], folder)


def _ran(command: Sequence[str], folder: str) -> bool:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


class Prometheus:
    """A running one, asked over its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str, at: float | None = None) -> Sequence[Mapping[str, Any]]:
        """The series of an instant query. Raises ``AssertionError`` with what Prometheus says of a bad one."""
        asked = {"query": expression} | ({"time": str(at)} if at is not None else {})
        answer = self._get(f"/api/v1/query?{urllib.parse.urlencode(asked)}")
        found: Sequence[Mapping[str, Any]] = answer["data"]["result"]
        return found

    def range(self, expression: str, start: float, end: float, step: float) -> Sequence[Mapping[str, Any]]:
        """The series of a query over a time, in seconds since 1970; ``values`` of each are instants with values."""
        asked = {"query": expression, "start": str(start), "end": str(end), "step": f"{step:.3f}"}
        answer = self._get(f"/api/v1/query_range?{urllib.parse.urlencode(asked)}")
        found: Sequence[Mapping[str, Any]] = answer["data"]["result"]
        return found

    def until(self, expression: str, seconds: float = BOOT) -> None:
        """Wait until it answers with something. Raises ``TimeoutError``."""
        end = clock.monotonic() + seconds
        while not self.query(expression):
            if clock.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.1)

    def names(self) -> set[str]:
        """Every metric it has seen."""
        return set(self._get("/api/v1/label/__name__/values")["data"])

    def exemplars(self, expression: str, start: float, end: float) -> Sequence[Mapping[str, Any]]:
        """What it kept of single measurements behind these series: ``labels``, ``value``, ``timestamp`` of each."""
        asked = {"query": expression, "start": str(start), "end": str(end)}
        answer = self._get(f"/api/v1/query_exemplars?{urllib.parse.urlencode(asked)}")
        return [each for series in answer["data"] for each in series["exemplars"]]

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{path}: {refused.read().decode()}") from refused


@contextmanager
def scraping(address: str, rules: Path, every: str = "1s") -> Iterator[Prometheus]:
    """A server of one's own that scrapes ``address`` (host and port) as the job ``postbode`` and evaluates ``rules``."""
    folder = scratch("prometheus", durable=False)
    (port,) = free_ports(1)
    settings = {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "rule_files": [str(rules.absolute())],
        "scrape_configs": [{"job_name": "postbode", "static_configs": [{"targets": [address]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
    guard = Guard()
    with (folder / "output.log").open("wb") as output:
        server = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                "--enable-feature=exemplar-storage",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    guard.plan([Step(kill=server.pid), Step(remove=str(folder))])
    try:
        found = Prometheus(f"http://127.0.0.1:{port}")
        _until_ready(found, server, folder)
        yield found
    finally:
        guard.release()
        server.wait()


def _until_ready(found: Prometheus, server: subprocess.Popen[bytes], folder: Path) -> None:
    end = clock.monotonic() + BOOT
    while True:
        try:
            urllib.request.urlopen(f"{found.url}/-/ready", timeout=2).close()
        except OSError:
            if server.poll() is not None or clock.monotonic() > end:
                said = (folder / "output.log").read_text(errors="replace")[-2000:]
                raise HubError(f"Prometheus did not start:\n{said}") from None
            time.sleep(0.05)
        else:
            return
