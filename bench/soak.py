"""An hour of calls through the relay: do memory, file handles and threads of relay and engine stay where they are?

    python bench/soak.py                       # an hour, 20 customers; writes bench/results/soak.md, .json and .png
    python bench/soak.py --minutes 3 --calls 5 # a short look; prints only, unless --results says where to

Relay and engine are processes of their own. The engine runs without models (a script hears and answers, a tone is
speech), because what is asked here is what calls leave behind, and not how recognition fares; `bench/engine.py --soak`
asks that one. The customers listen most of the time, speak now and then, write items, lose their line and come back,
vanish, and call again; half of the calls are in a thread of the memory. The slope is Theil and Sen's, of the second
half, with its 95 % interval; neighbouring minutes resemble one another, so the true interval is somewhat wider.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from figures import machine as this_machine
from scipy.stats import theilslopes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the customers are those of the chaos tests

from tests.chaos.books import Book  # noqa: E402 - behind the path above
from tests.chaos.customer import Customer, Manners  # noqa: E402
from tests.chaos.processes import Process, engine, free_port, relay  # noqa: E402

RESULTS = Path(__file__).parent / "results"
MEASURES = {"mb": "memory, MB", "handles": "file handles", "threads": "threads"}
KEPT_RECORDINGS = 80
"""Older ones are deleted as the hour goes on: the disk is not what is measured."""


@dataclass
class Curve:
    """One process, looked at again and again."""

    name: str
    minutes: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)
    handles: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    def look(self, pid: int, minute: float) -> None:
        """Note how it is now."""
        process = psutil.Process(pid)
        with process.oneshot():
            self.minutes.append(round(minute, 3))
            self.mb.append(round(process.memory_info().rss / 1e6, 3))
            self.handles.append(process.num_fds())
            self.threads.append(process.num_threads())

    def slope(self, measure: str) -> tuple[float, float, float]:
        """Per hour, in the second half: the middle, and the ends of its 95 % interval."""
        values: list[float] = getattr(self, measure)
        half = len(values) // 2
        if len(values) - half < 3:
            return (float("nan"),) * 3
        middle, _, low, high = theilslopes(values[half:], self.minutes[half:])
        return float(60 * middle), float(60 * low), float(60 * high)


@dataclass
class Findings:
    """All that was seen."""

    machine: dict[str, str]
    minutes: float
    customers: int
    calls: int
    endings: dict[str, int]
    curves: list[Curve]


def main() -> None:
    """Let them call, and say what was left behind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--calls", type=int, default=20, help="customers who call at the same time")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--results", type=Path, help="where the table goes; for less than an hour nowhere")
    asked = parser.parse_args()
    found = asyncio.run(soak(asked.minutes, asked.calls, asked.seed))
    text = report(found)
    place = asked.results or (RESULTS if asked.minutes >= 60 else None)
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        draw(found, place / "soak.png")
        (place / "soak.md").write_text(text + "\n![Memory, handles and threads](soak.png)\n", encoding="utf-8")
        (place / "soak.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    print(text)


async def soak(minutes: float, calls: int, seed: int) -> Findings:
    """Hold the calls and look at the processes six times a minute."""
    machine = this_machine()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    runs = folder / "runs"
    ports = free_port(), free_port()
    target = engine(folder, port=ports[0])
    door = relay(folder, port=ports[1], target_port=ports[0], runs=runs)
    curves = [Curve("relay"), Curve("engine")]
    customers = [
        Customer(f"http://127.0.0.1:{ports[1]}", f"c{number}", seed=seed, book=Book(), manners=Manners(threads=0.5))
        for number in range(calls)
    ]
    over = asyncio.Event()
    try:
        await target.start()
        await door.start()
        began_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for number, customer in enumerate(customers):
                tasks.create_task(_later(customer, 0.5 * number, over))
            watching = tasks.create_task(_watch(curves, (door, target), began_s, runs))
            await asyncio.sleep(60 * minutes)
            over.set()
            watching.cancel()
    finally:
        await asyncio.gather(door.stop(), target.stop())
        shutil.rmtree(folder, ignore_errors=True)
    endings: Counter[str] = Counter()
    for customer in customers:
        endings.update(customer.endings)
    return Findings(machine, minutes, calls, sum(customer.calls for customer in customers), dict(endings), curves)


async def _later(customer: Customer, wait_s: float, over: asyncio.Event) -> None:
    await asyncio.sleep(wait_s)
    await customer.run(over)


async def _watch(curves: list[Curve], processes: tuple[Process, Process], began_s: float, runs: Path) -> None:
    loop = asyncio.get_running_loop()
    while True:
        for curve, process in zip(curves, processes, strict=True):
            curve.look(process.pid, (loop.time() - began_s) / 60)
        await asyncio.to_thread(_tidy, runs)
        await asyncio.sleep(10)


def _tidy(runs: Path) -> None:
    if runs.is_dir():
        for path in sorted(each for each in runs.iterdir() if each.is_dir())[:-KEPT_RECORDINGS]:
            shutil.rmtree(path, ignore_errors=True)


def report(found: Findings) -> str:
    """The findings as Markdown."""
    machine = found.machine
    ended = ", ".join(f"{count} {how}" for how, count in sorted(found.endings.items(), key=lambda each: -each[1]))
    lines = [
        "# An hour of calls" if found.minutes >= 60 else f"# {found.minutes:g} minutes of calls",
        "",
        f"`python bench/soak.py --minutes {found.minutes:g} --calls {found.customers}` on {machine['date']}: "
        f"{machine['processor']}, {machine['processors']} processors, {machine['system']}, Python {machine['python']}; "
        f"the machine's load before it began: {machine['load']}. Others may have worked on it meanwhile.",
        "",
        f"{found.customers} customers at once held {found.calls} calls: {ended}.",
        "",
        "| process | what | after 1 minute | in the middle | at the end | most | per hour, second half [95 %] |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for curve in found.curves:
        for measure, words in MEASURES.items():
            values = getattr(curve, measure)
            digits = 1 if measure == "mb" else 0
            first = values[min(6, len(values) - 1)]
            middle, low, high = curve.slope(measure)
            cells = [f"{value:.{digits}f}" for value in (first, values[len(values) // 2], values[-1], max(values))]
            lines.append(
                f"| {curve.name} | {words} | {' | '.join(cells)} | {middle:+.2f} [{low:+.2f} to {high:+.2f}] |"
            )
    return "\n".join([*lines, ""])


def draw(found: Findings, place: Path) -> None:
    """The curves as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, rows = plt.subplots(len(MEASURES), 1, figsize=(8, 6), sharex=True, layout="constrained")
    for axes, (measure, words) in zip(rows, MEASURES.items(), strict=True):
        for curve in found.curves:
            axes.plot(curve.minutes, getattr(curve, measure), label=curve.name, linewidth=1)
        axes.set_ylabel(words)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    rows[0].legend(frameon=False)
    rows[-1].set_xlabel("minutes")
    figure.savefig(place, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
