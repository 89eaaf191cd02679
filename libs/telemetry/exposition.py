"""What ``/metrics`` says: Prometheus' text, or OpenMetrics for who asks for that, and then with *exemplars*.

::

    histogram.record() in a recorded span ──▶ the SDK keeps the last of each bucket
        ──▶ …_bucket{le="0.5"} 7 # {trace_id="…"} 0.3 ──▶ a dot in Grafana that opens the trace

The SDK's reader for Prometheus leaves exemplars out; ``Reader`` keeps them beside it, ``page`` puts each behind its bucket.
"""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData
from prometheus_client import REGISTRY, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Exemplar, Sample

_Bucket = tuple[str, frozenset[tuple[str, str]], str]
"""Name without unit, labels but for the scope, upper bound."""

_kept: dict[_Bucket, Exemplar] = {}
_collecting = threading.Lock()


def page(accept: str) -> tuple[bytes, str]:
    """All metrics of this process, and their content type. Takes milliseconds, in a thread."""
    encode, content_type = choose_encoder(accept)
    with _collecting:
        return encode(_WithExemplars()), content_type


class Reader(PrometheusMetricReader):
    """As the SDK's; the exemplars of what was collected last are kept."""

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)
        _kept.clear()
        _kept.update(_exemplars(metrics_data))


class _WithExemplars:
    """A registry, as far as an encoder looks at it."""

    def collect(self) -> Iterator[Metric]:
        # All of it first: exemplars are known when it has been collected.
        for family in list(REGISTRY.collect()):
            if _kept and family.type == "histogram":
                family.samples = [_shown(family, sample) for sample in family.samples]
            yield family


def _shown(family: Metric, sample: Sample) -> Sample:
    if not sample.name.endswith("_bucket"):
        return sample
    labels = ((name, value) for name, value in sample.labels.items() if name != "le")
    bucket = (family.name.removesuffix(f"_{family.unit}"), _told(labels), sample.labels["le"])
    return sample._replace(exemplar=_kept.get(bucket))


def _exemplars(collected: MetricsData | None) -> Iterator[tuple[_Bucket, Exemplar]]:
    scopes = (
        chain.from_iterable(each.scope_metrics for each in collected.resource_metrics) if collected else ()
    )
    for metric in chain.from_iterable(scope.metrics for scope in scopes):
        for point in metric.data.data_points:
            if isinstance(point, HistogramDataPoint) and point.exemplars:
                yield from _of_point(_plain(metric.name), point)


def _of_point(name: str, point: HistogramDataPoint) -> Iterator[tuple[_Bucket, Exemplar]]:
    given: Mapping[str, Any] = point.attributes or {}
    labels = _told((_plain(k), v if isinstance(v, str) else json.dumps(v)) for k, v in given.items())
    bounds = [*map(str, point.explicit_bounds), "+Inf"]
    for each in point.exemplars:
        if each.trace_id and each.span_id:
            ids = {"trace_id": f"{each.trace_id:032x}", "span_id": f"{each.span_id:016x}"}
            bound = bounds[bisect_left(point.explicit_bounds, each.value)]
            yield (name, labels, bound), Exemplar(ids, each.value, each.time_unix_nano / 1e9)


def _told(labels: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in labels if v and not k.startswith("otel_scope_"))


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)
