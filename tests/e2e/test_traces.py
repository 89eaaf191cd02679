"""From one span to the next: an invoice's trace is linked from the door it came in by to its delivery."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from libs.testing import builders
from libs.testing.spans import Recorded, recording
from tests.e2e.world import World

X = "58070036"
STAGES = ("validate.received", "route.validated", "deliver.routed")


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


async def all_there(spans: Recorded, *names: str) -> None:
    """Wait until a span of each name has ended."""
    async with asyncio.timeout(10):
        while not all(spans.named(name) for name in names):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("door", ["http", "mail"])
async def test_every_stage_links_to_the_one_before(world: World, door: str) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X), folder="x")
    xml = builders.invoice(number="F1", buyer_kvk=X)
    with recording(1.0) as spans:
        if door == "http":
            invoice_id = (await world.post(supplier, ("F1.xml", xml))).json()["invoices"][0]["invoice_id"]
        else:
            invoice_id = (await world.mail(supplier, ("F1.xml", xml)))["F1.xml"]["invoice_id"]
        await world.until(supplier, invoice_id, "arrived")
        await all_there(spans, *(f"process {queue}" for queue in STAGES))
    (before,) = spans.named("POST /v1/submissions" if door == "http" else "receive mail")
    published = [span for span in spans.spans if span.name.startswith("publish ")]
    for queue in STAGES:
        assert any(before.context.span_id in linked(span) for span in published), queue
        process = next(
            span for span in spans.named(f"process {queue}") if before.context.span_id in linked(span)
        )
        # Linked, not continued: a retry three days later is not the same trace.
        assert process.parent is None
        assert process.context.trace_id != before.context.trace_id
        assert process.kind is SpanKind.CONSUMER
        attributes = dict(process.attributes or {})
        assert attributes["messaging.system"] in ("rabbitmq", "postbode.memory")
        assert attributes["messaging.operation.name"] == "process"
        assert attributes["messaging.operation.type"] == "process"
        assert queue in str(attributes["messaging.destination.name"])
        assert attributes["hub.stage"] == queue.partition(".")[0]
        assert attributes["hub.invoice.id"] == invoice_id
        before = process


async def test_what_was_not_chosen_is_recorded_nowhere(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X), folder="x")
    with recording(0) as spans:
        sent = await world.post(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=X)))
        invoice = await world.until(supplier, sent.json()["invoices"][0]["invoice_id"], "arrived")
        await asyncio.sleep(0.2)
    assert [span.name for span in spans.spans if span.status.status_code is not StatusCode.ERROR] == []
    # Whoever asks about it later can name its trace all the same.
    assert invoice["trace_id"] == sent.headers["traceresponse"][3:35]
