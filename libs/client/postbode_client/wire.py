"""Requests and replies of the hub's API, without any network. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from postbode_client.errors import Refused
from postbode_client.parcels import File

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may well be taken."""
_RUNNING = "idempotency-key-running"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; sent again as often as it takes."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[File] = ()
    params: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """As arguments of ``httpx.Client.request``, of both kinds."""
        # No empty list of files: that would be an empty form.
        form = [("file", (file.name, file.data)) for file in self.files] or None
        return {
            "method": self.method,
            "url": self.path,
            "headers": self.headers,
            "params": self.params,
            "files": form,
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whoever sent it: a proxy before the hub says 502 in words of its own."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    """Empty when it is no JSON object."""

    @property
    def code(self) -> str:
        return str(self.body.get("code") or "")

    @property
    def later(self) -> bool:
        """Neither yes nor no: to be tried again."""
        unread = 200 <= self.status < 300 and not self.body
        return self.status in _LATER or (self.status == 409 and self.code == _RUNNING) or unread

    def value(self) -> Mapping[str, Any]:
        """What was asked for. Raises ``Refused``."""
        if 200 <= self.status < 300:
            return self.body
        if 300 <= self.status < 400:
            # Followed, it would hand the key to whoever stands there.
            to = self.headers.get("location", "?")
            raise Refused(
                self.status, {"code": "redirected", "detail": f"The hub is at another address: {to}"}
            )
        raise Refused(self.status, self.body)


def reply(answer: httpx.Response) -> Reply:
    """Of a response that has been read."""
    return Reply(answer.status_code, answer.headers, read(answer.content))


def read(data: bytes | str) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def options(url: str, key: str) -> dict[str, Any]:
    """Arguments of both ``httpx`` clients. Raises ``ValueError`` for what would give the key away."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError(f"the address of a hub begins with https:// (this is {url!r})")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("this is no API key: copy it again, without spaces or line ends")
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {key}"},
        "follow_redirects": False,
        # Between a machine and itself stands no proxy.
        "trust_env": not local,
    }


def submit(files: Sequence[File], key: str, fields: Mapping[str, str] | None = None) -> Ask:
    """``fields`` go with the first of the files, whose PDF has its name."""
    said = [files[0].said(fields)] if fields and files else []
    return Ask("POST", "/v1/submissions", {"Idempotency-Key": key}, [*files, *said])


def submission(submission_id: str) -> Ask:
    return Ask("GET", f"/v1/submissions/{quote(submission_id, safe='')}")


def invoice(invoice_id: str) -> Ask:
    return Ask("GET", f"/v1/invoices/{quote(invoice_id, safe='')}")
