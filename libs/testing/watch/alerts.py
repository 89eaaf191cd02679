"""The alerts, written down once and written out as Prometheus rules: ``deploy/observability/prometheus/alerts.yaml``.

    python -m libs.testing.watch.alerts > deploy/observability/prometheus/alerts.yaml

An SLO is alerted on by how fast its error budget burns (Google SRE Workbook, chapter 5): a page when 2 % of the 30 days'
budget went in an hour, or 5 % in six; a ticket when it goes at the rate that ends it. Each burn is looked at over a long
window and a short one, so that the alert ends soon after the trouble does. Everything else is a plain threshold.

``severity``: ``page`` wakes somebody, ``ticket`` waits for the morning. Every alert has a section of its name in
``docs/operations.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import yaml

from libs.contracts.topology import TOPOLOGY

RUNBOOK = "docs/operations.md"
Severity = Literal["page", "ticket"]


class Burn(NamedTuple):
    """So many times as fast as the budget lasts thirty days, over both windows."""

    factor: float
    long: str
    short: str
    severity: Severity
    hold: str


BURNS = (
    Burn(14.4, "1h", "5m", "page", "2m"),
    Burn(6, "6h", "30m", "page", "15m"),
    Burn(1, "3d", "2h", "ticket", "1h"),
)
WINDOWS = tuple(dict.fromkeys(window for burn in BURNS for window in (burn.short, burn.long)))


@dataclass(frozen=True, slots=True)
class Slo:
    """A share of what ``libs/telemetry/objectives.py`` counts under this name is kept."""

    name: str
    alert: str
    objective: float
    says: str


SLOS = (
    Slo("accept", "PostbodeAcceptFails", 0.9995, "invoices are refused for a reason of ours"),
    Slo(
        "handover",
        "PostbodeHandoverSlow",
        0.999,
        "invoices that wait for nothing take more than a minute to be handed over",
    ),
    Slo("status", "PostbodeStatusLate", 0.999, "the status people see is more than half a minute behind"),
)
"""Thirty days each."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A plain threshold."""

    name: str
    expr: str
    severity: Severity
    says: str
    hold: str = "0s"


_PUBLISHING = tuple(dict.fromkeys(queue.service for queue in TOPOLOGY.queues))
"""Whoever consumes has an outbox too, for its retries at least."""

ALERTS = (
    Alert(
        "PostbodeLedger",
        'max by (outcome) (postbode_ledger{outcome=~"lost|duplicated|unaccounted"}) > 0',
        "page",
        "{{ $value }} invoices are {{ $labels.outcome }}",
    ),
    Alert(
        "PostbodeLedgerNotTaken",
        "time() - max(postbode_ledger_taken_seconds) > 900 or absent(postbode_ledger_taken_seconds)",
        "page",
        "nobody has looked whether the ledger balances for a quarter of an hour",
        "5m",
    ),
    Alert(
        "PostbodeOutboxOld",
        "max by (service) (postbode_outbox_oldest_seconds) > 60",
        "page",
        "{{ $labels.service }} has had an event to publish for {{ $value | humanizeDuration }}",
        "2m",
    ),
    # A relay that is gone takes the figure above with it: nothing would be old.
    Alert(
        "PostbodeRelayGone",
        " or ".join(f'absent(postbode_outbox_oldest_seconds{{service="{each}"}})' for each in _PUBLISHING),
        "page",
        "no relay of {{ $labels.service }} tells of its outbox; what it has to say stays there",
        "5m",
    ),
    Alert(
        "PostbodeQueueOld",
        "max by (queue) (postbode_queue_oldest_seconds) > 300",
        "page",
        "the oldest event of {{ $labels.queue }} has waited {{ $value | humanizeDuration }}",
        "5m",
    ),
    Alert(
        "PostbodeQueueUntaken",
        "max by (queue) (postbode_queue_ready) > 0"
        " unless on (queue) sum by (queue) (rate(postbode_events_handled_total[10m])) > 0",
        "page",
        "{{ $value }} messages lie in {{ $labels.queue }} and nobody takes them",
        "10m",
    ),
    Alert(
        "PostbodeDeadLetters",
        "max by (service, queue, cause) (postbode_dead_letters) > 0",
        "ticket",
        "{{ $value }} events of {{ $labels.queue }} died of {{ $labels.cause }}: their invoices go no further",
        "1m",
    ),
    Alert(
        "PostbodeConsumersDie",
        "sum by (queue) (rate(postbode_events_redelivered_total[10m])) > 0",
        "ticket",
        "events of {{ $labels.queue }} come again and again: whoever has them in hand dies",
        "30m",
    ),
    Alert(
        "PostbodeBreakerOpen",
        "max by (channel) (postbode_breakers_oldest_seconds) > 4 * 3600",
        "ticket",
        "a receiver by {{ $labels.channel }} has not been reached for {{ $value | humanizeDuration }}",
        "10m",
    ),
    Alert(
        "PostbodeDocumentDamaged",
        "sum(increase(postbode_documents_damaged_total[1h])) > 0",
        "page",
        "a stored document is not what it was",
    ),
    Alert(
        "PostbodeScheduleFails",
        "min by (schedule) (postbode_schedule_failures) > 0",
        "ticket",
        "{{ $labels.schedule }} has failed for half an hour; {{ $value }} times in a row",
        "30m",
    ),
    Alert(
        "PostbodeCertificateEnds",
        "min by (use) (postbode_certificate_end_seconds) - time() < 14 * 86400",
        "ticket",
        "the certificate for {{ $labels.use }} ends in {{ $value | humanizeDuration }}",
        "1h",
    ),
    Alert(
        "PostbodeCertificateEnded",
        "min by (use) (postbode_certificate_end_seconds) - time() < 86400",
        "page",
        "the certificate for {{ $labels.use }} ends within a day, or has ended",
    ),
    Alert(
        "PostbodeRulesOld",
        "time() - max by (pack) (postbode_rules_since_seconds) > 250 * 86400",
        "ticket",
        "the newest release of {{ $labels.pack }} is {{ $value | humanizeDuration }} old",
        "1h",
    ),
    Alert(
        "PostbodeDown",
        'up{job="postbode"} == 0',
        "page",
        "{{ $labels.instance }} does not answer /metrics",
        "5m",
    ),
)


def rules() -> Mapping[str, Any]:
    """The file, as Prometheus reads it."""
    return {
        "groups": [
            {"name": "postbode-slo-records", "rules": list(_records())},
            {"name": "postbode-slo", "rules": list(_burning())},
            {
                "name": "postbode",
                "rules": [_alert(a.name, a.expr, a.severity, a.says, a.hold) for a in ALERTS],
            },
        ]
    }


def names() -> Sequence[str]:
    """Of every alert, once each."""
    return [*(slo.alert for slo in SLOS), *(alert.name for alert in ALERTS)]


def anchor(name: str) -> str:
    """Where its section is."""
    return f"{RUNBOOK}#{name.lower()}"


def _records() -> Iterator[Mapping[str, Any]]:
    for slo in SLOS:
        for window in WINDOWS:
            missed, all_ = (
                f'sum(rate(postbode_objectives_total{{objective="{slo.name}"{which}}}[{window}]))'
                for which in (',outcome="missed"', "")
            )
            yield {"record": _ratio(slo, window), "expr": f"{missed} / {all_}"}


def _burning() -> Iterator[Mapping[str, Any]]:
    for slo in SLOS:
        for burn in BURNS:
            budget = f"{burn.factor:g} * {1 - slo.objective:.4f}"
            expr = f"{_ratio(slo, burn.long)} > {budget} and {_ratio(slo, burn.short)} > {budget}"
            says = (
                f"{slo.says}: {burn.factor:g} times as often as {slo.objective:.2%} allows, for {burn.long}"
            )
            yield _alert(slo.alert, expr, burn.severity, says, burn.hold, window=burn.long)


def _ratio(slo: Slo, window: str) -> str:
    return f"postbode:{slo.name}_errors:ratio_rate{window}"


def _alert(
    name: str, expr: str, severity: Severity, says: str, hold: str, **labels: str
) -> Mapping[str, Any]:
    return {
        "alert": name,
        "expr": expr,
        "for": hold,
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": says, "runbook_url": anchor(name)},
    }


if __name__ == "__main__":
    print("# Written by `make contracts` from libs/testing/watch/alerts.py.")
    print(yaml.safe_dump(rules(), sort_keys=False, width=150), end="")
