"""Traces, metrics and logs: set up once per process, used everywhere through OpenTelemetry's API."""
