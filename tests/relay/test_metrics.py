"""The relay in numbers: what a scrape says after whole calls, and who may scrape."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from contoso_lab.relay.watching.metrics import Calls, Metrics
from contoso_lab.relay.watching.observer import Observer
from contoso_lab.relay.watching.watch import ENDS, LOSSES, Counts, FirstAudio, how_it_ended
from contoso_lab.relay.wires.sockets import LOW_WATER_BYTES, MOST_MESSAGE_BYTES

AUDIO = '{"type":"input_audio_buffer.append","audio":"%s"}' % ("AAAA" * 800)  # 50 ms


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def samples(page: bytes | str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = page if isinstance(page, str) else page.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(page: bytes | str, name: str, **labels: str) -> float | None:
    return samples(page).get((f"contoso_relay_{name}", frozenset(labels.items())))


async def fetch(url: str, **headers: str) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(ask)


async def talk(relay: Any) -> None:
    async with relay.call() as socket:
        await socket.send(AUDIO)
        await socket.send('{"type":"response.create"}')
        while json.loads(await socket.recv())["type"] != "response.done":
            pass


async def test_a_scrape_after_calls(relay, target) -> None:
    await talk(relay)
    with pytest.raises(ConnectionClosed):
        async with relay.call("wrong") as socket:
            await socket.recv()
    async with relay.call() as socket:
        await socket.recv()
        status, page = await fetch(f"{relay.url}/metrics")
    assert status == 200
    assert value(page, "calls_started_total") == 2
    assert value(page, "calls_open") == 1
    assert value(page, "calls_ended_total", how="client") == 1
    assert value(page, "calls_refused_total", reason="token") == 1
    assert value(page, "tokens_refused_total", reason="unknown") == 1
    assert value(page, "connect_seconds_count") == 2
    assert value(page, "first_audio_seconds_count") == 1
    assert value(page, "audio_seconds_total", direction="from_client") == pytest.approx(0.05)
    assert value(page, "audio_seconds_total", direction="from_target") == pytest.approx(0.05)
    assert value(page, "messages_total", direction="from_client") == 2
    assert value(page, "bytes_total", direction="from_client") == len(AUDIO) + len('{"type":"response.create"}')
    assert value(page, "messages_total", direction="from_target") >= 4
    assert value(page, "calls_limit") == 1000


async def test_no_counter_ever_goes_back(relay, target) -> None:
    """Also not when a call ends between two scrapes."""
    before: dict[Any, float] = {}
    for _ in range(3):
        await talk(relay)
        now = samples(relay.desk.observer.metrics.page())
        for key, was in before.items():
            if key[0].endswith(("_total", "_count", "_sum", "_bucket")):
                assert now[key] >= was, key
        before = now
    assert value(relay.desk.observer.metrics.page(), "audio_seconds_total", direction="from_client") == pytest.approx(
        0.15
    )


@pytest.mark.parametrize(
    ("secret", "headers", "status"),
    [
        (None, {}, 200),
        (None, {"X-Forwarded-For": "203.0.113.9"}, 401),  # through a proxy on this machine comes the world
        ("a secret of the relay's", {"X-Forwarded-For": "203.0.113.9"}, 401),
        ("a secret of the relay's", {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer wrong"}, 401),
        (
            "a secret of the relay's",
            {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer a secret of the relay's"},
            200,
        ),
    ],
)
async def test_who_may_look(relay_to, target, secret, headers, status) -> None:
    async with relay_to(target.port, secret=secret) as relay:
        assert (await fetch(f"{relay.url}/metrics", **headers))[0] == status


async def test_readiness_ends_with_the_drain(relay) -> None:
    assert (await fetch(f"{relay.url}/readyz"))[0] == 200
    relay.desk.closing = True
    assert await fetch(f"{relay.url}/readyz") == (503, '{"status":"closing"}')


async def test_what_a_slow_reader_has_not_taken_is_told(relay, target) -> None:
    """The client stops reading; the bytes that the relay holds for it stand on the page, and go away with it."""
    raw = json.dumps({"type": "x", "x": "y" * 2**20})
    async with relay.call(max_queue=1) as socket:
        await socket.recv()
        [pump] = relay.desk.pumps
        socket.transport.pause_reading()
        full, told = asyncio.Event(), pump.on_writable
        held: list[float | None] = []

        def note(leg: Any, writable: bool) -> None:
            told(leg, writable)
            if not writable:
                held.append(value(relay.desk.observer.metrics.page(), "waiting_bytes", side="client"))
                full.set()

        pump.on_writable = note

        async def flood() -> None:
            for _ in range(24):
                await target.connections[0].send(raw)

        flooding = asyncio.create_task(flood())
        await full.wait()
        assert held[0] is not None
        assert held[0] > LOW_WATER_BYTES
        socket.transport.resume_reading()
        while json.loads(await socket.recv())["type"] != "x":
            pass
        for _ in range(23):
            await socket.recv()
        await flooding
    await pump.finished.wait()
    assert value(relay.desk.observer.metrics.page(), "waiting_bytes", side="client") == 0


async def test_a_message_that_is_too_large_is_counted_once(relay, target) -> None:
    async with relay.call() as socket:
        await socket.recv()
        [pump] = relay.desk.pumps
        sending = asyncio.create_task(socket.send("x" * (MOST_MESSAGE_BYTES + 1)))
        await socket.wait_closed()
        await asyncio.gather(sending, return_exceptions=True)  # it may have been cut short
    await pump.finished.wait()
    assert value(relay.desk.observer.metrics.page(), "limits_total", limit="message") == 1


async def test_one_of_the_target_is_counted_too(relay, target) -> None:
    relay.desk.reconnects = False
    async with relay.call() as socket:
        await socket.recv()
        sending = asyncio.create_task(target.connections[0].send("x" * (MOST_MESSAGE_BYTES + 1)))
        await socket.wait_closed()
        await asyncio.gather(sending, return_exceptions=True)
    assert value(relay.desk.observer.metrics.page(), "limits_total", limit="message") == 1


class TestTheSum:
    def test_a_call_that_ended_stays_in_it(self) -> None:
        calls, first, second = Calls(), Counts(), Counts()
        calls.began(first)
        calls.began(second)
        first.client_bytes, second.client_bytes = 10, 5
        first.target_audio = 64_000
        before = self.read(calls)
        calls.ended(first)
        calls.ended(first)
        assert self.read(calls) == before
        assert (before["contoso_relay_bytes_total"], before["contoso_relay_audio_seconds_total"]) == (15, 1.0)

    def read(self, calls: Calls) -> dict[str, float]:
        out: dict[str, float] = {}
        for family in calls.collect():
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    out[sample.name] = out.get(sample.name, 0) + sample.value
        return out

    def test_another_format_changes_no_second_that_was(self) -> None:
        counts = Counts()
        watch = Observer().call("1", door="query")
        watch.counts = counts
        counts.target_audio = 64_000
        event = {"type": "session.updated", "session": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}}
        watch.event("target", event)
        assert counts.seconds("target") == 1.0
        counts.target_audio += 64_000
        assert (counts.seconds("target"), counts.seconds("client")) == (7.0, 0.0)

    def test_what_waits_is_read_at_the_scrape(self) -> None:
        metrics, counts = Metrics(), Counts()
        metrics.calls.began(counts)
        counts.waiting = lambda: (7, 9)
        page = metrics.page()
        assert (value(page, "waiting_bytes", side="client"), value(page, "waiting_bytes", side="target")) == (7, 9)

    def test_a_gauge_that_is_not_known_is_left_out(self) -> None:
        metrics = Metrics()
        known: list[float | None] = [None]
        metrics.gauge("redis_up", "Whether Redis answers", lambda: known[0])
        assert value(metrics.page(), "redis_up") is None
        known[0] = 1.0
        assert value(metrics.page(), "redis_up") == 1.0


class TestFirstAudio:
    def heard(self, *events: tuple[float, str, str | None], at_s: float) -> float | None:
        waiting = FirstAudio()
        for at, type, response in events:
            waiting.note(type, at_s=at, response=response)
        return waiting.heard(at_s=at_s)

    @pytest.mark.parametrize(
        ("events", "waited"),
        [
            ([(1, "input_audio_buffer.speech_stopped", None), (2, "input_audio_buffer.committed", None)], 9),
            ([(2, "input_audio_buffer.committed", None), (3, "response.create", None)], 8),
            ([(3, "response.create", None), (4, "response.created", "r1")], 7),
            ([], None),
            # It had no sound: nobody waits any more.
            ([(3, "response.create", None), (4, "response.created", "r1"), (5, "response.done", "r1")], None),
            # The end of the one before says nothing about this one.
            ([(3, "response.create", None), (4, "response.created", "r2"), (5, "response.done", "r1")], 7),
            ([(1, "input_audio_buffer.speech_stopped", None), (2, "input_audio_buffer.speech_started", None)], None),
        ],
    )
    def test_who_waited_how_long(self, events, waited) -> None:
        assert self.heard(*events, at_s=10) == waited


class TestTheWatch:
    def test_losses_and_returns(self) -> None:
        observer = Observer(clock=Clock())
        watch = observer.call("1", door="query")
        watch.opened(persona="voice", customer="maya", scenario=None, target="url", recording=None)
        watch.reconnecting("a reason that the target wrote")
        watch.reconnecting("once more")
        watch.reconnected(3)
        watch.detached()
        watch.resumed(2)
        watch.reconnecting("session_expired")
        watch.detached()
        watch.tool("search", 12.0)
        watch.tool("search", 12.0, error="timeout")
        watch.limit("time")
        watch.error("a kind that nobody knows")
        watch.closed("target lost (1006): x", client_code=1011, target_code=1000)
        watch.closed("twice", client_code=1011, target_code=1000)
        page = observer.metrics.page()
        told = {
            ("reconnects_total", ("outcome", "back")): 1, ("reconnects_total", ("outcome", "lost")): 1,
            ("resumes_total", ("outcome", "back")): 1, ("resumes_total", ("outcome", "lost")): 1,
            ("limits_total", ("limit", "time")): 1, ("errors_total", ("kind", "tool")): 1,
            ("errors_total", ("kind", "target_lost")): 1, ("errors_total", ("kind", "other")): 1,
            ("calls_ended_total", ("how", "target_lost")): 1,
        }  # fmt: skip
        for (name, label), expected in told.items():
            assert value(page, name, **dict([label])) == expected, name
        assert value(page, "tool_calls_total", tool="search", outcome="failed") == 1
        assert value(page, "calls_open") == 0

    def test_why_the_target_was_lost_is_written_in_words_of_ours_only(self, caplog) -> None:
        caplog.set_level(logging.INFO, "contoso_lab.relay")
        for reason in (*LOSSES, "a reason that the target wrote"):
            Observer().call("1", door="query").reconnecting(reason)
        told = [record.getMessage() for record in caplog.records]
        assert told == [
            f"call=1 event=reconnecting reason={word}" for word in ("connection_lost", "session_expired", "other")
        ]

    @pytest.mark.parametrize(
        ("why", "code", "word"),
        [
            ("the client ended the call (1000)", 1000, "client"),
            ("the client ended the call: done", 1000, "client"),
            ("client lost (1006): the connection broke", 1000, "client_lost"),
            ("the target ended the call", 1000, "target"),
            ("target lost (1006): gone", 1011, "target_lost"),
            ("the relay was shut down", 1001, "shutdown"),
            ("anything", 4408, "ceiling"),
            ("the relay failed", 1011, "failed"),
        ],
    )
    def test_every_end_has_a_word(self, why, code, word) -> None:
        assert how_it_ended(why, code) == word
        assert word in ENDS
