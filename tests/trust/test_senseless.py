"""Events of known names with something else where a plain value belongs: the fold passes over it and goes on.

`fuzz/run.py` found the first of them, a list as the type of an item.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.recording import Recording
from contoso_lab.scoring.run import default_scorers, score
from contoso_lab.wire import Conversation, Direction
from contoso_lab.wire.vocabulary import CLIENT_EVENTS, SERVER_EVENTS

WRONG: tuple[Any, ...] = (
    [],
    {},
    [[1]],
    {"$audio": "out", "len": 10**400},
    "x",
    1e999,
    float("nan"),
    10**400,
    -1,
    0.5,
    True,
    None,
)
ITEM = {
    "id": "b", "type": "function_call", "role": "assistant", "status": "completed", "call_id": "c", "name": "n",
    "arguments": "{}", "output": "o", "content": [{"type": "text", "text": "x", "transcript": "y"}],
}  # fmt: skip
EVENT = {
    "item": ITEM, "item_id": "b", "item_ids": ["b"], "response_id": "r", "previous_item_id": "a", "call_id": "c",
    "response": {"id": "r", "status": "completed", "output": [ITEM], "metadata": {"for": "us"}, "conversation": "none"},
    "session": {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}}, "input": {"transcription": {}}}},
    "content_index": 0, "audio_start_ms": 1, "audio_end_ms": 2, "played_ms": 3, "delta": "AAAA", "transcript": "t",
    "text": "t", "arguments": "{}", "name": "n", "reason": "flushed", "off_policy": True, "gap_ms": 2, "client_ms": 3,
    "sku": "TEN-02", "quantity": 1, "usage": {"input_tokens": 1, "output_token_details": {"text_tokens": 1}},
}  # fmt: skip
LOCAL = (
    "playback.started",
    "playback.stopped",
    "playback.underrun",
    "replay.turn",
    "replay.replaced",
    "replay.stand_ins",
    "cart.add",
)
REPLY = ("response.created", "response.output_audio.delta", "response.output_text.delta", "response.done")


def broken(value: Any) -> Iterator[Any]:
    """A value with each wrong thing at each place in it, one at a time."""
    yield from WRONG
    inside: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, dict):
        inside = iter(value.items())
    elif isinstance(value, list):
        inside = enumerate(value)
    for place, part in inside:
        for other in broken(part):
            whole = value.copy()
            whole[place] = other
            yield whole


NAMES: list[tuple[Direction, str]] = [
    *(("c2s", name) for name in sorted(CLIENT_EVENTS)),
    *(("s2c", name) for name in sorted(SERVER_EVENTS)),
    *(("local", name) for name in LOCAL),
]


@pytest.mark.parametrize(("dir", "name"), NAMES)
def test_whatever_stands_in_an_event_the_talk_goes_on(dir: Direction, name: str) -> None:
    answer = {**EVENT, "item_id": "z", "response": {"id": "q", "conversation_id": "c"}, "response_id": "q"}
    for event in broken(EVENT):
        talk = Conversation()
        talk.apply({"type": "input_audio_buffer.speech_started", "item_id": "b", "audio_start_ms": 0}, at_ms=0)
        talk.apply({**(event if isinstance(event, dict) else {}), "type": name}, at_ms=1, dir=dir)
        for reply in REPLY:
            talk.apply(answer | {"type": reply}, at_ms=2)
        assert [turn.text for turn in talk.turns if turn.item_id == "z"] == ["AAAA"], event


def test_a_recording_of_such_events_is_read_shown_and_scored(tmp_path: Path) -> None:
    told = [(dir, name, event) for dir, name in NAMES for event in broken(EVENT) if isinstance(event, dict)]
    lines = [
        json.dumps({"seq": seq, "t_ns": 1_000_000 * seq, "dir": dir, "ev": {**event, "type": name}}) + "\n"
        for seq, (dir, name, event) in enumerate(told[::23])
    ]
    (tmp_path / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    call = Recording.open(tmp_path)
    assert len(lines) > len(call.events) > 0.99 * len(lines), "some are damaged, and are left out when it is opened"
    assert call.conversation.turns
    assert "<div" in call._repr_html_()
    assert call.page().is_file()
    assert {row.metric for row in score(call, default_scorers()).rows} >= {"underrun_share", "truncation_error_ms"}
