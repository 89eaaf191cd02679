"""The hub of ``make dev`` holds every service of this checkout, and its one door leads to each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.db.settings import DatabaseSettings
from libs.http.app import Readiness
from libs.messaging import Transport
from libs.runtime import app_of
from libs.settings import Settings
from services.solo import Plan, hub

ROOT = Path(__file__).parents[3]
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))
INTROSPECTION = "/v1/tokens/introspect"


def doors() -> list[tuple[str, str]]:
    """Path prefixes and the service behind each, as the door's configuration has them."""
    text = COMPOSE["configs"]["door"]["content"]
    named = {name: paths.split() for name, paths in re.findall(r"(@\w+) path (.+)", text)}
    return [
        (prefix.removesuffix("*"), service)
        for matcher, service in re.findall(r"reverse_proxy (?:(\S+) )?(\w+):8080", text)
        for prefix in named.get(matcher, [matcher])
    ]


def behind(path: str) -> str:
    """The service that answers ``path``: the longest prefix, as Caddy has it."""
    return max((len(prefix), service) for prefix, service in doors() if path.startswith(prefix))[1]


@pytest.mark.parametrize("transport", ["memory"], indirect=True)
async def test_the_door_leads_every_path_to_its_service(
    database: DatabaseSettings, transport: Transport
) -> None:
    common = Settings(database_url=database.url, secret=database.secret)
    async with hub(Plan(common), transport) as (services, resources):
        paths = {
            (path, service.name)
            for service in services
            if service.api is not None
            for path in app_of([service], resources, Readiness()).openapi()["paths"]
            if path.startswith("/v1/")
        }
    assert len(paths) > 15
    astray = {(path, behind(path)) for path, service in paths if behind(path) != service}
    # Services ask each other for this one, past the door; nobody outside has any business there.
    assert astray == {(INTROSPECTION, "portal")}
    assert COMPOSE["x-environment"]["POSTBODE_IDENTITY_URL"] == "http://ingest:8080"


def test_every_service_is_there_and_migrates_first() -> None:
    parts = COMPOSE["services"]
    for name in SERVICES:
        assert parts[name]["build"]["args"] == {"SERVICE": name}
        if (ROOT / "services" / name / "migrations").is_dir():
            before = parts[f"{name}-migrate"]
            assert before["image"] == parts[name]["image"]
            assert before["command"] == ["migrate"]
            needed = parts[name]["depends_on"][f"{name}-migrate"]
            assert needed == {"condition": "service_completed_successfully"}
