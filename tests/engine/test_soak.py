"""An hour on the line in a few seconds: the call's memory ends where it began.

The caller holds the clock and plays the workers. Each cycle of thirty seconds has all that a call can have: idling, a
turn, a reply that is cut into and truncated, a tool call with its result, a reply beside the conversation, and a
recognition that is dropped because the caller goes on. The line is a telephone's, for eight thousand samples a second
are quicker to work through than twenty-four, and most of the idling is on mute: only the clock goes on.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import ULAW_8K, silence, to_base64, tone
from contoso_lab.engine import conversation
from contoso_lab.engine.effects import Listen, Output, Reply, Stop
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.reading import read_event
from contoso_lab.engine.seams import Heard, SpeechMeter, Spoken, ToolCall
from contoso_lab.wire.events import dump

CYCLES = 120
"""Of thirty seconds each: an hour."""
TRACED = 30
"""The last of them, in which every byte is counted; the bytes rise by 3 kB each seventh minute and sink in between."""


def _append(loud: bool, duration_ms: int) -> Any:
    sound = tone(duration_ms, hz=300) if loud else silence(duration_ms)
    return read_event(
        dump({"type": "input_audio_buffer.append", "audio": to_base64(sound.resampled(8_000).to_bytes(ULAW_8K))})
    )


class HourLong:
    """A caller who forgets what is said, so that all that grows is the engine's."""

    def __init__(self, protocol: EngineProtocol) -> None:
        self.protocol = protocol
        self.now_ms = 0.0
        self.work: dict[str, Listen | Reply] = {}
        self.items: list[str] = []
        self.seen = dict.fromkeys(("cancelled", "completed", "truncated", "function_call", "dropped", "committed"), 0)
        self.sounds = {(loud, ms): _append(loud, ms) for loud, ms in ((True, 100), (False, 100), (False, 1000))}
        self.sentence = Spoken("This one is warm enough.", tone(1500, hz=200).samples)
        self.take(protocol.begin())
        self.send(
            "session.update", session={"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
        )

    def take(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Listen():
                    self.work[output.job_id] = output
                case Reply():
                    self.work[output.response_id] = output
                case Stop():
                    self.seen["dropped"] += isinstance(self.work.pop(output.work_id, None), Listen)
                case _:
                    self.note(output)

    def note(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "conversation.item.added":
                self.items.append(event["item"]["id"])
                self.seen["function_call"] += event["item"]["type"] == "function_call"
            case "response.done":
                self.seen[event["response"]["status"]] += 1
            case "conversation.item.truncated":
                self.seen["truncated"] += 1
            case "input_audio_buffer.committed":
                self.seen["committed"] += 1
            case "error":
                raise AssertionError(event["error"]["message"])

    def send(self, type: str, **fields: Any) -> None:
        self.take(self.protocol.receive(read_event(dump({"type": type, **fields})), at_ms=self.now_ms))

    def sound(self, loud: bool, duration_ms: int) -> None:
        step = 1000 if not loud and duration_ms % 1000 == 0 else 100
        for _ in range(duration_ms // step):
            self.now_ms += step
            self.take(self.protocol.receive(self.sounds[loud, step], at_ms=self.now_ms))

    def hear(self) -> None:
        for job in [each for each in self.work.values() if isinstance(each, Listen)]:
            del self.work[job.job_id]
            heard = Heard("Do you have warm sleeping bags?", -0.2, 0.0)
            self.take(self.protocol.heard(job.job_id, heard, at_ms=self.now_ms))

    def answer(self, *, sentences: int = 2, tool: bool = False, end: bool = True) -> None:
        (reply,) = [each for each in self.work.values() if isinstance(each, Reply)]
        for _ in range(sentences):
            if reply.aloud:
                self.take(self.protocol.said(reply.response_id, self.sentence, at_ms=self.now_ms))
            else:
                self.take(self.protocol.wrote(reply.response_id, "One word more. ", at_ms=self.now_ms))
        if tool:
            call = ToolCall("call_1", "show", '{"sku": "SLE-02"}')
            self.take(self.protocol.called(reply.response_id, call, at_ms=self.now_ms))
        if end:
            del self.work[reply.response_id]
            self.take(self.protocol.finished(reply.response_id, at_ms=self.now_ms))

    def cycle(self) -> None:
        began_ms = self.now_ms
        self.sound(False, 2000)
        self.sound(True, 1500)
        self.sound(False, 400)  # the ear begins on the chance …
        self.sound(True, 1500)  # … and the caller goes on
        self.sound(False, 800)
        self.hear()
        self.answer(sentences=3, end=False)
        spoken_to = self.items[-1]
        self.sound(True, 1000)  # barge-in
        self.send("conversation.item.truncate", item_id=spoken_to, content_index=0, audio_end_ms=700)
        self.sound(False, 800)
        self.hear()
        self.answer(sentences=1, tool=True)
        result = {"type": "function_call_output", "call_id": "call_1", "output": '{"shown": true}'}
        self.send("conversation.item.create", item=result)
        self.send("response.create")
        self.answer()
        self.send("response.create", response={"conversation": "none", "output_modalities": ["text"], "input": []})
        self.answer()
        self.now_ms = began_ms + 30_000
        assert not self.work

    def forget(self, kept: int) -> None:
        for item_id in self.items[:-kept]:
            self.send("conversation.item.delete", item_id=item_id)
        del self.items[:-kept]


def blocks() -> int:
    """How many of Python's blocks of memory are in use."""
    # The cache of attribute names fills up to 4096 strings in the first hour; it is Python's own and not ours.
    sys._clear_type_cache()
    gc.collect()
    return sys.getallocatedblocks()


def slope(sizes: list[int]) -> float:
    return float(np.polyfit(np.arange(len(sizes)), sizes, 1)[0])


@pytest.mark.slow
def test_an_hour_on_the_line_leaks_nothing(monkeypatch: pytest.MonkeyPatch, new_meter: Any) -> None:
    monkeypatch.setattr(conversation, "MOST_AUDIO_BYTES", 300_000)  # so that it is full after a minute
    caller = HourLong(EngineProtocol(new_meter(), voices=("robin",)))
    used = []
    for number in range(CYCLES - TRACED):
        caller.cycle()
        caller.forget(kept=20)
        if number % 10 == 9:
            used.append(blocks())
    tracemalloc.start()  # sound is no block, but this sees it; it makes everything slow, so only for the end
    try:
        sizes = []
        for _ in range(TRACED):
            caller.cycle()
            caller.forget(kept=20)
            blocks()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert caller.now_ms == 3_600_000
    assert caller.seen == {
        "cancelled": CYCLES,
        "completed": 3 * CYCLES,
        "truncated": CYCLES,
        "function_call": CYCLES,
        "dropped": CYCLES,
        "committed": 2 * CYCLES,
    }
    # Our own list of numbers grows by one block each time.
    assert abs(slope(used[2:]) - 1) < 2, f"blocks in use, each five minutes: {used}"
    assert slope(sizes[TRACED // 2 :]) < 500, f"bytes in use, by the half minute: {sizes}"


def test_a_conversation_that_is_kept_costs_its_words(monkeypatch: pytest.MonkeyPatch, new_meter: Any) -> None:
    monkeypatch.setattr(conversation, "MOST_AUDIO_BYTES", 300_000)
    caller = HourLong(EngineProtocol(new_meter(), voices=("robin",)))
    sizes = []
    for _ in range(3):
        for _ in range(10):
            caller.cycle()
        sizes.append((blocks(), len(caller.items)))
    (before, had), (after, has) = sizes[-2:]
    assert (after - before) / (has - had) < 30  # an item is a small object, its parts and its words


def test_a_call_that_has_ended_leaves_nothing(new_meter: Any) -> None:
    def call() -> None:
        caller = HourLong(EngineProtocol(new_meter(), voices=("robin",)))
        caller.cycle()
        caller.protocol.end()

    used = []
    for _ in range(3):
        for _ in range(5):
            call()
        used.append(blocks())
    assert used[2] - used[1] <= 5, f"blocks in use after five calls each: {used}"


@pytest.fixture
def new_meter() -> type[SpeechMeter]:
    class Loudness:
        def __init__(self) -> None:
            self.reset()

        def reset(self) -> None:
            self.rest = np.zeros(0, np.float32)

        def push(self, samples_16k: Any) -> list[float]:
            samples = np.concatenate([self.rest, samples_16k])
            whole = len(samples) // 512 * 512
            self.rest = samples[whole:].copy()
            return [0.95 if loud else 0.02 for loud in np.abs(samples[:whole].reshape(-1, 512)).max(axis=1) > 0.02]

    return Loudness
