from __future__ import annotations

import ast
import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import ALAW_8K, PCM16_24K, ULAW_8K, decode, from_base64, tone
from contoso_lab.engine import protocol as engine_protocol
from contoso_lab.engine.effects import Listen, Reply
from contoso_lab.engine.seams import ToolCall


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def only(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [event for event in events if event["type"] == name]
    return found


def error(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert types(events) == ["error"]
    return events[0]["error"]


def sound(events: list[dict[str, Any]]) -> bytes:
    return b"".join(from_base64(each["delta"]) for each in events if each["type"] == "response.output_audio.delta")


AUDIO_LADDER = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]


def ladder(events: list[dict[str, Any]]) -> list[str]:
    """The types, with runs of the same type counted once."""
    names = types(events)
    return [name for before, name in zip([None, *names], names, strict=False) if name != before]


def test_a_call_begins_with_the_whole_session(caller: Any) -> None:
    assert types(caller.log) == ["session.created"]
    session = caller.log[0]["session"]
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_one_spoken_turn_and_its_answer(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}}, instructions="Be brief.")
    events = caller.wait(500) + caller.say("How much is the tent?")
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    item_id = events[0]["item_id"]
    assert [event["item_id"] for event in events[:3]] == [item_id] * 3
    assert events[-1]["transcript"] == "How much is the tent?"
    assert [(m.role, m.content) for m in caller.reply().request.messages] == [
        ("system", "Be brief."),
        ("user", "How much is the tent?"),
    ]
    answer = caller.answer("It is $279.", "Shall I show it?")
    assert ladder(answer)[:5] == AUDIO_LADDER[:5]
    assert ladder(answer)[-6:] == AUDIO_LADDER[-6:]
    assert only(answer, "conversation.item.added")["previous_item_id"] == item_id
    done = only(answer, "response.done")["response"]
    assert done["status"] == "completed"
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "It is $279. Shall I show it?"}]
    spoken_ms = PCM16_24K.duration_ms(sound(answer))
    assert spoken_ms == 20 * len("It is $279." + "Shall I show it?")


def test_the_sound_of_the_second_sentence_follows_its_words(caller: Any) -> None:
    caller.say("Hello")
    events = [each for each in caller.answer("One.", "Two.") if each["type"].endswith(".delta")]
    assert [each["type"].split(".")[1] for each in events] == ["output_audio_transcript", "output_audio"] * 2
    assert [each["delta"] for each in events[::2]] == ["One.", " Two."]


def test_the_sound_comes_in_pieces_of_100_ms(caller: Any) -> None:
    caller.say("Hello")
    answer = caller.answer("x" * 31)  # 620 ms
    deltas = [from_base64(each["delta"]) for each in answer if each["type"] == "response.output_audio.delta"]
    assert [PCM16_24K.duration_ms(each) for each in deltas] == [100.0] * 6 + [20.0]


@pytest.mark.parametrize("silence_ms", [300, 500, 800])
@pytest.mark.parametrize("prefix_ms", [0, 300])
def test_speech_times_lie_on_the_input_clock(caller: Any, silence_ms: int, prefix_ms: int) -> None:
    vad = {"type": "server_vad", "silence_duration_ms": silence_ms, "prefix_padding_ms": prefix_ms}
    caller.turn_detection(vad)
    events = caller.wait(960) + caller.speak(1280) + caller.wait(1000)
    started, stopped = events[0], events[1]
    # One frame of the meter, and the resampler's ringing, may stand between the truth and the claim.
    assert started["audio_start_ms"] + prefix_ms == pytest.approx(960, abs=33)
    assert stopped["audio_end_ms"] - silence_ms == pytest.approx(2240, abs=33)


def test_the_committed_sound_is_what_the_times_say(caller: Any) -> None:
    events = caller.wait(960) + caller.say("Yes")
    item_id = events[0]["item_id"]
    item = only(caller.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved")["item"]
    audio = base64.b64decode(item["content"][0]["audio"])
    span_ms = events[1]["audio_end_ms"] - events[0]["audio_start_ms"]
    assert PCM16_24K.duration_ms(audio) == pytest.approx(span_ms, abs=0.1)


def test_recognition_starts_in_the_pause_and_is_thrown_away_when_speech_resumes(caller: Any) -> None:
    caller.speak(1000)
    caller.wait(160)
    assert caller.jobs() == []
    caller.wait(100)
    (first,) = caller.jobs()
    caller.speak(200)
    assert caller.jobs() == []  # stopped
    assert caller.protocol.heard(first.job_id, None, at_ms=0) == []  # type: ignore[arg-type]  # its late words count for nothing
    caller.wait(300)
    (second,) = caller.jobs()
    assert len(second.audio) > len(first.audio)


def test_words_that_are_ready_early_wait_for_the_end_of_the_turn(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    caller.speak(1000)
    caller.wait(250)
    assert caller.hear("A tent, please.") == []
    events = caller.wait(400)
    assert types(events)[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert only(events, "conversation.item.input_audio_transcription.completed")["transcript"] == "A tent, please."
    assert caller.reply().request.messages[-1].content == "A tent, please."


def test_speaking_over_the_agent_cuts_it_off(caller: Any) -> None:
    caller.say("Tell me a long story")
    caller.answer("Once upon a time.", end=False)
    events = caller.speak(200)
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    done = events[-1]["response"]
    assert (done["status"], done["status_details"]) == (
        "cancelled",
        {"type": "cancelled", "reason": "turn_detected"},
    )
    assert done["output"][0]["status"] == "incomplete"
    assert caller.replies() == []  # brain and voice were stopped


def test_barge_in_comes_with_the_frame_that_detects_it(caller: Any) -> None:
    caller.say("Tell me a story")
    caller.answer("Once.", end=False)
    events, sent_ms = [], 0
    while not events:
        events, sent_ms = caller.speak(20), sent_ms + 20
    assert "response.done" in types(events)
    assert sent_ms <= 4 * 32 + 20  # three frames detect, and the first may be half full of silence


def test_without_interrupt_response_the_agent_goes_on(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "interrupt_response": False})
    caller.say("Tell me a story")
    caller.answer("Once.", end=False)
    events = caller.say("Stop")
    refused = only(events, "error")["error"]
    assert refused["code"] == "conversation_already_has_active_response"
    assert only(caller.answer("Upon."), "response.done")["response"]["status"] == "completed"


def test_late_words_of_a_cancelled_reply_are_dropped(caller: Any) -> None:
    caller.say("Hello")
    reply = caller.reply()
    caller.send("response.cancel")
    assert caller.answer_to(reply, "Too late.") == []


def test_a_reply_cut_before_its_first_word_leaves_nothing(caller: Any) -> None:
    caller.say("Hello")
    done = only(caller.send("response.cancel"), "response.done")["response"]
    assert done["output"] == []
    assert done["status_details"]["reason"] == "client_cancelled"
    assert done["usage"]["output_tokens"] == 0


def test_truncation_makes_the_brain_forget_what_nobody_heard(caller: Any) -> None:
    caller.say("Which tent?")
    answer = caller.answer("Take the tent.", "It is quite dry inside.", end=False)  # 280 ms and 460 ms
    item_id = only(answer, "response.output_item.added")["item"]["id"]
    caller.speak(200)
    truncated = caller.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=500)
    assert types(truncated) == ["conversation.item.truncated"]
    caller.wait(640)
    caller.hear("And how big?")
    said = [message.content for message in caller.reply().request.messages if message.role == "assistant"]
    assert said == ["Take the tent. It is"]
    shown = only(caller.send("conversation.item.retrieve", item_id=item_id), "conversation.item.retrieved")["item"]
    assert PCM16_24K.duration_ms(base64.b64decode(shown["content"][0]["audio"])) == 500
    assert shown["content"][0]["transcript"] == "Take the tent. It is"


@pytest.mark.parametrize(
    ("audio_end_ms", "code", "message"),
    [
        (0, "integer_below_min_value", "Expected a value >= 1"),
        (-5, "integer_below_min_value", "Expected a value >= 1"),
        (281, "invalid_value", "Audio content of 280ms is already shorter than 281ms"),
        (280, None, None),
    ],
)
def test_truncation_beyond_the_sound_is_refused(caller: Any, audio_end_ms: int, code: str, message: str) -> None:
    caller.say("Which tent?")
    item_id = only(caller.answer("Take the tent."), "response.done")["response"]["output"][0]["id"]
    events = caller.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms, event_id="mine"
    )
    if code is None:
        assert types(events) == ["conversation.item.truncated"]
        return
    refused = error(events)
    assert (refused["type"], refused["code"], refused["event_id"]) == ("invalid_request_error", code, "mine")
    assert message in refused["message"]


def test_only_spoken_answers_can_be_truncated(caller: Any) -> None:
    item_id = caller.say("Hello")[0]["item_id"]
    refused = error(caller.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100))
    assert refused["message"] == "Only model output audio messages can be truncated"
    assert refused["code"] == "unsupported_content_type"


def test_manual_turns(caller: Any) -> None:
    caller.turn_detection(None)
    assert caller.speak(1000) == []
    events = caller.send("input_audio_buffer.commit")
    assert types(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    created = caller.send("response.create")
    assert types(created) == ["response.created", "rate_limits.updated"]
    assert caller.replies() == []  # the ear has not caught up
    caller.hear("Hello there")
    assert caller.reply().request.messages[-1].content == "Hello there"


@pytest.mark.parametrize("sent_ms", [0, 99])
def test_less_than_100_ms_cannot_be_committed(caller: Any, sent_ms: int) -> None:
    caller.turn_detection(None)
    caller.speak(sent_ms)
    refused = error(caller.send("input_audio_buffer.commit", event_id="c1"))
    assert refused["code"] == "input_audio_buffer_commit_empty"
    assert f"buffer only has {sent_ms:.2f}ms of audio" in refused["message"]
    assert refused["event_id"] == "c1"


def test_clear_forgets_the_sound_and_the_clock_goes_on(caller: Any) -> None:
    caller.speak(480)
    assert types(caller.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    events = caller.wait(480) + caller.speak(480)
    assert types(events) == ["input_audio_buffer.speech_started"]
    assert events[0]["audio_start_ms"] + 300 == pytest.approx(960, abs=33)


def test_commit_in_the_middle_of_speech_ends_the_turn(caller: Any) -> None:
    started = caller.speak(640)
    events = caller.send("input_audio_buffer.commit")
    assert events[0]["item_id"] == started[0]["item_id"]
    assert len(caller.jobs()) == 1
    caller.wait(1000)
    assert "input_audio_buffer.speech_stopped" not in types(caller.log)


def test_semantic_vad_waits_longer_for_a_sentence_that_hangs(caller: Any) -> None:
    caller.turn_detection({"type": "semantic_vad", "eagerness": "high"})
    caller.speak(960)
    caller.wait(250)
    caller.hear("I am looking for a.")
    assert caller.wait(1600) == []
    assert types(caller.wait(300))[0] == "input_audio_buffer.speech_stopped"


def test_semantic_vad_ends_soon_when_the_words_sound_finished(caller: Any) -> None:
    caller.turn_detection({"type": "semantic_vad", "eagerness": "high"})
    caller.speak(960)
    caller.wait(250)
    caller.hear("I am looking for a tent.")
    events = caller.wait(150)
    assert types(events)[0] == "input_audio_buffer.speech_stopped"


@pytest.mark.parametrize(("eagerness", "longest_ms"), [("low", 8000), ("medium", 4000), ("auto", 4000), ("high", 2000)])
def test_semantic_vad_never_waits_longer_than_documented(caller: Any, eagerness: str, longest_ms: int) -> None:
    caller.turn_detection({"type": "semantic_vad", "eagerness": eagerness})
    caller.speak(960)
    assert caller.wait(longest_ms - 100) == []
    assert types(caller.wait(200))[0] == "input_audio_buffer.speech_stopped"


def test_one_response_at_a_time(caller: Any) -> None:
    created = caller.send("response.create")
    refused = error(caller.send("response.create", event_id="second"))
    assert refused["code"] == "conversation_already_has_active_response"
    assert created[0]["response"]["id"] in refused["message"]
    assert refused["event_id"] == "second"


def test_an_out_of_band_response_runs_beside_and_leaves_no_trace(caller: Any) -> None:
    caller.send("response.create")
    first = caller.reply()
    wanted = {
        "conversation": "none",
        "output_modalities": ["text"],
        "instructions": "Classify.",
        "metadata": {"topic": "gate"},
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "tent"}]}],
    }
    created = only(caller.send("response.create", response=wanted), "response.created")["response"]
    assert (created["conversation_id"], created["metadata"]) == (None, {"topic": "gate"})
    (second,) = [reply for reply in caller.replies() if reply is not first]
    assert [message.content for message in second.request.messages] == ["Classify.", "tent"]
    events = caller.answer_to(second, "yes")
    assert ladder(events) == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    item_id = events[0]["item"]["id"]
    assert "does not exist" in error(caller.send("conversation.item.retrieve", item_id=item_id))["message"]


def test_input_may_refer_to_items(caller: Any) -> None:
    item_id = caller.say("A tent")[0]["item_id"]
    caller.answer("Fine.")
    caller.send("response.create", response={"input": [{"type": "item_reference", "id": item_id}]})
    assert [m.content for m in caller.reply().request.messages][1:] == ["A tent"]
    caller.answer("Again.")
    refused = error(caller.send("response.create", response={"input": [{"type": "item_reference", "id": "none"}]}))
    assert refused["code"] == "item_retrieve_invalid_item_id"
    assert caller.replies() == []


def test_instructions_of_one_response_do_not_last(caller: Any) -> None:
    caller.update(instructions="Be kind.")
    caller.send("response.create", response={"instructions": "Greet the customer."})
    assert caller.reply().request.messages[0].content == "Greet the customer."
    caller.answer("Hello.")
    caller.send("response.create")
    assert caller.reply().request.messages[0].content == "Be kind."


def test_text_instead_of_sound(caller: Any) -> None:
    caller.update(output_modalities=["text"])
    caller.send("response.create")
    assert not caller.reply().aloud
    done = only(caller.answer("Good ", "day."), "response.done")["response"]
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "Good day."}]
    assert done["usage"]["output_token_details"]["audio_tokens"] == 0


def test_a_tool_call_and_its_result(caller: Any) -> None:
    tool = {"type": "function", "name": "show", "description": "Show it", "parameters": {"type": "object"}}
    caller.update(tools=[tool], tool_choice={"type": "function", "name": "show"})
    caller.send("response.create")
    assert (caller.reply().request.tools, caller.reply().request.tool_choice) == ((tool,), "show")
    events = caller.answer("One moment.", ToolCall("call_1", "show", '{"sku": "TEN-02"}'))
    names = ladder(events)
    assert names[-6:] == [
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call"]
    assert json.loads(output[1]["arguments"]) == {"sku": "TEN-02"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "shown"}
    caller.send("conversation.item.create", item=result)
    caller.send("response.create")
    assert caller.reply().request.messages[-1].role == "tool"
    assert caller.reply().request.messages[-1].content == "shown"


def test_items_stand_where_the_client_puts_them(caller: Any) -> None:
    def create(text: str, item_id: str, **where: str) -> list[dict[str, Any]]:
        content = [{"type": "input_text", "text": text}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        return caller.send("conversation.item.create", item=item, **where)

    assert create("b", "b")[0]["previous_item_id"] is None
    assert create("c", "c")[0]["previous_item_id"] == "b"
    assert create("a", "a", previous_item_id="root")[0]["previous_item_id"] is None
    assert create("b2", "b2", previous_item_id="b")[0]["previous_item_id"] == "b"
    assert types(caller.send("conversation.item.delete", item_id="c")) == ["conversation.item.deleted"]
    caller.send("response.create")
    assert [m.content for m in caller.reply().request.messages[1:]] == ["a", "b", "b2"]
    assert error(create("x", "a"))["param"] == "item.id"
    assert error(create("x", "new", previous_item_id="gone"))["param"] == "previous_item_id"
    assert create("d", "d", previous_item_id="")[0]["previous_item_id"] == "b2"  # as the real service does


@pytest.mark.parametrize(("doing", "words"), [("retrieve", "retrieving"), ("delete", "deleting")])
def test_an_unknown_item_is_refused(caller: Any, doing: str, words: str) -> None:
    refused = error(caller.send(f"conversation.item.{doing}", item_id="nobody", event_id="e1"))
    assert (refused["code"], refused["event_id"]) == (f"item_{doing}_invalid_item_id", "e1")
    assert refused["message"] == f"Error {words} item: the item with id 'nobody' does not exist."
    assert refused["param"] is None


def test_an_item_with_sound_is_heard_before_it_is_answered(caller: Any) -> None:
    audio = base64.b64encode(bytes(9600)).decode()
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
    caller.send("conversation.item.create", item=item)
    caller.send("response.create")
    assert caller.replies() == []
    caller.hear("Good day")
    assert caller.reply().request.messages[-1].content == "Good day"


def test_a_failing_ear_is_told_and_fails_the_answer(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    caller.speak(960)
    caller.wait(640)
    job = caller.job()
    events = caller._take(caller.protocol.deaf(job.job_id, "The ear failed.", at_ms=caller.now_ms))
    assert types(events) == ["conversation.item.input_audio_transcription.failed", "response.done"]
    assert events[-1]["response"]["status_details"]["error"]["message"] == "The ear failed."


def test_a_guess_that_fails_is_tried_again_at_the_end_of_the_turn(caller: Any) -> None:
    caller.speak(960)
    caller.wait(250)
    assert caller.protocol.deaf(caller.job().job_id, "The ear failed.", at_ms=caller.now_ms) == []
    caller.wait(400)
    caller.hear("Hello")
    assert caller.reply().request.messages[-1].content == "Hello"


def test_a_failing_brain_fails_the_response_only(caller: Any) -> None:
    caller.say("Hello")
    reply = caller.reply()
    events = caller._take(caller.protocol.failed(reply.response_id, "The brain failed.", at_ms=caller.now_ms))
    assert events[-1]["response"]["status"] == "failed"
    assert types(caller.send("response.create")) == ["response.created", "rate_limits.updated"]


@pytest.mark.parametrize(("fmt", "name"), [(ULAW_8K, "audio/pcmu"), (ALAW_8K, "audio/pcma")])
def test_a_telephone_call(caller: Any, fmt: Any, name: str) -> None:
    both = {"input": {"format": {"type": name}}, "output": {"format": {"type": name}}}
    assert only(caller.update(audio=both), "session.updated")["session"]["audio"]["input"]["format"] == {"type": name}
    caller.fmt = fmt
    events = caller.wait(480) + caller.say("Hello")
    assert events[0]["audio_start_ms"] + 300 == pytest.approx(480, abs=33)
    answer = caller.answer("Good day.", "How are you?")
    data = sound(answer)
    assert fmt.duration_ms(data) == pytest.approx(20 * len("Good day.How are you?"), abs=1)
    level = np.sqrt(np.mean(decode(data, fmt) ** 2))
    assert level == pytest.approx(np.sqrt(np.mean(tone(100).samples ** 2)), rel=0.1)


def test_a_token_limit_cuts_the_answer(caller: Any) -> None:
    caller.update(max_output_tokens=10)
    caller.say("Tell me a story")
    events = caller.answer("Once upon a time there was a tent by the lake.", end=False)
    done = only(events, "response.done")["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
    assert 0 < done["usage"]["output_tokens"] <= 11
    assert "Once upon a time there was a tent".startswith(done["output"][0]["content"][0]["transcript"])
    assert caller.replies() == []


def test_usage_counts_speech_by_time(caller: Any) -> None:
    caller.update(instructions="x" * 40)
    caller.say("Hello")
    done = only(caller.answer("y" * 50), "response.done")["response"]["usage"]  # 1 s
    assert done["input_token_details"]["text_tokens"] == 10
    assert done["input_token_details"]["audio_tokens"] == pytest.approx(15, abs=1)
    assert done["output_token_details"] == {"text_tokens": 13, "audio_tokens": 20}
    assert done["total_tokens"] == done["input_tokens"] + done["output_tokens"]


def test_an_update_is_merged_and_echoed(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "threshold": 0.8})
    session = only(caller.turn_detection({"type": "server_vad", "silence_duration_ms": 300}), "session.updated")
    vad = session["session"]["audio"]["input"]["turn_detection"]
    assert (vad["threshold"], vad["silence_duration_ms"]) == (0.8, 300)
    assert session["session"]["audio"]["output"]["voice"] == "robin"


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"voice": "marin"}, "unknown_parameter", "session.voice"),
        ({"audio": {"output": {"voice": "bob"}}}, "invalid_value", "session.audio.output.voice"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
        ({"audio": {"output": {"speed": 2.0}}}, "decimal_above_max_value", "session.audio.output.speed"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "decimal_above_max_value",
            "session.audio.input.turn_detection.threshold",
        ),
    ],
)
def test_a_wrong_update_changes_nothing(caller: Any, session: dict[str, Any], code: str, param: str) -> None:
    refused = error(caller.update(instructions="changed", **session))
    assert (refused["type"], refused["code"], refused["param"]) == ("invalid_request_error", code, param)
    assert only(caller.update(), "session.updated")["session"]["instructions"] != "changed"


def test_the_voice_is_fixed_once_it_has_been_heard(caller: Any) -> None:
    caller.update(audio={"output": {"voice": "marin"}})
    caller.send("response.create")
    assert caller.reply().voice == "marin"
    caller.answer("Hello.")
    assert error(caller.update(audio={"output": {"voice": "cedar"}}))["code"] == "cannot_update_voice"
    assert types(caller.update(audio={"output": {"voice": "marin"}})) == ["session.updated"]


def test_an_update_in_mid_sentence_does_not_lose_the_turn(caller: Any) -> None:
    started = caller.speak(640)
    caller.update(instructions="Be brief.")
    events = caller.wait(640)
    assert events[0]["item_id"] == started[0]["item_id"]


def test_a_caller_who_says_nothing_is_prompted_once(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "idle_timeout_ms": 5000})
    caller.send("response.create")
    caller.answer("x" * 50)  # one second of sound
    assert caller.wait(5900) == []
    events = caller.wait(200)
    assert types(events)[:2] == ["input_audio_buffer.timeout_triggered", "input_audio_buffer.committed"]
    assert "response.created" in types(events)
    span_ms = events[0]["audio_end_ms"] - events[0]["audio_start_ms"]
    assert span_ms == pytest.approx(5000, abs=50)


def test_bad_sound_is_refused_and_the_call_goes_on(caller: Any) -> None:
    for audio in ("not base64!", base64.b64encode(b"odd").decode()):
        refused = error(caller.send("input_audio_buffer.append", audio=audio, event_id="a1"))
        assert (refused["param"], refused["event_id"]) == ("audio", "a1")
    assert types(caller.say("Hello"))[0] == "input_audio_buffer.speech_started"


def test_webrtc_only_events_say_so(caller: Any) -> None:
    assert "WebSocket" in error(caller.send("output_audio_buffer.clear"))["message"]


def test_the_end_drops_all_work(caller: Any) -> None:
    caller.speak(960)
    caller.wait(250)
    caller.send("response.create")
    assert {type(each) for each in caller.work} == {Listen, Reply}
    assert len(caller.protocol.end()) == 2


def test_the_protocol_knows_no_socket_and_no_clock() -> None:
    seen, left = set(), {"protocol"}
    while left:
        name = left.pop()
        seen.add(name)
        tree = ast.parse((Path(engine_protocol.__file__).parent / f"{name}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"asyncio", "socket", "time", "threading"} & {each.split(".")[0] for each in modules}, name
            left |= {each.rpartition(".")[2] for each in modules if each.startswith("contoso_lab.engine.")} - seen
    assert {"hearing", "replies", "responses", "turns"} <= seen


def test_the_ear_is_given_the_catalogue(caller: Any) -> None:
    caller.update(instructions="# Catalogue\n- TEN-02 | Meadow Four | Tents | $279.00\n")
    caller.speak(960)
    caller.wait(250)
    assert caller.job().prompt == "Tents: Meadow Four."


def test_a_failed_transcript_has_no_null_in_its_error(caller: Any) -> None:
    caller.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    caller.speak(1000)
    caller.wait(640)
    outputs = caller.protocol.deaf(caller.job().job_id, "The ear failed.", at_ms=caller.now_ms)
    failed = next(each for each in outputs if each["type"].endswith("input_audio_transcription.failed"))
    # The agents SDK for JavaScript passes over the whole event if a member is null.
    assert None not in failed["error"].values()
