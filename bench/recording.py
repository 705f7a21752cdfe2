"""What does recording add to the relay's cost of a message? One command, two minutes; the goal is 5 % at most.

    python bench/recording.py --rounds 15

Two of our relays stand in front of the same echo upstream, one that records and one that does not. They carry the same
load in turns, in one run, and change places every round, so that a slow minute meets both. What is told is the ratio of
the processor time for one message while calls go on, round by round. Making bundles of what was recorded is done
afterwards by a process of low priority; that time is told apart. Needs what `bench/relay.py` needs: two quiet
processors, a C++ compiler, Linux.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import numpy as np
from relay_farm import Load, NotHere, build_load
from relay_parts import Bench, throughput
from relay_peers import OURS, VARIANTS, Peer, our_relay
from scipy.stats import bootstrap

QUIET = next(name for name, options in VARIANTS.items() if "--no-recording" in options)
NAMES = {
    "cpu_1_3": "1.3 KB, as fast as it goes",
    "cpu_6_4": "6.4 KB, as fast as it goes",
    "cpu_paced": "2.6 KB, in real time",
}
GOAL = 1.05


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cores", default="0,1", help="the relays' processor and that of the load")
    asked = parser.parse_args()
    relay_core, load_core = (int(number) for number in asked.cores.split(","))
    with tempfile.TemporaryDirectory(prefix="recording-bench-") as place:
        work = Path(place)
        try:
            build_load(work)
        except NotHere as reason:
            raise SystemExit(str(reason)) from None
        os.sched_setaffinity(0, {load_core})
        load = Load(work, core=load_core)
        peers = [our_relay(OURS, load, work, []), our_relay(QUIET, load, work, VARIANTS[QUIET])]
        try:
            _tell(_measure(load, peers, relay_core, work, asked.rounds), asked.rounds)
        finally:
            for peer in peers:
                if peer.running is not None:
                    peer.running.end()
            load.upstream.end()


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


def _tell(found: dict[str, dict[str, list[tuple[float, float]]]], rounds: int) -> None:
    print(f"{'load':<28} {'quiet µs':>9} {'recording µs':>13} {'ratio':>7} {'95 % of the median':>20} {'later µs':>9}")
    for name, relays in found.items():
        pairs = list(zip(relays[OURS], relays[QUIET], strict=False))
        ratios = np.array([ours[0] / quiet[0] for ours, quiet in pairs])
        low, high = bootstrap((ratios,), np.median, rng=0, method="percentile").confidence_interval
        quiet_us, ours_us = (statistics.median(pair[at][0] for pair in pairs) for at in (1, 0))
        later_us = statistics.median(pair[0][1] for pair in pairs)
        print(
            f"{NAMES[name]:<28} {quiet_us:>9.2f} {ours_us:>13.2f} {np.median(ratios):>7.3f} "
            f"{f'{low:.3f} to {high:.3f}':>20} {later_us:>9.2f}"
        )
    print(f"{rounds} rounds; the goal is a ratio of at most {GOAL}")


if __name__ == "__main__":
    main()
