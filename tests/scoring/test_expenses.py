"""Cost, tools, prompts beside the call, failures, and how the sound was delivered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.scoring.beside import (
    chat_first_token_ms,
    fault_in,
    prompt_first_token_ms,
    prompt_tokens_per_s,
    prompt_total_ms,
    silent_tool_gap_ms,
    tool_time_ms,
    tool_valid,
)
from contoso_lab.scoring.cost import cached_share, cost_of, costs, usd_per_call
from contoso_lab.scoring.playing import delivery_rtf, stall_rate, underrun_share
from contoso_lab.scoring.reliability import (
    failure_stage,
    line_error_rate,
    prompt_error_rate,
    response_error_rate,
    tool_error_rate,
)

Make = Callable[..., Any]
USAGE = {
    "total_tokens": 1300,
    "input_tokens": 1200,
    "output_tokens": 100,
    "input_token_details": {
        "text_tokens": 700,
        "audio_tokens": 500,
        "cached_tokens": 600,
        "cached_tokens_details": {"text_tokens": 400, "audio_tokens": 200},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 80},
}
OPENAI = {"kind": "openai", "model": "gpt-realtime"}


def _done(at_ms: float, name: str, **response: Any) -> tuple[float, str, dict[str, Any]]:
    return at_ms, "s2c", {"type": "response.done", "response": {"id": name, "status": "completed", **response}}


def test_cached_tokens_are_a_part_and_not_counted_twice(call: Make) -> None:
    talk = call()
    talk.add(*_done(5000, "r1", usage=USAGE))
    talk.add(*_done(5100, "r1", usage=USAGE))  # told twice, paid once
    talk.add(*_done(6000, "r2", usage=USAGE, status="cancelled"))  # paid, though cut off
    talk.add(*_done(7000, "r3"))
    recording = talk.recording(target=OPENAI)
    cost = cost_of(recording)
    one = {
        "text_in": 300,
        "cached_text_in": 400,
        "audio_in": 300,
        "cached_audio_in": 200,
        "text_out": 20,
        "audio_out": 80,
    }
    assert {kind: count for kind, count in cost.tokens.items() if count} == {k: 2 * v for k, v in one.items()}
    # Dollars for a million: text 4, 0.4 cached, 16 out; sound 32, 0.4 cached, 64 out.
    by_hand = 2 * (300 * 4 + 400 * 0.4 + 300 * 32 + 200 * 0.4 + 20 * 16 + 80 * 64) / 1e6
    score = usd_per_call(recording)
    assert score.value == pytest.approx(by_hand)
    assert sum(cost.usd_by_kind.values()) == pytest.approx(by_hand)
    assert score.reason.endswith("1 responses told nothing")
    assert cached_share(recording).value == pytest.approx(0.5)
    assert costs([recording]).loc[0, "audio_out_tokens"] == 160


def test_a_model_without_a_price_costs_no_guess(call: Make) -> None:
    talk = call()
    talk.add(*_done(5000, "r1", usage=USAGE))
    score = usd_per_call(talk.recording(target={"kind": "openai", "model": "gpt-next"}))
    assert (score.status, score.value) == ("skipped", None)
    assert "'gpt-next'" in score.reason


def test_the_local_engine_is_free(call: Make) -> None:
    talk = call()
    talk.add(*_done(5000, "r1", usage=USAGE))
    assert usd_per_call(talk.recording(target={"kind": "local", "model": "local"})).value == 0.0


def _tool_call(
    call: Make,
    arguments: str = '{"sku": "TEN-02"}',
    output: str = "{}",
    *,
    answered: bool = True,
    name: str = "call",
) -> Any:
    talk = call()
    talk.speaks(4000, 6000, "put it into the cart")
    closed = talk.hears("u1", 4000, 6000, "put it into the cart")
    done = {"call_id": "c1", "name": "add_to_cart", "arguments": arguments, "response_id": "r0", "item_id": "f1"}
    talk.add(closed, "s2c", {"type": "response.created", "response": {"id": "r0", "conversation_id": "c"}})
    talk.add(closed + 400, "s2c", {"type": "response.function_call_arguments.done", **done})
    item = {"type": "function_call_output", "call_id": "c1", "output": output}
    if answered:
        talk.add(closed + 650, "c2s", {"type": "conversation.item.create", "item": item})
    talk.answers("a1", closed + 700, "It is in your cart.")
    return talk.recording(labels={}, name=name)


def test_a_tool_is_timed_and_its_silence_is_heard(call: Make) -> None:
    recording = _tool_call(call)
    assert tool_time_ms(recording)[0].value == pytest.approx(250, abs=1)
    (gap,) = silent_tool_gap_ms(recording)
    # 500 ms of endpointing, 700 of tool, 300 of model, 60 of buffer, 100 of quiet.
    assert gap.value == pytest.approx(1660, abs=21)
    assert tool_valid(recording)[0].value is True


def test_a_tool_that_never_answered_is_censored(call: Make) -> None:
    assert tool_time_ms(_tool_call(call, answered=False))[0].status == "censored"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("{", "not JSON"),
        ("[]", "no object"),
        ("{}", "'sku' is missing"),
        ('{"sku": 7}', "'sku' is no string"),
        ('{"sku": "TEN-02", "quantity": 400}', "out of its bounds"),
        ('{"sku": "TEN-02", "colour": "red"}', "'colour' is not known"),
    ],
)
def test_arguments_that_the_schema_forbids(call: Make, arguments: str, sentence: str) -> None:
    (score,) = tool_valid(_tool_call(call, arguments))
    assert score.value is False
    assert sentence in score.reason


def test_null_is_what_models_write_for_nothing() -> None:
    schema = {"properties": {"limit": {"type": "integer"}}, "additionalProperties": False}
    assert fault_in("find", '{"limit": null}', {"find": schema}) is None
    assert fault_in("fnid", "{}", {"find": schema}) == "there is no tool 'fnid'"


def _run(prompt: str, *, first: int | None = 300, end: int = 900, **fields: Any) -> dict[str, Any]:
    ms = 1_000_000
    told = {"prompt": prompt, "started_ns": 5 * ms, "first_ns": None if first is None else (5 + first) * ms}
    return {"type": "prompt.run", "run": {**told, "ended_ns": (5 + end) * ms, "cached": False, "error": None, **fields}}


def test_prompts_beside_the_call_are_timed_without_those_from_the_cache(call: Make) -> None:
    talk = call()
    usage = {"completion_tokens": 60}
    for event in (
        _run("suggestions", usage=usage),
        _run("writeup_gate", first=None, end=120),
        _run("suggestions", first=1, end=2, cached=True),
        _run("chat", first=210, end=800),
        _run("suggestions", error="it broke"),
    ):
        talk.local(5000, **{"type_": event["type"], "run": event["run"]})
    recording = talk.recording()
    assert [score.value for score in prompt_first_token_ms(recording) if score.value] == [300.0]
    assert [score.value for score in prompt_total_ms(recording) if score.value] == [900.0, 120.0]
    assert [score.value for score in chat_first_token_ms(recording)] == [210.0]
    assert [score.value for score in prompt_tokens_per_s(recording) if score.value] == [pytest.approx(100)]
    assert [score.value for score in prompt_error_rate(recording)].count(True) == 1
    assert failure_stage(recording).value == "prompt"
    assert chat_first_token_ms(talk.recording(name="again", mode="cassette")).status == "skipped"


def test_failures_are_counted_by_their_stage(call: Make) -> None:
    talk = call()
    talk.add(*_done(5000, "r1"))
    talk.add(*_done(6000, "r2", status="failed", status_details={"error": {"code": "rate_limit"}}))
    recording = talk.recording()
    assert [score.value for score in response_error_rate(recording)] == [False, True]
    assert failure_stage(recording).value == "response"
    assert line_error_rate(recording).value is False
    broken = _tool_call(call, output=json.dumps({"error": "there is no such product"}), name="broken")
    assert tool_error_rate(broken)[0].reason == "there is no such product"
    assert failure_stage(broken).value == "tool"
    assert failure_stage(call().recording(name="fine")).value == "none"


def test_a_race_between_both_sides_is_no_failure(call: Make) -> None:
    talk = call()
    error = {"type": "invalid_request_error", "code": "conversation_already_has_active_response"}
    talk.add(5000, "s2c", {"type": "error", "error": error})
    assert failure_stage(talk.recording()).value == "none"
    talk.add(6000, "s2c", {"type": "error", "error": {"code": "server_error"}})
    assert failure_stage(talk.recording(name="again")).value == "line"


def test_a_player_that_ran_dry(call: Make) -> None:
    talk = call()
    talk.speaks(4000, 6000, "hello")
    talk.answers("a1", talk.hears("u1", 4000, 6000, "hello"), "Hello.", sound_ms=2900)
    talk.local(8000, "playback.underrun", item_id="a1", gap_ms=150.0)
    recording = talk.recording()
    assert underrun_share(recording).value == pytest.approx(150 / 3000, rel=0.02)
    assert stall_rate(recording).value == pytest.approx(20, rel=0.02)
    (rtf,) = delivery_rtf(recording)
    assert rtf.value > 1
