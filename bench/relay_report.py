"""From samples to the table: ratios of the same round, their median and quartiles, and what the goals say to that."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from figures import machine
from relay_parts import Sample
from relay_peers import OURS, Peer


class Spread(NamedTuple):
    """A median with its quartiles."""

    q1: float
    median: float
    q3: float
    count: int

    def show(self, digits: int = 2) -> str:
        """As it stands in the table."""
        if self.count == 1:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} [{self.q1:.{digits}f} to {self.q3:.{digits}f}]"


class Goal(NamedTuple):
    """What the project asked for, beside what came out."""

    words: str
    what: str
    limit: float
    at_most: bool = True
    against: str = ""
    inverse: bool = False
    """The other's number divided by ours: how many times as much we do for the same."""
    unit: str = "×"


GOALS = (
    Goal("processor time per message, 1.3 KB, of nginx's", "cpu_1_3", 2.5, against="nginx"),
    Goal("processor time per message, 6.4 KB, of nginx's", "cpu_6_4", 3.3, against="nginx"),
    *(
        Goal(f"messages per core, {size} KB, of {peer}'s", what, limit, at_most=False, against=peer, inverse=True)
        for peer, limit in (("LiteLLM", 5.0), ("VoiceRAG", 2.3), ("FastAPI + websockets", 3.3))
        for size, what in (("1.3", "cpu_1_3"), ("6.4", "cpu_6_4"))
    ),
    Goal("added round trip, median, one call, of nginx's", "latency_1", 1.8, against="nginx"),
    Goal("added round trip, median, 100 calls, of nginx's", "latency_100", 1.8, against="nginx"),
    Goal("calls in real time on one core", "calls_held", 600, at_most=False, unit="calls"),
    Goal("memory of an idle call", "memory", 40, unit="KiB"),
    Goal("held for a client that stops reading", "slow_client", 16, unit="MiB"),
)

COLUMNS = {
    "cpu_1_3": ("µs per message, 1.3 KB", 1),
    "cpu_6_4": ("6.4 KB", 1),
    "cpu_paced": ("2.6 KB, in real time", 1),
    "latency_1": ("added µs, 1 call", 0),
    "latency_100": ("100 calls", 0),
    "calls_held": ("calls held", 0),
    "memory": ("KiB per idle call", 1),
    "slow_client": ("MiB for who stops reading", 1),
}


class Findings(NamedTuple):
    """All that is known at the end of a run, or at its middle."""

    machine: dict[str, str]
    peers: Sequence[Peer]
    missing: dict[str, str]
    samples: Sequence[Sample]
    profile: str = ""

    def values(self, what: str, peer: str) -> dict[int, float]:
        """By round."""
        return {sample.round: sample.value for sample in self.samples if (sample.what, sample.peer) == (what, peer)}

    def spread(self, what: str, peer: str) -> Spread | None:
        """Of one number of one peer."""
        return _spread(list(self.values(what, peer).values()))

    def ratio(self, what: str, peer: str, against: str) -> Spread | None:
        """Of two peers, round by round."""
        mine, theirs = self.values(what, peer), self.values(what, against)
        return _spread([mine[each] / theirs[each] for each in mine if theirs.get(each, 0) > 0])

    def achieved(self, goal: Goal) -> Spread | None:
        """What came out for a goal."""
        if not goal.against:
            return self.spread(goal.what, OURS)
        mine, theirs = (goal.against, OURS) if goal.inverse else (OURS, goal.against)
        return self.ratio(goal.what, mine, theirs)

    def to_json(self) -> dict[str, Any]:
        """All numbers, for other programs."""
        return {
            "machine": self.machine,
            "peers": {peer.name: peer.note for peer in self.peers},
            "missing": self.missing,
            "goals": [
                {**goal._asdict(), "measured": found._asdict() if (found := self.achieved(goal)) else None}
                for goal in GOALS
            ],
            "samples": [
                {"what": s.what, "peer": s.peer, "round": s.round, "value": round(s.value, 3), **s.more}
                for s in self.samples
            ],
        }


def report(found: Findings) -> str:
    """The findings as Markdown."""
    machine = found.machine
    lines = [
        "# The relay, measured beside others",
        "",
        f"`python bench/relay.py` on {machine['date']}: {machine['processor']}, {machine['processors']} processors, "
        f"{machine['system']}, Python {machine['python']}; the machine's load before it began: {machine['load']}. Each "
        "relay is pinned to one processor, load client and echo upstream to another; while one relay is measured the "
        "others stand still. Ratios are taken within a round, with the median and the quartiles over the rounds. "
        "Processor time is that of all threads of the relay and its children, by the scheduler's accounts.",
        "",
        "| goal | wanted | measured | |",
        "|---|--:|--:|---|",
        *(_goal_row(goal, found.achieved(goal)) for goal in GOALS),
        "",
        "| relay | " + " | ".join(words for words, _ in COLUMNS.values()) + " |",
        "|---|" + "--:|" * len(COLUMNS),
        *(_peer_row(found, peer.name) for peer in found.peers),
        *(f"| {name} | " + " | ".join(["left out"] + [""] * (len(COLUMNS) - 1)) + " |" for name in found.missing),
        "",
        "Beside nginx, within a round:",
        "",
        "| relay | 1.3 KB | 6.4 KB | 2.6 KB, in real time | added, 1 call | added, 100 calls |",
        "|---|--:|--:|--:|--:|--:|",
        *(_ratio_row(found, peer.name) for peer in found.peers if peer.name != "nginx"),
        "",
        *_after(found),
        *_memory_note(found),
        "Who took part:",
        "",
        *(f"- **{peer.name}**: {peer.note}." for peer in found.peers),
        *(f"- **{name}** is left out: {reason}." for name, reason in found.missing.items()),
        "",
        "Real-time calls send and get 25 messages of 2.6 KB a second and hold when nothing fails, at least 97 % comes "
        f"back and 99 % of the round trips take less than 20 ms. {machine['versions']}.",
        "",
    ]
    if found.profile:
        lines += ["## Where the time goes", "", found.profile, ""]
    return "\n".join(lines)


def draw(found: Findings, place: Path) -> bool:
    """A picture of the ratios to nginx; whether there was anything to draw and something to draw with."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt
    except ImportError:
        return False
    parts = {"cpu_1_3": "1.3 KB", "cpu_6_4": "6.4 KB", "cpu_paced": "2.6 KB, in real time"}
    names = [peer.name for peer in found.peers if peer.name != "nginx" and found.ratio("cpu_1_3", peer.name, "nginx")]
    if not names:
        return False
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.6 * len(names)), layout="constrained")
    for index, (what, words) in enumerate(parts.items()):
        at, middle, low, high = [], [], [], []
        for row, name in enumerate(names):
            if spread := found.ratio(what, name, "nginx"):
                at.append(row + 0.25 * (index - 1))
                middle.append(spread.median)
                low.append(spread.median - spread.q1)
                high.append(spread.q3 - spread.median)
        axes.barh(at, middle, height=0.22, xerr=[low, high], label=words, error_kw={"elinewidth": 1, "capsize": 2})
    axes.axvline(1, color="grey", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("processor time per message, nginx = 1; median and quartiles of the rounds")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(place, dpi=110)
    plt.close(figure)
    return True


def machine_facts(load: str) -> dict[str, str]:
    """What the numbers were measured on."""
    facts = machine("fastapi", "uvicorn", "uvloop", "picows", "websockets", "msgspec", "pybase64")
    return {
        **facts,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load": load,
        "versions": f"Ours ran with {facts['versions']}",
    }


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    low, middle, high = np.percentile(values, [25, 50, 75])
    return Spread(float(low), float(middle), float(high), len(values))


def _goal_row(goal: Goal, found: Spread | None) -> str:
    digits = 2 if goal.unit == "×" else 0 if goal.unit == "calls" else 1
    wanted = f"{'≤' if goal.at_most else '≥'} {goal.limit:g} {goal.unit}"
    if found is None:
        return f"| {goal.words} | {wanted} | | not measured |"
    met = found.median <= goal.limit if goal.at_most else found.median >= goal.limit
    return f"| {goal.words} | {wanted} | {found.show(digits)} {goal.unit} | {'met' if met else '**missed**'} |"


def _peer_row(found: Findings, name: str) -> str:
    cells = [
        spread.show(digits) if (spread := found.spread(what, name)) else "–" for what, (_, digits) in COLUMNS.items()
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def _ratio_row(found: Findings, name: str) -> str:
    parts = ("cpu_1_3", "cpu_6_4", "cpu_paced", "latency_1", "latency_100")
    cells = [spread.show() if (spread := found.ratio(what, name, "nginx")) else "–" for what in parts]
    return f"| {name} | " + " | ".join(cells) + " |"


def _after(found: Findings) -> list[str]:
    """What recording costs after the call, which the table does not show."""
    costs = []
    for what, words in (("cpu_1_3", "1.3 KB"), ("cpu_6_4", "6.4 KB")):
        after = [s.more["after_us"] for s in found.samples if (s.what, s.peer) == (what, OURS) and "after_us" in s.more]
        if after:
            costs.append(f"{statistics.median(after):.1f} µs at {words}")
    if not costs:
        return []
    return [
        f"Not in these numbers: what {OURS} does when the calls are over. A process of the lowest priority folds their "
        f"recordings (decodes, hashes, writes WAV); with closing the calls that is {' and '.join(costs)} per message.",
        "",
    ]


def _memory_note(found: Findings) -> list[str]:
    grown = [
        f"{sample.peer} {sample.more['memory_mib']:.1f} MiB" for sample in found.samples if sample.what == "slow_client"
    ]
    if not grown:
        return []
    return [
        "Memory of an idle call is what a relay grows by. One that freed memory in the parts before has room, and "
        "grows by less or by nothing; `--only memory` begins with new processes.",
        "",
        "For a client that stops reading, the table tells what is taken from the target in 4 s, with the buffers of "
        f"the operating system on both legs; the relays themselves grew by: {', '.join(grown)}.",
        "",
    ]
