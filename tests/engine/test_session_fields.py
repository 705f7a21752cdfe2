"""Each field of a session and of a response: what it does, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, ULAW_8K, from_base64, to_base64
from contoso_lab.engine.effects import Reply
from contoso_lab.engine.seams import Heard, ToolCall

SHOW = {"type": "function", "name": "show", "description": "Show it", "parameters": {"type": "object"}}
ADD = {**SHOW, "name": "add"}
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def only(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [event for event in events if event["type"] == name]
    return found


def error(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert types(events) == ["error"]
    return events[0]["error"]  # type: ignore[no-any-return]


def text(words: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": words}], **fields}


def said(reply: Reply) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in reply.request.messages[1:]]


# the session


def test_noise_reduction_is_taken_and_keeps_its_strength(caller: Any) -> None:
    def noise_reduction(value: dict[str, Any] | None) -> Any:
        session = only(caller.update(audio={"input": {"noise_reduction": value}}), "session.updated")["session"]
        return session["audio"]["input"]["noise_reduction"]

    assert noise_reduction({"type": "near_field"}) == {"type": "near_field"}
    assert noise_reduction({"type": "far_field", "strength": 0.5}) == {"type": "far_field", "strength": 0.5}
    assert noise_reduction({"type": "near_field"}) == {"type": "near_field", "strength": 0.5}
    assert noise_reduction(None) is None


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"prompt": {"id": "pmpt_1"}}, "prompt_not_found", "session.prompt.id"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "invalid_value", "session.tools[0].type"),
        ({"tool_choice": {"type": "mcp", "server_label": "x"}}, "invalid_value", "session.tool_choice.type"),
        ({"tool_choice": {"type": "function", "name": "gone"}}, "invalid_value", "session.tool_choice"),
        ({"audio": {"input": {"format": {}}}}, "missing_required_parameter", "session.audio.input.format.type"),
        (
            {"audio": {"input": {"noise_reduction": {"type": "near_field", "strength": 2}}}},
            "decimal_above_max_value",
            "session.audio.input.noise_reduction.strength",
        ),
        (
            {"truncation": {"type": "retention_ratio", "retention_ratio": 1.5}},
            "decimal_above_max_value",
            "session.truncation.retention_ratio",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 4999}}}},
            "integer_below_min_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "idle_timeout_ms": 6000}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ],
)
def test_what_a_session_cannot_have(caller: Any, session: dict[str, Any], code: str, param: str) -> None:
    refused = error(caller.update(**session))
    assert (refused["code"], refused["param"]) == (code, param)


@pytest.mark.parametrize(
    "session",
    [
        {"tracing": "auto"},
        {"reasoning": {"effort": "low"}},
        {"parallel_tool_calls": False},
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        {"include": ["item.input_audio_transcription.logprobs"]},
        {"max_output_tokens": "inf"},
        {"tools": [SHOW], "tool_choice": "required"},
    ],
)
def test_what_is_taken_is_shown(caller: Any, session: dict[str, Any]) -> None:
    shown = only(caller.update(**session), "session.updated")["session"]
    assert {key: shown[key] for key in session} == session


def test_null_means_as_it_is_or_off(caller: Any) -> None:
    before = only(caller.update(tools=[SHOW], tool_choice="required"), "session.updated")["session"]
    nothing = {"instructions": None, "tools": None, "tool_choice": None, "truncation": None, "max_output_tokens": None}
    assert only(caller.update(**nothing), "session.updated")["session"] == before


def test_logprobs_come_with_the_transcript_when_asked_for(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    plain = caller.say("A tent")
    caller.answer("Yes.")
    caller.update(include=["item.input_audio_transcription.logprobs"])
    sure = caller.say("A tent")
    name = "conversation.item.input_audio_transcription.completed"
    assert "logprobs" not in only(plain, name)
    assert only(sure, name)["logprobs"] == [{"token": "A tent", "logprob": -0.2, "bytes": list(b"A tent")}]


def test_turning_detection_off_in_mid_speech_keeps_the_turn_for_a_commit(caller: Any) -> None:
    started = caller.speak(640)
    caller.turn_detection(None)
    assert caller.send("input_audio_buffer.commit")[0]["item_id"] == started[0]["item_id"]


def test_who_has_spoken_is_not_prompted_for_silence(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "idle_timeout_ms": 5000, "create_response": False})
    caller.send("response.create")
    caller.answer("Well?")
    caller.say("Let me think")
    assert caller.wait(7000) == []


def test_a_reply_that_the_client_cut_off_is_not_waited_for(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "idle_timeout_ms": 5000})
    caller.send("response.create")
    caller.answer("x" * 200, end=False)  # four seconds of sound
    caller.send("response.cancel")
    assert caller.wait(4900) == []
    assert types(caller.wait(200))[0] == "input_audio_buffer.timeout_triggered"


# tools


def test_a_named_function_is_passed_on_and_must_be_there(caller: Any) -> None:
    caller.update(tools=[SHOW, ADD], tool_choice={"type": "function", "name": "add"})
    caller.send("response.create")
    assert caller.reply().request.tool_choice == "add"
    caller.answer("Yes.")
    assert "'add'" in error(caller.update(tools=[SHOW]))["message"]
    refused = error(caller.send("response.create", response={"tool_choice": {"type": "function", "name": "gone"}}))
    assert refused["param"] == "response.tool_choice"


def test_the_tools_of_one_response_free_it_from_the_sessions_choice(caller: Any) -> None:
    caller.update(tools=[SHOW], tool_choice={"type": "function", "name": "show"})
    caller.send("response.create", response={"tools": [ADD]})
    assert (caller.reply().request.tools, caller.reply().request.tool_choice) == ((ADD,), "auto")
    caller.answer("Yes.")
    caller.send("response.create", response={"tools": [], "tool_choice": "none"})
    assert (caller.reply().request.tools, caller.reply().request.tool_choice) == ((), "none")


@pytest.mark.parametrize(("parallel", "count"), [(True, 2), (False, 1)])
def test_parallel_calls(caller: Any, parallel: bool, count: int) -> None:
    caller.update(tools=[SHOW, ADD], tool_choice="required", parallel_tool_calls=parallel)
    caller.send("response.create")
    assert caller.reply().request.parallel_tool_calls is parallel
    done = caller.answer(ToolCall("c1", "show", "{}"), ToolCall("c2", "add", "{}"))[-1]["response"]
    assert [item["call_id"] for item in done["output"]] == ["c1", "c2"][:count]


def test_no_two_calls_have_one_id(caller: Any) -> None:
    caller.send("response.create")
    done = caller.answer(ToolCall("c1", "show", "{}"), ToolCall("c1", "show", "{}"))[-1]["response"]
    first, second = [item["call_id"] for item in done["output"]]
    assert (first, second != first) == ("c1", True)


def test_a_call_that_does_not_fit_the_limit_is_not_begun(caller: Any) -> None:
    caller.send("response.create", response={"max_output_tokens": 5})
    events = caller.answer(ToolCall("c1", "show", '{"sku": "TEN-02", "quantity": 2}'), end=False)
    done = only(events, "response.done")["response"]
    assert (done["status"], done["output"]) == ("incomplete", [])
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert caller.replies() == []


def test_a_result_without_its_call_is_refused(caller: Any) -> None:
    refused = error(
        caller.send(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": "c9", "output": "x"},
            event_id="mine",
        )
    )
    assert (refused["code"], refused["event_id"]) == ("invalid_tool_call_id", "mine")
    assert refused["message"] == "Tool call ID 'c9' not found in conversation."


def test_the_brain_reads_calls_and_results_as_the_chat_api_has_them(caller: Any) -> None:
    caller.send("conversation.item.create", item=text("Show me the tent"))
    caller.send("response.create")
    caller.answer("One moment.", ToolCall("c1", "show", '{"sku": "TEN-02"}'))
    caller.send("conversation.item.create", item=text("Hurry up"))
    caller.send("response.create")
    waiting = caller.reply().request.messages[1:]
    assert [message.role for message in waiting] == ["user", "assistant", "assistant", "tool", "user"]
    assert (waiting[2].tool_calls, waiting[3].call_id) == ((ToolCall("c1", "show", '{"sku": "TEN-02"}'),), "c1")
    assert "in_progress" in waiting[3].content
    caller.answer("Nearly there.")
    result = {"type": "function_call_output", "call_id": "c1", "output": "shown"}
    caller.send("conversation.item.create", item=result)
    caller.send("response.create")
    # The news comes last, beside the call that it answers.
    assert said(caller.reply()) == [
        ("user", "Show me the tent"),
        ("assistant", "One moment."),
        ("user", "Hurry up"),
        ("assistant", "Nearly there."),
        ("assistant", ""),
        ("tool", "shown"),
    ]


# responses


def test_metadata_comes_back(caller: Any) -> None:
    created = caller.send("response.create", response={"metadata": {"topic": "gate"}})[0]["response"]
    assert created["metadata"] == {"topic": "gate"}
    assert caller.answer("Yes.")[-1]["response"]["metadata"] == {"topic": "gate"}


@pytest.mark.parametrize(
    ("wanted", "code", "param"),
    [
        ({"metadata": {str(n): "" for n in range(17)}}, "object_above_max_properties", "response.metadata"),
        ({"metadata": {"a": "x" * 513}}, "string_above_max_length", "response.metadata.a"),
        ({"modalities": ["text"]}, "unknown_parameter", "response.modalities"),
        ({"temperature": 0.8}, "unknown_parameter", "response.temperature"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt_not_found", "response.prompt.id"),
        ({"conversation": "mine"}, "invalid_value", "response.conversation"),
        ({"output_modalities": []}, "invalid_value", "response.output_modalities"),
        ({"audio": {"output": {"voice": "nobody"}}}, "invalid_value", "response.audio.output.voice"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "item_retrieve_invalid_item_id", "response.input[0].id"),
        ({"input": [text("x", id="x" * 33)]}, "string_above_max_length", "response.input[0].id"),
    ],
)
def test_what_a_response_cannot_have(caller: Any, wanted: dict[str, Any], code: str, param: str) -> None:
    refused = error(caller.send("response.create", response=wanted, event_id="r1"))
    assert (refused["code"], refused["param"], refused["event_id"]) == (code, param, "r1")
    assert caller.replies() == []


def test_one_response_has_its_own_voice_format_modality_and_limit(caller: Any) -> None:
    output = {"voice": "cedar", "format": {"type": "audio/pcmu"}}
    wanted = {"audio": {"output": output}, "max_output_tokens": 100, "conversation": "none"}
    created = caller.send("response.create", response=wanted)[0]["response"]
    assert created["audio"]["output"] == output
    assert created["max_output_tokens"] == 100
    assert (caller.reply().voice, caller.reply().request.max_tokens) == ("cedar", 100)
    events = caller.answer("Hello.")
    data = b"".join(from_base64(each["delta"]) for each in events if each["type"] == "response.output_audio.delta")
    assert ULAW_8K.duration_ms(data) == pytest.approx(120, abs=1)


def test_a_null_in_a_response_means_as_in_the_session(caller: Any) -> None:
    wanted = {"audio": {"output": {"voice": None, "format": None}}, "instructions": None, "tools": None, "input": None}
    created = caller.send("response.create", response=wanted)[0]["response"]
    assert created["audio"]["output"]["voice"] == "robin"


def test_a_commit_in_mid_speech_takes_the_speech_and_not_the_silence_before_it(caller: Any) -> None:
    caller.wait(2000)
    item_id = caller.speak(640)[0]["item_id"]
    caller.send("input_audio_buffer.commit")
    shown = only(caller.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved")["item"]
    data = from_base64(shown["content"][0]["audio"])
    assert PCM16_24K.duration_ms(data) == pytest.approx(300 + 640, abs=33)


def test_no_response_of_the_conversation_has_another_voice_once_one_was_heard(caller: Any) -> None:
    caller.send("response.create")
    caller.answer("Hello.")
    other = {"audio": {"output": {"voice": "low"}}}
    assert error(caller.send("response.create", response=other))["code"] == "cannot_update_voice"
    caller.send("response.create", response={**other, "conversation": "none"})  # beside it, nobody minds
    assert caller.reply().voice == "low"


def test_an_empty_input_clears_the_context(caller: Any) -> None:
    caller.send("conversation.item.create", item=text("Hello"))
    caller.send("response.create", response={"input": []})
    assert said(caller.reply()) == []


def test_the_pace_is_passed_on(caller: Any) -> None:
    caller.update(audio={"output": {"speed": 1.25}})
    caller.send("response.create")
    assert caller.reply().speed == 1.25


@pytest.mark.parametrize("modality", ["audio", "text"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 13, 21, 34, 40])
def test_no_limit_is_passed(caller: Any, modality: str, limit: int) -> None:
    caller.send("response.create", response={"max_output_tokens": limit, "output_modalities": [modality]})
    events = caller.answer("Take the tent, please!", "It is dry.", "Yes.", end=False)
    done = only(events, "response.done")["response"] if "response.done" in types(events) else None
    if done is None:
        done = caller.answer()[-1]["response"]
        assert done["status"] == "completed"
    else:
        assert done["status_details"]["reason"] == "max_output_tokens"
    assert done["usage"]["output_tokens"] <= limit


@pytest.mark.parametrize("limit", range(1, 36))
def test_a_limit_is_used_up(caller: Any, limit: int) -> None:
    words = "Take the tent, please, it is dry."  # 660 ms: 14 tokens of sound and 9 of text
    caller.send("response.create", response={"max_output_tokens": limit})
    events = caller.answer(words, end=False)
    if limit >= 23:
        assert "response.done" not in types(events)
        return
    done = only(events, "response.done")["response"]
    kept = done["output"][0]["content"][0]["transcript"]
    sound_ms = sum(
        PCM16_24K.duration_ms(from_base64(each["delta"])) for each in events if "audio.delta" in each["type"]
    )
    assert words.startswith(kept)
    assert done["usage"]["output_tokens"] == -(-len(kept) // 4) + -(-sound_ms // 50) <= limit
    # Another 50 ms would have been a token too many, with the word that may end in them.
    following = words[len(kept) :].split()[0]
    assert -(-(len(kept) + 1 + len(following)) // 4) + -(-sound_ms // 50) + 1 > limit


def test_sound_after_a_tool_call_is_whole_in_every_format(caller: Any) -> None:
    caller.update(audio={"output": {"format": {"type": "audio/pcmu"}}})
    caller.send("response.create")
    events = caller.answer("x" * 20, ToolCall("c1", "show", "{}"), "y" * 30)
    sounds: dict[str, bytes] = {}
    for each in events:
        if each["type"] == "response.output_audio.delta":
            sounds[each["item_id"]] = sounds.get(each["item_id"], b"") + from_base64(each["delta"])
    assert [ULAW_8K.duration_ms(data) for data in sounds.values()] == pytest.approx([400, 600], abs=1)


# how much is remembered


def test_auto_leaves_the_oldest_out(caller: Any) -> None:
    for n in range(4):
        caller.send("conversation.item.create", item=text(str(n) * 40_000))  # 10 000 tokens
    caller.send("response.create")
    assert [content[0] for _, content in said(caller.reply())] == ["2", "3"]


def test_disabled_fails_the_response(caller: Any) -> None:
    caller.update(truncation="disabled")
    for n in range(4):
        caller.send("conversation.item.create", item=text(str(n) * 40_000))
    events = caller.send("response.create")
    assert types(events) == ["response.created", "rate_limits.updated", "response.done"]
    details = events[-1]["response"]["status_details"]
    assert (details["type"], details["error"]["code"]) == ("failed", "context_length_exceeded")
    assert caller.replies() == []


def test_a_retention_ratio_leaves_room_for_some_turns(caller: Any) -> None:
    limits = {"post_instructions": 100}
    caller.update(truncation={"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": limits})
    remembered = []
    for n in range(9):
        caller.send("conversation.item.create", item=text(str(n) * 80))  # 20 tokens
        caller.send("response.create", response={"output_modalities": ["text"]})
        remembered.append([content[0] for _, content in said(caller.reply())])
        caller.answer()
    assert remembered[4] == ["0", "1", "2", "3", "4"]
    assert remembered[5:] == [["4", "5"], ["4", "5", "6"], ["4", "5", "6", "7"], ["4", "5", "6", "7", "8"]]


@pytest.mark.parametrize(
    ("call_id", "code"), [("c" * 33, "string_above_max_length"), ("call/1", "invalid_value"), ("call_1-A", None)]
)
def test_the_id_of_a_call_is_short_and_plain(caller: Any, call_id: str, code: str | None) -> None:
    call = {"type": "function_call", "call_id": call_id, "name": "show", "arguments": "{}"}
    events = caller.send("conversation.item.create", item=call)
    if code is None:
        assert types(events) == ["conversation.item.added", "conversation.item.done"]
    else:
        assert (error(events)["code"], error(events)["param"]) == (code, "item.call_id")


def test_tools_on_other_servers_are_refused_where_they_are_named(caller: Any) -> None:
    mcp = {"type": "mcp", "server_label": "docs", "server_url": "https://example.invalid/mcp"}
    for events, param in (
        (caller.update(tools=[SHOW, mcp]), "session.tools[1].type"),
        (caller.send("response.create", response={"tools": [mcp]}), "response.tools[0].type"),
        (
            caller.send("response.create", response={"tool_choice": {"type": "mcp", "server_label": "docs"}}),
            "response.tool_choice.type",
        ),
    ):
        refused = error(events)
        assert (refused["type"], refused["code"], refused["param"]) == (
            "invalid_request_error",
            "invalid_value",
            param,
        )
        assert "calls no other servers" in refused["message"]
    approval = {"id": "a", "type": "mcp_approval_response", "approval_request_id": "a", "approve": True}
    assert error(caller.send("conversation.item.create", item=approval))["param"] == "item.type"
    assert caller.replies() == []


# items


def test_an_engine_that_cannot_see_says_so(caller: Any) -> None:
    part = {"type": "input_image", "image_url": PICTURE}
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "This?"}, part]}
    refused = error(caller.send("conversation.item.create", item=item))
    assert (refused["code"], refused["param"]) == ("image_input_not_supported", "item.content[1].type")
    assert "cannot see" in refused["message"]
    refused = error(caller.send("response.create", response={"input": [item]}))
    assert refused["param"] == "response.input[0].content[1].type"


def test_an_engine_that_sees_gets_the_picture(new_caller: Callable[..., Any]) -> None:
    caller = new_caller(sees=True)
    part = {"type": "input_image", "image_url": PICTURE}
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "This?"}, part]}
    added = caller.send("conversation.item.create", item=item)[0]["item"]
    assert added["content"][1] == {**part, "detail": "auto"}
    caller.send("response.create")
    message = caller.reply().request.messages[-1]
    assert (message.content, message.images) == ("This?", (PICTURE,))


@pytest.mark.parametrize("url", ["https://example.org/x.png", "data:image/gif;base64,AAAA", "data:image/png;base64,"])
def test_only_png_and_jpeg_data_are_pictures(new_caller: Callable[..., Any], url: str) -> None:
    part = {"type": "input_image", "image_url": url}
    events = new_caller(sees=True).send(
        "conversation.item.create", item={"type": "message", "role": "user", "content": [part]}
    )
    assert error(events)["param"] == "item.content[0].image_url"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "message", "role": "assistant", "content": [{"type": "output_audio"}]}, "item.content[0].type"),
        ({"type": "message", "role": "user", "content": [{"type": "input_audio"}]}, "item.content[0].audio"),
        ({"type": "message", "role": "user", "content": [{"type": "input_text"}]}, "item.content[0].text"),
        ({"type": "mcp_approval_response", "id": "a", "approval_request_id": "b", "approve": True}, "item.type"),
        (text("x", id="x" * 33), "item.id"),
    ],
)
def test_what_cannot_be_added(new_caller: Callable[..., Any], item: dict[str, Any], param: str) -> None:
    assert error(new_caller().send("conversation.item.create", item=item))["param"] == param


def test_the_id_of_a_turn_that_is_being_spoken_is_taken(caller: Any) -> None:
    item_id = caller.speak(400)[0]["item_id"]
    assert error(caller.send("conversation.item.create", item=text("x", id=item_id)))["param"] == "item.id"
    assert only(caller.wait(640), "conversation.item.added")["item"]["id"] == item_id


def test_nobody_reads_the_words_of_a_deleted_turn(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    item_id = caller.speak(400)[0]["item_id"]
    caller.wait(640)
    caller.send("conversation.item.delete", item_id=item_id)
    assert caller.hear("Forget it") == []


def test_the_sound_in_a_responses_own_input_is_heard_and_not_transcribed(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    part = {"type": "input_audio", "audio": to_base64(bytes(PCM16_24K.byte_count(200)))}
    item = {"type": "message", "role": "user", "content": [part]}
    caller.send("response.create", response={"conversation": "none", "input": [item]})
    assert caller.hear("Good day") == []
    assert said(caller.reply()) == [("user", "Good day")]


def test_a_new_item_under_a_deleted_items_id_is_another_item(caller: Any) -> None:
    caller.send("response.create")
    reply = caller.reply()
    item_id = caller.answer("Take the tent.", end=False)[0]["item"]["id"]
    caller.send("conversation.item.delete", item_id=item_id)
    caller.send("conversation.item.create", item=text("Mine now", id=item_id))
    events = caller.answer_to(reply, "It is dry.")
    assert "conversation.item.done" not in types(events)
    shown = only(caller.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved")["item"]
    assert shown["content"] == [{"type": "input_text", "text": "Mine now"}]


def test_late_words_belong_to_the_item_and_not_to_its_id(caller: Any) -> None:
    part = {"type": "input_audio", "audio": to_base64(bytes(9600))}
    item = {"id": "mine", "type": "message", "role": "user", "content": [part]}
    caller.send("conversation.item.create", item=item)
    old = caller.job()
    caller.send("conversation.item.delete", item_id="mine")
    caller.send("conversation.item.create", item=item)
    caller.send("response.create")
    caller._take(caller.protocol.heard(old.job_id, Heard("Old words", -0.2, 0.0), at_ms=0))
    assert caller.replies() == []  # the new sound is not heard yet
    caller.hear("New words")
    assert said(caller.reply()) == [("user", "New words")]


# beside the conversation


def test_a_request_beside_the_conversation_may_refer_to_what_is_still_being_heard(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "create_response": False})
    caller.speak(1000)
    turn = caller.wait(640)
    item_id = only(turn, "conversation.item.added")["item"]["id"]
    before = len(caller.log)
    wanted = {
        "conversation": "none",
        "output_modalities": ["text"],
        "instructions": "Which topic?",
        "metadata": {"topic": "gate"},
        "tools": [ADD],
        "tool_choice": "none",
        "input": [text("First.", role="assistant"), {"type": "item_reference", "id": item_id}, text("Now?")],
    }
    created = only(caller.send("response.create", response=wanted), "response.created")["response"]
    assert (created["conversation_id"], created["metadata"]) == (None, {"topic": "gate"})
    assert caller.replies() == []  # the ear is not done
    caller.hear("A tent")
    request = caller.reply().request
    assert [(message.role, message.content) for message in request.messages] == [
        ("system", "Which topic?"),
        ("assistant", "First."),
        ("user", "A tent"),
        ("user", "Now?"),
    ]
    assert (request.tools, request.tool_choice) == ((ADD,), "none")
    done = caller.answer("tents")[-1]["response"]
    assert (done["status"], done["output"][0]["content"]) == ("completed", [{"type": "output_text", "text": "tents"}])
    assert not [event for event in caller.log[before:] if event["type"].startswith("conversation.item.")]
    caller.send("response.create")
    assert said(caller.reply()) == [("user", "A tent")]


def test_calls_and_results_can_be_referred_to(caller: Any) -> None:
    caller.send("response.create", response={"tools": [SHOW]})
    call = caller.answer(ToolCall("c1", "show", "{}"))[-1]["response"]["output"][0]
    result = {"id": "r1", "type": "function_call_output", "call_id": "c1", "output": "shown"}
    caller.send("conversation.item.create", item=result)
    input = [{"type": "item_reference", "id": call["id"]}, {"type": "item_reference", "id": "r1"}]
    caller.send("response.create", response={"conversation": "none", "input": input})
    assert said(caller.reply()) == [("assistant", ""), ("tool", "shown")]


@pytest.mark.parametrize("fmt", [PCM16_24K, ULAW_8K])
def test_the_sound_of_both_sides_can_be_retrieved(caller: Any, fmt: Any) -> None:
    caller.update(audio={"input": {"format": fmt.to_wire()}, "output": {"format": fmt.to_wire()}})
    caller.fmt = fmt
    started, stopped = caller.say("Hello")[:2]
    answer = caller.answer("Good day.")[-1]["response"]["output"][0]
    spans_ms = (stopped["audio_end_ms"] - started["audio_start_ms"], 20 * len("Good day."))
    for item_id, kind, span_ms in zip((started["item_id"], answer["id"]), ("input", "output"), spans_ms, strict=True):
        shown = only(caller.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved")["item"]
        assert shown["content"][0]["type"] == f"{kind}_audio"
        assert fmt.duration_ms(from_base64(shown["content"][0]["audio"])) == pytest.approx(span_ms, abs=1)


def test_an_empty_input_clears_what_is_read(caller: Any) -> None:
    caller.send("conversation.item.create", item=text("A tent"))
    caller.send("response.create", response={"input": [], "instructions": "Greet."})
    assert [message.content for message in caller.reply().request.messages] == ["Greet."]
