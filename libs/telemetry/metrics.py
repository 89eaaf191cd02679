"""Every instrument of the hub, named once. Import the instrument, never make one elsewhere.

Names and units follow the OpenTelemetry conventions where there are any; the hub's own begin with
``postbode.``. Attributes are those of ``ATTRIBUTES`` and keep few values each: a service, a queue, a route
template, a code. Never an account or an invoice: those are in traces and logs.

Instruments made before ``setup.configure`` come to life when it runs; without it they do nothing.
"""

from __future__ import annotations

from opentelemetry import metrics

from libs.telemetry.gauges import Asked

ATTRIBUTES = frozenset(
    {
        "cause",
        "channel",
        "code",
        "db.operation.name",
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "objective",
        "outcome",
        "pack",
        "queue",
        "release",
        "rule",
        "schedule",
        "server.address",
        "server.port",
        "service",
        "smtp.response.status_code",
        "straight",
        "type",
        "use",
    }
)
"""What a series may differ by. ``server.address`` and ``server.port`` are those of a call of ours: hosts from settings."""

_meter = metrics.get_meter("postbode")

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds: what a caller or a batch waits for."""

LONG = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)
"""Seconds: how long an invoice is on its way."""

objectives = _meter.create_counter(
    "postbode.objectives",
    unit="{event}",
    description="what the objectives of docs/operations.md count, by objective and outcome: kept, missed; 0 from the start",
)

# HTTP -------------------------------------------------------------------------------------------

http_server_duration = _meter.create_histogram(
    "http.server.request.duration",
    unit="s",
    description="time to answer a request, by method, route and status",
    explicit_bucket_boundaries_advisory=FAST,
)
http_client_duration = _meter.create_histogram(
    "http.client.request.duration",
    unit="s",
    description="time of a call to somebody else, by method, address and status",
    explicit_bucket_boundaries_advisory=FAST,
)
mail_duration = _meter.create_histogram(
    "postbode.mail.duration",
    unit="s",
    description="time to take a mail to a key mailbox, by the reply",
    explicit_bucket_boundaries_advisory=FAST,
)
introspections = _meter.create_counter(
    "postbode.identity.lookups",
    description="callers looked up, by outcome: known, asked, refused, stale, unavailable",
)

# Messaging --------------------------------------------------------------------------------------

messages_sent = _meter.create_counter(
    "messaging.client.sent.messages",
    unit="{message}",
    description="messages published, by service; those the broker did not take with an error.type",
)
events_published = _meter.create_counter(
    "postbode.events.published",
    unit="{event}",
    description="facts the broker has, by service and event type: what became of invoices, counted",
)
process_duration = _meter.create_histogram(
    "messaging.process.duration",
    unit="s",
    description="time to handle a batch, by queue",
    explicit_bucket_boundaries_advisory=FAST,
)
events_handled = _meter.create_counter(
    "postbode.events.handled",
    unit="{event}",
    description="events of a queue by outcome: handled, repeated, retried, dead",
)
events_redelivered = _meter.create_counter(
    "postbode.events.redelivered",
    unit="{event}",
    description="events that may have been delivered before: their consumer died or handed them back, by queue",
)
event_wait = _meter.create_histogram(
    "postbode.event.wait",
    unit="s",
    description="from a fact to the batch that takes it up, of the oldest of each batch, by queue; retries left out",
    explicit_bucket_boundaries_advisory=LONG,
)
queue_oldest = Asked()
_meter.create_observable_gauge(
    "postbode.queue.oldest",
    [queue_oldest],
    unit="s",
    description="how long the oldest event of a queue has waited, as its consumer knows it; nothing waits: 0",
)
queue_ready = _meter.create_gauge(
    "postbode.queue.ready",
    unit="{message}",
    description="messages in a queue that no consumer has in hand, as the relays before it see them",
)
outbox_age = _meter.create_gauge(
    "postbode.outbox.oldest",
    unit="s",
    description="age of the oldest event due and not published, by service",
)
outbox_rows = _meter.create_gauge(
    "postbode.outbox.rows", unit="{event}", description="events waiting to be published, by service"
)
dead_letters = _meter.create_gauge(
    "postbode.dead_letters",
    unit="{event}",
    description="events no retry helped that wait for a person, by service, queue and cause",
)

# Runtime ----------------------------------------------------------------------------------------

schedule_duration = _meter.create_histogram(
    "postbode.schedule.duration",
    unit="s",
    description="time of one run of a schedule, by schedule and outcome",
    explicit_bucket_boundaries_advisory=LONG,
)
schedule_failures = _meter.create_gauge(
    "postbode.schedule.failures",
    unit="{run}",
    description="runs of a schedule that failed since one of this process went well, by schedule",
)
schedule_missed = _meter.create_counter(
    "postbode.schedule.missed", unit="{run}", description="runs left out because the one before took too long"
)
query_duration = _meter.create_histogram(
    "db.client.operation.duration",
    unit="s",
    description="time of the statements that were slow or failed, by outcome",
    explicit_bucket_boundaries_advisory=LONG,
)

# Invoices ---------------------------------------------------------------------------------------

rejections = _meter.create_counter(
    "postbode.rejections",
    unit="{invoice}",
    description="invoices rejected, counted once for each rule they broke",
)
parked = _meter.create_gauge(
    "postbode.parked",
    unit="{invoice}",
    description="invoices that wait for a fact or a person, by service and cause; none of the sandbox",
)
delivery_attempts = _meter.create_counter(
    "postbode.delivery.attempts", unit="{attempt}", description="attempts to deliver, by channel and outcome"
)
handover_delay = _meter.create_histogram(
    "postbode.handover.delay",
    unit="s",
    description="from taken in to handed over, by channel; straight: at the first attempt, and never parked",
    explicit_bucket_boundaries_advisory=LONG,
)
breakers_open = _meter.create_gauge(
    "postbode.breakers.open",
    unit="{receiver}",
    description="receivers that are only probed because deliveries to them failed, by channel",
)
breaker_age = _meter.create_gauge(
    "postbode.breakers.oldest",
    unit="s",
    description="how long the longest of them has had trouble, by channel",
)
exact_calls_left = _meter.create_gauge(
    "postbode.exact.calls.left",
    unit="{call}",
    description="calls to Exact Online that are left in the division that has the fewest: of the minute and of the "
    "day, by cause",
)
documents_damaged = _meter.create_counter(
    "postbode.documents.damaged",
    unit="{document}",
    description="stored documents that are not what they were",
)
ledger = _meter.create_gauge(
    "postbode.ledger",
    unit="{invoice}",
    description="the ledger as last taken, by outcome: acknowledged, delivered, returned, open, lost, duplicated,"
    " unaccounted",
)
ledger_taken = _meter.create_gauge(
    "postbode.ledger.taken",
    unit="s",
    description="when the ledger was last taken, in seconds since 1970: the figures beside it are of then",
)

# What grows old ---------------------------------------------------------------------------------

certificate_end = Asked()
_meter.create_observable_gauge(
    "postbode.certificate.end",
    [certificate_end],
    unit="s",
    description="when a certificate this process shows ends, in seconds since 1970, by use",
)
rules_since = Asked()
_meter.create_observable_gauge(
    "postbode.rules.since",
    [rules_since],
    unit="s",
    description="first day of issue the newest release of a rule pack holds for, in seconds since 1970",
)
