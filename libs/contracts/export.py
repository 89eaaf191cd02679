"""The contracts written down for readers outside Python: AsyncAPI 3, JSON Schema (2020-12), RabbitMQ definitions.

    python -m libs.contracts.export [--check] [ROOT]

writes ``docs/contracts/asyncapi.json``, ``docs/contracts/schemas/<event type>.json`` and
``deploy/rabbitmq/definitions.json`` below ROOT (the checkout, from which it is started), or with ``--check``
only tells what is out of date, ending 1. Everything comes from the event models and the topology;
nothing is written by hand. The samples beside them are made by hand, once, and never change.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from libs.contracts.definitions import definitions
from libs.contracts.envelope import Payload
from libs.contracts.registry import PAYLOADS
from libs.contracts.topology import TOPOLOGY, Topology

FOLDER = Path("docs/contracts")
SCHEMAS = FOLDER / "schemas"
DEFINITIONS = Path("deploy/rabbitmq/definitions.json")
BATCH = "application/cloudevents-batch+json"
_ENVELOPE: Mapping[str, Mapping[str, object]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "format": "uuid", "description": "the same in every repetition of this event"},
    "source": {"type": "string", "format": "uri-reference", "description": "the service that emits it"},
    "subject": {"type": "string", "description": "what it is about: the invoice or account id"},
    "time": {"type": "string", "format": "date-time"},
    "account": {"type": "string", "format": "uuid", "description": "the account it belongs to"},
    "correlationid": {"type": "string", "description": "the submission the invoice came in with"},
    "causationid": {"type": "string", "format": "uuid", "description": "the event that led to this one"},
    "traceparent": {"type": "string", "description": "W3C trace context of the span that made it"},
    "hubattempt": {"type": "integer", "minimum": 1, "description": "how often it was tried"},
    "hubalone": {"type": "boolean", "description": "it is handled with nothing else in hand"},
}
_REQUIRED = ("specversion", "id", "source", "type", "subject", "time", "account", "data")


class _Plain(GenerateJsonSchema):
    """Without the title that pydantic makes of every field's name: it says nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(model: type[Payload]) -> dict[str, Any]:
    """The JSON Schema of one event on the wire: envelope and data. Unknown fields are allowed, by design."""
    data = model.model_json_schema(mode="serialization", schema_generator=_Plain)
    shared = data.pop("$defs", {})
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": model.type,
        "description": inspect.cleandoc(model.__doc__ or ""),
        "type": "object",
        "properties": {**_ENVELOPE, "type": {"const": model.type}, "data": data},
        "required": list(_REQUIRED),
        "$defs": shared,
    }


def asyncapi(
    payloads: Mapping[str, type[Payload]] = PAYLOADS, topology: Topology = TOPOLOGY
) -> dict[str, Any]:
    """The AsyncAPI document: services send to exchanges and receive from queues."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for exchange in topology.exchanges:
        sent = [kind for kind, model in payloads.items() if model.exchange == exchange]
        channels[exchange] = {
            "address": exchange,
            "description": "Topic exchange; the routing key is the event type.",
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in sent},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False},
                }
            },
        }
        for kind in sent:
            operations[f"send.{kind}"] = _operation("send", exchange, [kind])
    for queue in topology.queues:
        reached = [k for k, m in payloads.items() if queue.name in topology.expected(m.exchange, k)]
        bound = ", ".join(f"{b.pattern} of {b.exchange}" for b in queue.bindings)
        channels[queue.name] = {
            "address": queue.name,
            "description": f"Work queue of {queue.service}, bound to {bound}. Dead letters: {queue.dead}.",
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in reached},
            "bindings": {
                "amqp": {
                    "is": "queue",
                    "queue": {"name": queue.name, "durable": True, "exclusive": False, "autoDelete": False},
                }
            },
        }
        operations[f"receive.{queue.name}"] = _operation("receive", queue.name, reached)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Postbode events",
            "version": "1",
            "description": (
                "What the services of Postbode tell each other. A message is a CloudEvents batch: one or more"
                " events of one type. Schemas describe one event of it. Within a version only additions are"
                " made; readers ignore what they do not know."
            ),
        },
        "defaultContentType": BATCH,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                kind: {
                    "name": kind,
                    "title": kind,
                    "summary": inspect.cleandoc(model.__doc__ or "").splitlines()[0],
                    "contentType": BATCH,
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-2020-12",
                        "schema": {"type": "array", "items": {"$ref": f"schemas/{kind}.json"}, "minItems": 1},
                    },
                }
                for kind, model in payloads.items()
            }
        },
    }


def _operation(action: str, channel: str, kinds: Sequence[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind}"} for kind in kinds],
    }


def files() -> dict[str, str]:
    """Every generated file by its path below the root, with its text."""
    documents = {FOLDER / "asyncapi.json": asyncapi(), DEFINITIONS: definitions()}
    documents.update({SCHEMAS / f"{kind}.json": schema(model) for kind, model in PAYLOADS.items()})
    return {
        path.as_posix(): json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for path, document in documents.items()
    }


def stale(root: Path) -> list[str]:
    """What below ``root`` differs from what the code says: changed, missing or left over."""
    wanted = files()
    found = {(SCHEMAS / path.name).as_posix() for path in (root / SCHEMAS).glob("*.json")}
    changed = [
        name
        for name, text in wanted.items()
        if not (root / name).exists() or (root / name).read_text("utf-8") != text
    ]
    return sorted({*changed, *(found - wanted.keys())})


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them. 0 when all is well."""
    parser = argparse.ArgumentParser(
        prog="contracts",
        description="AsyncAPI, JSON Schemas and RabbitMQ definitions, from the event models.",
    )
    parser.add_argument("root", nargs="?", type=Path, default=Path())
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end 1 when a file is out of date"
    )
    options = parser.parse_args(arguments)
    late = stale(options.root)
    if options.check:
        for name in late:
            print(f"{options.root / name} is out of date: run `make contracts`")
        return 1 if late else 0
    wanted = files()
    for name in late:
        path = options.root / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], "utf-8")
        else:
            path.unlink()
        print(f"{path} {'written' if name in wanted else 'removed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
