"""Traces of prompt runs: whole under concurrency, linked to what they belong to, and free of what must not be kept."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import subprocess
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.responses import JSONResponse
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from contoso_lab.errors import PromptError
from contoso_lab.prompts import load, run, stream
from contoso_lab.prompts.cache import ResponseCache, caching
from contoso_lab.prompts.tracing import Tracing, concerning, step, trace_always, trace_to
from contoso_lab.settings import Target


@pytest.fixture
def greeting(tmp_path: Path) -> Any:
    path = tmp_path / "greeting.prompty"
    path.write_text(
        "---\nname: greeting\ndescription: Greets.\nmodel: {options: {maxOutputTokens: 9, temperature: 0}}\n"
        "inputs:\n  - {name: who, kind: string, description: Whom., default: you}\n"
        "template: {format: {kind: jinja2}, parser: {kind: prompty}}\n---\n"
        "system:\nGreet {{ who }}.\n\nuser:\nHello.\n",
        encoding="utf-8",
    )
    return load(path)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans: InMemorySpanExporter) -> trace.Tracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider.get_tracer("test")


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.jsonl"))


def traces(folder: Path) -> list[dict[str, Any]]:
    lines = [path.read_text(encoding="utf-8") for path in files(folder)]
    assert all(line.count("\n") == 1 for line in lines), "a file is one line"
    return [json.loads(line) for line in lines]


async def test_fifty_streams_read_in_turns_leave_fifty_whole_traces(
    server: Any, greeting: Any, tmp_path: Path, tracer: trace.Tracer, spans: InMemorySpanExporter
) -> None:
    server.reply = lambda body: [*body["messages"][0]["content"][6:-1], "!"]
    folder = tmp_path / "traces"
    streams = []
    with trace_to(folder, tracer=tracer):
        for customer in range(10):
            with concerning(f"customer {customer}", f"thread_{customer}"), step(f"step {customer}"):
                streams += [stream(greeting, server.target, who=f"{customer}-{n}") for n in range(5)]
    # Read outside of all those blocks, one piece of each in turn, and by other tasks than those that asked.
    open_streams = list(streams)
    while open_streams:
        pieces = await asyncio.gather(*(anext(each, None) for each in open_streams))
        open_streams = [each for each, piece in zip(open_streams, pieces, strict=True) if piece is not None]
    found = traces(folder)
    steps = {record["span_id"]: record for record in found if record["kind"] == "step"}
    runs = [record for record in found if record["kind"] == "run"]
    assert (len(steps), len(runs), len({record["span_id"] for record in found})) == (10, 50, 60)
    for record in runs:
        customer = record["messages"][0]["content"][6:].split("-")[0]
        parent = steps[record["parent_id"]]
        assert parent["name"] == f"step {customer}"
        assert (record["customer"], record["thread"]) == (f"customer {customer}", f"thread_{customer}")
        assert record["trace_id"] == parent["trace_id"]
        assert record["response"] == record["messages"][0]["content"][6:-1] + "!", "whole, and nobody else's"
        assert (record["error"], record["usage"]["total_tokens"]) == (None, 10)
    assert len({record["trace_id"] for record in steps.values()}) == 10
    shown = {f"{span.context.span_id:016x}": span for span in spans.get_finished_spans() if span.context}
    assert set(shown) == {record["span_id"] for record in found}, "file and span have the same name"
    for record in runs:
        above = shown[record["span_id"]].parent
        assert above is not None
        assert f"{above.span_id:016x}" == record["parent_id"]


async def test_runs_at_the_same_moment_do_not_become_each_others_children(
    server: Any, greeting: Any, tmp_path: Path
) -> None:
    with trace_to(tmp_path / "traces"):
        await asyncio.gather(*(run(greeting, server.target, who=str(n)) for n in range(8)))
        for n in range(5):  # within one second
            await run(greeting, server.target, who=str(n))
    found = traces(tmp_path / "traces")
    assert len(found) == 13
    assert all(record["parent_id"] is None for record in found)
    assert len({record["trace_id"] for record in found}) == 13


async def test_a_record_knows_its_trace(server: Any, greeting: Any, tmp_path: Path) -> None:
    with trace_to(tmp_path / "traces"), step("answering"):
        result = await run(greeting, server.target)
    record = next(record for record in traces(tmp_path / "traces") if record["kind"] == "run")
    assert (record["trace_id"], record["span_id"]) == (result.trace_id, result.span_id)
    assert record["parent_id"] == result.parent_id is not None


async def test_steps_nest_and_say_what_broke_them(server: Any, tmp_path: Path) -> None:
    with trace_to(tmp_path), pytest.raises(KeyError), step("outer"), step("inner"):
        raise KeyError("what a customer said")
    by_name = {record["name"]: record for record in traces(tmp_path)}
    assert by_name["inner"]["parent_id"] == by_name["outer"]["span_id"]
    assert by_name["inner"]["failed"] == by_name["outer"]["failed"] == "KeyError"
    assert "said" not in json.dumps(by_name)


async def test_a_span_has_names_and_numbers_and_no_words(
    server: Any, greeting: Any, tracer: trace.Tracer, spans: InMemorySpanExporter
) -> None:
    server.reply = "the words of the answer"
    with trace_to(tracer=tracer), tracer.start_as_current_span("a request"):
        await run(greeting, server.target, who="Maya")
    span, request = spans.get_finished_spans()
    assert (span.name, span.kind) == ("chat local", trace.SpanKind.CLIENT)
    assert span.parent == request.context, "an outer span of anybody's is the parent"
    attributes = dict(span.attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == "contoso_lab"
    assert attributes["gen_ai.request.model"] == "local"
    assert attributes["gen_ai.response.model"] == "tiny"
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (7, 3)
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["gen_ai.request.temperature"] == 0
    assert not [value for value in attributes.values() if "words" in str(value) or "Maya" in str(value)]


async def test_failed_and_stopped_runs_are_traced(
    server: Any, greeting: Any, tmp_path: Path, tracer: trace.Tracer, spans: InMemorySpanExporter
) -> None:
    with trace_to(tmp_path / "traces", tracer=tracer):
        server.reply = ["one ", "two"]
        async with aclosing(stream(greeting, server.target)) as pieces:
            await anext(pieces)
        server.reply = JSONResponse({"error": {"message": "full of words"}}, status_code=429)
        with pytest.raises(PromptError):
            await run(greeting, server.target)
    stopped, failed = spans.get_finished_spans()
    assert (stopped.attributes or {})["error.type"] == "stopped"
    assert (failed.attributes or {})["error.type"] == "RateLimitError"
    assert failed.status.description is None, "an error's words may quote the answer"
    by_error = {record["failed"]: record for record in traces(tmp_path / "traces")}
    assert by_error["stopped"]["response"] == "one "
    assert "full of words" in by_error["RateLimitError"]["error"]


async def test_no_key_and_no_picture_is_written(server: Any, tmp_path: Path) -> None:
    key, other = "a-key-of-no-known-shape-77", "sk-proj-abcdefgh12345678"
    target = Target("url", server.target.base_url, "local", "local", SecretStr(key))
    picture = "data:image/png;base64," + "QUJD" * 400
    question = [
        {"type": "text", "text": f"My key is {other}."},
        {"type": "image_url", "image_url": {"url": picture}},
    ]
    server.reply = JSONResponse({"error": {"message": f"no room for {key}"}}, status_code=429)
    prompt = load("writeup_gate")
    with trace_to(tmp_path), pytest.raises(PromptError):
        await run(prompt, target, conversation=[{"role": "user", "content": question}])
    (path,) = files(tmp_path)
    text = path.read_text(encoding="utf-8")
    for secret in (key, other, "QUJDQUJD"):
        assert secret not in text
    assert "image/png of 1600 characters, sha256 " in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "what customers said is nobody else's to read"


async def test_an_answer_from_the_cache_says_so(
    server: Any, greeting: Any, tmp_path: Path, tracer: trace.Tracer, spans: InMemorySpanExporter
) -> None:
    with ResponseCache(":memory:") as cache, caching(cache), trace_to(tmp_path / "traces", tracer=tracer):
        for _ in range(2):
            await run(greeting, server.target)
    assert sorted(record["cached"] for record in traces(tmp_path / "traces")) == [False, True]
    assert [(span.attributes or {})["contoso_lab.cached"] for span in spans.get_finished_spans()] == [False, True]


async def test_a_folder_that_cannot_be_written_costs_no_answer(
    server: Any, greeting: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way", encoding="utf-8")
    with trace_to(blocked), caplog.at_level(logging.WARNING, "contoso_lab"):
        for _ in range(2):
            assert (await run(greeting, server.target)).response == "Hello."
    (record,) = (record for record in caplog.records if record.name.startswith("contoso_lab"))
    assert "runs go on without" in record.getMessage()


async def test_a_process_can_trace_everything(server: Any, greeting: Any, tmp_path: Path) -> None:
    trace_always(Tracing(tmp_path / "all", now=lambda: datetime(2026, 11, 22, tzinfo=UTC)))
    try:
        await run(greeting, server.target)
        with trace_to(tmp_path / "some"):
            await run(greeting, server.target)
    finally:
        trace_always(None)
    await run(greeting, server.target)
    assert [len(traces(tmp_path / name)) for name in ("all", "some")] == [1, 1]
    assert files(tmp_path / "all")[0].parent.name == "20261122"


def test_opentelemetry_is_not_imported_when_nobody_asks() -> None:
    code = "import contoso_lab.prompts, sys; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
