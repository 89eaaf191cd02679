"""One of the demo's receivers has its books at Exact Online. Whoever starts the demo says where that is; the demo links
them as people would, and counts there what was booked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import httpx

from libs.http.client import client
from libs.service import Resources
from libs.settings import Settings
from services.demo import cast

RULES = {"rules": [{"journal": "60"}, {"account": "4500"}]}


@dataclass(frozen=True, slots=True)
class Office:
    """An Exact Online, the hub's app there, and somebody who may book in ``division``."""

    base_url: str
    client_id: str
    client_secret: str
    redirect_uri: str
    division: int
    person: Mapping[str, str]
    """``username`` and ``password``."""
    entries: Callable[[], Mapping[str, set[str]]]
    """Numbers of what stands in the books, by invoice number."""

    @property
    def settings(self) -> dict[str, Any]:
        """What deliver has to know. A step that a kill cut short is looked up soon: nobody waits a minute for a demo."""
        return {
            "exact_client_id": self.client_id,
            "exact_client_secret": self.client_secret,
            "exact_redirect_uri": self.redirect_uri,
            "exact_host": self.base_url,
            "exact_settle_seconds": 1.0,
        }


Opened: TypeAlias = Callable[[Path], AbstractContextManager[Office]]
"""Starts one that keeps what it knows in this folder."""


async def link(resources: Resources, common: Settings, folder: Path, office: Office) -> None:
    """The receiver is entered, and its link set up in three steps; once, unless Exact Online is another one now."""
    written = folder / "books.json"
    async with client(base_url=common.base_url) as http:
        if not written.exists():
            staff = await cast.staff_key(resources, common)
            _write(written, await cast.enter_with_books(resources, common, http, staff))
        kept = json.loads(written.read_text())
        at = f"{office.base_url} {office.client_id}"
        if kept.get("at") == at:
            return
        await _link(http, kept, office)
        _write(written, {**kept, "at": at})


def _write(path: Path, value: object) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(value))
    draft.chmod(0o600)
    draft.replace(path)


async def _link(http: httpx.AsyncClient, kept: Mapping[str, str], office: Office) -> None:
    at = f"/v1/connections/{kept['party']}/exact"
    own = {"Authorization": f"Bearer {kept['key']}"}
    staff = {"Authorization": f"Bearer {kept['staff']}"}

    async def ask(method: str, path: str, body: object, headers: Mapping[str, str] = own) -> Any:
        reply = await http.request(method, f"{at}{path}", json=body, headers=dict(headers))
        reply.raise_for_status()
        return reply.json()

    begun = await ask("POST", "", {"country": "nl", "account_id": kept["account"]}, staff)
    # What its person does in a browser: signs in at Exact Online and allows it.
    signed_in = await http.post(begun["url"], data={**office.person, "decision": "allow"})
    back = parse_qs(urlsplit(signed_in.headers["location"]).query)
    await ask("POST", "/consent", {"code": back["code"][0], "state": back["state"][0]})
    await ask("PUT", "/division", {"division": office.division})
    await ask("PUT", "/booking", {"purchase": RULES})
