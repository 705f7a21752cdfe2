from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import pytest

from contoso_lab.wire import Conversation, WordTime, to_beta

Ev = dict[str, Any]


def fold(*steps: tuple[str, Ev], talk: Conversation | None = None) -> Conversation:
    """Each step is (direction, event); the n-th happens at n * 100 ms, or at its own `at`."""
    talk = talk or Conversation()
    for index, (dir, ev) in enumerate(steps):
        talk.apply({k: v for k, v in ev.items() if k != "at"}, at_ms=ev.get("at", index * 100), dir=dir)  # type: ignore[arg-type]
    return talk


def s(type_: str, **fields: Any) -> tuple[str, Ev]:
    return "s2c", {"type": type_, "event_id": "e", **fields}


def c(type_: str, **fields: Any) -> tuple[str, Ev]:
    return "c2s", {"type": type_, **fields}


def local(type_: str, **fields: Any) -> tuple[str, Ev]:
    return "local", {"type": type_, **fields}


def sound(ms: float) -> str:
    return base64.b64encode(bytes(int(48 * ms))).decode()


def user_speech(item_id: str, after: str | None, transcript: str | None = None) -> list[tuple[str, Ev]]:
    item = {"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
    steps = [
        s("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=1000),
        s("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=2500),
        s("input_audio_buffer.committed", item_id=item_id, previous_item_id=after),
        s("conversation.item.added", item={**item, "status": "completed"}, previous_item_id=after),
    ]
    return [*steps, transcribed(item_id, transcript)] if transcript is not None else steps


def transcribed(item_id: str, text: str) -> tuple[str, Ev]:
    name = "conversation.item.input_audio_transcription.completed"
    return s(name, item_id=item_id, content_index=0, transcript=text)


def reply(
    item_id: str, after: str | None, text: str, *, ms: float = 1000, response_id: str = "r", status: str = "completed"
) -> list[tuple[str, Ev]]:
    return [
        *reply_begins(item_id, after, text, ms=ms, response_id=response_id),
        *reply_ends(item_id, response_id, status),
    ]


def reply_begins(
    item_id: str, after: str | None, text: str, *, ms: float = 1000, response_id: str = "r"
) -> list[tuple[str, Ev]]:
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    ids = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    return [
        s("response.created", response={"id": response_id, "status": "in_progress", "conversation_id": "conv"}),
        s("response.output_item.added", response_id=response_id, output_index=0, item=item),
        s("conversation.item.added", item=item, previous_item_id=after),
        s("response.output_audio_transcript.delta", delta=text, **ids),
        s("response.output_audio.delta", delta=sound(ms / 2), **ids),
        s("response.output_audio.delta", delta=sound(ms / 2), **ids),
    ]


def reply_ends(item_id: str, response_id: str = "r", status: str = "completed") -> list[tuple[str, Ev]]:
    done = "completed" if status == "completed" else "incomplete"
    item = {"id": item_id, "type": "message", "role": "assistant", "status": done}
    return [
        s("response.output_item.done", response_id=response_id, output_index=0, item=item),
        s("response.done", response={"id": response_id, "status": status, "output": [item]}),
    ]


def said(talk: Conversation) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in talk.turns]


def test_a_transcript_that_comes_after_the_answer_stands_before_it() -> None:
    talk = fold(*user_speech("u1", None), *reply("a1", "u1", "It weighs six kilos."), transcribed("u1", "How heavy?\n"))
    assert said(talk) == [("user", "How heavy?"), ("assistant", "It weighs six kilos.")]
    assert [turn.status for turn in talk.turns] == ["done", "done"]


def test_the_users_turn_is_open_until_its_words_are_known() -> None:
    talk = fold(*user_speech("u1", None))
    assert talk.turns[0].status == "open"
    assert (talk.turns[0].started_ms, talk.turns[0].stopped_ms, talk.turns[0].audio_ms) == (0, None, 1500)
    fold(transcribed("u1", "Hi"), talk=talk)
    assert (talk.turns[0].status, talk.turns[0].stopped_ms) == ("done", 100)


def test_words_arrive_piece_by_piece_and_the_last_word_is_the_servers() -> None:
    name = "conversation.item.input_audio_transcription.delta"
    talk = fold(*user_speech("u1", None), s(name, item_id="u1", content_index=0, delta="How "))
    fold(s(name, item_id="u1", content_index=0, delta="havy"), talk=talk)
    assert talk.turns[0].text == "How havy"
    fold(transcribed("u1", "How heavy?"), talk=talk)
    assert talk.turns[0].text == "How heavy?"


def test_without_transcription_no_transcript_is_awaited() -> None:
    session = {"type": "realtime", "audio": {"input": {"transcription": None}}}
    talk = fold(s("session.updated", session=session), *user_speech("u1", None))
    assert talk.turns[0].status == "done"


def test_a_transcription_that_failed_is_a_turn_all_the_same() -> None:
    failed = s("conversation.item.input_audio_transcription.failed", item_id="u1", content_index=0, error={})
    talk = fold(*user_speech("u1", None), failed)
    assert [(turn.status, turn.text) for turn in talk.turns] == [("failed", "")]


def test_order_is_what_the_server_says_not_what_came_first() -> None:
    second, first = user_speech("u2", "u1", "two"), user_speech("u1", None, "one")
    assert said(fold(*second, *first)) == [("user", "one"), ("user", "two")]


def test_an_item_can_be_put_in_front_of_all() -> None:
    note = {"id": "n", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}
    talk = fold(
        *user_speech("u1", None, "Hi"),
        c("conversation.item.create", previous_item_id="root", item=note),
        s("conversation.item.added", previous_item_id=None, item=note),
    )
    assert said(talk) == [("system", "Be brief."), ("user", "Hi")]


def test_a_barge_in_leaves_what_was_heard() -> None:
    talk = fold(
        *reply_begins("a1", None, "one two three four", ms=2000),
        s("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0),
        c("conversation.item.truncate", item_id="a1", content_index=0, audio_end_ms=1000),
        s("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=1000),
        *reply_ends("a1", status="cancelled"),
    )
    turn = talk.turns[0]
    assert (turn.text, turn.heard, turn.unheard) == ("one two three four", "one two", "three four")
    assert (turn.status, turn.audio_ms, turn.heard_ms) == ("interrupted", 2000, 1000)
    assert turn.stopped_ms == 400 + 1000
    assert talk.speaking


def test_an_answer_that_was_complete_before_it_was_cut_is_interrupted_too() -> None:
    talk = fold(*reply("a1", None, "one two three four", ms=2000))
    assert talk.turns[0].status == "done"
    fold(s("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=1500), talk=talk)
    assert (talk.turns[0].status, talk.turns[0].heard) == ("interrupted", "one two three")


def test_the_player_knows_better_than_the_truncation() -> None:
    talk = fold(
        *reply("a1", None, "one two three four", ms=2000),
        local("playback.started", item_id="a1", at=5000),
        s("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=1900),
        local("playback.stopped", item_id="a1", reason="flushed", played_ms=1000, at=6000),
    )
    turn = talk.turns[0]
    assert (turn.heard, turn.started_ms, turn.stopped_ms) == ("one two", 5000, 6000)


def test_what_waited_in_the_players_queue_was_not_heard() -> None:
    talk = fold(
        *reply("a1", None, "first answer", response_id="r1"),
        *reply("a2", "a1", "second answer", response_id="r2"),
        local("playback.started", item_id="a1"),
        local("playback.stopped", item_id="a1", reason="flushed", played_ms=990),
    )
    assert [(turn.heard, turn.status) for turn in talk.turns] == [("first answer", "done"), ("", "interrupted")]


def test_known_word_times_beat_the_guess() -> None:
    talk = fold(*reply("a1", None, "one two three four", ms=2000))
    words = zip(["one", "two", "three", "four"], [100, 200, 900, 2000], strict=True)
    talk.set_word_times("a1", [WordTime(word, end_ms) for word, end_ms in words])
    fold(s("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=1000), talk=talk)
    assert talk.turns[0].heard == "one two three"


def test_a_flush_before_the_first_sound_leaves_nothing() -> None:
    talk = fold(
        *reply("a1", None, "never heard"),
        local("playback.stopped", item_id="a1", reason="flushed", played_ms=0),
    )
    assert (talk.turns[0].heard, talk.turns[0].status) == ("", "interrupted")
    fold(s("conversation.item.deleted", item_id="a1"), talk=talk)
    assert talk.turns == ()


def test_an_answer_that_was_heard_stays_when_its_item_is_deleted() -> None:
    talk = fold(
        *reply("a1", None, "heard"),
        local("playback.started", item_id="a1"),
        local("playback.stopped", item_id="a1", reason="finished", played_ms=1000),
        s("conversation.item.deleted", item_id="a1"),
    )
    assert said(talk) == [("assistant", "heard")]


def test_a_cancelled_answer_keeps_its_words() -> None:
    talk = fold(*reply("a1", None, "I was about to", status="cancelled"))
    assert (talk.turns[0].text, talk.turns[0].status) == ("I was about to", "interrupted")


def test_an_answer_cancelled_before_its_first_word_is_no_turn() -> None:
    steps = [step for step in reply("a1", None, "", ms=0, status="cancelled") if "delta" not in step[1]["type"]]
    assert fold(*steps).turns == ()


@pytest.mark.parametrize(
    ("status", "expected"), [("failed", "failed"), ("incomplete", "failed"), ("completed", "done")]
)
def test_the_end_of_a_response_tells_how_the_turn_went(status: str, expected: str) -> None:
    assert fold(*reply("a1", None, "text", status=status)).turns[0].status == expected


def test_one_response_is_active_at_a_time() -> None:
    talk = fold(*reply_begins("a1", None, "Hello"))
    assert talk.active_response_id == "r"
    fold(s("response.done", response={"id": "another", "status": "completed"}), talk=talk)
    assert talk.active_response_id == "r"
    fold(*reply_ends("a1"), talk=talk)
    assert talk.active_response_id is None


def test_all_outputs_of_a_response_count() -> None:
    call = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "show", "arguments": '{"sku":"TEN-02"}'}
    words = {"type": "output_audio", "transcript": "Let me show it."}
    message = {"id": "a1", "type": "message", "role": "assistant", "status": "completed", "content": [words]}
    talk = fold(
        s("response.created", response={"id": "r", "conversation_id": "conv"}),
        s(
            "response.done",
            response={"id": "r", "status": "completed", "output": [message, call, {**call, "id": "f2"}]},
        ),
    )
    (turn,) = talk.turns
    assert turn.text == "Let me show it."
    assert [(known.item_id, known.name, known.arguments) for known in turn.tool_calls] == [
        ("f1", "show", '{"sku":"TEN-02"}'),
        ("f2", "show", '{"sku":"TEN-02"}'),
    ]


def test_a_call_alone_is_a_turn_and_gets_its_result() -> None:
    ids = {"response_id": "r", "item_id": "f1", "output_index": 0}
    call = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "show", "arguments": ""}
    output = {"id": "o1", "type": "function_call_output", "call_id": "c1", "output": "shown"}
    talk = fold(
        s("response.created", response={"id": "r", "conversation_id": "conv"}),
        s("response.output_item.added", item=call, **ids),
        s("response.function_call_arguments.delta", delta='{"a"', call_id="c1", **ids),
        s("response.function_call_arguments.delta", delta=":1}", call_id="c1", **ids),
        c("conversation.item.create", item=output),
        s("conversation.item.added", previous_item_id="f1", item=output),
        *reply("a1", "o1", "Here it is.", response_id="r2"),
    )
    assert [(turn.role, turn.text, len(turn.tool_calls)) for turn in talk.turns] == [
        ("assistant", "", 1),
        ("assistant", "Here it is.", 0),
    ]
    assert (talk.turns[0].tool_calls[0].arguments, talk.turns[0].tool_calls[0].output) == ('{"a":1}', "shown")


@pytest.mark.parametrize("names", ["always", "never"])
def test_a_response_out_of_band_is_not_part_of_the_talk(names: str) -> None:
    aside: Ev = {"id": "side", "metadata": {"topic": "x"}}
    if names == "always":
        aside["conversation_id"] = None
    ids = {"response_id": "side", "item_id": "s1", "output_index": 0, "content_index": 0}
    talk = fold(
        *user_speech("u1", None, "Hi"),
        c("response.create", response={"conversation": "none", "metadata": {"topic": "x"}}),
        *reply_begins("a1", "u1", "Hello"),
        s("response.created", response=aside),
        s("response.output_item.added", item={"id": "s1", "type": "message", "role": "assistant"}, **ids),
        s("response.output_text.delta", delta="a classification", **ids),
        s("response.done", response={**aside, "status": "completed", "output": [{"id": "s1", "type": "message"}]}),
    )
    assert said(talk) == [("user", "Hi"), ("assistant", "Hello")]
    assert talk.active_response_id == "r"


def test_speech_that_came_to_nothing_is_no_turn() -> None:
    talk = fold(
        s("input_audio_buffer.speech_started", item_id="noise", audio_start_ms=0),
        *user_speech("u1", None, "Hello"),
    )
    assert said(talk) == [("user", "Hello")]
    talk = fold(
        s("input_audio_buffer.speech_started", item_id="noise", audio_start_ms=0), s("input_audio_buffer.cleared")
    )
    assert (talk.turns, talk.speaking) == ((), False)


def test_a_hand_committed_turn_begins_with_its_first_sound() -> None:
    talk = fold(
        c("input_audio_buffer.append", audio="AAAA", at=700),
        c("input_audio_buffer.append", audio="AAAA", at=800),
        s("input_audio_buffer.committed", item_id="u1", previous_item_id=None, at=900),
        transcribed("u1", "Hello"),
    )
    assert (talk.turns[0].started_ms, talk.turns[0].stopped_ms) == (700, 900)


def test_a_recorded_reference_counts_like_the_sound_itself() -> None:
    delta = {"$audio": "out", "off": 0, "len": 12000, "sha": "00"}
    talk = fold(s("response.output_audio.delta", response_id="r", item_id="a1", delta=delta))
    assert talk.turns[0].audio_ms == 500


@pytest.mark.parametrize(("fmt", "ms"), [({"type": "audio/pcmu"}, 120), ({"type": "audio/pcm", "rate": 24000}, 20)])
def test_the_sounds_length_follows_the_sessions_format(fmt: Ev, ms: float) -> None:
    session = {"type": "realtime", "audio": {"output": {"format": fmt}}}
    talk = fold(
        s("session.created", session=session),
        s("response.output_audio.delta", response_id="r", item_id="a1", delta=sound(20)),
    )
    assert talk.turns[0].audio_ms == ms


def test_the_beta_dialect_gives_the_same_turns() -> None:
    steps = [*user_speech("u1", None), *reply("a1", "u1", "Hello there."), transcribed("u1", "Hi")]
    session = {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    steps.insert(0, s("session.created", session=session))
    old = [(dir, to_beta(ev)) for dir, ev in steps]
    assert fold(*old).turns == fold(*steps).turns
    assert fold(*old).session == {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}


def test_what_is_not_known_is_passed_over() -> None:
    nonsense: Iterable[Ev] = (
        {},
        {"type": None},
        {"type": "brand.new"},
        {"type": "response.done"},
        {"type": "response.done", "response": {"output": [None, {"id": 3}]}},
        {"type": "conversation.item.added", "item": None},
        {"type": "conversation.item.added", "item": {"id": "x", "content": "text"}},
        {"type": "response.output_audio.delta", "item_id": "x", "delta": None},
        {"type": "session.created", "session": None},
        {"type": "conversation.item.truncated", "item_id": "nobody", "audio_end_ms": None},
    )
    talk = fold(*((dir, ev) for dir in ("s2c", "c2s", "local") for ev in nonsense))
    assert all(turn.text == "" for turn in talk.turns)


def test_it_shows_itself_as_a_dialogue_and_trusts_no_transcript() -> None:
    html = fold(*user_speech("u1", None, "<script>alert(1)</script>"))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
