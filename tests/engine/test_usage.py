"""What a response has read before is counted as cached, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, to_base64


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}], **fields}


def used(caller: Any, *pieces: str, **response: Any) -> tuple[int, int, int, int]:
    """The tokens of one response's input: text and audio, and the same of what was cached."""
    caller.send("response.create", response=response)
    details = caller.answer(*pieces)[-1]["response"]["usage"]["input_token_details"]
    cached = details["cached_tokens_details"]
    assert details["cached_tokens"] == cached["text_tokens"] + cached["audio_tokens"]
    return details["text_tokens"], details["audio_tokens"], cached["text_tokens"], cached["audio_tokens"]


@pytest.fixture
def talk(caller: Any) -> Any:
    """A call with 10 tokens of instructions and one item of 5."""
    caller.update(instructions="i" * 40)
    caller.send("conversation.item.create", item=text("a" * 20, id="first"))
    return caller


def test_the_first_response_has_read_nothing_before(talk: Any) -> None:
    assert used(talk, "Yes.") == (15, 0, 0, 0)


def test_what_was_read_is_cached_and_what_was_said_since_is_not(talk: Any) -> None:
    used(talk, "y" * 50)  # a second of the assistant: 20 tokens
    talk.send("conversation.item.create", item=text("b" * 8))
    assert used(talk, "Yes.") == (17, 20, 15, 0)
    assert used(talk, "Yes.") == (17, 22, 17, 20)  # the reply before this one was never read


def test_the_callers_sound_is_cached_as_sound(caller: Any) -> None:
    caller.say("Hello")
    caller.answer("Good day.")
    caller.say("A tent")
    details = caller.answer("Yes.")[-1]["response"]["usage"]["input_token_details"]
    first = caller.log  # the sound of the first turn was read by both
    spans = [event["audio_end_ms"] for event in first if event["type"] == "input_audio_buffer.speech_stopped"]
    assert details["cached_tokens_details"]["audio_tokens"] == pytest.approx(spans[0] / 100, abs=1)
    assert 0 < details["cached_tokens_details"]["audio_tokens"] < details["audio_tokens"]


def test_a_deleted_item_ends_the_common_beginning(talk: Any) -> None:
    for n in range(3):
        talk.send("conversation.item.create", item=text(str(n) * 40, id=f"item_{n}"))
    used(talk, "Yes.")
    talk.send("conversation.item.delete", item_id="item_1")
    assert used(talk)[2:] == (25, 0)  # instructions, the first, and item_0


def test_a_truncation_ends_the_common_beginning(talk: Any) -> None:
    talk.send("response.create")
    item_id = talk.answer("y" * 50)[-1]["response"]["output"][0]["id"]
    used(talk, "Yes.")
    talk.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=500)
    assert used(talk)[2:] == (15, 0)


def test_other_instructions_or_tools_are_another_beginning(talk: Any) -> None:
    used(talk, "Yes.")
    assert used(talk, instructions="j" * 40)[2:] == (0, 0)
    assert used(talk, tools=[{"type": "function", "name": "show"}])[2:] == (10, 0)


def test_what_falls_out_of_the_window_is_not_cached(caller: Any) -> None:
    caller.update(instructions="i" * 40)
    for n in range(2):
        caller.send("conversation.item.create", item=text(str(n) * 40_000))
    assert used(caller)[2:] == (0, 0)
    caller.send("conversation.item.create", item=text("2" * 40_000))
    assert used(caller)[2:] == (10, 0)  # the first is left out, so all after the instructions has moved


def test_a_request_beside_the_conversation_does_not_spoil_it(talk: Any) -> None:
    used(talk, "Yes.")
    beside = {"conversation": "none", "instructions": "Classify.", "input": [text("c" * 40)]}
    assert used(talk, **beside)[2:] == (0, 0)
    assert used(talk, **beside)[2:] == (13, 0)
    assert used(talk)[2:] == (15, 0)


def test_nothing_is_cached_of_sound_that_is_new(talk: Any) -> None:
    part = {"type": "input_audio", "audio": to_base64(bytes(PCM16_24K.byte_count(1000)))}
    item = {"type": "message", "role": "user", "content": [part]}
    for _ in range(2):
        talk.send("response.create", response={"conversation": "none", "instructions": "", "input": [item]})
        talk.hear("the same words")
        details = talk.answer("Yes.")[-1]["response"]["usage"]["input_token_details"]
        assert (details["audio_tokens"], details["cached_tokens"]) == (10, 0)
