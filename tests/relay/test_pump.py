from __future__ import annotations

import json

import pytest

from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.wires.legs import Binary

from .fakes import APPEND, CREATED, DELTA, FakeTape, Held, dump  # noqa: TID252 - the tests are no package


async def test_the_target_is_configured_first_and_then_everything_is_passed_on():
    held = Held()
    held.client.says(APPEND, b'{"type":"response.create"}', b"not json", Binary(b"\x00\xff"))
    held.target.says(DELTA, b'{"type":"response.done","response":{}}', b"\xff", Binary(b"\x01"))
    assert json.loads(held.target.told[0])["event_id"] == "lab_session"
    assert held.target.told[1:] == [APPEND, b'{"type":"response.create"}', b"not json", b"\x00\xff"]
    assert held.client.told[0] == CREATED
    assert json.loads(held.client.told[1]) == {"type": "lab.recording", "id": "rec"}
    assert held.client.told[3:] == [DELTA, b'{"type":"response.done","response":{}}', b"\xff", b"\x01"]
    assert type(held.target.told[-1]) is type(held.client.told[-1]) is Binary
    assert held.tape.of("c2s") == held.target.told
    assert held.tape.of("s2c") == [CREATED, *held.client.told[2:]]
    counts = held.pump._counts
    assert (counts.client_messages, counts.target_messages) == (4, 5)


async def test_sound_is_passed_on_as_the_very_same_bytes_and_counted():
    held = Held()
    held.client.says(APPEND, APPEND)
    held.target.says(DELTA)
    assert held.target.told[-1] is APPEND
    assert held.client.told[-1] is DELTA
    counts = held.pump._counts
    assert (counts.client_messages, counts.client_audio, counts.target_audio) == (2, 8, 4)
    assert counts.client_bytes == 2 * len(APPEND)


async def test_a_client_that_takes_no_more_stops_the_target_and_not_itself():
    held = Held()
    held.pump.on_writable(held.client, False)
    held.pump.on_writable(held.client, False)
    assert (held.target.paused, held.client.paused, held.target.pauses) == (True, False, 1)
    held.target.says(DELTA)  # it had been read already
    assert held.client.told[-1] == DELTA
    held.pump.on_writable(held.client, True)
    assert held.target.paused is False


async def test_a_target_that_takes_no_more_stops_the_client():
    held = Held()
    held.pump.on_writable(held.target, False)
    assert (held.target.paused, held.client.paused) == (False, True)
    held.pump.on_writable(held.target, True)
    assert held.client.paused is False


async def test_a_message_cannot_carry_an_update_past_the_rules():
    held = Held()
    smuggled = b'{"type":"input_audio_buffer.append","audio":"","type":"session.update","session":{"tools":[]}}'
    held.client.says(smuggled)
    assert held.target.types == ["session.update"]
    assert held.client.events[-1]["error"]["code"] == "ambiguous_message"


async def test_a_client_hangs_up_and_finds_the_recording_finished():
    held = Held()
    held.client.says(dump("lab.local", event={"type": "call.ended", "reason": "done"}))
    assert held.tape.closed_because == "the client ended the call: done"
    assert (held.client.closed_with, held.target.closed_with) == (Close(1000), Close(1000))
    await held.pump.finished.wait()
    assert held.pump.hang_up.why == held.tape.closed_because


async def test_after_the_end_nobody_is_listened_to():
    held = Held()
    held.client.breaks(1000)
    told, lines = len(held.target.told), len(held.tape.lines)
    held.client.says(APPEND)
    held.target.says(DELTA)
    held.target.breaks(1006)
    await held.pump.stop()
    assert (len(held.target.told), len(held.tape.lines)) == (told, lines)
    assert held.pump.hang_up.why == "the client ended the call (1000)"


async def test_the_relay_stops():
    held = Held()
    await held.pump.stop()
    assert held.client.closed_with == held.target.closed_with == Close(1001, "the relay is shutting down")


@pytest.mark.parametrize("side", ["client", "target"])
async def test_a_mistake_of_ours_closes_both_sides_and_is_not_hidden(side, monkeypatch, caplog):
    held = Held()

    def buggy(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(held.tape, "write", buggy)
    (held.client if side == "client" else held.target).says(b'{"type":"response.done"}')
    await held.pump.finished.wait()
    assert (held.client.closed_with.code, held.target.closed_with.code) == (1011, 1011)
    assert held.tape.closed_because == "the relay failed"
    assert "ZeroDivisionError" in caplog.text


async def test_a_tape_that_breaks_is_told_once(caplog):
    held = Held()
    held.tape.breaks_with = "no space left"
    held.client.says(APPEND, APPEND)
    [failed] = held.client.named("lab.recording.failed")
    assert failed["message"] == "no space left"
    assert sum("recording.failed" in record.getMessage() for record in caplog.records) == 1
    assert held.target.told[-2:] == [APPEND, APPEND]


async def test_an_end_that_could_not_be_recorded_is_told_before_the_goodbye(monkeypatch):
    held = Held()
    monkeypatch.setattr(held.tape, "close", lambda reason: "no space left")
    held.target.breaks(4000, "that was all")
    await held.pump.finished.wait()
    [failed] = held.client.named("lab.recording.failed")
    assert failed["message"] == "no space left"
    assert held.client.closed_with.code == 4000


async def test_a_tape_that_never_began_is_told():
    held = Held(tape=FakeTape(failure="this call is not recorded: no folder"))
    assert held.client.types == ["session.created", "lab.recording.failed", "session.updated"]


async def test_the_first_sound_is_told_to_whoever_watches():
    from contoso_lab.relay.watching.watch import Unwatched

    class Watching(Unwatched):
        awaits_audio = True
        heard = 0

        def first_audio(self) -> None:
            self.heard += 1
            self.awaits_audio = False

    watch = Watching()
    held = Held(watch=watch)
    held.target.says(DELTA, DELTA)
    assert watch.heard == 1


async def test_a_beta_client_is_understood():
    from contoso_lab.relay.calls.door_dialect import BetaDoor

    held = Held(door=BetaDoor())
    held.target.says(DELTA, dump("conversation.item.done", item={"id": "i", "type": "message"}))
    held.client.says(dump("session.update", session={"voice": "sage", "instructions": "be rude"}))
    assert held.client.types[-2:] == ["response.audio.delta", "session.updated"]
    assert held.target.events[1]["session"] == {"type": "realtime", "audio": {"output": {"voice": "sage"}}}
    assert DELTA in held.tape.of("s2c")


async def test_a_ceiling_is_announced_and_then_ends_the_call():
    from contoso_lab.relay.calls.ceilings import CallLimits, Ceilings

    held = Held(ceilings=Ceilings(CallLimits(wall_s=100)))
    await held.clock.pass_s(71)
    [ending] = held.client.named("lab.ending")
    assert (ending["reason"], ending["in_s"]) == ("time", 30)
    await held.clock.pass_s(30)
    assert held.client.closed_with.code == 4408
    assert held.target.closed_with == Close(1000)
    await held.pump.finished.wait()


async def test_a_client_may_instruct_where_that_was_allowed():
    held = Held(call=Call({}, client_may_instruct=True))
    update = b'{"type":"session.update","session":{"instructions":"be brief"}}'
    held.client.says(update)
    assert held.target.told[-1] == update
