from __future__ import annotations

import pytest
from openai.types.realtime import ConversationItemCreateEvent

from contoso_lab.relay.calls.item_parts import create_events
from contoso_lab.relay.calls.memory import Memory

PCM_CHARS_PER_S = 24_000 * 2 * 4 // 3


def message(item_id, role, *content, status="completed"):
    return {"id": item_id, "type": "message", "role": role, "status": status, "content": list(content)}


def added(item, after=None, name="conversation.item.added"):
    return {"type": name, "previous_item_id": after, "item": item}


def text(memory: Memory) -> list[tuple[str, str]]:
    return [(item["role"], item["content"][0]["text"]) for item in memory.items() if item["type"] == "message"]


def told(memory: Memory) -> list:
    """The items, each held against the official type, and the content that its role may have."""
    for event in create_events(memory.items(), "lab_replay_"):
        ConversationItemCreateEvent.model_validate(event)
        if event["item"]["type"] == "message":
            allowed = {"user": {"input_text", "input_image"}, "assistant": {"output_text"}, "system": {"input_text"}}
            assert {part["type"] for part in event["item"]["content"]} <= allowed[event["item"]["role"]]
    return memory.items()


def answer(memory: Memory, item_id: str, words: str, *, seconds: float = 0.0, after=None, done: bool = True) -> None:
    """An item of a response, with so much sound."""
    start = message(item_id, "assistant", status="in_progress")
    memory.apply(added(start, after))
    memory.apply({"type": "response.output_item.added", "response_id": "r", "item": start})
    memory.audio_chars += int(seconds * PCM_CHARS_PER_S)
    for word in words.split():
        memory.words(
            f'{{"type":"response.output_audio_transcript.delta","item_id":"{item_id}","delta":"{word} "}}'.encode()
        )
    if done:
        whole = message(item_id, "assistant", {"type": "output_audio", "transcript": words})
        memory.apply({"type": "response.output_item.done", "response_id": "r", "item": whole})


def test_a_conversation_is_told_in_its_order_with_the_content_that_each_role_may_have():
    memory = Memory()
    memory.apply(added(message("s", "system", {"type": "input_text", "text": "Be kind."})))
    memory.apply({"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": "s"})
    memory.apply(added(message("u", "user", {"type": "input_audio", "transcript": None}), "s"))
    answer(memory, "a", "We have tents.", seconds=1, after="u")
    memory.apply({
        "type": "conversation.item.input_audio_transcription.completed", "item_id": "u", "transcript": "Any tents?",
    })  # fmt: skip
    memory.apply(added(message("p", "user", {"type": "input_image", "image_url": "data:image/png;base64,AA=="}), "a"))
    assert [item["id"] for item in told(memory)] == ["s", "u", "a", "p"]
    assert [item["content"][0] for item in memory.items()] == [
        {"type": "input_text", "text": "Be kind."},
        {"type": "input_text", "text": "Any tents?"},
        {"type": "output_text", "text": "We have tents."},
        {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
    ]


def test_speech_without_a_transcript_keeps_its_place():
    memory = Memory()
    memory.apply({"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": None})
    assert text(memory) == [("user", "[inaudible]")]
    memory.apply({
        "type": "conversation.item.input_audio_transcription.completed", "item_id": "u", "transcript": "",
    })  # fmt: skip
    assert told(memory) == []  # it was heard, and it was nothing


@pytest.mark.parametrize(
    "event",
    [
        {"type": "conversation.item.truncated", "item_id": "a", "audio_end_ms": 500},
        {"type": "playback.stopped", "item_id": "a", "played_ms": 500},
    ],
)
def test_what_was_not_heard_is_not_told(event):
    memory = Memory()
    answer(memory, "a", "one two three four", seconds=1)
    (memory.played if event["type"].startswith("playback") else memory.apply)(event)
    assert text(memory) == [("assistant", "one two")]


def test_an_answer_that_was_never_heard_is_left_out():
    memory = Memory()
    answer(memory, "a", "one two", seconds=1)
    memory.apply({"type": "conversation.item.truncated", "item_id": "a", "audio_end_ms": 0})
    assert told(memory) == []


def test_an_answer_that_the_target_did_not_finish_keeps_the_words_so_far():
    memory = Memory()
    answer(memory, "a", "one two", seconds=1, done=False)
    memory.lose()
    assert [part["text"].strip() for part in told(memory)[0]["content"]] == ["one two"]
    answer(memory, "b", "three", seconds=1)
    memory.played({"type": "playback.stopped", "item_id": "a", "played_ms": 400})
    assert text(memory) == [("assistant", "one"), ("assistant", "three")]


def test_what_was_deleted_is_left_out():
    memory = Memory()
    answer(memory, "a", "one")
    memory.apply({"type": "conversation.item.deleted", "item_id": "a"})
    assert told(memory) == []


def test_calls_are_told_with_their_outputs():
    memory = Memory()
    call = {
        "id": "f",
        "type": "function_call",
        "call_id": "c",
        "name": "search",
        "arguments": "",
        "status": "in_progress",
    }
    memory.apply(added(call))
    assert (told(memory), memory.unanswered_calls()) == ([], {})
    whole = call | {"arguments": '{"q":"tent"}', "status": "completed"}
    memory.apply({"type": "response.output_item.done", "item": whole})
    assert memory.unanswered_calls() == {"c": "search"}
    memory.apply(added({"id": "o", "type": "function_call_output", "call_id": "c", "output": "[]"}, "f"))
    assert memory.unanswered_calls() == {}
    assert told(memory) == [
        {"id": "f", "type": "function_call", "call_id": "c", "name": "search", "arguments": '{"q":"tent"}'},
        {"id": "o", "type": "function_call_output", "call_id": "c", "output": "[]"},
    ]
    memory.apply({"type": "conversation.item.deleted", "item_id": "f"})
    assert told(memory) == []  # an output without its call would be refused


def test_a_call_that_never_became_whole_comes_to_nothing():
    memory = Memory()
    memory.apply(added({"id": "f", "type": "function_call", "call_id": "c", "name": "search", "status": "in_progress"}))
    memory.lose()
    assert told(memory) == []


def test_what_a_client_cannot_create_is_left_out():
    memory = Memory()
    memory.apply(added({"id": "m", "type": "mcp_call", "name": "x", "arguments": "{}", "server_label": "s"}))
    memory.apply(added({"id": "l", "type": "mcp_list_tools", "tools": []}, "m"))
    assert told(memory) == []


def test_a_response_beside_the_conversation_is_not_remembered():
    memory = Memory()
    item = message("x", "assistant", {"type": "output_text", "text": "aside"})
    memory.apply({"type": "response.output_item.added", "item": item})
    memory.apply({"type": "response.output_item.done", "item": item})
    assert told(memory) == []


def test_memory_is_bounded_and_the_oldest_go_first():
    memory = Memory(most_bytes=100)
    for number in range(20):
        memory.apply(added(message(f"i{number}", "user", {"type": "input_text", "text": "z" * 30})))
    assert [item["id"] for item in told(memory)] == ["i17", "i18", "i19"]
    memory.apply(added(message("big", "user", {"type": "input_text", "text": "z" * 1000})))
    assert "big" not in [item["id"] for item in memory.items()]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "conversation.item.added"}, {"type": "conversation.item.added", "item": []},
        {"type": "conversation.item.added", "item": {"id": 5}}, {"type": "response.done", "response": {"output": "x"}},
        {"type": "response.done", "response": {"output": [1]}}, {"type": "conversation.item.truncated"},
        {"type": "conversation.item.truncated", "item_id": "a", "audio_end_ms": "x"},
        {"type": "input_audio_buffer.committed"}, {"type": "response.output_item.done", "item": None},
        {"type": "conversation.item.added", "item": {"id": "i", "type": "message", "content": [1, {"type": "x"}]}},
        {"type": "conversation.item.added", "item": {"id": "i", "type": "message", "role": ["x"], "content": "x"}},
    ],
)  # fmt: skip
def test_a_target_that_speaks_nonsense_breaks_nothing(event):
    memory = Memory()
    memory.apply(event)
    memory.words(b"nonsense")
    memory.lose()
    memory.items()
