"""What holds after every step of any call: random clients, random workers, one judge.

The client is valid in that it sends what the protocol has; it also asks for what it cannot have, for refusals have
rules, too. The workers answer in any order, and go on answering what was stopped. Time is virtual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contoso_lab.audio import ALAW_8K, PCM16_24K, ULAW_8K, AudioFormat, encode, from_base64, to_base64, tone
from contoso_lab.engine.effects import Listen, Reply
from contoso_lab.engine.seams import Heard, Spoken, ToolCall

Wire = dict[str, Any]

LOUD = tone(2000, hz=300).samples
TEXTS = st.text("abc é.?!\U0001f3d5", min_size=0, max_size=12)
SENTENCES = st.sampled_from(["Yes.", "It is dry inside.", "Take the tent, please!", "Ä", ""])
TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("show", "add")]


@dataclass
class Made:
    """One output item of a response, as its events tell it."""

    item: Wire
    index: int
    stage: str = "added"
    words: str = ""
    sound: bytes = b""
    arguments: str = ""


@dataclass
class Told:
    """One response, as its events tell it."""

    id: str
    in_conversation: bool
    modality: str
    fmt: AudioFormat
    metadata: Wire | None
    made: list[Made] = field(default_factory=list)
    done: Wire | None = None


class Judge:
    """Knows a call from its events alone, as a client does, and objects to all that does not fit."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.items: dict[str, Wire] = {}
        self.finished: set[str] = set()
        self.deleted: set[str] = set()
        self.announced: str | None = None
        self.committed: str | None = None
        self.transcribed: dict[str, str] = {}
        self.transcripts_done: set[str] = set()
        self.responses: dict[str, Told] = {}
        self.session: Wire = {}
        self.heard: dict[str, str] = {}
        """What is left of the words of items that were truncated."""

    def step(self, events: list[Wire], *, event_id: str | None, is_append: bool = False) -> None:
        """Take what came of one client event, or of one worker's result (`event_id` is None)."""
        for event in events:
            if event["type"] == "error":
                self._error(event["error"], events, event_id, is_append)
                continue
            name = event["type"].replace(".", "_")
            getattr(self, f"on_{name}")(event)
        assert self.committed is None, "a commit without its item"

    def active(self) -> list[Told]:
        return [told for told in self.responses.values() if told.done is None and told.in_conversation]

    def at_rest(self) -> None:
        assert [told.id for told in self.responses.values() if told.done is None] == []
        assert set(self.items) - self.finished - self.deleted == set()

    def _error(self, error: Wire, events: list[Wire], event_id: str | None, is_append: bool) -> None:
        assert error["message"]
        assert error["type"] == "invalid_request_error"
        if error["event_id"] is None:  # no client asked for it: a turn ended, and its answer could not begin
            assert event_id is None or is_append
            assert error["code"] == "conversation_already_has_active_response"
            assert "conversation.item.added" in [event["type"] for event in events]
            return
        assert error["event_id"] == event_id
        assert len(events) == 1, "what is refused must do nothing"

    # the session

    def on_session_created(self, event: Wire) -> None:
        assert not self.session
        self.session = event["session"]

    def on_session_updated(self, event: Wire) -> None:
        assert event["session"]["id"] == self.session["id"]
        self.session = event["session"]

    def on_rate_limits_updated(self, event: Wire) -> None:
        assert all(0 <= each["remaining"] <= each["limit"] for each in event["rate_limits"])

    # the caller's sound

    def on_input_audio_buffer_speech_started(self, event: Wire) -> None:
        assert event["item_id"] not in self.items
        assert event["audio_start_ms"] >= 0
        self.announced = event["item_id"]

    def on_input_audio_buffer_speech_stopped(self, event: Wire) -> None:
        assert event["item_id"] == self.announced

    def on_input_audio_buffer_timeout_triggered(self, event: Wire) -> None:
        assert event["audio_start_ms"] <= event["audio_end_ms"]
        assert self.active() == []
        self.announced = event["item_id"]

    def on_input_audio_buffer_committed(self, event: Wire) -> None:
        assert self.announced in (None, event["item_id"])
        assert event.get("previous_item_id") == (self.order[-1] if self.order else None)
        self.announced, self.committed = None, event["item_id"]

    def on_input_audio_buffer_cleared(self, event: Wire) -> None:
        self.announced = None

    # the conversation

    def on_conversation_item_added(self, event: Wire) -> None:
        item, previous = event["item"], event.get("previous_item_id")
        assert item["id"] not in self.order, "added twice"
        assert previous is None or previous in self.order, "after an item that nobody knows"
        self.order.insert(0 if previous is None else self.order.index(previous) + 1, item["id"])
        if self.committed is not None:
            assert (item["id"], item["role"]) == (self.committed, "user")
            self.committed = None
        self.deleted.discard(item["id"])
        self.heard.pop(item["id"], None)
        self.finished.discard(item["id"])
        self.items[item["id"]] = item

    def on_conversation_item_done(self, event: Wire) -> None:
        item_id = event["item"]["id"]
        assert item_id not in self.finished, "done twice"
        at = self.order.index(item_id)
        assert event.get("previous_item_id") == (self.order[at - 1] if at else None)
        assert event["item"]["status"] in ("completed", "incomplete")
        self.finished.add(item_id)

    def on_conversation_item_retrieved(self, event: Wire) -> None:
        assert event["item"]["id"] in self.order

    def on_conversation_item_truncated(self, event: Wire) -> None:
        assert event["item_id"] in self.order
        assert event["audio_end_ms"] > 0

    def on_conversation_item_deleted(self, event: Wire) -> None:
        self.order.remove(event["item_id"])
        self.deleted.add(event["item_id"])

    def on_conversation_item_input_audio_transcription_delta(self, event: Wire) -> None:
        assert event["item_id"] in self.order
        assert event["item_id"] not in self.transcripts_done
        self.transcribed[event["item_id"]] = self.transcribed.get(event["item_id"], "") + event["delta"]

    def on_conversation_item_input_audio_transcription_completed(self, event: Wire) -> None:
        assert self.session["audio"]["input"]["transcription"] is not None
        assert event["item_id"] in self.order
        assert event["transcript"] == self.transcribed.get(event["item_id"], "")
        assert ("logprobs" in event) == bool(self.session["include"])
        self.transcripts_done.add(event["item_id"])

    def on_conversation_item_input_audio_transcription_failed(self, event: Wire) -> None:
        assert event["item_id"] in self.order
        self.transcripts_done.add(event["item_id"])

    # responses

    def on_response_created(self, event: Wire) -> None:
        response = event["response"]
        assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)
        told = Told(
            response["id"],
            response["conversation_id"] is not None,
            response["output_modalities"][0],
            AudioFormat.from_wire(response["audio"]["output"]["format"]),
            response["metadata"],
        )
        assert told.id not in self.responses
        assert not (told.in_conversation and self.active()), "two responses write to the conversation"
        self.responses[told.id] = told

    def on_response_output_item_added(self, event: Wire) -> None:
        told = self._running(event)
        assert all(made.stage == "done" for made in told.made), "an item opens while another is open"
        assert event["output_index"] == len(told.made)
        assert event["item"]["status"] == "in_progress"
        if event["item"]["type"] == "function_call":
            calls = [self.items[each].get("call_id") for each in self.order]
            calls += [made.item.get("call_id") for made in told.made]
            assert event["item"]["call_id"] not in calls, "two calls under one id"
        told.made.append(Made(event["item"], event["output_index"]))

    def on_response_output_item_done(self, event: Wire) -> None:
        made = self._open(event["response_id"], event["item"]["id"], event["output_index"])
        assert made.stage == "closed"
        if event["item"]["type"] == "function_call":
            assert event["item"]["arguments"] == made.arguments
        else:
            self._says(event["item"]["content"], made)
        made.stage, made.item = "done", event["item"]

    def on_response_content_part_added(self, event: Wire) -> None:
        told, made = self._place(event)
        assert (made.stage, made.item["type"]) == ("added", "message")
        assert event["part"]["type"] == told.modality
        made.stage = "open"

    def on_response_content_part_done(self, event: Wire) -> None:
        told, made = self._place(event)
        assert made.stage == "said"
        assert event["part"] == {
            "type": told.modality,
            "transcript" if told.modality == "audio" else "text": made.words,
        }
        made.stage = "closed"

    def on_response_output_audio_transcript_delta(self, event: Wire) -> None:
        told, made = self._place(event)
        assert (told.modality, made.stage) == ("audio", "open")
        made.words += event["delta"]

    def on_response_output_audio_delta(self, event: Wire) -> None:
        told, made = self._place(event)
        assert (told.modality, made.stage) == ("audio", "open")
        data = from_base64(event["delta"])
        assert data
        assert len(data) % told.fmt.bytes_per_sample == 0
        made.sound += data

    def on_response_output_audio_done(self, event: Wire) -> None:
        _, made = self._place(event)
        assert made.stage == "open"
        made.stage = "sounded"

    def on_response_output_audio_transcript_done(self, event: Wire) -> None:
        _, made = self._place(event)
        assert (made.stage, event["transcript"]) == ("sounded", made.words)
        made.stage = "said"

    def on_response_output_text_delta(self, event: Wire) -> None:
        told, made = self._place(event)
        assert (told.modality, made.stage) == ("text", "open")
        made.words += event["delta"]

    def on_response_output_text_done(self, event: Wire) -> None:
        _, made = self._place(event)
        assert (made.stage, event["text"]) == ("open", made.words)
        made.stage = "said"

    def on_response_function_call_arguments_delta(self, event: Wire) -> None:
        _, made = self._place(event)
        assert (made.stage, made.item["type"]) == ("added", "function_call")
        made.arguments += event["delta"]

    def on_response_function_call_arguments_done(self, event: Wire) -> None:
        _, made = self._place(event)
        assert (made.stage, event["arguments"]) == ("added", made.arguments)
        assert event["call_id"] == made.item["call_id"]
        made.stage = "closed"

    def on_response_done(self, event: Wire) -> None:
        response = event["response"]
        told = self._running({"response_id": response["id"]})
        assert all(made.stage == "done" for made in told.made)
        assert response["output"] == [made.item for made in told.made]
        assert response["metadata"] == told.metadata
        status, details = response["status"], response["status_details"]
        reasons = {"cancelled": {"turn_detected", "client_cancelled"}, "incomplete": {"max_output_tokens"}}
        assert status in ("completed", "cancelled", "incomplete", "failed")
        assert (details is None) == (status == "completed")
        if details is not None:
            assert details["type"] == status
            assert details.get("reason") in reasons.get(status, {None})
            assert ("error" in details) == (status == "failed")
        self._usage(response)
        told.done = response

    def words_of_assistant(self) -> list[str]:
        """What the assistant has said in the conversation, as far as it was made."""
        made = {each.item["id"]: each.words for told in self.responses.values() for each in told.made}
        said = []
        for item_id in self.order:
            item = self.items[item_id]
            if item["type"] == "message" and item["role"] == "assistant":
                text = "".join(part.get("text") or "" for part in item["content"])
                by_client = item["status"] == "completed"  # perhaps under the id of one that was deleted
                said.append(text if by_client else self.heard.get(item_id, made[item_id]))
        return [" ".join(words.split()) for words in said if words.strip()]

    def _usage(self, response: Wire) -> None:
        usage = response["usage"]
        given, made = usage["input_token_details"], usage["output_token_details"]
        assert usage["input_tokens"] == given["text_tokens"] + given["audio_tokens"]
        assert usage["output_tokens"] == made["text_tokens"] + made["audio_tokens"]
        cached = given["cached_tokens_details"]
        assert given["cached_tokens"] == cached["text_tokens"] + cached["audio_tokens"]
        assert 0 <= cached["text_tokens"] <= given["text_tokens"]
        assert 0 <= cached["audio_tokens"] <= given["audio_tokens"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        if response["max_output_tokens"] != "inf":
            assert usage["output_tokens"] <= response["max_output_tokens"]

    def _running(self, event: Wire) -> Told:
        told = self.responses[event["response_id"]]
        assert told.done is None, f"after response.done: {event}"
        return told

    def _open(self, response_id: str, item_id: str, index: int) -> Made:
        told = self._running({"response_id": response_id})
        made = told.made[-1]
        assert (made.item["id"], made.index) == (item_id, index)
        assert made.stage != "done"
        return made

    def _place(self, event: Wire) -> tuple[Told, Made]:
        assert event.get("content_index", 0) == 0
        made = self._open(event["response_id"], event["item_id"], event["output_index"])
        return self.responses[event["response_id"]], made

    def _says(self, content: list[Wire], made: Made) -> None:
        (part,) = content
        assert part.get("transcript" if part["type"] == "output_audio" else "text") == made.words


TURNS_OF_CALLS: list[Wire | None] = [
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "silence_duration_ms": 64, "idle_timeout_ms": 5000},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "server_vad", "create_response": False, "prefix_padding_ms": 0},
    {"type": "semantic_vad", "eagerness": "high"},
]


class Calls(RuleBasedStateMachine):
    """A client and its workers, at random."""

    def __init__(self, new_caller: Callable[..., Any]) -> None:
        super().__init__()
        self.judge = Judge()
        self.caller = new_caller(sees=True)
        self.sent = 0
        self.gone: list[Listen | Reply] = []
        """Work that was stopped or is done; its workers may not have noticed."""
        self.own_input: set[str] = set()
        """Responses that were given items in place of the conversation."""
        self.cut_ms: dict[str, float] = {}
        """Where items were truncated."""
        self.judge.step(self.caller.log, event_id=None)

    @initialize(
        vad=st.sampled_from(TURNS_OF_CALLS),
        modality=st.sampled_from(["audio", "audio", "audio", "text"]),
        transcription=st.sampled_from([None, {"model": "whisper-1"}]),
        fmt=st.sampled_from([PCM16_24K, PCM16_24K, ULAW_8K]),
    )
    def begin(self, vad: Wire | None, modality: str, transcription: Wire | None, fmt: AudioFormat) -> None:
        self.update(
            output_modalities=[modality],
            audio={
                "input": {"turn_detection": vad, "transcription": transcription},
                "output": {"format": fmt.to_wire()},
            },
        )

    # one step

    def send(self, type: str, **fields: Any) -> list[Wire]:
        self.sent += 1
        event_id = f"client_{self.sent}"
        before = list(self.caller.work)
        events = self.caller.send(type, event_id=event_id, **fields)
        known = set(self.judge.responses)
        self.judge.step(events, event_id=event_id, is_append=type == "input_audio_buffer.append")
        if type == "response.create" and "input" in (fields["response"] or {}):
            self.own_input |= set(self.judge.responses) - known
        self.remember(before)
        return events  # type: ignore[no-any-return]

    def work(self, outputs: list[Any]) -> None:
        before = list(self.caller.work)
        events = self.caller._take(outputs)
        self.judge.step(events, event_id=None)
        self.remember(before)

    def remember(self, before: list[Any]) -> None:
        self.gone += [each for each in before if each not in self.caller.work]
        for each in self.caller.replies():
            if each not in before:
                self.check_prompt(each)

    @property
    def fmt(self) -> AudioFormat:
        return AudioFormat.from_wire(self.judge.session["audio"]["input"]["format"])

    # the caller

    @rule(
        runs=st.lists(st.tuples(st.booleans(), st.sampled_from([20, 32, 100, 330, 700])), min_size=1, max_size=4),
        piece_ms=st.sampled_from([20, 100, 2000]),
    )
    def sound(self, runs: list[tuple[bool, int]], piece_ms: int) -> None:
        fmt = self.fmt
        whole = np.concatenate([LOUD[: 8 * ms] * loud for loud, ms in runs])
        data = encode(np.repeat(whole, 3) if fmt.rate_hz == 24_000 else whole, fmt)
        step = fmt.byte_count(piece_ms)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self.caller.now_ms += fmt.duration_ms(piece)
            self.send("input_audio_buffer.append", audio=to_base64(piece))

    @rule(words=st.sampled_from(["", "A tent, please.", "I want a"]), patient=st.booleans())
    def turn(self, words: str, patient: bool) -> None:
        """A whole turn; the ear is done at once, or when it likes."""
        self.sound([(True, 400), (False, 250)], 100)
        if patient:
            for job in self.caller.jobs():
                self.caller.work.remove(job)
                self.gone.append(job)
                self.listen(job, words, deaf=False)
        self.sound([(False, 400)], 100)

    @precondition(lambda self: self.judge.active())
    @rule()
    def barge_in(self) -> None:
        active = self.judge.active()[0]
        vad = self.judge.session["audio"]["input"]["turn_detection"]
        started = len(self.caller.log)
        self.sound([(True, 200)], 20)
        began = any(each["type"].endswith("speech_started") for each in self.caller.log[started:])
        if began and vad["interrupt_response"]:
            assert active.done is not None
            assert active.done["status_details"]["reason"] == "turn_detected"

    @rule(ms=st.sampled_from([1, 1000, 6000, 60_000]))
    def wait_without_sound(self, ms: int) -> None:
        self.caller.now_ms += ms

    @precondition(lambda self: self.judge.session["audio"]["input"]["turn_detection"] is None)
    @rule(clear=st.booleans())
    def end_turn_by_hand(self, clear: bool) -> None:
        self.sound([(True, 200)], 100)
        name = "cleared" if clear else "committed"
        events = self.send(f"input_audio_buffer.{'clear' if clear else 'commit'}")
        assert events[0]["type"] == f"input_audio_buffer.{name}"

    @rule(
        what=st.sampled_from(
            [
                ("input_audio_buffer.append", {"audio": "no sound!"}),
                ("input_audio_buffer.commit", {}),
                ("input_audio_buffer.clear", {}),
                ("conversation.item.delete", {"item_id": "nobody"}),
                ("conversation.item.retrieve", {"item_id": "nobody"}),
                ("conversation.item.truncate", {"item_id": "nobody", "content_index": 0, "audio_end_ms": 5}),
                ("response.cancel", {"response_id": "nobody"}),
                ("output_audio_buffer.clear", {}),
            ]
        )
    )
    def out_of_place(self, what: tuple[str, Wire]) -> None:
        name, fields = what
        (event, *_) = self.send(name, **fields)
        assert event["type"] == "error" or name.startswith("input_audio_buffer")

    # the session

    @rule(
        change=st.sampled_from(
            [
                *({"audio": {"input": {"turn_detection": vad}}} for vad in TURNS_OF_CALLS),
                {"instructions": "Be kind."},
                {"output_modalities": ["text"]},
                {"output_modalities": ["audio"]},
                {"max_output_tokens": 7},
                {"max_output_tokens": "inf"},
                {"tools": TOOLS, "tool_choice": "required"},
                {"tools": TOOLS, "tool_choice": {"type": "function", "name": "show"}, "parallel_tool_calls": False},
                {"tools": [], "tool_choice": "auto"},
                {"audio": {"output": {"speed": 1.5}}},
                {"audio": {"output": {"voice": "marin"}}},
                {"audio": {"input": {"transcription": {"model": "whisper-1"}}}},
                {"audio": {"input": {"transcription": None}}},
                {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
                {"include": ["item.input_audio_transcription.logprobs"]},
                {"include": None},
                {"truncation": "disabled"},
                {
                    "truncation": {
                        "type": "retention_ratio",
                        "retention_ratio": 0.5,
                        "token_limits": {"post_instructions": 40},
                    }
                },
                {"tool_choice": {"type": "function", "name": "gone"}},
                {"prompt": {"id": "pmpt_1"}},
                {"temperature": 0.8},
            ]
        )
    )
    def change_session(self, change: Wire) -> None:
        self.update(**change)

    @rule(fmt=st.sampled_from([PCM16_24K, ULAW_8K, ALAW_8K]), side=st.sampled_from(["input", "output"]))
    def change_format(self, fmt: AudioFormat, side: str) -> None:
        if side == "input" and fmt != self.fmt:
            self.judge.announced = None  # what was spoken in the old format is dropped
        self.update(audio={side: {"format": fmt.to_wire()}})

    def update(self, **session: Any) -> None:
        (event,) = self.send("session.update", session={"type": "realtime", **session})
        assert event["type"] in ("session.updated", "error")

    # items

    def some_id(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([*self.judge.order, *sorted(self.judge.deleted), "nobody"]))  # type: ignore[no-any-return]

    @rule(data=st.data(), what=st.sampled_from(["text", "text", "sound", "picture", "call", "result", "result"]))
    def create_item(self, data: st.DataObject, what: str) -> None:
        match what:
            case "text":
                role = data.draw(st.sampled_from(["user", "assistant", "system"]))
                part = {"type": "output_text" if role == "assistant" else "input_text", "text": data.draw(TEXTS)}
                own = data.draw(st.sampled_from([None, None, "mine", "x" * 33, *sorted(self.judge.deleted)[-1:]]))
                item = {"type": "message", "role": role, "content": [part], "id": own}
            case "sound":
                audio = to_base64(bytes(self.fmt.byte_count(data.draw(st.sampled_from([40, 400])))))
                part = {"type": "input_audio", "audio": audio, "transcript": data.draw(st.sampled_from([None, "Hi"]))}
                item = {"type": "message", "role": "user", "content": [part]}
            case "picture":
                urls = ["data:image/png;base64,iVBORw0KGgo=", "https://example.org/x.png"]
                part = {"type": "input_image", "image_url": data.draw(st.sampled_from(urls))}
                item = {"type": "message", "role": "user", "content": [part]}
            case "call":
                call_id = data.draw(st.sampled_from(["c1", "c2", None]))
                item = {"type": "function_call", "call_id": call_id, "name": "show", "arguments": "{}"}
            case _:
                calls = [each["call_id"] for each in self.judge.items.values() if each["type"] == "function_call"]
                call_id = data.draw(st.sampled_from([*calls, "nobody"]))
                item = {"type": "function_call_output", "call_id": call_id, "output": "done"}
        self.create(item, data)

    def create(self, item: Wire, data: st.DataObject) -> None:
        where = data.draw(st.sampled_from(["end", "end", "root", "item"]))
        after = {"end": None, "root": "root"}.get(where) if where != "item" else self.some_id(data)
        expected = {"end": self.judge.order[-1:], "root": [], "item": [after]}[where]
        events = self.send("conversation.item.create", item=item, previous_item_id=after)
        if events[0]["type"] != "error":
            assert [each["type"] for each in events] == ["conversation.item.added", "conversation.item.done"]
            assert events[0]["previous_item_id"] == (expected[0] if expected else None)

    @precondition(lambda self: self.judge.order)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        item_id = self.some_id(data)
        known = item_id in self.judge.order
        events = self.send("conversation.item.delete", item_id=item_id)
        assert events[0]["type"] == ("conversation.item.deleted" if known else "error")

    @precondition(lambda self: self.judge.order)
    @rule(data=st.data())
    def retrieve(self, data: st.DataObject) -> None:
        item_id = self.some_id(data)
        (event,) = self.send("conversation.item.retrieve", item_id=item_id)
        if item_id not in self.judge.order:
            assert event["error"]["code"] == "item_retrieve_invalid_item_id"
            return
        self.same_sound(item_id, event["item"])

    @precondition(lambda self: self.spoken())
    @rule(data=st.data(), part=st.sampled_from([-0.1, 0, 0.2, 0.5, 0.9, 1, 1.1]), other=st.integers(0, 5))
    def truncate(self, data: st.DataObject, part: float, other: int) -> None:
        going_on = [each for each in self.spoken() if self.maker(each).done is None]
        item_id = data.draw(st.sampled_from(going_on or self.spoken() if other else self.judge.order))
        before = self.sound_ms(item_id)
        end_ms = int(part * (before or 500))
        events = self.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms)
        fits = before is not None and 0 < end_ms <= int(np.ceil(before))
        assert [each["type"] for each in events] == ["conversation.item.truncated" if fits else "error"]
        if fits:
            self.cut_ms[item_id] = end_ms
            (event,) = self.send("conversation.item.retrieve", item_id=item_id)
            part = event["item"]["content"][0]
            self.judge.heard[item_id] = part["transcript"]
            assert abs(self.output_format(item_id).duration_ms(from_base64(part["audio"])) - min(end_ms, before)) < 0.1
            for reply in self.caller.replies():
                if reply.response_id == self.maker(item_id).id:  # it goes on, and nobody hears it
                    self.answer(reply, "It goes on.", "say")
            assert self.made(item_id).words.split()[: len(part["transcript"].split())] == part["transcript"].split()

    def spoken(self) -> list[str]:
        """The items that can be truncated."""
        return [
            made.item["id"]
            for told in self.judge.responses.values()
            for made in told.made
            if made.sound and made.item["id"] in self.judge.order
        ]

    def made(self, item_id: str) -> Made:
        found = [m for told in self.judge.responses.values() for m in told.made if m.item["id"] == item_id]
        return found[0]

    def maker(self, item_id: str) -> Told:
        owners = [told for told in self.judge.responses.values() if any(m.item["id"] == item_id for m in told.made)]
        return owners[0]

    def output_format(self, item_id: str) -> AudioFormat:
        return self.maker(item_id).fmt

    def sound_ms(self, item_id: str) -> float | None:
        """How long an assistant's item sounds; None when there is nothing to truncate."""
        item = self.judge.items.get(item_id)
        if item is None or item_id not in self.judge.order or item.get("role") != "assistant":
            return None
        (event,) = self.send("conversation.item.retrieve", item_id=item_id)
        content = event["item"]["content"]
        if not content or content[0]["type"] != "output_audio":
            return None
        return self.output_format(item_id).duration_ms(from_base64(content[0].get("audio", "")))

    def same_sound(self, item_id: str, shown: Wire) -> None:
        """What is retrieved is what was streamed."""
        content = shown.get("content") or []
        if shown.get("role") != "assistant" or not content or content[0]["type"] != "output_audio":
            return
        sound, made = from_base64(content[0].get("audio", "")), self.made(item_id)
        if item_id in self.cut_ms:
            assert self.output_format(item_id).duration_ms(sound) <= self.cut_ms[item_id] + 0.1
            assert content[0]["transcript"] == self.judge.heard[item_id]
        else:
            assert (sound, content[0]["transcript"]) == (made.sound, made.words)

    # responses

    @rule(
        data=st.data(),
        beside=st.booleans(),
        wanted=st.sampled_from(
            [
                None,
                {"instructions": "Greet."},
                {"output_modalities": ["text"]},
                {"max_output_tokens": 5},
                {"tools": TOOLS, "tool_choice": "required"},
                {"metadata": {"topic": "gate"}},
                {"audio": {"output": {"voice": "cedar", "format": {"type": "audio/pcmu"}}}},
                {"input": []},
                {"input": "refer"},
                {"input": "sound"},
                {"conversation": "mine"},
                {"modalities": ["text"]},
                {"metadata": {"x" * 65: ""}},
            ]
        ),
    )
    def create_response(self, data: st.DataObject, beside: bool, wanted: Wire | None) -> None:
        wanted = dict(wanted or {})
        if beside:
            wanted.setdefault("conversation", "none")
        if wanted.get("input") == "refer":
            wanted["input"] = [{"type": "item_reference", "id": self.some_id(data)}]
        if wanted.get("input") == "sound":
            part = {"type": "input_audio", "audio": to_base64(bytes(self.fmt.byte_count(200)))}
            wanted["input"] = [{"type": "message", "role": "user", "content": [part]}]
        if self.judge.active() and not beside:
            assert self.send("response.create", response=wanted)[0]["type"] == "error"
        else:
            self.send("response.create", response=wanted)

    @precondition(lambda self: self.judge.active())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        running = [told.id for told in self.judge.responses.values() if told.done is None]
        response_id = data.draw(st.sampled_from([None, "nobody", *running]))
        meant = bool(self.judge.active()) if response_id is None else response_id in running
        events = self.send("response.cancel", response_id=response_id)
        assert events[-1]["type"] == ("response.done" if meant else "error")

    # the workers

    @precondition(lambda self: any(isinstance(each, Listen) for each in self.caller.work))
    @rule(data=st.data(), words=st.sampled_from(["", "A tent, please.", "I want a"]), deaf=st.integers(0, 4))
    def ear(self, data: st.DataObject, words: str, deaf: int) -> None:
        job = data.draw(st.sampled_from(self.caller.jobs()))
        self.caller.work.remove(job)
        self.gone.append(job)
        self.listen(job, words, deaf == 0)

    def listen(self, job: Listen, words: str, deaf: bool) -> None:
        protocol, now_ms = self.caller.protocol, self.caller.now_ms
        if deaf:
            self.work(protocol.deaf(job.job_id, "The ear failed.", at_ms=now_ms))
        else:
            self.work(protocol.heard(job.job_id, Heard(words, -0.2, 0.01), at_ms=now_ms))

    @precondition(lambda self: self.caller.replies())
    @rule(
        data=st.data(),
        does=st.lists(st.tuples(st.sampled_from(["say", "say", "say", "call"]), SENTENCES), min_size=1, max_size=4),
    )
    def think(self, data: st.DataObject, does: list[tuple[str, str]]) -> None:
        reply = data.draw(st.sampled_from(self.caller.replies()))
        for what, text in does:
            self.answer(reply, text, what)

    @precondition(lambda self: self.caller.replies())
    @rule(data=st.data(), fails=st.integers(0, 5))
    def end_thought(self, data: st.DataObject, fails: int) -> None:
        reply = data.draw(st.sampled_from(self.caller.replies()))
        self.caller.work.remove(reply)
        self.gone.append(reply)
        self.answer(reply, "", "fail" if fails == 0 else "end")

    def answer(self, reply: Reply, text: str, what: str) -> None:
        protocol, now_ms, response_id = self.caller.protocol, self.caller.now_ms, reply.response_id
        if what == "call":
            tool = ToolCall("call_same", "show", '{"sku": "TEN-02"}')
            self.work(protocol.called(response_id, tool, at_ms=now_ms))
        elif what == "end":
            self.work(protocol.finished(response_id, at_ms=now_ms))
        elif what == "fail":
            self.work(protocol.failed(response_id, "The brain failed.", at_ms=now_ms))
        elif reply.aloud:
            spoken = Spoken(text, tone(20 * len(text), hz=200).samples)
            self.work(protocol.said(response_id, spoken, at_ms=now_ms))
        else:
            self.work(protocol.wrote(response_id, text, at_ms=now_ms))

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), what=st.sampled_from(["say", "call", "end", "fail"]))
    def too_late(self, data: st.DataObject, what: str) -> None:
        """A worker that was stopped, or is done, says more: nobody hears it."""
        late = data.draw(st.sampled_from(self.gone))
        told = len(self.caller.log)
        if isinstance(late, Listen):
            self.listen(late, "Too late.", what == "fail")
        else:
            self.answer(late, "Too late.", what)
        assert len(self.caller.log) == told

    def check_prompt(self, reply: Reply) -> None:
        """What the brain is told is a conversation that the chat API takes."""
        open_calls: list[str] = []
        for message in reply.request.messages:
            if message.role == "tool":
                open_calls.remove(message.call_id)
                continue
            assert open_calls == [], "a call without its result"
            open_calls = [call.call_id for call in message.tool_calls]
        assert open_calls == []
        if reply.response_id in self.own_input or self.judge.session["truncation"] != "auto":
            return
        said = [m.content for m in reply.request.messages if m.role == "assistant" and not m.tool_calls]
        assert [" ".join(words.split()) for words in said] == self.judge.words_of_assistant()
        calls = [call for m in reply.request.messages for call in m.tool_calls]
        kinds = [self.judge.items[each]["type"] for each in self.judge.order]
        assert len(calls) == kinds.count("function_call")

    # what always holds

    @invariant()
    def one_active_response(self) -> None:
        assert len(self.judge.active()) <= 1
        running = {told.id for told in self.judge.responses.values() if told.done is None}
        assert {each.response_id for each in self.caller.replies()} <= running

    @invariant()
    def work_is_asked_for_once(self) -> None:
        ids = [each.job_id if isinstance(each, Listen) else each.response_id for each in self.caller.work]
        assert len(ids) == len(set(ids))

    def teardown(self) -> None:
        """Let all work end; then nothing is left open."""
        while self.caller.work:
            work = self.caller.work.pop()
            if isinstance(work, Listen):
                self.listen(work, "Yes.", deaf=False)
            else:
                self.answer(work, "", "end")
        self.judge.at_rest()
        for item_id in self.judge.order:
            (event,) = self.send("conversation.item.retrieve", item_id=item_id)
            self.same_sound(item_id, event["item"])


def test_what_always_holds(new_caller: Callable[..., Any]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Calls(new_caller),
        settings=settings(
            max_examples=100,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,  # to search further: more examples, and this off
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
