"""What is deployed fits the tree and the architecture page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.settings import Settings, load
from services.doctor import settings_of

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
INTERNAL = {"/v1/tokens"}
"""Paths only services call: the door does not let them through."""


def owned() -> dict[str, set[str]]:
    """The path prefixes by service, as the architecture page has them."""
    rows = re.findall(r"^\| (\w+) \| (?:`\w+`|none) \| .* \| (`/.*?`) \|$", ARCHITECTURE, re.MULTILINE)
    return {service: set(re.findall(r"`(/[^`]*)`", paths)) for service, paths in rows}


def services() -> dict[str, dict[str, Any]]:
    """Compose services that are ours, by the service they run."""
    return {
        part["build"]["args"]["SERVICE"]: part for part in COMPOSE["services"].values() if "build" in part
    }


def test_compose_runs_every_service_of_the_tree() -> None:
    assert set(services()) == set(owned())
    assert set(services()) == {wiring.parent.name for wiring in (ROOT / "services").glob("*/app.py")}


def test_no_prefix_belongs_to_two_services() -> None:
    prefixes = [prefix for mine in owned().values() for prefix in mine]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize("service", sorted(owned()))
def test_the_door_leads_to_the_owner(service: str) -> None:
    door = COMPOSE["configs"]["door"]["content"]
    matchers = dict(re.findall(r"@(\w+) path (.*)", door))
    leads: dict[str, str] = {}
    for match, target in re.findall(r"reverse_proxy (?:(\S+) )?(\w+):8080", door):
        for prefix in matchers.get(match.removeprefix("@"), match or "/").split():
            leads[prefix.removesuffix("*")] = target
    expected = owned()[service] - INTERNAL
    assert {prefix for prefix, target in leads.items() if target == service} == expected
    assert not leads.keys() & INTERNAL


def test_every_setting_in_compose_exists() -> None:
    """A misspelt variable would be ignored in silence."""
    shared = {f"POSTBODE_{name.upper()}" for name in Settings.model_fields}
    for service, part in services().items():
        text = (ROOT / "services" / service / "settings.py").read_text("utf-8")
        own = {
            f"POSTBODE_{service.upper()}_{name.upper()}"
            for name in re.findall(r"^    (\w+): ", text, re.MULTILINE)
        }
        assert set(part["environment"]) <= shared | own, service


def test_compose_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its secret is public, so no port may be; and the hub takes that secret though containers listen to all."""
    ports = [port for part in COMPOSE["services"].values() for port in part.get("ports", ())]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    monkeypatch.setenv("POSTBODE_HOST", "0.0.0.0")
    for service, part in services().items():
        with monkeypatch.context() as environment:
            for name, value in part["environment"].items():
                environment.setenv(name, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)))
            assert load(settings_of(service)).host == "0.0.0.0"


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert "exec python -m services.$SERVICE" in last
    assert "pip install" not in text, "what is installed is what install.sh installs, by hash"
    assert "--require-hashes" in (ROOT / "deploy" / "install.sh").read_text("utf-8")
