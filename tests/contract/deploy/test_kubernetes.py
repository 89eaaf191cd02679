"""The manifests, as kubectl renders them: fit for Kubernetes, for the processes in them, and for the code's own facts."""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest

from libs import links
from libs.contracts.registry import PAYLOADS
from libs.contracts.topology import TOPOLOGY
from libs.db.pools import MAX_SIZE
from libs.http import openapi
from libs.process import longest_stop
from libs.sealed import KEY_ADDRESSES
from libs.service import Resources, Service
from libs.settings import INTROSPECTION, Settings, load
from libs.testing import certificates
from services.configuration import variables
from services.doctor import settings_of
from services.keys import STORES, purposes
from services.solo import SERVICES
from tests.contract.deploy.cluster import (
    K8S,
    OVERLAYS,
    RESTORES,
    Object,
    Workload,
    of_kind,
    overlay,
    rendered,
    workloads,
)

ROOT = Path(__file__).parents[3]
ROLES = ("api", "worker", "relay")
CUSTOM = {
    "Cluster", "Gateway", "HTTPRoute", "ObjectStore", "RabbitmqCluster", "ScaledObject", "ScheduledBackup",
    "TriggerAuthentication",
}  # fmt: skip
"""Kinds that operators add. No package carries their schemas."""
INTERNAL = "/v1/tokens"
"""Services ask ingest for it, past the door."""

SCHEMAS = files("kubernetes_validate") / "kubernetes-json-schema" / "v1.37.0-local-strict"


class _Pools:
    async def get(self, schema: str, role: str) -> Any:
        return None


async def built(name: str, settings: Settings | None = None) -> Service:
    nothing = cast("Any", None)
    resources = Resources(
        transport=nothing,
        pools=cast("Any", _Pools()),
        documents=nothing,
        identity=nothing,
        base_url="http://localhost",
    )
    wiring = importlib.import_module(f"services.{name}.app")
    service: Service = await wiring.build(settings or settings_of(name)(), resources)
    return service


@functools.cache
def _schema(kind: str, group: str, version: str) -> jsonschema_rs.Validator | None:
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    if not (SCHEMAS / f"{name}.json").is_file():
        return None
    return jsonschema_rs.validator_for(
        _read(f"{name}.json"), retriever=_read, base_uri=f"https://schemas/{name}.json"
    )


@functools.cache
def _read(uri: str) -> Any:
    return json.loads((SCHEMAS / uri.rsplit("/", 1)[-1]).read_text("utf-8"))


def wrong(each: Object) -> list[str]:
    group, _, version = each["apiVersion"].rpartition("/")
    schema = _schema(each["kind"], group, version)
    if schema is None:
        return [] if each["kind"] in CUSTOM else [f"{each['kind']}: not a kind of Kubernetes"]
    return [
        f"{each['kind']} {each['metadata']['name']}: {error.message}" for error in schema.iter_errors(each)
    ]


def test_every_overlay_is_what_kubernetes_takes() -> None:
    """Strictly: a field that is misspelt is an error too."""
    for folder in (*(f"overlays/{name}" for name in OVERLAYS), *RESTORES):
        assert [each for every in rendered(folder) for each in wrong(every)] == []
    assert wrong({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prots": []}})


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_deployment_for_each_role_of_each_service(name: str) -> None:
    objects = overlay(name)
    found = workloads(objects)
    stores = [each for each in SERVICES if (ROOT / "services" / each / "migrations").is_dir()]
    wanted = {(each, role) for each in stores for role in ROLES} | {("portal", "api")}
    deployments = [each for each in found if each.kind == "Deployment"]
    assert sorted((each.service, each.role) for each in deployments) == sorted(wanted)
    for each in deployments:
        assert each.name == f"{each.service}-{each.role}"
        assert each.container["args"] == [each.role]
        spread = {rule["topologyKey"] for rule in each.pod["topologySpreadConstraints"]}
        assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        for rule in each.pod["topologySpreadConstraints"]:
            assert rule["labelSelector"] == each.spec["selector"]
        assert each.container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert each.container["livenessProbe"]["httpGet"]["path"] == "/livez"
        # Everything that evicts asks the budget of just this Deployment.
        budgets = [
            b
            for b in of_kind(objects, "PodDisruptionBudget")
            if b["spec"]["selector"] == each.spec["selector"]
        ]
        assert len(budgets) == 1
    scaled = {
        kind: sorted(each["spec"]["scaleTargetRef"]["name"] for each in of_kind(objects, kind))
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
    }
    assert scaled["HorizontalPodAutoscaler"] == sorted(
        each.name for each in deployments if each.role == "api"
    )
    assert scaled["ScaledObject"] == sorted(each.name for each in deployments if each.role == "worker")
    assert all(("replicas" in each.spec) == (each.role == "relay") for each in deployments)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for each in found:
        assert each.container["image"] == f"registry.example/postbode-{each.service}:{version}"


@pytest.mark.parametrize("name", OVERLAYS)
def test_expand_before_and_contract_after(name: str) -> None:
    """By one label, so that one overlay is applied step by step."""
    objects = overlay(name)
    steps = {each["metadata"]["labels"]["postbode/step"] for each in objects}
    assert steps == {"foundation", "expand", "run", "contract"}
    phases = {"expand": "pre", "contract": "all"}
    jobs = list(of_kind(objects, "Job"))
    assert {each["metadata"]["name"] for each in jobs} == {
        f"{service}-{step}"
        for service in SERVICES
        if (ROOT / "services" / service / "migrations").is_dir()
        for step in phases
    }
    for each in jobs:
        step = each["metadata"]["labels"]["postbode/step"]
        assert each["spec"]["template"]["spec"]["containers"][0]["args"] == [
            "migrate",
            "--phase",
            phases[step],
        ]
    for each in of_kind(objects, "Deployment", "HorizontalPodAutoscaler", "ScaledObject"):
        assert each["metadata"]["labels"]["postbode/step"] == "run"


def known(service: str) -> set[str]:
    """Every variable that a process of this service reads."""
    shared = {each.name for each in variables(Settings)}
    prefix = f"POSTBODE_{service.upper()}_"
    own = {each.name for each in variables(settings_of(service))}
    names = shared | own | {each.replace("POSTBODE_", prefix, 1) for each in shared}
    return names | {f"{each}_FILE" for each in names}


def known_anywhere() -> set[str]:
    return set().union(*(known(service) for service in SERVICES))


def of_image() -> dict[str, str]:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    return dict(re.findall(r"^ +(POSTBODE_\w+)=(\S+)", text, re.MULTILINE))


def reads_here(settings: Settings, *, of: str) -> list[str]:
    """Settings that still point to this machine, or to a folder that a container has not."""
    local = re.compile(r"127\.0\.0\.1|localhost|\.localhost|^(?!/)\w+/\w+$")
    return [
        field
        for field, value in settings.model_dump().items()
        if (field in settings_of(of).model_fields and local.search(str(value)))
    ]


def secret(variable: str, service: str) -> str:
    """What the file of a variable may hold."""
    if variable == "POSTBODE_OWN_KEYS_FILE":
        return json.dumps(dict.fromkeys(purposes(service), "0f" * 32))
    if variable == "POSTBODE_AMQP_URL_FILE":
        return "amqps://x@broker/"
    return "postgresql://x@database-rw/postbode" if "URL" in variable else "x" * 32


@pytest.mark.parametrize("service", STORES)
async def test_a_service_is_wired_with_its_own_keys_and_no_others(service: str) -> None:
    settings = settings_of(service)(own_keys=json.loads(secret("POSTBODE_OWN_KEYS_FILE", service)))
    assert (await built(service, settings)).name == service
    # Whoever breaks into one has no role of another, and no key that only another needs.
    shared = {("ingest", "track"): {links.PURPOSE, KEY_ADDRESSES}}
    for other in STORES:
        if other > service:
            both = set(purposes(service)) & set(purposes(other))
            assert both == shared.get((service, other), set()) | {INTROSPECTION}


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_process_finds_its_settings(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each is loaded by the class that will read it, from the variables and files of its manifest."""
    objects = overlay(name)
    certificate = certificates.pem(tmp_path, "mail")
    everywhere = known_anywhere()
    for each in workloads(objects):
        given = each.environment(objects)
        ours = {key for key in given if key.startswith("POSTBODE_")}
        assert ours <= everywhere, f"{each.name}: {sorted(ours - everywhere)}"
        alone = {entry["name"] for entry in each.container["env"] if entry["name"].startswith("POSTBODE_")}
        assert alone <= known(each.service), f"{each.name}: {sorted(alone - known(each.service))}"
        with monkeypatch.context() as patch:
            for key, value in (of_image() | given).items():
                if key.endswith("_FILE"):
                    assert value in each.files(), f"{each.name}: {key}"
                    file = tmp_path / Path(value).name
                    file.write_text(secret(key, each.service))
                    patch.setenv(key, str(file))
                elif value.startswith("/run/secrets/"):
                    assert value in each.files(), f"{each.name}: {key}"
                    patch.setenv(key, str(certificate))
                else:
                    patch.setenv(key, value)
            settings = load(settings_of(each.service))
        unneeded = {"amqp_url"} if each.role == "api" else set()
        if each.service != "deliver" or each.role != "worker":
            unneeded.add("folder_root")
        if each.service == "ingest" and each.role != "api":
            unneeded.add("smtp_host")
        if each.service == "deliver" and each.role != "api":
            unneeded.add("bounce_host")
        assert set(reads_here(settings, of=each.service)) <= unneeded, each.name
        assert ("POSTBODE_SECRET_FILE" in given) == (each.kind == "Job" or each.service == "portal"), (
            each.name
        )
        assert each.keys() == (
            {each.service} if each.kind == "Deployment" and each.service in STORES else set()
        )
        assert bool(settings.database_url) == (each.service != "portal"), each.name
        assert ("POSTBODE_DATABASE_URL_FILE" in given) == (each.kind == "Job"), (
            "the administrator's is for migrations"
        )
        assert not re.search(r"//[^/]*@", given.get("POSTBODE_DATABASE_URL", "")), each.name
        # Whoever is reached from outside shows who it is.
        assert bool(getattr(settings, "smtp_certificate", "")) == (each.name == "ingest-api"), each.name
        if each.kind == "Deployment":
            served = settings.port if each.role == "api" else settings.health_port
            assert served == each.container["ports"][0]["containerPort"], each.name
            assert each.pod["terminationGracePeriodSeconds"] >= longest_stop(settings), each.name


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_follows_a_restore_finds_its_settings(name: str) -> None:
    objects = rendered(f"restore/{name}")
    (image,) = {each.container["image"] for each in workloads(objects) if each.service == "deliver"}
    for job in (each for each in workloads(objects) if each.role == "restore"):
        given = job.environment(objects)
        assert {key for key in given if key.startswith("POSTBODE_")} <= known_anywhere() | {
            "POSTBODE_OPERATOR"
        }
        assert {value for key, value in given.items() if key.endswith("_FILE")} <= job.files()
        assert "POSTBODE_SECRET_FILE" in given, "it looks into every service"
        assert job.container["image"] == image, "the release that runs"
    (database,) = of_kind(objects, "Cluster")
    (before,) = database["spec"]["externalClusters"]
    written = [each["parameters"]["serverName"] for each in database["spec"]["plugins"]]
    assert database["spec"]["bootstrap"]["recovery"]["source"] == before["name"]
    assert before["plugin"]["parameters"]["serverName"] not in written, (
        "it would write over what it comes from"
    )


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_restore_is_the_overlay_but_for_what_restoring_needs(name: str) -> None:
    """Or the store of backups, the size of the database, or an address were those of nobody."""
    kept = {(each["kind"], each["metadata"]["name"]): each for each in overlay(name)}
    found = {(each["kind"], each["metadata"]["name"]): each for each in rendered(f"restore/{name}")}
    assert found.keys() - kept.keys() == {("Job", "redrive"), ("Job", "drained")}
    assert [each for each in kept if found[each] != kept[each]] == [("Cluster", "database")]
    before, after = (each["Cluster", "database"]["spec"] for each in (kept, found))
    differs = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
    assert differs == {"bootstrap", "externalClusters", "plugins"}
    applied = [key for key, each in found.items() if each["metadata"]["labels"]["postbode/step"] == "restore"]
    assert sorted(applied) == [("Cluster", "database"), ("Job", "redrive")]


def test_a_restore_to_a_moment_knows_the_moment_and_puts_back(tmp_path: Path) -> None:
    here = os.path.relpath(K8S, tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{here}/overlays/production]\n"
        f"components: [{here}/restore/database, {here}/restore/moment]\n"
    )
    objects = rendered(str(tmp_path))
    (database,) = of_kind(objects, "Cluster")
    moment = database["spec"]["bootstrap"]["recovery"]["recoveryTarget"]["targetTime"]
    (job,) = [each for each in workloads(objects) if each.name == "redrive"]
    assert job.container["command"] == ["postbode", "redrive", "--put-back", "--since", moment]
    assert (K8S / "restore/production/kustomization.yaml").read_text().endswith("  # - ../moment\n")


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_fit_the_restricted_profile(name: str) -> None:
    (namespace,) = of_kind(overlay(name), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace") for each in overlay(name)} == {
        None,
        namespace["metadata"]["name"],
    }
    for each in workloads(rendered(f"restore/{name}")):
        pod, own = each.pod, each.container["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True, each.name
        assert pod["securityContext"]["runAsUser"] == 10001, "the image's own user"
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        allowed = {"name", "projected", "emptyDir", "persistentVolumeClaim"}
        assert all(volume.keys() <= allowed for volume in pod["volumes"]), each.name
        assert {"name": "tmp", "mountPath": "/tmp"} in each.container["volumeMounts"]
        assert each.container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", OVERLAYS)
async def test_the_door_leads_every_path_to_its_service(name: str) -> None:
    (route,) = of_kind(overlay(name), "HTTPRoute")
    ports = {each["metadata"]["name"]: each["spec"]["ports"] for each in of_kind(overlay(name), "Service")}
    leads: dict[str, set[str]] = {}
    for rule in route["spec"]["rules"]:
        assert len(rule["matches"]) <= 8
        for backend in rule.get("backendRefs", ()):
            assert backend["port"] in [port["port"] for port in ports[backend["name"]]]
            paths = {match["path"]["value"] for match in rule["matches"]}
            leads.setdefault(backend["name"].removesuffix("-api"), set()).update(paths)
    claimed: dict[str, set[str]] = {}
    for service in SERVICES:
        made = await built(service)
        assert made.api is not None
        claimed[service] = openapi.prefixes(made.api, made.openapi_extra_paths)
    openapi.no_clash(claimed)
    assert leads.pop("portal") == {"/"}
    assert all(not path.startswith("/v1") for path in claimed.pop("portal"))
    assert leads == {service: paths - {INTERNAL} for service, paths in claimed.items()}
    (settings,) = of_kind(overlay(name), "ConfigMap")
    host = settings["data"]["POSTBODE_BASE_URL"].removeprefix("https://")
    (gateway,) = of_kind(overlay(name), "Gateway")
    assert [host] == route["spec"]["hostnames"] == [gateway["spec"]["listeners"][0]["hostname"]]
    # Portal comes in by the same door as everybody.
    assert settings["data"]["POSTBODE_PORTAL_API_URL"].removeprefix("https://") in route["spec"]["hostnames"]


async def test_workers_scale_on_their_queues_and_on_the_outbox_before_them() -> None:
    services = [await built(each) for each in SERVICES]
    feeders: dict[str, set[str]] = {}
    for service in services:
        for kind in service.emits:
            for queue in TOPOLOGY.expected(PAYLOADS[kind].exchange, kind):
                feeders.setdefault(queue.partition(".")[0], set()).add(service.name)
    scaled = {
        each["metadata"]["name"]: each["spec"] for each in of_kind(overlay("production"), "ScaledObject")
    }
    assert len(scaled) == len(feeders)
    for service in services:
        if service.consumers:
            first, *rest = scaled[f"{service.name}-worker"]["triggers"]
            query = re.fullmatch(
                r'max\(postbode_outbox_oldest_seconds\{service=~"([a-z|]+)"\}\)', first["metadata"]["query"]
            )
            assert query is not None
            assert set(query[1].split("|")) == feeders[service.name]
            assert [each["metadata"]["queueName"] for each in rest] == [
                each.queue for each in service.consumers
            ]


def _most(objects: tuple[Object, ...], each: Workload) -> int:
    for scaler in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["metadata"]["name"] == each.name:
            spec = scaler["spec"]
            return int(spec.get("maxReplicas") or spec["maxReplicaCount"])
    return int(each.spec["replicas"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_database_takes_as_many_connections_as_pods_may_open(name: str) -> None:
    """A process has two pools at most: that of its API role, which an API alone fills, and that of its worker role."""
    objects = overlay(name)
    most = 0
    for each in workloads(objects):
        if each.kind == "Job":
            most += 2
        elif each.service != "portal":
            # One more of each while a release rolls out.
            most += (_most(objects, each) + 1) * (2 * MAX_SIZE if each.role == "api" else MAX_SIZE + 1)
    (database,) = of_kind(objects, "Cluster")
    reserved = 20
    assert most + reserved <= int(database["spec"]["postgresql"]["parameters"]["max_connections"]), most
