"""The console's rules in JavaScript are those of the session in Python: both are asked the same things."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import PCM16_24K, encode, to_base64
from contoso_lab.relay.calls.prices import PRICES, cost_usd
from contoso_lab.session.playback import Playback
from contoso_lab.session.returning import Books
from contoso_lab.wire import Conversation
from contoso_lab.wire.order import ItemOrder

Rules = Callable[..., Any]
RATE_HZ, BLOCK = 24_000, 128
BLOCK_MS = 1000 * BLOCK / RATE_HZ


def said(type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, **fields}


def reply(item: str, response: str, text: str, audio_ms: float, after: str | None) -> list[dict[str, Any]]:
    """The events of one answer, its sound as its length."""
    place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    wire = {"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    return [
        said("response.created", response={"id": response, "conversation_id": "c"}),
        said("response.output_item.added", response_id=response, item=wire),
        said("conversation.item.added", previous_item_id=after, item=wire),
        said("response.output_audio_transcript.delta", **place, delta=text[:5]),
        said("response.output_audio.delta", **place, audio_ms=audio_ms),
        said("response.output_audio_transcript.delta", **place, delta=text[5:]),
        said("response.output_audio_transcript.done", **place, transcript=text),
    ]


def done(item: str, response: str, status: str = "completed") -> dict[str, Any]:
    whole = "completed" if status == "completed" else "incomplete"
    return said("response.done", response={"id": response, "status": status, "output": [{"id": item, "status": whole}]})


def spoken(item: str, after: str | None, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
    buffer = "input_audio_buffer"
    wire = {"id": item, "type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
    return [
        said(f"{buffer}.speech_started", item_id=item, audio_start_ms=start_ms),
        said(f"{buffer}.speech_stopped", item_id=item, audio_end_ms=end_ms),
        said(f"{buffer}.committed", item_id=item, previous_item_id=after),
        said("conversation.item.added", previous_item_id=after, item=wire),
    ]


def written(item: str, text: str) -> dict[str, Any]:
    name = "conversation.item.input_audio_transcription.completed"
    return said(name, item_id=item, content_index=0, transcript=text)


SESSION = said("session.created", session={"audio": {"input": {"transcription": {"model": "whisper-1"}}}})
HELLO = "Hello Maya, this is Robin. What are you planning?"


def local(type_: str, item: str, **fields: Any) -> dict[str, Any]:
    return {"local": said(f"playback.{type_}", item_id=item, **fields)}


TALKS: dict[str, list[dict[str, Any]]] = {
    "an answer that is cut": [
        SESSION, *reply("a1", "r1", HELLO, 4000, None), local("started", "a1"), done("a1", "r1"),
        *spoken("u1", "a1", 2000, 3000), local("stopped", "a1", reason="flushed", played_ms=1500.0),
        {"c2s": said("conversation.item.truncate", item_id="a1", content_index=0, audio_end_ms=1500)},
        said("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=1500),
        written("u1", "Stop."), *reply("a2", "r2", "Yes?", 600, "u1"), done("a2", "r2"),
    ],
    "words that come after the answer to them": [
        SESSION, *spoken("u1", None, 0, 900), *reply("a1", "r1", "It weighs six kilograms.", 1500, "u1"),
        done("a1", "r1"), local("started", "a1"), local("stopped", "a1", reason="finished", played_ms=1500.0),
        written("u1", "How heavy is it?"),
    ],
    "an answer of which nothing was heard": [
        SESSION, *reply("a1", "r1", "One.", 500, None), done("a1", "r1"), local("started", "a1"),
        *reply("a2", "r2", "Two.", 500, "a1"), *spoken("u1", "a2", 0, 900),
        local("stopped", "a1", reason="flushed", played_ms=100.0), done("a2", "r2", "cancelled"),
        {"c2s": said("conversation.item.delete", item_id="a2")}, said("conversation.item.deleted", item_id="a2"),
    ],
    "tools and their results": [
        SESSION, said("response.created", response={"id": "r1", "conversation_id": "c"}),
        said("conversation.item.added", previous_item_id=None, item={
            "id": "f1", "type": "function_call", "call_id": "c1", "name": "search", "arguments": ""}),
        said("response.function_call_arguments.done", response_id="r1", item_id="f1", call_id="c1", name="search",
             arguments='{"q": "tent"}'),
        said("response.done", response={"id": "r1", "status": "completed", "output": []}),
        said("conversation.item.added", previous_item_id="f1", item={
            "id": "o1", "type": "function_call_output", "call_id": "c1", "output": "[]"}),
        *reply("a1", "r2", "I found nothing.", 900, "o1"), done("a1", "r2"),
    ],
    "a false alarm, a failure and what was typed": [
        SESSION, said("input_audio_buffer.speech_started", item_id="u0", audio_start_ms=0),
        said("input_audio_buffer.cleared"), *spoken("u1", None, 10, 500),
        said("conversation.item.input_audio_transcription.failed", item_id="u1", content_index=0, error={}),
        said("conversation.item.added", previous_item_id="u1", item={
            "id": "t1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "And now?"}]}),
        *reply("a1", "r1", "Well", 300, "t1"), done("a1", "r1", "failed"),
    ],
    "a response out of band": [
        SESSION, *spoken("u1", None, 0, 400),
        said("response.created", response={"id": "r9", "conversation_id": None}),
        said("response.output_text.delta", response_id="r9", item_id="x1", content_index=0, delta="aside"),
        said("response.done", response={"id": "r9", "status": "completed", "output": []}),
        written("u1", "Hi."),
    ],
}  # fmt: skip


def as_python(event: dict[str, Any]) -> dict[str, Any]:
    """The same event with sound in it, as the wire has it."""
    if "audio_ms" not in event:
        return event
    silence = to_base64(encode(np.zeros(round(event["audio_ms"] * 24), np.float32), PCM16_24K))
    return {**{key: value for key, value in event.items() if key != "audio_ms"}, "delta": silence}


@pytest.mark.parametrize("name", TALKS)
def test_the_fold_makes_the_same_turns_as_ours_in_python(rules: Rules, name: str) -> None:
    events = []
    python = Conversation()
    python.apply(said("conversation.created"), at_ms=0)
    for place, step in enumerate(TALKS[name]):
        direction = next((key for key in ("local", "c2s") if key in step), "s2c")
        event = step.get(direction, step)
        events.append({"event": event, "atMs": 100.0 * place, "direction": direction})
        python.apply(as_python(event), at_ms=100.0 * place, dir=direction)
    found = rules("fold", events=events)
    assert [
        (turn["id"], turn["role"], turn["text"], turn["heard"], turn["status"], turn["startedMs"], turn["heardMs"],
         [(call["name"], call["arguments"], call["output"]) for call in turn["calls"]])
        for turn in found["turns"]
    ] == [
        (turn.item_id, turn.role, turn.text, turn.heard, turn.status, turn.started_ms, turn.heard_ms,
         [(call.name, call.arguments, call.output) for call in turn.tool_calls])
        for turn in python.turns
    ]  # fmt: skip
    assert found["turns"]
    assert (found["speaking"], found["active"]) == (python.speaking, python.active_response_id)


def test_items_are_put_in_the_same_order_as_by_ours_in_python(rules: Rules) -> None:
    chance = random.Random(4)
    for _ in range(6):
        names = [f"i{n}" for n in range(9)]
        steps = [(chance.choice(names), chance.choice([None, "root", "away", *names])) for _ in range(25)]
        python = ItemOrder()
        for item, after in steps:
            python.place(item, after=after)
        assert rules("order", steps=steps) == list(python)


def _played_in_python(steps: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    speaker, now_ms, told = Playback(), 0.0, []
    for step in steps:
        if "push" in step:
            told += speaker.advance(now_ms)
            samples = np.full(step["samples"], step["value"], np.float32)
            speaker.push(step["push"], f"of_{step['push']}", samples, at_ms=now_ms)
        elif "finish" in step:
            speaker.finish(step["finish"])
        elif "flush" in step:
            cut, events = speaker.flush(at_ms=now_ms)
            told += events
            played = 0.0 if cut is None else round(cut.played_ms, 1)
            heard = cut is not None and cut.item_id not in cut.unheard
            told.append(("flushed", cut.item_id if cut and heard else None, played, cut.unheard if cut else ()))
        else:
            now_ms += step["blocks"] * BLOCK_MS
            told += speaker.advance(now_ms)
    return [
        event if isinstance(event, tuple)
        else (event.type, round(event.at_ms, 1), event.fields["item_id"], event.fields.get("reason"),
              event.fields.get("played_ms"), event.fields.get("gap_ms"))
        for event in told
    ]  # fmt: skip


def _played_in_the_page(rules: Rules, steps: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    told = rules("speaker", steps=steps, block=BLOCK, rate=RATE_HZ)["told"]

    def row(one: dict[str, Any]) -> tuple[Any, ...]:
        if one["kind"] == "flushed":
            return ("flushed", one["item"], round(one["playedMs"], 1), tuple(one["unheard"]))
        stopped = one["kind"] == "stopped"
        gap = round(one["gapMs"], 1) if "gapMs" in one else None
        played = round(one["playedMs"], 1) if stopped else None
        at_ms = round(1000 * one["frame"] / RATE_HZ, 1)
        return (f"playback.{one['kind']}", at_ms, one["item"], one.get("reason"), played, gap)

    return [row(one) for one in told]


def test_what_the_loudspeaker_tells_is_what_ours_in_python_would(rules: Rules) -> None:
    chance = random.Random(11)
    for _ in range(12):
        steps: list[dict[str, Any]] = []
        for _ in range(40):
            item = f"a{chance.randrange(1, 5)}"
            loud = chance.choice([0.0, 0.3, 0.3])
            steps.append(chance.choice([
                {"push": item, "samples": BLOCK * chance.randrange(1, 30), "value": loud},
                {"push": item, "samples": BLOCK * chance.randrange(1, 30), "value": loud},
                {"blocks": chance.randrange(1, 40)}, {"blocks": chance.randrange(1, 12)},
                {"finish": item}, {"flush": 1} if chance.random() < 0.4 else {"blocks": 3},
            ]))  # fmt: skip
            if steps[-1] == {"flush": 1}:  # what comes and goes in the same instant was never there for a loudspeaker
                steps.insert(-1, {"blocks": 1})
        steps.append({"blocks": 400})
        assert _played_in_the_page(rules, steps) == _played_in_python(steps)


def test_a_cut_ends_in_silence_within_a_few_milliseconds_and_without_a_click(rules: Rules) -> None:
    steps = [
        {"push": "a", "samples": 2400, "value": 0.5},
        {"blocks": 5, "keep": True},
        {"flush": 1},
        {"blocks": 2, "keep": True},
    ]
    out = np.array(rules("speaker", steps=steps, block=BLOCK, rate=RATE_HZ)["out"])
    assert np.all(out[: 5 * BLOCK] == 0.5)
    tail = out[5 * BLOCK :]
    assert np.flatnonzero(tail)[-1] < 64  # 2.7 ms
    assert np.abs(np.diff(out)).max() < 0.02


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 24_000), (48_000, 24_000), (24_000, 48_000), (16_000, 24_000)])
def test_resampling_in_blocks_keeps_a_tone_and_its_place(rules: Rules, from_hz: int, to_hz: int) -> None:
    seconds = np.arange(from_hz // 2) / from_hz
    tone = 0.5 * np.sin(2 * np.pi * 440 * seconds)
    sizes = [128] * (len(tone) // 128 + 1)
    blocks = [tone[sum(sizes[:n]) : sum(sizes[: n + 1])].tolist() for n in range(len(sizes))]
    made = np.array(rules("resample", **{"from": from_hz, "to": to_hz, "blocks": blocks}))
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(made)) / to_hz)
    assert len(made) == pytest.approx(to_hz // 2, abs=60)
    assert np.abs(made - expected)[100:-100].max() < 0.005


def test_sound_above_what_24_khz_can_carry_does_not_come_back_as_another_tone(rules: Rules) -> None:
    tone = np.sin(2 * np.pi * 17_000 * np.arange(9600) / 48_000).tolist()
    made = np.array(rules("resample", **{"from": 48_000, "to": 24_000, "blocks": [tone]}))
    assert np.sqrt(np.mean(made[200:-200] ** 2)) < 0.01


def test_samples_become_the_same_bytes_as_ours_in_python(rules: Rules) -> None:
    samples = [0.0, 0.25, -0.25, 1.0, -1.0, 1.5, -1.5, 0.99999, 1 / 65536, -3 / 65536]
    told = rules("pcm", samples=samples)
    ours = encode(np.array(samples, np.float32), PCM16_24K)
    assert np.abs(np.array(told["words"]) - np.frombuffer(ours, "<i2").astype(int)).max() <= 1
    assert told["text"] == to_base64(np.array(told["words"], "<i2").tobytes())
    assert told["back"] == [word / 32768 for word in told["words"]]


def test_the_books_are_kept_as_ours_in_python_keep_them(rules: Rules) -> None:
    chance = random.Random(3)
    books = Books()
    books.token = "t"
    steps: list[tuple[str, Any]] = [("token", "t")]
    expected: list[Any] = [None]
    for n in range(200):
        match chance.choice(["say", "say", "heard", "arrived", "unheard"]):
            case "say":
                books.said(f"m{n}")
                steps.append(("say", f"m{n}"))
                expected.append(True)
            case "heard":
                steps.append(("heard", None))
                expected.append(books.heard())
            case "arrived":
                count = books._said - chance.randrange(3) if books._said > 3 else 0
                books.arrived(count)
                steps.append(("arrived", count))
                expected.append(None)
            case "unheard":
                count = books._said - chance.randrange(min(3, len(books._kept) + 1))
                steps.append(("unheard", count))
                expected.append(books.unheard(count))
    assert rules("books", steps=steps, most=2**23) == expected


def test_a_relay_that_is_gone_for_good_is_told_from_one_that_is_slow(rules: Rules) -> None:
    assert rules("books", steps=[("say", "12345"), ("say", "67890"), ("unheard", 0)], most=8) == [True, True, None]
    assert rules("books", steps=[("token", "t"), ("say", "12345"), ("say", "67890")], most=8) == [None, True, False]


def test_a_response_costs_what_the_relay_counts(rules: Rules) -> None:
    chance = random.Random(8)
    cases = []
    for _ in range(60):
        given = {f"{kind}_tokens": chance.randrange(500) for kind in ("text", "audio", "image")}
        details = {f"{kind}_tokens": chance.randrange(600) for kind in ("text", "audio", "image")}
        given |= {"cached_tokens": chance.randrange(1500), "cached_tokens_details": chance.choice([details, {}, None])}
        made = {"text_tokens": chance.randrange(99), "audio_tokens": chance.randrange(999)}
        usage = {
            "input_tokens": chance.randrange(2000), "output_tokens": chance.randrange(2000),
            "input_token_details": chance.choice([given, {}, None]),
            "output_token_details": chance.choice([made, None]),
        }  # fmt: skip
        model = chance.choice(list(PRICES))
        cases.append((PRICES[model], usage))
    found = rules("cost", cases=[{"price": price.model_dump(), "usage": usage} for price, usage in cases])
    assert found == pytest.approx([cost_usd(price, usage) for price, usage in cases])
    assert rules("cost", cases=[{"price": None, "usage": {}}, {"price": {}, "usage": None}]) == [0, 0]


PATHS = [
    ("connect connected asked response_created sounds response_done silent",
     "connecting listening thinking thinking speaking speaking listening"),
    ("connect connected sounds speech_started silent speech_stopped response_created response_done",
     "connecting listening speaking speaking listening thinking thinking listening"),
    ("ring connect connected down sounds back ended connect", "ringing connecting listening reconnecting reconnecting "
     "speaking ended connecting"),
    ("ring stop_ringing ring ring", "ringing idle ringing ringing"),
    ("connect failed ring", "connecting failed ringing"),
    ("connect connected ring", "connecting listening listening"),
    ("ended sounds", "idle idle"),
    ("connect connected speech_started speech_cleared", "connecting listening listening listening"),
]  # fmt: skip


@pytest.mark.parametrize(("happens", "lamp"), PATHS)
def test_the_lamp_follows_the_call(rules: Rules, happens: str, lamp: str) -> None:
    assert rules("phases", steps=happens.split()) == lamp.split()


def test_a_wait_is_taken_apart_and_its_parts_are_the_whole(rules: Rules) -> None:
    told = rules("waits", steps=[
        ["stopped", "u1", 1000, 1500], ["arrived", "a1", 1700], ["arrived", "a1", 1900], ["started", "a1", 1760],
        ["audible", "a1", 1840],
        ["stopped", "u2", 5000, 5500], ["spoke"], ["arrived", "a2", 5600], ["audible", "a2", 5700],
        ["stopped", "u3", 9000, 9400], ["arrived", "a3", 9500], ["audible", "a9", 9600], ["audible", "a3", 9900],
    ])  # fmt: skip
    assert [turn["itemId"] for turn in told["turns"]] == ["u1", "u3"]  # nobody waits any more for what was spoken over
    first, third = told["turns"]
    assert [(part["kind"], part["ms"]) for part in first["parts"]] == [
        ("endpointing", 500), ("model", 200), ("start", 60), ("silence", 80)
    ]  # fmt: skip
    assert first["totalMs"] == 840
    assert sum(part["ms"] for part in third["parts"]) == third["totalMs"] == 900
    assert told["median"] == 870


def test_a_reply_that_was_not_heard_is_taken_out_and_one_that_was_cut_is_truncated(rules: Rules) -> None:
    assert rules("corrections", flushed={"item": "a", "playedMs": 812.9, "unheard": ["b"]}) == [
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 812},
        {"type": "conversation.item.delete", "item_id": "b"},
    ]
    assert rules("corrections", flushed={"item": None, "playedMs": 0, "unheard": []}) == []


def test_the_clock_of_the_sound_takes_the_least_delay_of_late(rules: Rules) -> None:
    assert rules("clock", notes=[[1.0, 5010], [2.0, 6004], [3.0, 7030]], asked=[3.0]) == [7004]
    # What was long ago does not count: the clocks do not run equally fast.
    assert rules("clock", notes=[[1.0, 5000], [15.0, 19020], [16.0, 20012]], asked=[16.0]) == [20012]


def test_the_end_of_a_turn_is_found_as_the_persona_asks_and_the_sliders_say(rules: Rules) -> None:
    asked = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500, "interrupt_response": True}
    semantic = {"type": "semantic_vad"}
    cases = [["open", asked, {}], ["push", asked, {"threshold": 0.7}], ["open", asked, {"threshold": 0.7}],
             ["open", semantic, {"silence_duration_ms": 900}]]  # fmt: skip
    assert rules("detection", cases=cases) == [
        asked,
        None,
        {**asked, "threshold": 0.7},
        {"type": "server_vad", "create_response": True, "interrupt_response": True, "silence_duration_ms": 900},
    ]


def test_every_close_has_a_sentence_and_a_remedy(rules: Rules) -> None:
    codes = [1001, 1006, 1009, 1011, 4401, 4403, 4404, 4408, 4410, 4429, 4502, 4503, 4999]
    told = rules("failures", closes=[{"code": code, "reason": ""} for code in codes])
    assert all(one["says"].endswith(".") and one["remedy"].endswith(".") for one in told)
    [busy, away] = rules(
        "failures", closes=[{"code": 4503, "reason": "all 2 lines are taken"}, {"code": 1006, "began": False}]
    )
    assert busy["says"] == "The relay says: all 2 lines are taken."
    assert away["kind"] == "relay_gone"
    assert "127.0.0.1:8901" in away["says"]


def test_the_log_is_bounded_counts_pieces_and_holds_no_words(rules: Rules) -> None:
    delta = [said("response.output_audio.delta", item_id="item_7", audio_ms=40)] * 30
    words = [
        said("response.output_audio_transcript.done", item_id=f"item_{n}", transcript="secret") for n in range(600)
    ]
    told = rules("log", events=[*words, *delta])
    assert len(told["lines"]) == 500
    assert told["lines"][-1]["count"] == 30
    assert told["found"] == 1
    assert "secret" not in told["text"]


def test_events_of_a_page_are_read_however_they_are_cut(rules: Rules) -> None:
    text = 'id: 1\nevent: start\ndata: {"id": "p1"}\nretry: 3000\n\nevent: text\r\ndata: {"text": "Zelt für 4"}\r\n\r\n'
    expected = [{"event": "start", "data": {"id": "p1"}}, {"event": "text", "data": {"text": "Zelt für 4"}}]
    for size in (1000, 9, 1):
        assert rules("stream", chunks=[text[at : at + size] for at in range(0, len(text), size)]) == expected


RESUME = said("lab.resume", token="way back", window_s=30)
CREATED = said("session.created", event_id="e1")


def test_a_line_that_breaks_is_made_again_and_each_side_says_what_the_other_missed(rules: Rules) -> None:
    told = rules("line", steps=[
        ["open", None], ["opens", None], ["says", CREATED], ["says", RESUME], ["send", "one"], ["send", "two"],
        ["says", said("lab.ack", received=1)], ["closes", {"code": 1006, "reason": ""}], ["send", "three"],
        ["passes", 300], ["closes", {"code": 1006, "reason": ""}], ["passes", 600], ["opens", None],
        ["says", said("lab.resumed", received=1, replayed=1)], ["says", said("error", event_id="e2")],
        ["says", said("error", event_id="e2")], ["send", "four"],
    ])  # fmt: skip
    assert told["told"] == [["event", "session.created"], ["down", 1], ["down", 2], ["back"], ["event", "error"]]
    first, second, third = told["sockets"]
    assert first["url"].endswith("?token=secret&resumable=1")
    assert second["url"].endswith("?resume=way+back&received=1")
    assert first["sent"] == ["one", "two"]
    assert third["sent"] == ["two", "three", "four"]


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1011, 4408])
def test_a_goodbye_is_not_argued_with(rules: Rules, code: int) -> None:
    steps = [
        ["open", None],
        ["opens", None],
        ["says", CREATED],
        ["says", RESUME],
        ["closes", {"code": code, "reason": "bye"}],
    ]
    told = rules("line", steps=[*steps, ["passes", 60_000]])
    assert told["told"][-1] == ["closed", code, "bye", None]
    assert len(told["sockets"]) == 1


def test_a_relay_that_no_longer_knows_us_ends_the_search(rules: Rules) -> None:
    gone = {"code": 4410, "reason": "there is no call to come back to"}
    told = rules("line", steps=[
        ["open", None], ["opens", None], ["says", CREATED], ["says", RESUME], ["closes", {"code": 1006, "reason": ""}],
        ["passes", 300], ["opens", None], ["closes", gone], ["passes", 60_000],
    ])  # fmt: skip
    assert told["told"][-1] == ["closed", 1006, "", 4410]
    assert len(told["sockets"]) == 2


def test_after_the_window_nobody_is_dialled_any_more(rules: Rules) -> None:
    steps = [["open", None], ["opens", None], ["says", CREATED], ["says", RESUME]]
    steps += [["closes", {"code": 1006, "reason": ""}], ["passes", 4000]] * 30
    told = rules("line", steps=steps)
    assert told["told"][-1] == ["closed", 1006, "", None]
    assert 5 < len(told["sockets"]) < 15


def test_what_cannot_be_read_counts_and_is_passed_over(rules: Rules) -> None:
    told = rules("line", steps=[
        ["open", None], ["opens", None], ["says", RESUME], *[["raw", "{broken"]] * 64, ["says", CREATED],
    ])  # fmt: skip
    assert told["told"] == [["event", "session.created"]]
    assert [json.loads(text) for text in told["sockets"][0]["sent"]] == [{"type": "lab.ack", "received": 64}]


def test_a_relay_that_gives_no_way_back_is_lost_at_once(rules: Rules) -> None:
    told = rules(
        "line", steps=[["open", None], ["opens", None], ["says", CREATED], ["closes", {"code": 1006, "reason": ""}]]
    )
    assert told["told"][-1] == ["closed", 1006, "", None]


@pytest.mark.parametrize(
    ("agent", "ms", "asked"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", 10, ["baseLatency"]),
        ("Mozilla/5.0 (Windows NT 10.0; rv:153.0) Gecko/20100101 Firefox/153.0", 50, ["outputLatency"]),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", 50, ["outputLatency"]),
    ],
)
def test_firefox_on_linux_is_not_asked_what_it_may_never_answer(
    rules: Rules, agent: str, ms: float, asked: list[str]
) -> None:
    assert rules("latency", agent=agent) == {"ms": ms, "asked": asked}
