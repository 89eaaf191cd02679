"""Telemetry of one process, from its settings."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter

from libs.settings import Settings
from libs.telemetry import exposition, logs, objectives, tracing
from libs.telemetry.sampling import HeadSampler

_EXPORT_SECONDS = 5
"""A collector that does not answer must not hold up a process that stops."""

SHUTDOWN_SECONDS = 2.0 * _EXPORT_SECONDS
"""Traces, then metrics."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The providers of this process."""

    tracing: TracerProvider
    metering: MeterProvider

    def shutdown(self) -> None:
        """Send what is waiting; takes at most a few seconds. Nothing is recorded afterwards."""
        self.tracing.shutdown()
        self.metering.shutdown(_EXPORT_SECONDS * 1000)


_configured: Telemetry | None = None


def configure(service: str, settings: Settings, *, exporter: SpanExporter | None = None) -> Telemetry:
    """Set up logs, traces and metrics of this process. Call it first thing.

    Without an OTLP endpoint nothing leaves the process and no trace that begins here is recorded, but each
    has its id in the logs; ``/metrics`` works all the same. ``exporter`` takes spans in the place of OTLP, at
    once and not in batches: for tests, which read them back. OpenTelemetry knows one set of providers per
    process: a second call changes the logs and the ratio and adds its exporter.
    """
    global _configured
    logs.configure(settings.log_level, settings.log_format, service)
    tracing.HEAD.ratio = settings.sampling_ratio if exporter is not None or settings.otlp_endpoint else 0
    if _configured is None:
        resource = _resource(service)
        _configured = Telemetry(
            TracerProvider(sampler=HeadSampler(tracing.HEAD), resource=resource),
            _metering(settings, resource),
        )
        trace.set_tracer_provider(_configured.tracing)
        metrics.set_meter_provider(_configured.metering)
        objectives.begin()
        if exporter is None and settings.otlp_endpoint:
            otlp = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces", timeout=_EXPORT_SECONDS)
            _configured.tracing.add_span_processor(BatchSpanProcessor(otlp))
    if exporter is not None:
        _configured.tracing.add_span_processor(SimpleSpanProcessor(exporter))
    return _configured


def _resource(service: str) -> Resource:
    return Resource.create(
        {
            "service.name": service,
            "service.namespace": "postbode",
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
    )


def _metering(settings: Settings, resource: Resource) -> MeterProvider:
    readers: list[MetricReader] = [exposition.Reader()]
    if settings.otlp_endpoint:
        exporter = OTLPMetricExporter(
            endpoint=f"{settings.otlp_endpoint}/v1/metrics", timeout=_EXPORT_SECONDS
        )
        readers.append(PeriodicExportingMetricReader(exporter))
    # Only what is recorded leads somewhere.
    return MeterProvider(readers, resource=resource, exemplar_filter=TraceBasedExemplarFilter())
