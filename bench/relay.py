"""How does our relay stand beside nginx, LiteLLM, VoiceRAG and a plain FastAPI relay? One command, about ten minutes.

    python bench/relay.py                            # all parts; writes bench/results/relay.md, .json and .png
    python bench/relay.py --only throughput latency  # some parts
    python bench/relay.py --quick                    # beside nginx and FastAPI, two rounds, three minutes; prints only
    python bench/relay.py --profile                  # and where our time goes

All relays stand in front of the same echo upstream and carry the same load, one after the other, round by round. A
relay runs on one processor, load and upstream on another, so two processors are needed, and quiet ones: what others do
on this machine ends up in the numbers. Peers are fetched and installed when they are needed, below `--work`; one that
cannot be had is left out and named. Linux only. Ctrl-C ends the run and writes what there is.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, write_figures
from relay_farm import Load, NotHere, build_load
from relay_parts import PARTS, Bench, Sample
from relay_peers import OURS, Peer, all_peers
from relay_profile import profile
from relay_report import GOALS, Findings, draw, machine_facts, report

RESULTS = Path(__file__).parent / "results"
OWN = {
    "cpu_1_3": ("processor time per message, 1.3 KB", "µs"),
    "cpu_6_4": ("processor time per message, 6.4 KB", "µs"),
    "cpu_paced": ("processor time per message, 2.6 KB, in real time", "µs"),
    "latency_1": ("added round trip, median, one call", "µs"),
    "latency_100": ("added round trip, median, 100 calls", "µs"),
}
"""What is told of our own relay beside the goals, which need a peer."""
QUICK = (OURS, "nginx", "FastAPI")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="throughput and latency beside nginx and FastAPI, two rounds"
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="parts")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only those whose names begin so; case is ignored")
    parser.add_argument("--rounds", type=int, help="of every part, in place of its own number")
    parser.add_argument("--cores", default="0,1", help="the relay's processor and that of the load")
    parser.add_argument("--voicerag", type=Path, help="a working copy of the VoiceRAG sample; else it is cloned")
    parser.add_argument("--variant", action="append", default=[], metavar="OPTIONS", help="ours, with other options")
    parser.add_argument("--profile", action="store_true", help="say where our relay's time goes")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "relay-bench", help="for what is made"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the table goes")
    asked = parser.parse_args()
    if asked.quick:
        asked.only, asked.peers, asked.rounds = ["throughput", "latency"], QUICK, 2
    relay_core, load_core = (int(number) for number in asked.cores.split(","))
    facts = machine_facts(", ".join(f"{load:.2f}" for load in os.getloadavg()))
    asked.work.mkdir(parents=True, exist_ok=True)
    try:
        build_load(asked.work)
    except NotHere as reason:
        raise SystemExit(str(reason)) from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that no peer stays
    os.sched_setaffinity(0, {load_core})
    load = Load(asked.work, core=load_core)
    samples: list[Sample] = []
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    words = ""
    try:
        peers, missing = _start(asked, load, relay_core)
        bench = Bench(load, peers, say=_say)
        for peer in peers:  # what is done once, at the first call, is nobody's cost per message
            bench.drive(peer, mode="window", calls=4, secs=0.2)
        for name in asked.only:
            measure, rounds = PARTS[name]
            for sample in measure(bench, asked.rounds or rounds):
                samples.append(sample)
                _say(f"  {sample.peer}: {sample.value:.1f}")
        ours = next((peer for peer in peers if peer.name == OURS), None)
        if asked.profile and ours is not None:
            _say("where the time goes")
            words = profile(bench, ours, asked.work)
    except KeyboardInterrupt:
        _say("interrupted: this is what there is")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ending them takes a moment, and what was measured is kept
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for peer in peers:
            if peer.running is not None:
                peer.running.end()
        load.upstream.end()
    found = Findings(facts, peers, missing, samples, words)
    if samples or words:
        if asked.quick:
            print(report(found))
        else:
            _write(found, asked.results)
        write_figures("relay", figures(found))


def figures(found: Findings) -> list[Figure]:
    """What goes into the one table of all benches."""
    reached = [(goal, found.achieved(goal)) for goal in GOALS]
    own = [(words, unit, found.spread(what, OURS)) for what, (words, unit) in OWN.items()]
    return [
        *(Figure(goal.words, spread.median, goal.unit, goal.limit, goal.at_most) for goal, spread in reached if spread),
        *(Figure(words, spread.median, unit) for words, unit, spread in own if spread),
    ]


def _start(asked: argparse.Namespace, load: Load, core: int) -> tuple[list[Peer], dict[str, str]]:
    _say("getting the peers ready")
    found, missing = all_peers(
        load, asked.work, voicerag=asked.voicerag, extra=asked.variant, wanted=asked.peers or [""]
    )
    peers = []
    for peer in found:
        _say(f"starting {peer.name}")
        try:
            peer.start(core=core, folder=asked.work)
        except NotHere as reason:
            missing[peer.name] = str(reason)
            _say(f"  {reason}")
            if peer.running is not None:
                peer.running.end()
            continue
        assert peer.running is not None
        peer.running.settle()
        peer.running.hold()
        peers.append(peer)
    return peers, missing


def _write(found: Findings, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    text = report(found)
    if draw(found, place / "relay.png"):
        text += "\n![Processor time per message beside nginx](relay.png)\n"
    (place / "relay.md").write_text(text, encoding="utf-8")
    (place / "relay.json").write_text(json.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")
    print(text)


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
