"""What watches the hub of ``make dev`` fits together: names, ports, places of files, data sources.

The images of the collector, Tempo and Grafana could not be had, so their own words on their configuration are missing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
OBSERVABILITY = DEPLOY / "observability"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
PARTS: dict[str, Any] = COMPOSE["services"]
OURS = {part["build"]["args"]["SERVICE"] for part in PARTS.values() if "build" in part}


def read(path: str) -> Any:
    return yaml.safe_load((OBSERVABILITY / path).read_text("utf-8"))


def mounts(part: str) -> dict[str, Path]:
    """Files and folders of this checkout, by where the container has them."""
    pairs = (volume.split(":")[:2] for volume in PARTS[part]["volumes"])
    return {inside: (DEPLOY / outside).resolve() for outside, inside in pairs if outside.startswith(".")}


@pytest.mark.parametrize(
    "part", ["collector", "tempo", "prometheus", "grafana", "purchase-to-pay", "exact-online", "globe"]
)
def test_what_is_mounted_is_there(part: str) -> None:
    assert [path for path in mounts(part).values() if not path.exists()] == []
    assert all(volume.endswith(":ro") for volume in PARTS[part]["volumes"] if volume.startswith("."))


def test_every_image_of_others_has_a_version() -> None:
    images = {part["image"] for part in PARTS.values() if not part["image"].startswith("postbode-")}
    assert [image for image in images if not re.search(r":v?\d", image)] == []
    used = {part["image"] for part in PARTS.values()} - images
    assert used == {f"postbode-{service}" for service in OURS}


def test_commands_name_files_that_are_mounted() -> None:
    for part in ("collector", "tempo", "prometheus"):
        (config,) = [
            w.partition("=")[2] for w in PARTS[part]["command"] if w.startswith(("--config", "-config"))
        ]
        assert config in mounts(part), part


def test_traces_reach_tempo_by_way_of_the_collector() -> None:
    target = urlsplit(COMPOSE["x-environment"]["POSTBODE_OTLP_ENDPOINT"])
    collector, tempo = read("collector.yaml"), read("tempo.yaml")
    assert target.hostname in PARTS
    assert _port(collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]) == target.port
    host, _, port = collector["exporters"]["otlp/tempo"]["endpoint"].partition(":")
    assert host in PARTS
    assert _port(tempo["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]) == int(port)
    for kind, pipeline in collector["service"]["pipelines"].items():
        assert kind in ("traces", "metrics")
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline.get(part, ())) <= collector.get(part, {}).keys()
    stored = tempo["storage"]["trace"]
    volume = {v.split(":")[0]: v.split(":")[1] for v in PARTS["tempo"]["volumes"]}["tempo"]
    assert all(where["path"].startswith(f"{volume}/") for where in (stored["wal"], stored["local"]))


def test_prometheus_scrapes_every_service_and_has_the_alerts() -> None:
    config = read("prometheus/prometheus.yaml")
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "postbode", "alerts ask for it"
    assert {target for each in job["static_configs"] for target in each["targets"]} == {
        f"{s}:8080" for s in OURS
    }
    assert mounts("prometheus")[config["rule_files"][0]] == OBSERVABILITY / "prometheus" / "alerts.yaml"


def test_grafana_has_the_data_sources_and_dashboards() -> None:
    sources = read("grafana/provisioning/datasources/postbode.yaml")["datasources"]
    ports = {"prometheus": 9090, "tempo": read("tempo.yaml")["server"]["http_listen_port"]}
    for source in sources:
        assert urlsplit(source["url"]).hostname == source["type"] == source["uid"]
        assert urlsplit(source["url"]).port == ports[source["uid"]]
    (provider,) = read("grafana/provisioning/dashboards/postbode.yaml")["providers"]
    folder = mounts("grafana")[provider["options"]["path"]]
    pages = [json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")]
    assert len(pages) == 5
    asked = {
        t["datasource"]["uid"] for page in pages for panel in page["panels"] for t in panel.get("targets", ())
    }
    assert asked == {source["uid"] for source in sources}


def test_simulators_stand_where_sync_can_reach_them() -> None:
    """They listen on 127.0.0.1 alone."""
    for part in ("purchase-to-pay", "exact-online"):
        assert PARTS[part]["network_mode"] == "service:sync"
        assert (ROOT / PARTS[part]["command"][1].replace(".", "/") / "__main__.py").exists()


def test_ours_run_as_in_production() -> None:
    for name, part in PARTS.items():
        if part["image"].startswith("postbode-"):
            assert part["read_only"], name
            assert part["cap_drop"] == ["ALL"], name


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])
