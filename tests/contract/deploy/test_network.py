"""Who may talk to whom in the cluster: what a process does not need, it cannot reach."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.deploy.cluster import OVERLAYS, Object, of_kind, overlay, policies, selects, workloads

EVERYBODY = {"names", "telemetry"}
STORED = EVERYBODY | {"to-database"}
API = STORED | {"to-identity"}
WORKER = STORED | {"to-broker"}

REACH = {
    ("ingest", "api"): STORED,
    ("route", "api"): API | {"to-internet"},
    ("route", "worker"): WORKER | {"to-internet"},
    ("deliver", "api"): API | {"to-internet"},
    ("deliver", "worker"): WORKER | {"to-mail", "to-internet", "to-receivers"},
    ("track", "worker"): WORKER | {"to-mail"},
    ("sync", "api"): API | {"to-internet", "to-globe"},
    ("sync", "worker"): WORKER | {"to-internet", "to-globe"},
    ("portal", "api"): EVERYBODY | {"to-door"},
}
"""Those that need more than their role does."""


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_reaches_what_it_needs_and_nothing_else(name: str) -> None:
    objects = overlay(name)
    for each in workloads(objects):
        wanted = REACH.get((each.service, each.role), API if each.role == "api" else WORKER)
        assert set(policies(objects, each.labels, "Egress")) == wanted, each.name
    # What reads hostile bytes for a living reaches no address outside: no rule of it names one.
    for role in ("worker", "relay"):
        rules = policies(objects, {**_labels(objects, "validate", role)}, "Egress")
        assert not [
            peer for each in rules.values() for rule in each for peer in rule["to"] if "ipBlock" in peer
        ]


def test_whoever_is_named_by_no_rule_is_cut_off() -> None:
    for objects in map(overlay, OVERLAYS):
        (nothing,) = [
            each for each in of_kind(objects, "NetworkPolicy") if each["metadata"]["name"] == "nothing"
        ]
        assert nothing["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        assert set(policies(objects, {"app": "stranger"}, "Egress")) == {"names"}
        assert policies(objects, {"app": "stranger"}, "Ingress") == {}


@pytest.mark.parametrize("name", OVERLAYS)
def test_who_may_ask_is_let_in(name: str) -> None:
    """Both ends have to agree, or a connection that is needed hangs."""
    objects = overlay(name)
    database, broker = {"cnpg.io/cluster": "database"}, {"app.kubernetes.io/name": "broker"}
    for each in workloads(objects):
        reach = policies(objects, each.labels, "Egress")
        assert ("to-database" in reach) == _lets_in(objects, database, each.labels, 5432), each.name
        assert ("to-broker" in reach) == _lets_in(objects, broker, each.labels, 5672), each.name
        if "to-identity" in reach:
            assert _lets_in(objects, _labels(objects, "ingest", "api"), each.labels, 8080), each.name
        doors = {"from-door"} if each.role == "api" else set()
        doors |= {"from-mail", "identity"} if (each.service, each.role) == ("ingest", "api") else set()
        doors |= {"from-bounces"} if (each.service, each.role) == ("deliver", "api") else set()
        assert set(policies(objects, each.labels, "Ingress")) == {"telemetry"} | doors, each.name


def _labels(objects: tuple[Object, ...], service: str, role: str) -> Any:
    (one,) = [each.labels for each in workloads(objects) if (each.service, each.role) == (service, role)]
    return one


def _lets_in(objects: tuple[Object, ...], to: Any, asking: Any, port: int) -> bool:
    return any(
        selects(peer["podSelector"], asking)
        for rules in policies(objects, to, "Ingress").values()
        for rule in rules
        if port in [each["port"] for each in rule["ports"]]
        for peer in rule.get("from", ())
        if "podSelector" in peer
    )


def test_the_matcher_knows_no_from_yes() -> None:
    """What every assertion here leans on."""
    wanted = {
        "matchLabels": {"a": "1"},
        "matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["x"]}],
    }
    assert selects(wanted, {"a": "1"})
    assert selects(wanted, {"a": "1", "b": "y"})
    assert not selects(wanted, {"a": "1", "b": "x"})
    assert not selects(wanted, {"a": "2"})
