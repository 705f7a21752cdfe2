"""What is measured, one function for each part of the table. Each yields samples: one peer, one round, one number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from relay_farm import Load, NotHere, cpu_ns, memory_bytes
from relay_peers import Peer

KB_1_3, KB_2_6, KB_6_4 = 1280, 2560, 6400
"""Length of the base64 text: 20, 40 and 100 ms of sound at 24 kHz."""
FAST_ENOUGH_MS = 20.0
_THROUGHPUT = {
    "cpu_1_3": {"mode": "window", "calls": 64, "size": KB_1_3, "secs": 1.0},
    "cpu_6_4": {"mode": "window", "calls": 64, "size": KB_6_4, "secs": 1.0},
    "cpu_paced": {"mode": "paced", "calls": 40, "rate": 25, "size": KB_2_6, "secs": 1.5},
}
_LATENCY = {
    "latency_1": {"mode": "paced", "calls": 1, "rate": 50, "size": KB_2_6, "secs": 2.0},
    "latency_100": {"mode": "paced", "calls": 100, "rate": 25, "size": KB_2_6, "secs": 1.0},
}
_LADDER = (25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 700, 800, 1000, 1200)
_FIRST = {"LiteLLM": 75, "FastAPI + websockets": 150, "VoiceRAG": 200, "nginx": 800}


@dataclass(frozen=True, slots=True)
class Sample:
    """One number."""

    what: str
    peer: str
    round: int
    value: float
    more: dict[str, Any]


class Bench:
    """The peers that run, one of them awake at a time."""

    def __init__(self, load: Load, peers: Sequence[Peer], *, say: Callable[[str], None]) -> None:
        self.load, self.peers, self.say = load, list(peers), say
        self.direct = Peer("direct", "the client at the upstream, nothing between", load.port, [], path="/v1/realtime")

    def drive(self, peer: Peer, **options: Any) -> dict[str, Any]:
        """Let one peer carry some load; the others stand still."""
        if peer.running is None:
            return self.load.run(peer.port, [peer.path], **options)
        peer.running.go_on()
        try:
            calls = int(options.get("calls", 1))
            paths = peer.paths(calls)
            upstream_ns, began = cpu_ns([self.load.upstream.pid]), time.monotonic()
            found = self.load.run(peer.port, paths, peer.running.pids, peer.header, **options)
            share = (cpu_ns([self.load.upstream.pid]) - upstream_ns) / 1e9 / (time.monotonic() - began)
            found["load_cpu"] = round(share + found.get("client_cpu", 0), 3)
            if found.get("ready", 0) < calls and "error" not in found:
                found["error"] = f"{calls - found.get('ready', 0)} of {calls} calls failed: {found.get('words', '')}"
            found["after_ns"] = peer.tidy()
            return found
        except NotHere as reason:
            return {"error": str(reason)}
        finally:
            peer.running.hold()


def throughput(bench: Bench, rounds: int) -> Iterator[Sample]:
    """Processor time of the relay for one message, in µs."""
    for number in range(rounds):
        for what, options in _THROUGHPUT.items():
            bench.say(f"processor time, round {number + 1} of {rounds}, {what}")
            for peer in bench.peers:
                found = bench.drive(peer, **options)
                if "error" in found:
                    bench.say(f"  {peer.name}: {found['error']}")
                elif found["received"]:
                    found["after_us"] = found["after_ns"] / 1000 / (2 * found["carried"])
                    yield Sample(what, peer.name, number, found["cpu_us"], found)


def latency(bench: Bench, rounds: int) -> Iterator[Sample]:
    """What the relay adds to the median round trip, in µs."""
    for number in range(rounds):
        for what, options in _LATENCY.items():
            bench.say(f"round trips, round {number + 1} of {rounds}, {what}")
            direct = bench.drive(bench.direct, **options)
            for peer in bench.peers:
                found = bench.drive(peer, **options)
                if "error" in found or not found["received"]:
                    bench.say(f"  {peer.name}: {found.get('error', 'no answer')}")
                    continue
                found["direct_us"] = direct["p50_us"]
                yield Sample(what, peer.name, number, found["p50_us"] - direct["p50_us"], found)


def calls_held(bench: Bench, rounds: int) -> Iterator[Sample]:
    """How many calls in real time: 25 messages a second each way, 2.6 KB, the 99th percentile below 20 ms."""
    for number in range(rounds):
        for peer in bench.peers:
            bench.say(f"calls in real time, round {number + 1} of {rounds}, {peer.name}")
            held, why = _climb(bench, peer)
            if held >= 0:
                yield Sample("calls_held", peer.name, number, held, why)


def _climb(bench: Bench, peer: Peer) -> tuple[int, dict[str, Any]]:
    """Begin where the peer is expected to stand, go down until it holds, then up until it does not."""
    at = _LADDER.index(_FIRST.get(peer.name, 500))
    best, tried = -1, {}
    while 0 <= at < len(_LADDER) and at not in tried:
        tried[at] = found = _hold(bench, peer, _LADDER[at])
        bench.say(
            f"  {_LADDER[at]} calls: {'held' if found['held'] else 'not held'}, 99 % within "
            f"{found.get('p99_us', -1000) / 1000:.1f} ms, relay {found.get('relay_cpu', 0):.2f} of a core"
        )
        best = max(best, at) if found["held"] else best
        at += 1 if found["held"] else -1
    if best < 0:
        return 0, {"tried": {_LADDER[step]: found for step, found in tried.items()}}
    return _LADDER[best], {"tried": {_LADDER[step]: found for step, found in tried.items()}}


def _hold(bench: Bench, peer: Peer, calls: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(2):  # a machine that others use hiccups: one chance more
        found = bench.drive(peer, mode="paced", calls=calls, rate=25, size=KB_2_6, warm=0.8, secs=1.5)
        expected = 25 * calls * found.get("secs", 0)
        found["held"] = (
            "error" not in found
            and found["p99_us"] < 1000 * FAST_ENOUGH_MS
            and found["received"] > 0.97 * expected
        )  # fmt: skip
        if found["held"] or found.get("relay_cpu", 0) > 0.95:
            break
    return found


def memory(bench: Bench, rounds: int) -> Iterator[Sample]:
    """Memory of an idle call, in KiB: what 400 more calls add to 50."""
    few, many = 50, 400
    for number in range(rounds):
        for peer in bench.peers:
            bench.say(f"memory, round {number + 1} of {rounds}, {peer.name}")
            if peer.running is None:
                continue
            peer.running.go_on()
            try:
                first = bench.load.started(
                    peer.port, peer.paths(few), header=peer.header, mode="idle", calls=few, secs=60
                )
                with first as one:
                    _await_line(one)
                    before = memory_bytes(peer.running.pid)
                    second = bench.load.started(
                        peer.port, peer.paths(many), header=peer.header, mode="idle", calls=many, secs=60
                    )
                    with second as two:
                        opened = _await_line(two)
                        time.sleep(0.5)
                        after = memory_bytes(peer.running.pid)
                if '"errors": 0' in opened:
                    more = {"before_bytes": before, "after_bytes": after}
                    yield Sample("memory", peer.name, number, (after - before) / 1024 / many, more)
                else:
                    bench.say(f"  {peer.name}: {opened.strip()}")
                peer.tidy()
            except NotHere as reason:
                bench.say(f"  {peer.name}: {reason}")
            finally:
                peer.running.hold()


def slow_client(bench: Bench, rounds: int) -> Iterator[Sample]:
    """A client that stops reading while the target talks on: what is taken from the target for it, in MiB."""
    for number in range(rounds):
        for peer in bench.peers:
            bench.say(f"a client that stops reading, round {number + 1} of {rounds}, {peer.name}")
            if peer.running is None:
                continue
            peer.running.go_on()
            try:
                before = memory_bytes(peer.running.pid)
                with bench.load.started(peer.port, peer.paths(1), header=peer.header, mode="stall", secs=60) as client:
                    _await_line(client)
                    time.sleep(4)
                    held = memory_bytes(peer.running.pid) - before
                    taken = bench.load.flood_bytes()
                yield Sample("slow_client", peer.name, number, taken / 2**20, {"memory_mib": held / 2**20})
                peer.tidy()
            except NotHere as reason:
                bench.say(f"  {peer.name}: {reason}")
            finally:
                peer.running.hold()


def _await_line(client: Any) -> str:
    return str(client.stdout.readline())


PARTS: dict[str, tuple[Callable[[Bench, int], Iterator[Sample]], int]] = {
    "throughput": (throughput, 5),
    "latency": (latency, 4),
    "calls": (calls_held, 1),
    "memory": (memory, 1),
    "slow": (slow_client, 1),
}
"""What can be measured, and how many rounds by default."""
