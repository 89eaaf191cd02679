"""RabbitMQ's management API, as far as tests need it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import httpx


class Management:
    """The few things asked of the management API. ``url`` carries the credentials."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self._client = httpx.Client(
            base_url=f"{parts.scheme}://{parts.hostname}:{parts.port}",
            auth=(parts.username or "guest", parts.password or "guest"),
            timeout=30,
        )
        self._user = parts.username or "guest"

    def ready(self) -> bool:
        """Whether the broker is up and its virtual hosts can be used."""
        try:
            return self._client.get("/api/vhosts").is_success
        except httpx.HTTPError:
            return False

    def version(self) -> str:
        answer = self._client.get("/api/overview").raise_for_status().json()
        return str(answer["rabbitmq_version"])

    def process_id(self) -> int:
        """The node's process id, as its own machine (or container) counts."""
        nodes = self._client.get("/api/nodes").raise_for_status().json()
        return int(nodes[0]["os_pid"])

    def make_vhost(self, name: str) -> None:
        path = quote(name, safe="")
        self._client.put(f"/api/vhosts/{path}", json={}).raise_for_status()
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        self._client.put(f"/api/permissions/{path}/{self._user}", json=rights).raise_for_status()

    def drop_vhost(self, name: str) -> None:
        self._client.delete(f"/api/vhosts/{quote(name, safe='')}")

    def drop_connections(self) -> int:
        """Cut every client connection, as a broken network would; returns how many there were."""
        open_now = self._client.get("/api/connections").raise_for_status().json()
        for each in open_now:
            self._client.delete(f"/api/connections/{quote(each['name'], safe='')}")
        return len(open_now)

    def queues(self) -> set[str]:
        """The names of those in the default virtual host."""
        return {each["name"] for each in self._client.get("/api/queues/%2F").raise_for_status().json()}

    def definitions(self, vhost: str) -> dict[str, object]:
        """Exchanges, queues and bindings of a virtual host, as RabbitMQ exports them."""
        answer = self._client.get(f"/api/definitions/{quote(vhost, safe='')}").raise_for_status()
        return dict(answer.json())

    def import_definitions(self, definitions: Mapping[str, object]) -> None:
        """What ``rabbitmqctl import_definitions`` does: make what is listed, in the virtual hosts it names."""
        self._client.post("/api/definitions", json=definitions).raise_for_status()

    def close(self) -> None:
        self._client.close()
