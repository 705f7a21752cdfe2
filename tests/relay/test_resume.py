from __future__ import annotations

import pytest

from contoso_lab.recording.recorder import Recorder
from contoso_lab.recording.spool import read_spool
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.calls.resume import ACK_EVERY, Resume
from contoso_lab.relay.calls.tape import Tape
from contoso_lab.relay.setup import Setup
from contoso_lab.settings import Target

from .fakes import APPEND, DELTA, Held, counted, dump  # noqa: TID252 - the tests are no package

LOCAL = Target.local("http://127.0.0.1:9/v1")


def kept(*messages: bytes, **options) -> Resume:
    resume = Resume(**options)
    for message in messages:
        resume.keep(message)
    return resume


def test_what_was_missed_is_told_in_order_with_our_own_events_in_their_places():
    resume = kept(b"1", b"2")
    resume.away = True
    resume.keep_aside(b"aside after 2")
    resume.keep(b"3")
    resume.keep_aside(b"aside after 3")
    assert resume.missed(1) == [b"2", b"aside after 2", b"3", b"aside after 3"]
    assert resume.missed(3) == [b"aside after 2", b"aside after 3"]
    resume.back(3)
    assert resume.missed(3) == []


@pytest.mark.parametrize("received", [-1, 3, 10**20])
def test_a_number_that_cannot_be_gets_nothing(received):
    assert kept(b"1", b"2").missed(received) is None


@pytest.mark.parametrize("received", [-5, 0, 10**20])
def test_an_acknowledgement_that_cannot_be_does_no_harm(received):
    resume = kept(b"1", b"2")
    resume.acknowledge(received)
    assert resume.missed(2) == []
    assert resume.sent == 2


def test_the_ring_is_bounded_while_the_client_is_there_and_loses_nothing_while_it_is_away():
    resume = kept(*[b"x" * 10] * 20, most_bytes=100)
    assert resume.missed(9) is None
    assert len(resume.missed(10)) == 10
    resume.away = True
    resume.keep(b"x" * 10)
    assert resume.full
    assert len(resume.missed(10)) == 11


def test_the_token_stands_in_no_repr():
    resume = Resume()
    assert resume.token not in repr(resume)


# The same, over a whole call.


async def test_only_who_asked_gets_a_token():
    assert Held().client.named("lab.resume") == []
    held = Held(resumable=True)
    [event] = held.client.named("lab.resume")
    assert event == {"type": "lab.resume", "token": held.pump.resume_token, "window_s": 30}


async def test_a_client_comes_back_and_has_missed_nothing():
    held = Held(resumable=True)
    old = held.client
    received = len(counted(old))
    held.target.says(DELTA)
    old.breaks()
    held.target.says(dump("x", n=1), dump("x", n=2))
    await held.clock.pass_s(29)
    assert held.target.closed_with is None
    client = held.comes_back(received)
    assert client.events[0] == {"type": "lab.resumed", "received": 0, "replayed": 3}
    assert client.told[1:] == [DELTA, dump("x", n=1), dump("x", n=2)]
    held.target.says(dump("x", n=3))
    assert client.told[-1] == dump("x", n=3)
    client.says(b'{"type":"response.create"}')
    assert held.target.told[-1] == b'{"type":"response.create"}'
    await held.clock.pass_s(60)
    assert held.pump.hang_up is None
    assert held.tape.notes("client.lost") == [{"type": "client.lost", "code": 1006, "reason": ""}]
    assert len(held.tape.notes("client.returned")) == 1


async def test_who_missed_more_than_it_takes_at_once_holds_up_the_target():
    held = Held(resumable=True)
    received = len(counted(held.client))
    held.client.breaks()
    held.target.says(DELTA)
    client = held.client = type(held.client)()
    client.ear = held.pump
    client.answer = lambda _: held.pump.on_writable(client, False)  # its buffer is full from the first message on
    held.pump.take(client, received=received)
    assert held.target.paused
    held.pump.on_writable(client, True)
    assert not held.target.paused


async def test_the_client_learns_how_much_of_it_arrived():
    held = Held(resumable=True)
    held.client.says(APPEND, b"not json", dump("lab.local", event={"type": "x"}), dump("lab.ack", received=1))
    held.client.breaks()
    client = held.comes_back(len(counted(held.client)))
    assert client.events[0]["received"] == 3  # all but the acknowledgement


async def test_acknowledgements_come_by_number_and_by_time():
    held = Held(resumable=True)
    held.client.says(*[APPEND] * (ACK_EVERY - 1))
    assert held.client.named("lab.ack") == []
    held.client.says(APPEND)
    assert held.client.events[-1] == {"type": "lab.ack", "received": ACK_EVERY}
    held.client.says(APPEND)
    await held.clock.pass_s(3)
    assert [event["received"] for event in held.client.named("lab.ack")] == [ACK_EVERY, ACK_EVERY + 1]


@pytest.mark.parametrize("message", [APPEND, dump("input_audio_buffer.clear")], ids=["sound", "an event"])
async def test_what_has_arrived_is_on_the_disk_before_the_client_hears_so(tmp_path, message):
    tape = Tape.start(tmp_path, grant=Grant("voice", "maya"), target=LOCAL, setup=Setup({}), fold=lambda _: None)
    held = Held(resumable=True, tape=tape)
    written = []

    def look(told: bytes) -> None:
        if b"lab.ack" in told:
            with (tape.path / "spool.bin").open("rb") as file:  # as whoever comes after a relay that was killed
                written.append(sum(record.data == message for record in read_spool(file)))

    held.client.answer = look
    held.client.says(*[message] * ACK_EVERY, message)
    await held.clock.pass_s(2)
    tape.close("done")
    assert written == [ACK_EVERY, ACK_EVERY + 1]


async def test_a_recording_that_broke_is_told_before_what_has_arrived(tmp_path, monkeypatch):
    tape = Tape.start(tmp_path, grant=Grant("voice", "maya"), target=LOCAL, setup=Setup({}), fold=lambda _: None)
    held = Held(resumable=True, tape=tape)
    held.client.says(APPEND)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recorder, "flush", full)
    tape.flush_due()
    told = len(held.client.told)
    await held.clock.pass_s(2)
    assert held.client.types[told:] == ["lab.recording.failed", "lab.ack"]


@pytest.mark.parametrize("knew", [True, False], ids=["while it was away", "on a connection that was dead"])
async def test_who_comes_back_learns_once_that_the_recording_broke(knew):
    held = Held(resumable=True)
    received = len(counted(held.client))
    if knew:
        held.client.breaks()
    held.tape.breaks_with = "this call is not recorded any more: the disk is full"
    held.target.says(dump("x"))
    client = held.comes_back(received)
    assert client.types == ["lab.resumed", "lab.recording.failed", "x"]


async def test_a_client_that_stays_away_ends_the_call():
    held = Held(resumable=True)
    held.client.breaks()
    await held.clock.pass_s(31)
    await held.pump.finished.wait()
    assert held.target.closed_with.code == 1011
    assert held.tape.closed_because == (
        "client lost (1006): the connection broke, and it did not come back within 30 s"
    )


@pytest.mark.parametrize("code", [1000, 1001, 1005, 4001, 1009])
async def test_a_goodbye_ends_the_call_at_once(code):
    held = Held(resumable=True)
    held.client.breaks(code)
    await held.pump.finished.wait()
    assert held.pump.hang_up is not None


async def test_a_client_that_did_not_ask_ends_the_call_when_it_breaks():
    held = Held()
    held.client.breaks()
    await held.pump.finished.wait()
    assert held.pump.hang_up.why == "client lost (1006): the connection broke"


async def test_a_client_that_knows_before_us_takes_its_call_over():
    held = Held(resumable=True)
    old = held.client
    received = len(counted(old))
    held.target.says(DELTA)  # lost on the way
    new = held.comes_back(received)
    assert new.told[1:] == [DELTA]
    assert old.closed_with.code == 1000
    old.says(APPEND)
    old.breaks()
    assert held.target.types == ["session.update"]
    assert held.pump.hang_up is None


async def test_who_has_missed_too_much_is_told_so():
    held = Held(resumable=True)
    for _ in range(9):
        held.target.says(dump("big", z="z" * 2**20))
    held.client.breaks()
    client = held.comes_back(1)
    assert client.closed_with.code == 4410
    assert client.closed_with.reason
    assert held.comes_back(11).types == ["lab.resumed"]


async def test_while_the_client_is_away_the_target_is_read_until_the_ring_is_full():
    held = Held(resumable=True)
    received = len(counted(held.client))
    held.client.breaks()
    said = [dump("big", n=number, z="z" * 2**20) for number in range(8)]
    for message in said:
        assert not held.target.paused
        held.target.says(message)
    assert held.target.paused
    held.target.says(DELTA)  # read already
    client = held.comes_back(received)
    assert client.told[1:] == [*said, DELTA]
    assert not held.target.paused


async def test_our_own_events_wait_for_the_client_too():
    held = Held(resumable=True)
    received = len(counted(held.client))
    held.client.breaks()
    held.tape.breaks_with = "no space left"
    held.target.says(DELTA)
    client = held.comes_back(received)
    assert client.types == ["lab.resumed", "lab.recording.failed", "response.output_audio.delta"]
    assert client.events[0]["replayed"] == 1


async def test_to_a_call_that_is_over_nobody_comes_back():
    held = Held(resumable=True)
    await held.pump.stop()
    assert held.comes_back(1).closed_with.code == 4410


async def test_a_beta_client_counts_what_it_hears():
    from contoso_lab.relay.calls.door_dialect import BetaDoor

    held = Held(resumable=True, door=BetaDoor())
    received = len(counted(held.client))
    held.client.breaks()
    held.target.says(DELTA, dump("conversation.item.done", item={"id": "i", "type": "message"}), DELTA)
    client = held.comes_back(received)
    assert client.types == ["lab.resumed", "response.audio.delta", "response.audio.delta"]
