"""Spans of a call: in memory, over the wire to a little collector, and not at all when nobody asks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from contoso_lab.errors import ConfigError, MissingExtra
from contoso_lab.relay.watching.observer import Observer
from contoso_lab.relay.watching.tracing import Tracing

SPOKEN = "the words that somebody spoke"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider)


async def whole_call(relay: Any) -> str:
    token: str = relay.token()
    async with relay.call(token) as socket:
        await socket.send('{"type":"input_audio_buffer.append","audio":"QUJDREVGR0g="}')
        await socket.send(json.dumps({"type": "conversation.item.create", "item": SPOKEN}))
        await socket.send('{"type":"response.create"}')
        while json.loads(await socket.recv())["type"] != "response.done":
            pass
    return token


async def test_a_call_and_its_parts(relay_to, target, tracing, spans, session, key) -> None:
    async with relay_to(target.port, observer=Observer(tracing=tracing)) as relay:
        token = await whole_call(relay)
    finished = {span.name: span for span in spans.get_finished_spans()}
    assert finished.keys() == {"call", "admit", "dial", "response"}
    call = finished.pop("call")
    assert call.parent is None
    assert {span.parent.span_id for span in finished.values()} == {call.context.span_id}
    assert call.attributes["persona"] == "voice"
    assert (call.attributes["how"], call.attributes["client_code"]) == ("client", 1000)
    assert call.status.is_ok or call.status.is_unset
    assert finished["response"].attributes["status"] == "completed"
    assert finished["response"].attributes["first_audio_s"] >= 0
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    for secret in (token, key, session["instructions"], SPOKEN, "QUJDREVGR0g", "AAABAAIA"):
        assert secret not in told


async def test_a_refused_call_and_a_target_that_is_not_there(relay_to, free_port, tracing, spans) -> None:
    async with relay_to(free_port, observer=Observer(tracing=tracing)) as relay:
        for token in ("wrong", relay.token()):
            async with relay.call(token) as socket:
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
    calls = [span for span in spans.get_finished_spans() if span.name == "call"]
    assert [span.status.description for span in calls] == ["token", "target"]
    assert [span.attributes["status"] for span in calls] == [401, 502]
    [dial] = [span for span in spans.get_finished_spans() if span.name == "dial"]
    assert dial.status.description == "dial"


@pytest.mark.parametrize("token", ["right", "guessed"])
async def test_the_knock_of_a_caller_that_comes_back_ends(relay_to, target, tracing, spans, token) -> None:
    async with relay_to(target.port, observer=Observer(tracing=tracing)) as relay:
        first = await connect(f"{relay.ws_url}/api/realtime/ws?token={relay.token()}&resumable=1")
        while (event := json.loads(await first.recv()))["type"] != "lab.resume":
            pass
        first.transport.abort()
        shown = event["token"] if token == "right" else token
        async with connect(f"{relay.ws_url}/api/realtime/ws?resume={shown}&received=0") as socket:
            if token == "right":
                assert json.loads(await socket.recv())["type"] == "lab.resumed"
            else:
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
            [knock] = [span for span in spans.get_finished_spans() if span.name == "call"]
            assert (knock.attributes.get("resumes"), knock.attributes["door"]) == (token == "right" or None, "resume")
            assert any(span.name == "admit" and span.parent.span_id == knock.context.span_id
                       for span in spans.get_finished_spans())  # fmt: skip
    assert len([span for span in spans.get_finished_spans() if span.name == "call"]) == 2


async def test_they_reach_a_collector(relay_to, target, monkeypatch) -> None:
    """OpenTelemetry's own exporter, as the environment configures it, to a collector on this machine."""
    received: list[tuple[str, ExportTraceServiceRequest]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        tracing = Tracing.from_env()
        assert tracing is not None
        async with relay_to(target.port, observer=Observer(tracing=tracing)) as relay:
            await whole_call(relay)
        tracing.close()
        server.shutdown()
        thread.join()
    assert {path for path, _ in received} == {"/v1/traces"}
    names = [
        span.name
        for _, request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert sorted(names) == ["admit", "call", "dial", "response"]
    [service] = {
        attribute.value.string_value
        for _, request in received
        for resource in request.resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
    }
    assert service == "contoso-lab-relay"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nobody_asked(environment) -> None:
    assert Tracing.from_env(environment) is None


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ConfigError, match=r"over http/protobuf and not grpc: set OTEL_EXPORTER_OTLP_PROTOCOL="):
        Tracing.from_env({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_the_package_is_named_when_it_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"contoso-lab\[otel\]"):
        Tracing.from_env({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"})


def test_without_an_exporter_nothing_is_even_imported() -> None:
    code = (
        "import sys\n"
        "from contoso_lab.relay.watching.observer import Observer\n"
        "from contoso_lab.relay.watching.tracing import Tracing\n"
        "Observer(tracing=Tracing.from_env({})).call('1', door='query')\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
