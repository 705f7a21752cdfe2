"""Tools that the relay runs: each once, one answer asked for, and a client that sees none of it or all of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contoso_lab.errors import ShopError
from contoso_lab.relay.tooling.tool_runner import MOST_WAITING, ToolRunner
from contoso_lab.relay.tooling.tools import MOST_ROUNDS, ToolCall, ToolDesk
from contoso_lab.wire import Conversation


@dataclass
class Looked:
    """A tool that says what it was asked."""

    name: str = "look"
    run: Callable[[Mapping[str, Any]], Any] = field(default=lambda arguments: {"found": dict(arguments)})

    @property
    def schema(self) -> dict[str, Any]:
        parameters = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
        return {"type": "function", "name": self.name, "description": "Look.", "parameters": parameters}


class Target:
    """Says what a Realtime server says, in its order, and remembers what it showed."""

    def __init__(self, desk: ToolDesk) -> None:
        self.desk = desk
        self.shown: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.run: list[ToolCall] = []
        self.items: list[str] = []
        self.output: dict[str, list[dict[str, Any]]] = {}

    def say(self, type: str, **fields: Any) -> None:
        event = {"type": type, "event_id": f"event_{len(self.shown)}", **fields}
        before = json.dumps(event)
        seen = self.desk.from_target(event)
        assert json.dumps(event) == before, "an event that came is never changed"
        self.run += seen.run
        self.sent += seen.send
        if seen.event is not None:
            self.shown.append(dict(seen.event))

    def created(self, response_id: str = "r1", **more: Any) -> None:
        self.output[response_id] = []
        self.say("response.created", response={"id": response_id, "conversation_id": "c", "output": [], **more})

    def add(self, item: dict[str, Any]) -> None:
        self.say("conversation.item.added", previous_item_id=self.items[-1] if self.items else None, item=item)
        self.items.append(item["id"])
        if item["type"] != "function_call":
            self.say("conversation.item.done", previous_item_id=(self.items[-2:-1] or [None])[0], item=item)

    def call(
        self, call_id: str = "c1", *, name: str = "look", response_id: str = "r1", whole: bool = True,
        arguments: str = '{"q":"tents"}',
    ) -> None:  # fmt: skip
        item = {"id": f"item_{call_id}", "type": "function_call", "name": name, "call_id": call_id, "arguments": ""}
        place = {"response_id": response_id, "output_index": len(self.output[response_id])}
        self.output[response_id].append(item)
        self.say("response.output_item.added", **place, item={**item, "status": "in_progress"})
        self.add({**item, "status": "in_progress"})
        place |= {"item_id": item["id"], "call_id": call_id}
        self.say("response.function_call_arguments.delta", **place, delta=arguments)
        item |= {"arguments": arguments, "status": "completed" if whole else "incomplete"}
        self.say("response.function_call_arguments.done", **place, arguments=arguments)
        self.say("response.output_item.done", response_id=response_id, output_index=place["output_index"], item=item)
        self.say("conversation.item.done", previous_item_id=(self.items[-2:-1] or [None])[0], item=item)

    def speak(self, text: str, *, response_id: str = "r1") -> None:
        index = len(self.output[response_id])
        item = {"id": f"says_{response_id}_{index}", "type": "message", "role": "assistant", "content": []}
        self.output[response_id].append(item)
        place = {"response_id": response_id, "output_index": index}
        self.say("response.output_item.added", **place, item=item)
        self.add(item)
        place |= {"item_id": item["id"], "content_index": 0}
        self.say("response.content_part.added", **place, part={"type": "text", "text": ""})
        self.say("response.output_text.delta", **place, delta=text)
        item["content"] = [{"type": "output_text", "text": text}]
        self.say("response.output_item.done", response_id=response_id, output_index=index, item=item)

    def done(self, response_id: str = "r1", *, status: str = "completed", **more: Any) -> None:
        output = self.output[response_id]
        self.say("response.done", response={"id": response_id, "status": status, "output": output, **more})

    def finish(self, call_id: str = "c1", output: str = "{}") -> None:
        self.sent += self.desk.finished(call_id, output)

    @property
    def types(self) -> list[str]:
        """What was sent, in short."""
        return ["output " + e["item"]["call_id"] if "item" in e else e["type"] for e in self.sent]


def there(*names: str, hidden: bool = True) -> Target:
    return Target(ToolDesk({name: Looked(name) for name in names or ("look",)}, hidden=hidden))


# -- running and answering -------------------------------------------------------------------------


def test_a_tool_is_run_once_and_the_model_is_asked_once() -> None:
    target = there()
    target.created()
    target.call()
    assert target.run == [ToolCall("c1", "look", '{"q":"tents"}')]
    target.finish("c1", '{"found":1}')
    assert target.types == ["output c1"]
    assert target.sent[0]["item"]["output"] == '{"found":1}'
    target.done()
    assert target.types == ["output c1", "response.create"]
    assert "response" not in target.sent[1]
    target.finish("c1", "again")
    assert len(target.sent) == 2
    assert len(target.run) == 1


def test_the_model_is_asked_when_a_slow_tool_is_there() -> None:
    target = there()
    target.created()
    target.call()
    target.done()
    assert target.sent == []
    target.finish()
    assert target.types == ["output c1", "response.create"]


def test_an_output_waits_until_its_call_stands_in_the_conversation() -> None:
    target = there()
    target.created()
    item = {"id": "i", "type": "function_call", "name": "look", "call_id": "c1"}
    target.say("response.output_item.added", response_id="r1", output_index=0, item=item)
    target.say("response.function_call_arguments.done", response_id="r1", item_id="i", call_id="c1", arguments="{}")
    assert len(target.run) == 1
    target.finish()
    assert target.sent == []
    target.say(
        "response.output_item.done", response_id="r1", output_index=0,
        item={**item, "arguments": "{}", "status": "completed"},
    )  # fmt: skip
    assert target.types == ["output c1"]


@pytest.mark.parametrize("order", [("c1", "c2"), ("c2", "c1")])
@pytest.mark.parametrize("early", [0, 1, 2])
def test_several_calls_are_all_waited_for(order: tuple[str, str], early: int) -> None:
    target = there("look", "list")
    target.created()
    target.call("c1")
    target.call("c2", name="list")
    for call_id in order[:early]:
        target.finish(call_id)
    target.done()
    for call_id in order[early:]:
        target.finish(call_id)
    assert target.types == [f"output {order[0]}", f"output {order[1]}", "response.create"]


def test_a_server_that_tells_of_a_call_only_at_the_end_is_served() -> None:
    target = there()
    target.created()
    item = {"id": "i", "type": "function_call", "name": "look", "call_id": "c1", "arguments": "{}"}
    target.output["r1"] = [item]
    target.done()
    assert [call.call_id for call in target.run] == ["c1"]
    target.finish()
    assert target.types == ["output c1", "response.create"]
    assert target.shown[-1]["response"]["output"] == []


def test_who_cuts_in_gets_the_output_and_no_second_answer() -> None:
    target = there()
    target.created()
    target.call()
    target.done()
    target.created("r2")
    target.finish()
    target.speak("Yes?", response_id="r2")
    target.done("r2")
    assert target.types == ["output c1"]


def test_who_is_speaking_is_not_spoken_over() -> None:
    target = there()
    target.created()
    target.call()
    target.done()
    target.say("input_audio_buffer.speech_started", item_id="u", audio_start_ms=1)
    target.finish()
    assert target.types == ["output c1"]
    target.created("r2")
    target.done("r2")
    assert target.types == ["output c1"], "the answer to what was said knows the output already"


def test_speech_that_came_to_nothing_does_not_leave_the_caller_waiting() -> None:
    target = there()
    target.created()
    target.call()
    target.done()
    target.say("input_audio_buffer.speech_started", item_id="u", audio_start_ms=1)
    target.finish()
    target.say("input_audio_buffer.cleared")
    assert target.types == ["output c1", "response.create"]


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_response_that_was_cut_off_gets_its_output_and_no_answer(status: str) -> None:
    target = there()
    target.created()
    target.call()
    target.done(status=status)
    target.finish()
    assert target.types == ["output c1"]


def test_a_call_that_was_cut_off_never_was_one() -> None:
    target = there()
    target.created()
    target.call("c1", whole=False, arguments='{"q":"te')
    target.finish("c1", "whatever")  # the arguments were announced as done, so it was tried
    target.done(status="incomplete")
    assert target.sent == []


def test_a_client_that_asks_itself_is_not_asked_for() -> None:
    target = there()
    target.created()
    target.call()
    target.done()
    target.desk.from_client({"type": "response.create"})
    target.finish()
    assert target.types == ["output c1"]


def test_our_own_events_are_not_taken_for_the_clients() -> None:
    target = there()
    target.created()
    target.call()
    target.finish()
    target.desk.from_client(target.sent[0])
    target.done()
    assert target.types == ["output c1", "response.create"]


def test_a_call_beside_the_conversation_is_the_clients() -> None:
    target = there()
    target.desk.from_client({"type": "response.create", "response": {"conversation": "none"}})
    target.created("r9", conversation_id=None)
    target.call("c9", response_id="r9")
    target.done("r9")
    assert (target.run, target.sent) == ([], [])
    assert "response.function_call_arguments.done" in [event["type"] for event in target.shown]


def test_a_model_that_only_ever_calls_tools_has_to_answer_at_last() -> None:
    target = there()
    for number in range(MOST_ROUNDS):
        target.created(f"r{number}")
        target.call(f"c{number}", response_id=f"r{number}")
        target.finish(f"c{number}")
        target.done(f"r{number}")
    asked = [event for event in target.sent if event["type"] == "response.create"]
    assert [event.get("response") for event in asked] == [None] * (MOST_ROUNDS - 1) + [{"tool_choice": "none"}]


def test_who_asked_for_text_goes_on_in_text() -> None:
    target = there()
    target.say("session.updated", session={"output_modalities": ["audio"]})
    target.created()
    target.call()
    target.finish()
    target.done(output_modalities=["text"])
    assert target.sent[-1]["response"] == {"output_modalities": ["text"]}


def test_a_lost_target_is_not_asked_and_the_next_one_gets_the_output() -> None:
    target = there()
    target.created()
    target.call()
    target.desk.target_lost()
    target.finish()
    assert target.types == ["output c1"], "who replays the conversation asks"


def test_an_answer_that_was_owed_before_the_loss_is_still_asked_for() -> None:
    target = there()
    target.created()
    target.call()
    target.done()
    target.desk.target_lost()
    target.finish()
    assert target.types == ["output c1", "response.create"]


# -- whose tool it is --------------------------------------------------------------------------------


def test_a_tool_of_the_clients_passes_untouched() -> None:
    target = there()
    target.created()
    target.call("c1", name="theirs")
    target.done()
    assert (target.run, target.sent) == ([], [])
    assert [event["type"] for event in target.shown] == [
        "response.created", "response.output_item.added", "conversation.item.added",
        "response.function_call_arguments.delta", "response.function_call_arguments.done",
        "response.output_item.done", "conversation.item.done", "response.done",
    ]  # fmt: skip
    assert len(target.shown[-1]["response"]["output"]) == 1


def test_with_a_call_of_the_clients_beside_ours_the_client_asks() -> None:
    target = there()
    target.created()
    target.call("c1")
    target.call("c2", name="theirs")
    target.finish("c1")
    target.done()
    assert target.types == ["output c1"]
    assert [item["call_id"] for item in target.shown[-1]["response"]["output"]] == ["c2"]
    places = {event["output_index"] for event in target.shown if "output_index" in event}
    assert places == {0}


# -- what the client sees ----------------------------------------------------------------------------


def play(target: Target) -> None:
    """A whole exchange: a question, an answer with a call in it, the output, the answer."""
    user = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Tents?"}]}
    target.say("session.updated", session={"tools": [Looked().schema, {"name": "theirs"}]})
    target.add(user)
    target.created()
    target.call("c1")
    target.speak("Let me see.")
    target.call("c2")
    target.done()
    for call_id in ("c1", "c2"):
        target.finish(call_id)
        target.add(target.sent[-1 if call_id == "c1" else -2]["item"])
    target.created("r2")
    target.speak("The Meadow Four.", response_id="r2")
    target.done("r2")
    target.add({**user, "id": "u2"})


def test_hidden_leaves_a_conversation_without_a_trace_of_the_tools() -> None:
    target = there(hidden=True)
    play(target)
    text = json.dumps(target.shown)
    assert "function_call" not in text
    assert not any(f"item_{call_id}" in text for call_id in ("c1", "c2", "lab"))
    assert [tool["name"] for tool in target.shown[0]["session"]["tools"]] == ["theirs"]
    followed = {e["item"]["id"]: e["previous_item_id"] for e in target.shown if e["type"] == "conversation.item.added"}
    assert followed == {"u1": None, "says_r1_1": "u1", "says_r2_0": "says_r1_1", "u2": "says_r2_0"}
    assert {e["output_index"] for e in target.shown if "output_index" in e} == {0}
    done = [event["response"]["output"] for event in target.shown if event["type"] == "response.done"]
    assert [[item["id"] for item in output] for output in done] == [["says_r1_1"], ["says_r2_0"]]


def test_hidden_or_shown_the_fold_hears_the_same_words() -> None:
    said = {}
    for hidden in (True, False):
        target = there(hidden=hidden)
        play(target)
        talk = Conversation()
        for event in target.shown:
            talk.apply(event, at_ms=0)
        said[hidden] = [(turn.role, turn.text) for turn in talk.turns if turn.text]
    assert said[True] == said[False]
    assert ("assistant", "The Meadow Four.") in said[True]


def test_shown_is_every_event_as_it_came() -> None:
    target = there(hidden=False)
    play(target)
    assert json.dumps(target.shown).count("function_call_output") == 4
    assert target.desk.from_target(event := {"type": "session.updated", "session": {"tools": []}}).event is event


def test_what_needs_no_change_is_the_same_object() -> None:
    desk = there().desk
    for event in (
        {"type": "response.created", "response": {"id": "r1"}},
        {"type": "conversation.item.added", "item": {"id": "i", "type": "message"}},
        {"type": "brand.new", "item": [], "output_index": 1, "previous_item_id": {}},
    ):
        assert desk.from_target(event).event is event


def test_an_error_about_our_own_event_is_not_the_clients() -> None:
    desk = there().desk
    ours = {"type": "error", "error": {"event_id": "lab_tool_3", "code": "conversation_already_has_active_response"}}
    assert desk.from_target(ours).event is None
    assert there(hidden=False).desk.from_target(ours).event is ours


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_item.added", "item": {"type": "function_call", "name": ["look"], "call_id": {}}},
        {"type": "response.output_item.done", "item": {"type": "function_call", "name": "look"}},
        {"type": "response.done", "response": {"output": [1, {"type": "function_call", "name": "look", "id": []}]}},
        {"type": "response.done", "response": []},
        {"type": "response.created"},
        {"type": "response.function_call_arguments.done", "call_id": 7, "arguments": {}},
        {"type": "session.updated", "session": {"tools": {}}},
        {"type": "error", "error": None},
        {"type": "conversation.item.added", "previous_item_id": [], "item": {"id": 4}},
    ],
)
def test_no_event_is_too_odd(event: dict[str, Any]) -> None:
    target = there()
    target.desk.from_target(event)
    target.created()
    target.call()
    target.finish()
    target.done()
    assert target.types == ["output c1", "response.create"]


def test_a_server_that_contradicts_itself_is_not_followed_for_ever() -> None:
    target = there()
    target.created()
    target.call("c1")
    target.call("c2")
    for here, before in (("item_c1", "item_c2"), ("item_c2", "item_c1")):
        target.say("conversation.item.done", previous_item_id=before, item={"id": here})
    target.say("conversation.item.added", previous_item_id="item_c1", item={"id": "u"})
    assert target.shown[-1]["previous_item_id"] is None


STEPS = st.lists(
    st.sampled_from(["created", "call", "their call", "cut call", "speak", "done", "cancelled", "finish", "hears",
                     "cleared", "asks", "lost"]),
    max_size=30,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.booleans())
def test_in_whatever_order_things_happen(steps: list[str], hidden: bool) -> None:
    target = there(hidden=hidden)
    responses, calls, waiting, active, owing = 0, 0, [], None, 0
    for step in steps:
        match step:
            case "created" if active is None:
                responses += 1
                active = f"r{responses}"
                target.created(active)
            case "call" | "their call" | "cut call" if active is not None:
                calls += 1
                name = "theirs" if step == "their call" else "look"
                target.call(f"c{calls}", name=name, response_id=active, whole=step != "cut call")
                waiting += [f"c{calls}"] * (step != "their call")
            case "speak" if active is not None:
                target.speak("Well.", response_id=active)
            case "done" | "cancelled" if active is not None:
                target.done(active, status="completed" if step == "done" else "cancelled")
                owing += step == "done"
                active = None
            case "finish" if waiting:
                target.finish(waiting.pop(0))
            case "hears":
                target.say("input_audio_buffer.speech_started", item_id="u", audio_start_ms=1)
            case "cleared":
                target.say("input_audio_buffer.cleared")
            case "asks":
                target.desk.from_client({"type": "response.create"})
            case "lost":
                target.desk.target_lost()
                active = None
    ran = [call.call_id for call in target.run]
    told = [kind for kind in target.types if kind != "response.create"]
    assert len(ran) == len(set(ran))
    assert len(told) == len(set(told))
    assert target.types.count("response.create") <= owing
    if hidden:
        names = {event["item"].get("name") for event in target.shown if isinstance(event.get("item"), dict)}
        assert "look" not in names
        assert not any(event.get("output_index", 0) < 0 for event in target.shown)


# -- the runner --------------------------------------------------------------------------------------


class Line:
    """A target behind a runner: what was said to it, and what ran."""

    def __init__(self, runner: ToolRunner) -> None:
        self.runner = runner
        self.said: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.ran: list[tuple[str, str | None]] = []
        runner.begin(self.said.put_nowait, self._ran)

    def _ran(self, name: str, ms: float, *, error: str | None = None) -> None:
        assert ms >= 0
        self.ran.append((name, error))

    def call(self, call_id: str = "c1", arguments: str = '{"q":"tents"}') -> None:
        item = {"id": f"i{call_id}", "type": "function_call", "name": "look", "call_id": call_id}
        item["arguments"] = arguments
        self.runner.from_target({"type": "response.output_item.done", "response_id": "r1", "item": item})

    async def output(self) -> dict[str, Any]:
        event = await self.said.get()
        return json.loads(event["item"]["output"])


async def test_a_tool_runs_and_its_output_is_told() -> None:
    line = Line(ToolRunner({"look": Looked()}))
    line.call()
    assert await line.output() == {"found": {"q": "tents"}}
    line.runner.from_target({"type": "response.done", "response": {"id": "r1", "status": "completed"}})
    assert (await line.said.get())["type"] == "response.create"
    assert line.ran == [("look", None)]
    await line.runner.close()


async def test_a_coroutine_is_a_tool_too() -> None:
    async def run(arguments: Mapping[str, Any]) -> str:
        return json.dumps([arguments["q"]])

    line = Line(ToolRunner({"look": Looked(run=run)}))
    line.call()
    assert await line.output() == ["tents"]


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ('{"q":', "bad_json", "not valid JSON"),
        ("[1]", "bad_json", "not a JSON object"),
        ('{"q":"x","p":1}', "unknown_argument", "look has no argument 'p': it has q."),
        ("{}", "missing_argument", "look needs the argument 'q'"),
        ("", "missing_argument", "'q'"),
        ("[" * 100_000, "bad_json", "not valid JSON"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(arguments: str, kind: str, said: str) -> None:
    line = Line(ToolRunner({"look": Looked()}))
    line.call(arguments=arguments)
    assert said in (await line.output())["error"]
    assert line.ran == [("look", kind)]


def _fails(error: Exception) -> Callable[[Mapping[str, Any]], Any]:
    def run(arguments: Mapping[str, Any]) -> Any:
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "kind", "said"),
    [
        (_fails(ShopError("the catalogue has no product 'X'")), "ShopError", "the catalogue has no product 'X'"),
        (_fails(RuntimeError("password hunter2")), "RuntimeError", "look failed for a reason of its own"),
        (_fails(TimeoutError("of its own")), "TimeoutError", "look failed"),
        (lambda arguments: float("nan"), "ValueError", "look failed"),
        (lambda arguments: object(), "TypeError", "look failed"),
    ],
)
async def test_a_tool_that_breaks_says_so_in_a_sentence(run: Any, kind: str, said: str) -> None:
    line = Line(ToolRunner({"look": Looked(run=run)}))
    line.call()
    told = await line.output()
    assert said in told["error"]
    assert "hunter2" not in told["error"]
    assert line.ran == [("look", kind)]


async def test_a_tool_that_does_not_answer_is_given_up() -> None:
    async def run(arguments: Mapping[str, Any]) -> None:
        await asyncio.Event().wait()

    line = Line(ToolRunner({"look": Looked(run=run)}, timeout_s=0))
    line.call()
    assert "did not answer in time" in (await line.output())["error"]
    assert line.ran == [("look", "timeout")]


async def test_so_many_run_at_once_and_no_more() -> None:
    running, most, go = 0, 0, asyncio.Event()

    async def run(arguments: Mapping[str, Any]) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1
        return "1"

    line = Line(ToolRunner({"look": Looked(run=run)}, at_once=3))
    for number in range(MOST_WAITING + 1):
        line.call(f"c{number}")
    assert "Too many" in (await line.output())["error"]
    go.set()
    for _ in range(MOST_WAITING):
        assert await line.output() == 1
    assert most == 3


async def test_hanging_up_stops_everything_and_nothing_is_said_after_it() -> None:
    begun, cancelled, leave = asyncio.Event(), asyncio.Event(), threading.Event()

    async def run(arguments: Mapping[str, Any]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    line = Line(ToolRunner({"look": Looked(run=run)}))
    line.call()
    await begun.wait()
    await line.runner.close()
    assert cancelled.is_set()

    blocked = Line(ToolRunner({"look": Looked(run=lambda arguments: leave.wait(5))}))
    blocked.call()
    await asyncio.sleep(0)
    await blocked.runner.close()  # a thread cannot be stopped, and is not waited for
    leave.set()
    assert line.said.empty()
    assert blocked.said.empty()
    await line.runner.close()
