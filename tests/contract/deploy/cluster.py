"""What kubectl makes of an overlay, and who may talk to whom in it."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).parents[3] / "deploy" / "k8s"
OVERLAYS = ("staging", "production")
RESTORES = tuple(f"restore/{each}" for each in OVERLAYS)

Object = Mapping[str, Any]


@functools.cache
def rendered(folder: str) -> tuple[Object, ...]:
    """The objects of ``deploy/k8s/<folder>``."""
    command = next(
        (
            [found, *rest]
            for name, *rest in (("kubectl", "kustomize"), ("kustomize", "build"))
            if (found := shutil.which(name))
        ),
        None,
    )
    if command is None:
        pytest.fail(
            "neither kubectl nor kustomize is here: install one, see https://kubernetes.io/docs/tasks/tools/"
        )
    done = subprocess.run([*command, str(K8S / folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.load_all(done.stdout, yaml.CSafeLoader))


def overlay(name: str) -> tuple[Object, ...]:
    return rendered(f"overlays/{name}")


def of_kind(objects: tuple[Object, ...], *kinds: str) -> Iterator[Object]:
    return (each for each in objects if each["kind"] in kinds)


@dataclass(frozen=True)
class Workload:
    """A Deployment or Job of the hub."""

    kind: str
    name: str
    labels: Mapping[str, str]
    """Of its pods."""
    spec: Object
    pod: Object

    @property
    def service(self) -> str:
        return self.labels["app.kubernetes.io/name"]

    @property
    def role(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def container(self) -> Any:
        (one,) = self.pod["containers"]
        return one

    def environment(self, objects: tuple[Object, ...]) -> dict[str, str]:
        """As the container gets it: what ``envFrom`` names, then ``env``."""
        found: dict[str, str] = {}
        maps = {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}
        for source in self.container.get("envFrom", ()):
            found |= maps[source["configMapRef"]["name"]]
        return found | {each["name"]: each["value"] for each in self.container["env"]}

    def keys(self) -> set[str]:
        """Whose keys it is given."""
        return {
            item["key"]
            for volume in self.pod["volumes"]
            for source in volume.get("projected", {}).get("sources", ())
            if source["secret"]["name"] == "keys"
            for item in source["secret"]["items"]
        }

    def files(self) -> set[str]:
        """The paths of the secrets it is given."""
        mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        return {
            f"{mounts[volume['name']]}/{item['path']}"
            for volume in self.pod["volumes"]
            for source in volume.get("projected", {}).get("sources", ())
            for item in source["secret"]["items"]
        }


def workloads(objects: tuple[Object, ...]) -> list[Workload]:
    found = []
    for each in of_kind(objects, "Deployment", "Job"):
        template = each["spec"]["template"]
        found.append(
            Workload(
                each["kind"],
                each["metadata"]["name"],
                template["metadata"]["labels"],
                each["spec"],
                template["spec"],
            )
        )
    return found


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes a pod with these labels."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(
        (labels.get(each["key"]) in each["values"]) == (each["operator"] == "In")
        for each in selector.get("matchExpressions", ())
    )


def policies(objects: tuple[Object, ...], labels: Mapping[str, str], way: str) -> dict[str, list[Object]]:
    """The rules of each network policy that opens something to a pod with these labels; ``way``: Ingress, Egress."""
    return {
        each["metadata"]["name"]: each["spec"][way.lower()]
        for each in of_kind(objects, "NetworkPolicy")
        if way in each["spec"]["policyTypes"]
        and selects(each["spec"]["podSelector"], labels)
        and each["spec"].get(way.lower())
    }
