from __future__ import annotations

import json

import pytest
from openai.types.realtime import ResponseDoneEvent

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.tooling.tool_runner import ToolRunner

from .fakes import APPEND, DELTA, FakeTarget, Held, dump, settle  # noqa: TID252 - the tests are no package

RESPONSE_CREATE = b'{"type":"response.create"}'
NOT_THERE = SessionRefused("the target", "nothing answers at example: start the engine", status=502)
EXPIRED = dump("error", error={"type": "invalid_request_error", "code": "session_expired", "message": "60 minutes"})


def user(item_id: str, text: str) -> bytes:
    item = {"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return dump("conversation.item.create", item=item)


def spoken(held: Held, item_id: str, transcript: str | None) -> None:
    held.target.says(
        dump("input_audio_buffer.committed", item_id=item_id, previous_item_id=None),
        dump("conversation.item.added", item={
            "id": item_id, "type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}],
        }),
    )  # fmt: skip
    if transcript is not None:
        name = "conversation.item.input_audio_transcription.completed"
        held.target.says(dump(name, item_id=item_id, transcript=transcript))


def begun(held: Held, response_id: str = "r1", item_id: str = "a1") -> None:
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    held.target.says(
        dump("response.created", response={"id": response_id, "status": "in_progress"}),
        dump("response.output_item.added", response_id=response_id, item=item),
        dump("conversation.item.added", item=item),
        dump("response.output_audio_transcript.delta", item_id=item_id, response_id=response_id, delta="We have "),
        DELTA,
    )


def ended(held: Held, response_id: str = "r1", item_id: str = "a1", text: str = "We have tents.") -> None:
    content = [{"type": "output_audio", "transcript": text}]
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}
    held.target.says(
        dump("response.output_item.done", response_id=response_id, item=item),
        dump("response.done", response={"id": response_id, "status": "completed", "output": [item]}),
    )


async def lose(held: Held, code: int = 1006, pass_s: float = 0.5) -> None:
    held.target.breaks(code)
    await held.clock.pass_s(pass_s)


def told_items(target: FakeTarget) -> list[dict]:
    return [event["item"] for event in target.named("conversation.item.create")]


async def test_the_conversation_goes_on_with_another_target():
    held = Held(redials=True)
    held.client.says(user("u1", "Any tents?"), RESPONSE_CREATE)
    begun(held)
    ended(held)
    before = len(held.client.told)
    await lose(held)
    assert held.client.types[before:] == ["lab.reconnecting", "lab.reconnected"]
    assert held.client.events[-1] == {"type": "lab.reconnected", "items": 2}
    assert held.target.types == ["session.update", "conversation.item.create", "conversation.item.create"]
    assert [item["id"] for item in told_items(held.target)] == ["u1", "a1"]
    held.client.says(APPEND)
    assert held.target.told[-1] == APPEND
    held.target.says(DELTA)
    assert held.client.told[-1] == DELTA
    await held.pump.stop()


async def test_what_the_relay_and_the_new_target_say_to_each_other_is_theirs():
    held = Held(redials=True)
    held.client.says(user("u1", "Hello"))
    recorded = len(held.tape.of("s2c")), len(held.tape.of("c2s"))
    client = list(held.client.told)
    await lose(held)
    held.target.says(dump("error", error={"type": "invalid_request_error", "event_id": "lab_replay_0"}))
    assert [message for message in held.client.told if not message.startswith(b'{"type":"lab.')] == [
        message for message in client if not message.startswith(b'{"type":"lab.')
    ]
    assert (len(held.tape.of("s2c")), len(held.tape.of("c2s"))) == recorded
    assert held.tape.notes("target.lost")[0]["code"] == 1006
    assert held.tape.notes("target.reconnected") == [{"type": "target.reconnected", "items": 1}]
    held.client.says(user("u2", "And now?"))  # what comes after is the client's again
    assert held.client.events[-1]["item"]["id"] == "u2"


async def test_an_open_response_is_answered_and_asked_for_again():
    held = Held(redials=True)
    spoken(held, "u1", "Any tents?")
    begun(held)
    held.target.breaks()
    [done] = held.client.named("response.done")
    event = ResponseDoneEvent.model_validate(done, strict=True)
    assert (event.response.id, event.response.status) == ("r1", "failed")
    assert event.response.status_details.error.code == "target_lost"
    assert json.loads(held.tape.of("s2c")[-1]) == done
    await held.clock.pass_s(0.5)
    assert held.client.events[-1] == {"type": "lab.reconnected", "items": 2, "lost_response_id": "r1"}
    assert held.target.types[-1] == "response.create"
    assert [item["content"] for item in told_items(held.target)] == [
        [{"type": "input_text", "text": "Any tents?"}],
        [{"type": "output_text", "text": "We have "}],
    ]


async def test_a_turn_that_was_not_answered_yet_is_answered():
    held = Held(redials=True)
    spoken(held, "u1", None)
    await lose(held)
    assert told_items(held.target)[0]["content"] == [{"type": "input_text", "text": "[inaudible]"}]
    assert held.target.types[-1] == "response.create"


async def test_where_the_client_asks_itself_nobody_else_does():
    held = Held(redials=True)
    held.target.says(dump("session.updated", session={"audio": {"input": {"turn_detection": None}}}))
    spoken(held, "u1", "Hello")
    await lose(held)
    assert "response.create" not in held.target.types


async def test_an_answer_that_was_whole_is_not_asked_for_again():
    held = Held(redials=True)
    spoken(held, "u1", "Hello")
    begun(held)
    ended(held)
    await lose(held)
    assert "response.create" not in held.target.types


async def test_what_the_client_asked_for_is_asked_for_in_its_words():
    held = Held(redials=True)
    ask = dump("response.create", event_id="c7", response={"metadata": {"why": "a greeting"}})
    held.client.says(ask)
    await lose(held)
    assert held.target.events[-1] == json.loads(ask)
    held.target.says(dump("response.created", response={"id": "r2"}))
    await lose(held)
    assert held.target.events[-1] == json.loads(ask)
    assert [event["response"]["id"] for event in held.client.named("response.done")] == ["r2"]


async def test_a_response_that_the_client_cancelled_is_not_asked_for_again():
    held = Held(redials=True)
    held.client.says(RESPONSE_CREATE)
    begun(held)
    held.client.says(dump("response.cancel"))
    await lose(held)
    assert "response.create" not in held.target.types


async def test_what_the_client_says_in_the_meantime_is_said_afterwards():
    held = Held(redials=True)
    held.target.breaks()
    held.client.says(APPEND, user("u1", "Hello"), RESPONSE_CREATE)
    await held.clock.pass_s(0.5)
    assert held.target.told[1:] == [APPEND, user("u1", "Hello"), RESPONSE_CREATE]
    assert held.target.types.count("response.create") == 1


async def test_only_the_newest_sound_waits():
    held = Held(redials=True)
    held.next_targets = [NOT_THERE, NOT_THERE, FakeTarget()]
    slow = held.pump._recovery
    assert slow is not None
    held.target.breaks()
    held.client.says(b'{"type":"input_audio_buffer.append","audio":"OLDD"}')
    held.clock.now_s += 11  # a dial that takes long
    held.client.says(APPEND)
    await held.clock.pass_s(5)
    assert APPEND in held.target.told
    assert b'{"type":"input_audio_buffer.append","audio":"OLDD"}' not in held.target.told
    assert held.tape.notes("target.reconnected")[0]["not_sent"] == 1


async def test_a_client_that_says_too_much_in_the_meantime_is_not_read():
    held = Held(redials=True)
    held.target.breaks()
    for _ in range(9):
        held.client.says(b"z" * 2**20)
    assert held.client.paused
    await held.clock.pass_s(0.5)
    assert not held.client.paused
    assert len(held.target.told) == 10


async def test_an_item_that_the_lost_target_never_took_is_said_again():
    held = Held(redials=True)
    held.target.answer = None  # it is dead and does not know
    output = dump("conversation.item.create", item={"type": "function_call_output", "call_id": "c", "output": "[]"})
    held.client.says(user("u1", "Hello"), output)
    await lose(held)
    assert held.target.told[1:] == [user("u1", "Hello"), output]
    assert held.client.named("conversation.item.added")[0]["item"]["id"] == "u1"


async def test_the_session_is_configured_as_it_was_last():
    held = Held(redials=True)
    held.client.says(dump("session.update", session={"audio": {"output": {"speed": 1.2}}}))
    held.target.confirms = False
    held.client.says(dump("session.update", session={"audio": {"output": {"voice": "ash"}}}))
    await lose(held)
    ours, theirs = (event["session"] for event in held.target.named("session.update"))
    assert ours == {"type": "realtime", "instructions": "You sell tents.", "audio": {"output": {"speed": 1.2}}}
    assert theirs == {"audio": {"output": {"voice": "ash"}}}
    assert held.client.types[-2:] == ["lab.reconnected", "session.updated"]
    assert len(held.client.named("session.updated")) == 3


async def test_a_call_does_not_begin_without_its_persona():
    """A voice that the target has not, say: going on would be a call with the target's own manner."""
    held = Held(redials=True)
    refused = {"event_id": "lab_session", "message": "There is no voice 'robyn'."}
    held.target.says(dump("error", error=refused))
    await held.clock.pass_s(5)
    assert held.client.closed_with.code == 4502
    assert held.client.closed_with.reason == "the target refuses the call's configuration: There is no voice 'robyn'."
    assert len(held.targets) == 1


async def test_an_error_about_what_the_client_asked_is_the_clients():
    held = Held()
    held.target.says(dump("error", error={"event_id": "mine", "message": "There is no voice 'robyn'."}))
    assert held.client.types[-1] == "error"
    assert held.client.closed_with is None


async def test_the_providers_cap_is_no_end():
    held = Held(redials=True)
    first = held.target
    before = len(held.client.told)
    first.says(EXPIRED)
    first.breaks(1001, "Your session hit the maximum duration of 60 minutes.")
    await held.clock.pass_s(0.5)
    assert held.client.events[before] == {"type": "lab.reconnecting", "reason": "session_expired"}
    assert held.client.types[before:] == ["lab.reconnecting", "lab.reconnected"]
    assert held.tape.of("s2c")[-1] == EXPIRED
    assert len(held.targets) == 2


async def test_without_a_way_back_the_cap_ends_the_call():
    held = Held()
    held.target.says(EXPIRED)
    held.target.breaks(1001, "60 minutes")
    assert json.loads(held.client.told[-2])["error"]["code"] == "session_expired"
    assert held.client.closed_with.code == 1001


async def test_three_tries_and_then_the_call_ends_as_it_would_have():
    held = Held(redials=True)
    silent = FakeTarget()
    silent.confirms = False
    held.next_targets = [NOT_THERE, silent, NOT_THERE]
    held.target.breaks()
    await held.clock.pass_s(1.5)
    assert len(held.targets) == 2
    await held.clock.pass_s(10)  # a target that does not take the configuration
    assert held.client.closed_with is None
    assert silent.closed_with == Close(1000)
    await held.clock.pass_s(2)
    await held.pump.finished.wait()
    assert held.client.events[-1]["error"]["code"] == "target_lost"
    assert held.client.closed_with.code == 1011
    assert held.tape.closed_because.startswith("target lost (1006)")


async def test_a_target_that_dies_again_at_once_is_one_try():
    held = Held(redials=True)
    dying = FakeTarget()
    dying.answer = lambda _: dying.breaks()
    held.next_targets = [dying, FakeTarget()]
    await lose(held, pass_s=1.5)
    assert held.client.types[-1] == "lab.reconnected"


@pytest.mark.parametrize(
    "target",
    [
        SessionRefused("the target", "the target answered 401: it refuses the relay's key", status=502),
        FakeTarget(refuses="Unknown voice."),
    ],
)
async def test_a_no_ends_the_call_with_its_reason(target):
    held = Held(redials=True)
    held.next_targets = [target]
    await lose(held)
    await held.pump.finished.wait()
    said = "answered 401" if isinstance(target, Exception) else "Unknown voice."
    assert held.client.closed_with.code == 4502
    assert said in held.client.closed_with.reason
    assert said in held.client.events[-1]["error"]["message"]
    assert isinstance(target, Exception) or target.closed_with is not None


@pytest.mark.parametrize("code", [1000, 1005, 1008, 4008])
async def test_a_target_that_explains_itself_is_not_dialled_again(code):
    held = Held(redials=True)
    held.target.breaks(code, "enough")
    await held.pump.finished.wait()
    assert len(held.targets) == 1


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 1013])
async def test_a_target_that_did_not_want_to_go_is_dialled_again(code):
    held = Held(redials=True)
    await lose(held, code)
    assert len(held.targets) == 2
    assert held.client.types[-1] == "lab.reconnected"


async def test_the_relay_stops_while_it_dials():
    held = Held(redials=True)
    held.target.breaks()
    await settle()
    await held.pump.stop()
    assert held.client.closed_with.code == 1001
    await held.clock.pass_s(10)
    assert len(held.targets) == 1


async def test_the_relay_stops_while_a_new_target_takes_its_time():
    held = Held(redials=True)
    silent = FakeTarget()
    silent.confirms = False
    held.next_targets = [silent]
    await lose(held)
    await held.pump.stop()
    assert silent.closed_with is not None


async def test_the_client_goes_while_the_target_is_gone():
    held = Held(redials=True)
    held.target.breaks()
    held.client.breaks(1000)
    await held.pump.finished.wait()
    assert held.pump.hang_up.why == "the client ended the call (1000)"


async def test_both_are_lost_and_both_come_back():
    held = Held(redials=True, resumable=True)
    received = len([1 for message in held.client.told if not message.startswith(b'{"type":"lab.')])
    held.client.breaks()
    held.target.breaks()
    await held.clock.pass_s(0.5)
    held.target.says(DELTA)
    client = held.comes_back(received)
    assert client.types == ["lab.resumed", "lab.reconnecting", "lab.reconnected", "response.output_audio.delta"]


async def test_a_mistake_of_ours_on_the_way_back_is_not_hidden(monkeypatch, caplog):
    held = Held(redials=True)

    def buggy(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(held.pump._talk, "resumption", buggy)
    await lose(held)
    await held.pump.finished.wait()
    assert held.client.closed_with.code == 1011
    assert "ZeroDivisionError" in caplog.text


class Search:
    schema = {"type": "function", "name": "search", "parameters": {"type": "object", "properties": {}}}

    def __init__(self) -> None:
        import asyncio

        self.go = asyncio.Event()

    async def run(self, arguments):
        await self.go.wait()
        return {"found": "tent"}


@pytest.mark.parametrize("done", [True, False])
async def test_a_tool_that_ran_while_the_target_was_lost_is_not_lost(done):
    search = Search()
    held = Held(redials=True, tools=ToolRunner({"search": search}))
    call = {
        "id": "f",
        "type": "function_call",
        "call_id": "c",
        "name": "search",
        "arguments": "{}",
        "status": "completed",
    }
    held.target.says(
        dump("response.created", response={"id": "r1"}),
        dump("response.output_item.added", response_id="r1", output_index=0, item=call | {"status": "in_progress"}),
        dump("conversation.item.added", item=call | {"status": "in_progress"}),
        dump("response.output_item.done", response_id="r1", output_index=0, item=call),
    )
    if done:
        held.target.says(dump("response.done", response={"id": "r1", "status": "completed", "output": [call]}))
    await lose(held)
    assert "response.create" not in held.target.types
    assert told_items(held.target)[0]["call_id"] == "c"
    search.go.set()
    await settle()
    assert told_items(held.target)[-1]["output"] == '{"found": "tent"}'
    assert held.target.types.count("response.create") == 1
    assert held.target.types[-1] == "response.create"
    assert all("search" not in message.decode() for message in held.client.told)
    await held.pump.stop()


async def test_a_new_leg_is_stopped_for_the_reasons_of_the_other_and_for_none_of_its_forerunner():
    held = Held(redials=True, resumable=True)
    held.pump.on_writable(held.client, False)
    held.pump.on_writable(held.target, False)
    assert held.target.paused
    assert held.client.paused
    await lose(held)
    assert not held.client.paused  # it was the lost target that took no more
    assert held.target.paused  # the client still takes no more
    held.client.breaks()
    assert not held.target.paused
    held.comes_back(2)
    assert not held.client.paused


def sound(number: int) -> bytes:
    return dump("input_audio_buffer.append", audio=f"{number:04d}")


async def heard_after_a_loss(held: Held) -> list[bytes]:
    await lose(held)
    return [message for message in held.target.told if b"input_audio_buffer" in message]


async def test_an_utterance_that_the_lost_target_had_not_committed_is_heard_by_the_next():
    held = Held(redials=True)
    held.target.says(dump("input_audio_buffer.speech_started", audio_start_ms=0, item_id="i1"))
    for number in range(20):
        held.client.says(sound(number))
        await held.clock.pass_s(0.1)
    assert await heard_after_a_loss(held) == [sound(number) for number in range(20)]
    held.client.says(sound(20))
    assert held.target.told[-1] == sound(20), "and the speaker goes on"
    assert held.tape.notes("target.reconnected")[0]["heard_again"] == 20
    # It is lost once more before it has made an utterance of it: a third one hears all of it.
    assert await heard_after_a_loss(held) == [sound(number) for number in range(21)]


async def test_what_an_utterance_was_made_of_is_not_heard_again():
    held = Held(redials=True)
    held.target.says(dump("input_audio_buffer.speech_started", audio_start_ms=0, item_id="i1"))
    held.client.says(sound(1))
    held.target.says(dump("input_audio_buffer.speech_stopped", audio_end_ms=500, item_id="i1"))
    spoken(held, "i1", "Do you have tents?")
    held.client.says(sound(2))
    assert await heard_after_a_loss(held) == [sound(2)]


async def test_of_silence_one_second_is_heard_again_and_of_speech_ten():
    held = Held(redials=True)
    for number in range(30):
        held.client.says(sound(number))
        await held.clock.pass_s(0.1)
    held.target.says(dump("input_audio_buffer.speech_started", audio_start_ms=0, item_id="i1"))
    for number in range(30, 60):
        held.client.says(sound(number))
        await held.clock.pass_s(0.5)
    heard = await heard_after_a_loss(held)
    assert heard[-1] == sound(59)
    assert 19 <= len(heard) <= 21, "ten seconds of the fifteen"
    quiet = Held(redials=True)
    for number in range(30):
        quiet.client.says(sound(number))
        await quiet.clock.pass_s(0.1)
    assert 9 <= len(await heard_after_a_loss(quiet)) <= 11


async def test_a_commit_that_the_lost_target_did_not_answer_is_said_again_in_its_place():
    held = Held(redials=True, call=Call({"audio": {"input": {"turn_detection": None}}}))
    commit = dump("input_audio_buffer.commit")
    for number in range(50):
        held.client.says(sound(number))
        await held.clock.pass_s(0.1)
    held.client.says(commit)
    assert await heard_after_a_loss(held) == [*(sound(number) for number in range(50)), commit]


async def test_a_call_without_a_way_back_keeps_no_sound():
    held = Held()
    held.client.says(sound(1))
    assert held.pump._talk.sound.messages() == []
