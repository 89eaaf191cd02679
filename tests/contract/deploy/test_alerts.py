"""The alerts: as the code writes them, right to Prometheus, each seen firing, each with a section that says what to do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from libs.testing.watch import alerts
from libs.testing.watch.prometheus import program

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "observability" / "prometheus"
RULES, TESTS = FOLDER / "alerts.yaml", FOLDER / "alerts.test.yaml"


def promtool(*words: str) -> str:
    done = subprocess.run(
        [program("promtool"), *words], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def anchors(page: Path) -> Iterator[str]:
    """As a forge makes them of headings."""
    for heading in re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_rules_are_written_from_the_code() -> None:
    assert yaml.safe_load(RULES.read_text("utf-8")) == alerts.rules(), "run `make contracts`"


def test_prometheus_takes_the_rules() -> None:
    found = sum(len(group["rules"]) for group in alerts.rules()["groups"])
    assert f"SUCCESS: {found} rules found" in promtool("check", "rules", RULES.name)


def test_prometheus_takes_its_settings_in_make_dev(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yaml").read_text("utf-8").replace("/etc/prometheus/", f"{FOLDER}/")
    (tmp_path / "prometheus.yaml").write_text(text, "utf-8")
    assert "1 rule files found" in promtool("check", "config", str(tmp_path / "prometheus.yaml"))


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", TESTS.name)


def test_every_alert_is_seen_firing() -> None:
    expected = re.findall(r'alertname="(\w+)"|alertname: (\w+)', TESTS.read_text("utf-8"))
    assert {first or second for first, second in expected} == set(alerts.names())
    for slo in {slo.alert for slo in alerts.SLOS[:1]}:
        windows = re.findall(rf'alertname="{slo}",severity="\w+",window="(\w+)"', TESTS.read_text("utf-8"))
        assert set(windows) == {burn.long for burn in alerts.BURNS}


@pytest.mark.parametrize("name", alerts.names())
def test_every_alert_says_what_to_do(name: str) -> None:
    page, _, anchor = alerts.anchor(name).partition("#")
    assert anchor in set(anchors(ROOT / page))


def test_no_section_is_about_an_alert_that_is_gone() -> None:
    told = re.findall(r"^#+ (Postbode[A-Z]\w+)$", (ROOT / alerts.RUNBOOK).read_text("utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(alerts.names())
