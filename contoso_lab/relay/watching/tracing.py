"""Spans for OpenTelemetry: one per call, with children for admitting, dialling and each response.

Traces are on when an exporter is configured the way OpenTelemetry itself is (`OTEL_EXPORTER_OTLP_ENDPOINT`, …),
and cost nothing otherwise: the API is not even imported. A span carries names, numbers and codes; what was said,
instructed or shown as a token is never an attribute.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from contoso_lab.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class Tracing:
    """Where spans go. `close` sends what is still held back; it may take seconds and is no work for an event loop."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer = provider.get_tracer("contoso_lab.relay")

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> Tracing | None:
        """Tracing as the environment asks for it, or `None` when it does not.

        >>> Tracing.from_env({}) is None
        True

        Raises:
            MissingExtra: it is asked for, and OpenTelemetry is not installed.
            ConfigError: it is asked for over a protocol that is not spoken here.
        """
        if not any(environment.get(name) for name in ENDPOINTS):
            return None
        if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return None
        if environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
            return None
        spoken = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
        if spoken != "http/protobuf":
            raise ConfigError(f"traces go out over http/protobuf and not {spoken}: set {_PROTOCOLS[1]}=http/protobuf")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            package = "opentelemetry-exporter-otlp-proto-http"
            raise MissingExtra("sending traces", package=package, extra="otel") from error
        name = environment.get("OTEL_SERVICE_NAME") or "contoso-lab-relay"
        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def call(self, call_id: str) -> CallTrace:
        """The span of a call begins."""
        return CallTrace(self.tracer, call_id)

    def close(self) -> None:
        """Send what is held back, and end."""
        self._provider.shutdown()


class CallTrace:
    """The spans of one call. A child is known by its name until it ends; the call's end ends them all."""

    def __init__(self, tracer: Tracer, call_id: str) -> None:
        from opentelemetry import trace

        self._tracer = tracer
        self._span = tracer.start_span("call", kind=trace.SpanKind.SERVER, attributes={"call.id": call_id})
        self._context = trace.set_span_in_context(self._span)
        self._children: dict[str, Span] = {}

    def set(self, **attributes: str | float | bool | None) -> None:
        """Say more about the call; `None` is left out. Dots are written as `__`."""
        for name, value in _given(attributes):
            self._span.set_attribute(name, value)

    def begin(self, name: str, key: str = "", **attributes: str | float | bool | None) -> None:
        """A child begins; one of that name and key that is still open is ended first."""
        self.end(name, key)
        self._children[name + key] = self._tracer.start_span(
            name, context=self._context, attributes=dict(_given(attributes))
        )

    def note(self, name: str, key: str = "", **attributes: str | float | bool | None) -> None:
        """Say more about a child that is open."""
        if (span := self._children.get(name + key)) is not None:
            for attribute, value in _given(attributes):
                span.set_attribute(attribute, value)

    def end(self, name: str, key: str = "", *, failed: str | None = None, **attributes: str | float | None) -> None:
        """A child ends; `failed` is a word of ours for what went wrong."""
        self.note(name, key, **attributes)
        if (span := self._children.pop(name + key, None)) is not None:
            _fail(span, failed)
            span.end()

    def event(self, name: str, **attributes: str | float | bool | None) -> None:
        """Something happened in the call, at one moment."""
        self._span.add_event(name, dict(_given(attributes)))

    def close(self, *, failed: str | None = None) -> None:
        """The call is over."""
        for span in self._children.values():
            span.end()
        self._children.clear()
        _fail(self._span, failed)
        self._span.end()


def _fail(span: Span, word: str | None) -> None:
    if word is not None:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR, word)


def _given(attributes: Mapping[str, str | float | bool | None]) -> list[tuple[str, str | float | bool]]:
    return [(name.replace("__", "."), value) for name, value in attributes.items() if value is not None]
