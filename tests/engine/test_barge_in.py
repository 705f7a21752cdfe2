"""Speaking over the assistant: it stops at once, and remembers no word that nobody heard."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contoso_lab.audio import ALAW_8K, PCM16_24K, ULAW_8K, AudioFormat, encode, from_base64, to_base64, tone
from contoso_lab.engine.effects import Stop

FRESH = settings(
    deadline=None,
    derandomize=True,
    # The fixture is a maker of calls: each example makes its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MS_PER_CHARACTER = 20
FRAME_MS = 32
DETECTION_FRAMES = 3

SENTENCES = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=4)
"""How long each word is; every word gets a number, so that no two are alike."""


def sentences_of(shape: list[list[int]]) -> list[str]:
    numbers = iter(range(1000))
    return [" ".join(f"w{next(numbers)}{'x' * size}" for size in sizes) + "." for sizes in shape]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


@settings(FRESH, max_examples=60)
@given(shape=SENTENCES, part=st.floats(0, 1))
def test_the_next_prompt_holds_only_the_words_that_were_heard(
    new_caller: Callable[..., Any], shape: list[list[int]], part: float
) -> None:
    sentences = sentences_of(shape)
    caller = new_caller()
    caller.say("Which tent?")
    answer = caller.answer(*sentences, end=False)
    item_id = next(each["item"]["id"] for each in answer if each["type"] == "response.output_item.added")
    end_ms = max(1, math.floor(part * sum(map(len, sentences)) * MS_PER_CHARACTER))
    assert "response.done" in types(caller.speak(200))
    cut = caller.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms)
    assert types(cut) == ["conversation.item.truncated"]
    caller.wait(640)
    caller.hear("And how big?")
    told = " ".join(message.content for message in caller.reply().request.messages).split()
    kept = [word for word in told if word.startswith("w") and word[1:2].isdigit()]
    words = [word for sentence in sentences for word in sentence.split()]
    assert kept == words[: len(kept)], "not the beginning of what was said"
    ends_ms = ends_of(sentences)
    # The engine shares a sentence's time out by letters, as we do, but counts the gaps a little differently.
    assert all(ends_ms[word] <= end_ms + 1.5 * MS_PER_CHARACTER for word in kept), "words that nobody heard"
    assert all(ends_ms[word] >= end_ms - 1.5 * MS_PER_CHARACTER for word in words[len(kept) :]), "heard words are gone"
    assert told[-3:] == ["And", "how", "big?"]


def ends_of(sentences: list[str]) -> dict[str, float]:
    """When the last letter of each word has sounded."""
    ends, begun_ms = {}, 0
    for sentence in sentences:
        at = 0
        for word in sentence.split():
            at = sentence.index(word, at) + len(word)
            ends[word] = begun_ms + at * MS_PER_CHARACTER
        begun_ms += len(sentence) * MS_PER_CHARACTER
    return ends


@settings(FRESH, max_examples=40)
@given(
    quiet_ms=st.integers(0, 200),
    message_ms=st.sampled_from([5, 10, 20, 32, 100]),
    fmt=st.sampled_from([PCM16_24K, ULAW_8K, ALAW_8K]),
)
def test_speech_cancels_a_reply_within_one_frame_of_its_detection(
    new_caller: Callable[..., Any], quiet_ms: int, message_ms: int, fmt: AudioFormat
) -> None:
    caller = new_caller()
    caller.update(audio={"input": {"format": fmt.to_wire()}})
    caller.send("response.create")
    reply = caller.reply()
    caller.answer("Once upon a time.", end=False)
    loud = tone(400, hz=300, rate_hz=fmt.rate_hz).samples
    samples = np.concatenate([np.zeros(quiet_ms * fmt.rate_hz // 1000, np.float32), loud])
    data, step = encode(samples, fmt), fmt.byte_count(message_ms)
    for start in range(0, len(data), step):
        events = caller.send("input_audio_buffer.append", audio=to_base64(data[start : start + step]))
        if events:
            break
    heard_ms = fmt.duration_ms(data[: start + step])
    # It takes three frames to be sure; the first may have begun before the speech, and a message arrives whole.
    assert heard_ms - quiet_ms <= (DETECTION_FRAMES + 1) * FRAME_MS + message_ms
    # Detection and the end of the reply come out of the same message: nothing lies between them.
    assert types(events)[0] == "input_audio_buffer.speech_started"
    done = events[-1]["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
    assert caller.replies() == []
    assert caller.answer_to(reply, "There was a tent.") == [], "the voice went on"


def test_the_work_stops_with_the_reply(caller: Any) -> None:
    caller.send("response.create")
    reply = caller.reply()
    caller.answer("Once upon a time.", end=False)
    taken: list[Any] = []
    keep = caller._take
    caller._take = lambda outputs: taken.extend(outputs) or keep(outputs)
    caller.speak(200)
    assert Stop(reply.response_id) in taken


@settings(FRESH, max_examples=60)
@given(size=st.integers(1, 40), end_ms=st.integers(-1000, 2000))
def test_a_wrong_audio_end_is_refused_and_changes_nothing(
    new_caller: Callable[..., Any], size: int, end_ms: int
) -> None:
    caller = new_caller()
    caller.send("response.create")
    done = caller.answer("x" * size)[-1]["response"]
    item_id, sound_ms = done["output"][0]["id"], size * MS_PER_CHARACTER
    before = caller.send("conversation.item.retrieve", item_id=item_id)[0]["item"]
    (event,) = caller.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms, event_id="cut"
    )
    if 0 < end_ms <= sound_ms:
        assert event["type"] == "conversation.item.truncated"
        return
    assert event["error"]["event_id"] == "cut"
    assert event["error"]["param"] == "audio_end_ms"
    if end_ms > sound_ms:
        assert event["error"]["message"] == f"Audio content of {sound_ms}ms is already shorter than {end_ms}ms"
    assert caller.send("conversation.item.retrieve", item_id=item_id)[0]["item"] == before


def test_a_reply_that_goes_on_after_a_cut_adds_nothing_to_what_was_heard(caller: Any) -> None:
    caller.turn_detection({"type": "server_vad", "interrupt_response": False})
    caller.send("response.create")
    reply = caller.reply()
    added = caller.answer("Take the tent.", end=False)  # 280 ms
    item_id = added[0]["item"]["id"]
    caller.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=170)
    events = caller.answer_to(reply, "It is dry.")
    told = {event["type"]: event for event in events}
    # The response tells what it made, the conversation holds what was heard.
    assert told["response.output_audio_transcript.done"]["transcript"] == "Take the tent. It is dry."
    assert told["response.done"]["response"]["output"][0]["content"][0]["transcript"] == "Take the tent. It is dry."
    assert told["conversation.item.done"]["item"]["content"][0]["transcript"] == "Take the"
    (shown,) = caller.send("conversation.item.retrieve", item_id=item_id)
    assert PCM16_24K.duration_ms(from_base64(shown["item"]["content"][0]["audio"])) == 170
    caller.send("response.create")
    assert caller.reply().request.messages[-1].content == "Take the"


def test_a_second_cut_can_only_take_more_away(caller: Any) -> None:
    caller.send("response.create")
    item_id = caller.answer("Take the tent.")[-1]["response"]["output"][0]["id"]

    def cut(end_ms: int) -> str:
        fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
        return str(caller.send("conversation.item.truncate", **fields)[0]["type"])

    assert [cut(200), cut(250), cut(100)] == ["conversation.item.truncated", "error", "conversation.item.truncated"]
