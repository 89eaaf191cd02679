"""Telemetry of one process, from its settings."""

from __future__ import annotations

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from libs.settings import Settings
from libs.telemetry import logs


def configure(service: str, settings: Settings, *, exporter: SpanExporter | None = None) -> None:
    """Set the global tracer and meter providers and the log format. Call once, first thing in a process.

    Without an OTLP endpoint nothing leaves the process; ``/metrics`` works all the same. ``exporter`` takes
    the place of OTLP for spans (tests read them back).
    """
    logs.configure(settings.log_level, settings.log_format, service)
    resource = Resource.create({"service.name": service, "service.namespace": "postbode"})
    tracing = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.sampling_ratio)), resource=resource
    )
    if exporter is None and settings.otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    if exporter is not None:
        tracing.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(tracing)
    readers: list[MetricReader] = [PrometheusMetricReader()]
    if settings.otlp_endpoint:
        endpoint = f"{settings.otlp_endpoint.rstrip('/')}/v1/metrics"
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint)))
    metrics.set_meter_provider(MeterProvider(readers, resource=resource))
