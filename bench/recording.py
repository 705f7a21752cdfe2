"""What does recording add to the relay's cost of a message? One command, two minutes; the goal is 5 % at most.

    python bench/recording.py             # writes bench/results/recording.{md,json}
    python bench/recording.py --rounds 3  # fewer rounds than fifteen are shown, and written nowhere

Two of our relays stand in front of the same echo upstream, one that records and one that does not. They carry the same
load in turns, in one run, and change places every round, so that a slow minute meets both. What is told is the ratio of
the processor time for one message while calls go on, round by round. What a tape takes alone, in a loop of its own, is
told beside it: that varies less than two relays do, and leaves out what its writing does to the memory of others.
Making bundles of what was recorded is done afterwards by a process of low priority; that time is told apart.

Needs what `bench/relay.py` needs: two quiet processors, a C++ compiler, Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from figures import machine, machine_line
from relay_farm import Load, NotHere, build_load
from relay_parts import Bench, throughput
from relay_peers import OURS, VARIANTS, Peer, our_relay
from scipy.stats import bootstrap

from contoso_lab.recording import Recorder
from contoso_lab.relay.calls.tape import Tape

QUIET = next(name for name, options in VARIANTS.items() if "--no-recording" in options)
NAMES = {
    "cpu_1_3": "1.3 KB, as fast as it goes",
    "cpu_6_4": "6.4 KB, as fast as it goes",
    "cpu_paced": "2.6 KB, in real time",
}
SIZES = {"cpu_1_3": 1300, "cpu_6_4": 6400, "cpu_paced": 2600}
GOAL = 1.05
RESULTS = Path(__file__).parent / "results"
FULL = 15
"""So many rounds are worth being kept."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=FULL)
    parser.add_argument("--cores", default="0,1", help="the relays' processor and that of the load")
    asked = parser.parse_args()
    facts = machine("contoso-lab", "uvicorn", "websockets", "picows")
    relay_core, load_core = (int(number) for number in asked.cores.split(","))
    with tempfile.TemporaryDirectory(prefix="recording-bench-") as place:
        work = Path(place)
        alone = {name: alone_us(work / name, size) for name, size in SIZES.items()}
        try:
            build_load(work)
        except NotHere as reason:
            raise SystemExit(str(reason)) from None
        os.sched_setaffinity(0, {load_core})
        load = Load(work, core=load_core)
        peers = [our_relay(OURS, load, work, []), our_relay(QUIET, load, work, VARIANTS[QUIET])]
        try:
            found = _measure(load, peers, relay_core, work, asked.rounds)
        finally:
            for peer in peers:
                if peer.running is not None:
                    peer.running.end()
            load.upstream.end()
    rows = [_row(NAMES[name], relays) | {"alone_us": alone[name]} for name, relays in found.items()]
    _tell(rows, asked.rounds)
    if asked.rounds >= FULL:
        RESULTS.mkdir(exist_ok=True)
        kept = {"machine": facts, "rounds": asked.rounds, "goal": GOAL, "rows": rows, "samples_us": found}
        (RESULTS / "recording.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "recording.md").write_text(_table(rows, asked.rounds, facts), encoding="utf-8")


def alone_us(folder: Path, size: int, *, messages: int = 10_000, rounds: int = 10) -> float:
    """Processor time that a tape takes for one message of sound of so many bytes, in µs: the least of some rounds."""
    head = b'{"type":"response.output_audio.delta","item_id":"item_1","delta":"'
    body = bytearray(head.ljust(size - 2, b"A") + b'"}')
    took_s = []
    for number in range(rounds):
        tape = Tape(Recorder.start(folder, id=f"call_{number}"))
        began_s = time.process_time()
        for _ in range(messages):
            bytes(body)  # each message is another piece of memory, here and below
        made_s = time.process_time()
        for _ in range(messages):
            tape.sound("s2c", bytes(body))
        took_s.append((time.process_time() - made_s) - (made_s - began_s))
        tape.close("done")
    return 1e6 * min(took_s) / messages


def _measure(
    load: Load, peers: list[Peer], core: int, work: Path, rounds: int
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """By load and relay: processor time of a message while calls go on, and afterwards, in µs."""
    for peer in peers:
        peer.start_s = 90.0  # this bench is for any machine, a loaded one too
        peer.start(core=core, folder=work)
        assert peer.running is not None
        peer.running.settle()
        peer.running.hold()
    bench = Bench(load, peers, say=lambda words: None)
    for peer in peers:  # what is done once, at the first call, is nobody's cost per message
        bench.drive(peer, mode="window", calls=4, secs=0.2)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {name: {OURS: [], QUIET: []} for name in NAMES}
    for number in range(rounds):
        bench.peers.reverse()
        for sample in throughput(bench, 1):
            found[sample.what][sample.peer].append((sample.value, sample.more["after_us"]))
        print(f"round {number + 1} of {rounds}", end="\r", flush=True)
    return found


def _row(load: str, relays: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    pairs = list(zip(relays[OURS], relays[QUIET], strict=False))
    ratios = np.array([ours[0] / quiet[0] for ours, quiet in pairs])
    low, high = bootstrap((ratios,), np.median, rng=0, method="percentile").confidence_interval
    return {
        "load": load,
        "quiet_us": statistics.median(quiet[0] for _, quiet in pairs),
        "recording_us": statistics.median(ours[0] for ours, _ in pairs),
        "ratio": float(np.median(ratios)),
        "low": float(low),
        "high": float(high),
        "later_us": statistics.median(ours[1] for ours, _ in pairs),
    }


def _tell(rows: list[dict[str, Any]], rounds: int) -> None:
    print(
        f"{'load':<28} {'quiet µs':>9} {'recording µs':>13} {'ratio':>7} {'95 % of the median':>20} {'alone µs':>9} "
        f"{'later µs':>9}"
    )
    for row in rows:
        interval = f"{row['low']:.3f} to {row['high']:.3f}"
        print(
            f"{row['load']:<28} {row['quiet_us']:>9.2f} {row['recording_us']:>13.2f} {row['ratio']:>7.3f} "
            f"{interval:>20} {row['alone_us']:>9.2f} {row['later_us']:>9.2f}"
        )
    print(f"{rounds} rounds; the goal is a ratio of at most {GOAL}")


def _table(rows: list[dict[str, Any]], rounds: int, facts: dict[str, str]) -> str:
    lines = [
        "# What recording adds to the relay's cost of a message",
        "",
        f"`python bench/recording.py`, {rounds} rounds, {machine_line(facts)}",
        "",
        "Processor time of the relay for one message while calls go on, with recording and without, in turns in one "
        "run; the ratio is the median over the rounds, with its 95 % interval. *Alone* is what a tape takes for such a "
        "message in a loop of its own, and its share of the cost without. *Later* is what making the bundle takes "
        "afterwards, in a process of low priority.",
        "",
        "| load | without, µs | with, µs | goal | ratio | 95 % | alone, µs | later, µs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['load']} | {row['quiet_us']:.2f} | {row['recording_us']:.2f} | {GOAL} | {row['ratio']:.3f} | "
        f"{row['low']:.3f} to {row['high']:.3f} | "
        f"{row['alone_us']:.2f} ({row['alone_us'] / row['quiet_us']:.1%}) | {row['later_us']:.2f} |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
