"""From one span to the next: an invoice's trace is linked from the door it came in by to its delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from libs.testing import builders
from libs.testing.spans import Recorded, recording
from tests.e2e.world import PATIENCE, World

X = "58070036"
STAGES = ("validate.received", "route.validated", "deliver.routed")


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


def heard(spans: Recorded, queue: str) -> list[int]:
    """The spans that made what was taken from a queue, by batches that are over; one batch may have it all."""
    return [link.context.span_id for span in spans.named(f"process {queue}") for link in span.links]


def published(spans: Recorded) -> set[int]:
    """The spans that made what was published, by now and for certain."""
    sending = (span for span in spans.spans if span.name.startswith("publish "))
    return {each for span in sending for each in linked(span)}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
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
        # Whoever takes a message may be done with it before its sender knows that it was taken.
        await until(
            lambda: all(set(made := heard(spans, each)) <= published(spans) and made for each in STAGES)
        )
    (before,) = spans.named("POST /v1/submissions" if door == "http" else "receive mail")
    assert names_it(before, invoice_id)
    for queue in STAGES:
        assert before.context.span_id in published(spans), queue
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


async def retried(world: World, invoice_id: str, times: int) -> None:
    """Let what failed be due at once, so many times; the breaker is not what is tried here."""
    pool = await world.resources.pools.get("deliver", "worker")
    for number in range(1, times + 1):
        async with asyncio.timeout(PATIENCE):
            while not await pool.fetchval(
                "SELECT true FROM delivery WHERE invoice_id = $1 AND attempts = $2 AND state = 'queued'",
                UUID(invoice_id), number,
            ):  # fmt: skip
                await asyncio.sleep(0.05)
        await pool.execute("UPDATE delivery SET due_at = now() WHERE invoice_id = $1", UUID(invoice_id))


def story(spans: Recorded, door: ReadableSpan) -> list[ReadableSpan]:
    """What leads back to the door: children, and whatever links to what is in it already."""
    found: dict[int, ReadableSpan] = {door.context.span_id: door}
    while True:
        more = {
            span.context.span_id: span
            for span in spans.spans
            if span.context.span_id not in found
            and ((span.parent and span.parent.span_id in found) or linked(span) & found.keys())
        }
        if not more:
            return list(found.values())
        found |= more


def names_it(span: ReadableSpan, invoice_id: str) -> bool:
    """Whether a search for the invoice finds it, as the dashboard asks (``libs.testing.watch.dashboards``)."""
    about = (span.attributes, *(link.attributes for link in span.links))
    return any((each or {}).get("hub.invoice.id") == invoice_id for each in about)


@pytest.mark.parametrize("transport", ["amqp"], indirect=True)
async def test_one_invoice_that_was_tried_three_times_is_one_story(world: World) -> None:
    answers = iter(("451 4.2.0 Later", "451 4.2.0 Later still"))
    take = world.receivers.handle_DATA

    async def busy(server: SMTP, session: Session, envelope: Envelope) -> str:
        return next(answers, None) or await take(server, session, envelope)

    world.receivers.handle_DATA = busy  # type: ignore[method-assign]
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X))
    with recording(1.0) as spans:
        sent = await world.post(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=X)))
        invoice_id = sent.json()["invoices"][0]["invoice_id"]
        await retried(world, invoice_id, 2)
        await world.until(supplier, invoice_id, "sent")
        await until(lambda: len(heard(spans, "track.facts")) >= 4)
        invoice = await world.told(supplier, invoice_id, "received", "validated", "routed", "handed_over")
    (door,) = spans.named("POST /v1/submissions")
    connected = story(spans, door)
    assert {
        "process validate.received",
        "process route.validated",
        "process deliver.routed",
        "process track.facts",
    } <= {span.name for span in connected}
    attempts = [
        (dict(event.attributes or {})["hub.attempt"], dict(event.attributes or {})["hub.outcome"])
        for span in connected if span.name == "deliver smtp"
        for event in span.events if event.name == "attempt ended"
    ]  # fmt: skip
    assert sorted(attempts) == [(1, "failed"), (2, "failed"), (3, "handed_over")]
    failures = [span for span in connected if span.status.status_code is StatusCode.ERROR]
    assert [dict(span.attributes or {})["hub.attempt"] for span in failures] == [1, 2]
    # Whatever names the invoice is part of it, and nothing of it goes on in a trace of another's.
    named = [span for span in spans.spans if names_it(span, invoice_id)]
    assert len(named) >= 8
    assert [span.name for span in named if span not in connected] == []
    traces = {f"{span.context.trace_id:032x}" for span in connected}
    told = [(moment["type"], moment["trace_id"]) for moment in invoice["timeline"]]
    assert len(told) == 4
    assert [each for each in told if each[1] not in traces] == [], "every fact names its trace"
