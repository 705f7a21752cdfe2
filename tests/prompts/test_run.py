"""Prompts, run against a server on the loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from contoso_lab.errors import PromptError
from contoso_lab.prompts import PromptRun, collect, connection, load, run, stream
from contoso_lab.settings import Target

TALK = [{"role": "user", "content": "Show me the tent."}]
YES = json.dumps({"requested": True, "reason": "The customer asked."})


def ticks() -> Callable[[], int]:
    """A clock that moves one millisecond with each look."""
    counter = itertools.count(0, 1_000_000)
    return lambda: next(counter)


async def read_all(*args: Any, **inputs: Any) -> None:
    async for _ in stream(*args, **inputs):
        pass


@pytest.fixture
def greeting(tmp_path: Path) -> Path:
    path = tmp_path / "greeting.prompty"
    path.write_text(
        "---\nname: greeting\ndescription: Greets.\nmodel: {options: {maxOutputTokens: 9, temperature: 0.5}}\n"
        "inputs:\n  - {name: who, kind: string, description: Whom., default: you}\n"
        "template: {format: {kind: jinja2}, parser: {kind: prompty}}\n---\n"
        "system:\nGreet {{ who }}.\n\nuser:\nHello.\n",
        encoding="utf-8",
    )
    return path


async def test_a_prompt_with_outputs_gives_a_dict(server: Any) -> None:
    server.reply = YES
    result = await run("writeup_gate", server.target, clock_ns=ticks(), conversation=TALK)
    assert result.data == {"requested": True, "reason": "The customer asked."}
    assert result.usage is not None
    assert result.usage["total_tokens"] == 10
    assert (result.model, result.prompt, result.error) == ("tiny", "writeup_gate", None)
    assert (result.duration_ms, result.first_ms) == (1.0, None)
    asked = server.asked[0]
    assert asked["model"] == "local"
    assert asked["messages"][1] == TALK[0]
    assert list(result.messages) == asked["messages"]
    assert asked["max_completion_tokens"] == 120
    schema = asked["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["required"] == ["requested", "reason"]
    assert schema["schema"]["additionalProperties"] is False


async def test_a_stream_comes_in_pieces_and_its_record_has_the_clock(server: Any, greeting: Path) -> None:
    server.reply = ["Good ", "day", "."]
    pieces = stream(load(greeting), server.target, clock_ns=ticks(), who="Maya")
    with pytest.raises(PromptError, match="is not finished"):
        _ = pieces.run
    assert [piece async for piece in pieces] == ["Good ", "day", "."]
    result = pieces.run
    assert (result.response, result.first_ms, result.duration_ms) == ("Good day.", 1.0, 2.0)
    assert result.usage is not None, "a stream that was not asked for its usage ends without it"
    assert json.loads(json.dumps(result.to_dict()))["messages"][0] == {"role": "system", "content": "Greet Maya."}
    assert "greeting tiny 2 ms, 9 characters" in repr(result)


async def test_a_reader_who_stops_early_leaves_a_record(server: Any, greeting: Path) -> None:
    server.reply = ["one ", "two ", "three"]
    with collect() as runs:
        async with stream(load(greeting), server.target) as pieces:
            async for _ in pieces:
                break
    assert pieces.run is runs[0]
    assert (runs[0].response, runs[0].error) == ("one ", "stopped before the answer was complete")


async def test_a_cancelled_run_leaves_a_record(server: Any, greeting: Path) -> None:
    arrived = asyncio.Event()

    def never(body: dict[str, Any]) -> str:
        arrived.set()
        raise asyncio.CancelledError

    server.reply = never
    with collect() as runs:
        task = asyncio.create_task(run(load(greeting), server.target))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert runs[0].error == "cancelled"


async def test_runs_at_the_same_time_keep_their_own_records(server: Any, greeting: Path) -> None:
    server.reply = lambda body: f"to {body['messages'][0]['content'][6:-1]}"
    prompt = load(greeting)
    with collect() as outer:
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(run(prompt, server.target, who=f"guest {number}"))
        with collect() as inner:
            await run(prompt, server.target)
    assert sorted(result.response for result in outer[:8]) == [f"to guest {number}" for number in range(8)]
    assert [len(outer), len(inner)] == [9, 1]
    assert all(result.messages[0]["content"] == f"Greet {result.response[3:]}." for result in outer)


async def test_two_targets_at_the_same_time_do_not_meet(make_server: Any, greeting: Path) -> None:
    left, right = await make_server(), await make_server()
    left.reply, right.reply = "left", "right"
    prompt = load(greeting)
    results = await asyncio.gather(*(run(prompt, server.target) for server in (left, right) * 4))
    assert [result.response for result in results] == ["left", "right"] * 4
    assert [len(left.asked), len(right.asked)] == [4, 4]


async def test_a_connection_is_kept_open_for_its_block_and_its_target(make_server: Any, greeting: Path) -> None:
    kept, other = await make_server(), await make_server()
    prompt = load(greeting)
    async with connection(kept.target):
        for _ in range(3):
            await run(prompt, kept.target)
            await run(prompt, other.target)
    assert [len(kept.peers), len(other.peers)] == [1, 3]


def test_event_loops_that_come_and_go_leave_nothing_behind(greeting: Path) -> None:
    import prompty.core.connections as registry

    nobody = Target.local("http://127.0.0.1:9/v1")
    for _ in range(2):
        with pytest.raises(PromptError):
            asyncio.run(run(load(greeting), nobody))
    ours = [name for name in registry._connections if name.startswith("contoso")]
    assert ours == ["contoso-lab"]


async def test_the_key_of_the_target_goes_along_and_into_no_record(server: Any, greeting: Path) -> None:
    target = Target("url", server.target.base_url, "m", "chat-m", SecretStr("sk-secret"))
    result = await run(load(greeting), target)
    assert server.headers[0]["authorization"] == "Bearer sk-secret"
    assert server.asked[0]["model"] == "chat-m"
    assert "sk-secret" not in json.dumps(result.to_dict()) + repr(result)


@pytest.mark.parametrize(
    ("reply", "finish", "message"),
    [
        ("yes", "stop", "the answer is not JSON ('yes')"),
        ('["yes"]', "stop", "the answer is JSON but no object"),
        ('{"requested": true}', "stop", "the answer lacks 'reason'"),
        ('{"requested": 1, "reason": "x"}', "stop", "'requested' in the answer has to be of kind boolean"),
        ('{"requested": tr', "length", "was cut at its greatest length; raise model.options.maxOutputTokens"),
        ("", "content_filter", "content filter withheld the answer"),
        ({"content": None, "refusal": "I cannot do that"}, "stop", "the model refused to answer ('I cannot do that')"),
        (JSONResponse({"error": {"message": "bad key"}}, 401), "stop", "refused the key (401); check the key"),
        (JSONResponse({"error": {"message": "?"}}, 404), "stop", "does not know the model 'local' or the path (404)"),
        (JSONResponse({"error": {"message": "no seed"}}, 400), "stop", "answered 400: 'no seed'; correct the request"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_is_none_says_why(
    server: Any, reply: Any, finish: str, message: str, streamed: bool
) -> None:
    server.reply, server.finish = reply, finish
    ask = read_all if streamed else run
    with collect() as runs, pytest.raises(PromptError) as caught:
        await ask("writeup_gate", server.target, conversation=TALK)
    assert message in str(caught.value)
    assert str(caught.value).startswith("prompts/writeup_gate.prompty: ")
    assert runs[0].error == str(caught.value)


async def test_a_target_that_is_not_there_says_so(greeting: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(PromptError, match=rf"http://127.0.0.1:{port}/v1 cannot be reached; check that the target runs"):
        await run(load(greeting), Target.local(f"http://127.0.0.1:{port}/v1"))


async def test_a_wrong_input_costs_no_call(server: Any) -> None:
    with pytest.raises(PromptError, match="there is no input 'talk'"):
        await run("writeup_gate", server.target, talk=TALK)
    assert server.asked == []


def test_a_record_of_a_failure_reads_well() -> None:
    record = PromptRun("voice", "0" * 64, (), "", None, None, "tiny", 0, None, 5_000_000, "no answer")
    assert repr(record) == "<PromptRun voice tiny 5 ms, failed: no answer>"
