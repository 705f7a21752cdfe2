"""How quick are replays? Cassettes, rescoring on one core and on two, and sessions a minute in every mode.

    python bench/replay.py              # five minutes on two quiet cores; writes bench/results/replay.{md,json,png}
    python bench/replay.py --quick      # two minutes: a fifth of the turns and of the sessions, written nowhere

Rescoring reads the recordings of `data/recordings`, which differ from each other, under as many names as are needed:
once as they were recorded, and again, by one worker and by two, with what the first time kept in them.
The sessions are calls of four turns that are held in virtual time by parts without a model, so that they tell what our
own machinery takes. Each figure names the processor's time beside the time of day where one process does the work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from figures import Figure, write_figures

sys.path.insert(0, str(Path(__file__).parents[1]))  # the recorded call is that of the tests

from contoso_lab.audio import silence, tone
from contoso_lab.recording import Recording
from contoso_lab.replay.cassette import play_cassette
from contoso_lab.replay.fleet import Limits, Variant, plan, run_fleet
from tests.replay.conftest import LINES, record_call

HOME = Path(__file__).parents[1]
RESULTS = HOME / "bench" / "results"
PLAIN = "tests.replay.conftest:plain_engine"
MODES = ("rescore", "cassette", "fast", "paced")
RESCORED = 5
"""So many times as many sessions are scored again as are played: workers take a second to start."""


def five_minutes(folder: Path) -> Recording:
    """A call of five minutes with an answer every few seconds."""
    clip = silence(3200)
    while clip.duration_ms < 290_000:
        for length_ms in [*LINES][:3]:
            clip = clip + tone(length_ms, hz=110.0) + silence(3200)
    return asyncio.run(record_call(folder, clip=clip))


def cassettes(call: Recording, folder: Path) -> list[tuple[float, float]]:
    """Time of day and of the processor that a cassette takes, in s, opened anew each time."""
    took = []
    for _ in range(7):
        source = Recording.open(call.path)
        began_s, cpu_s = time.perf_counter(), time.process_time()
        play_cassette(source, folder)
        took.append((time.perf_counter() - began_s, time.process_time() - cpu_s))
    return took


def named_apart(calls: list[Path], folder: Path, *, count: int) -> list[Path]:
    """So many recordings, in turns, whose files are those of a few."""
    made = []
    for number in range(count):
        source, place = calls[number % len(calls)], folder / f"call_{number:05}"
        for file in source.rglob("*"):
            if file.is_file() and "derived" not in file.parts:
                (place / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
                os.link(file, place / file.relative_to(source))
        made.append(place)
    return made


def fleet_s(run: Path, calls: list[Path], mode: str, **where: Any) -> tuple[float, int]:
    """How long a fleet takes from its start to its results, in s; and how many rows it gave."""
    scorers = None if mode == "rescore" else ("price_truth_said",)
    laid = plan(run, calls, {"as_is": Variant(mode=mode)}, scorers=scorers, engine=PLAIN)  # type: ignore[arg-type]
    began_s = time.perf_counter()
    done = asyncio.run(run_fleet(laid, limits=Limits(at_once=8), **where))
    took_s = time.perf_counter() - began_s
    assert not done.failed, done.failed[0]
    return took_s, sum(len(unit["rows"]) for unit in done.units)


@contextlib.contextmanager
def dask_cluster() -> Iterator[str | None]:
    """The address of a cluster of two workers on this machine; None without Dask."""
    program = (
        "import sys\n"
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:\n"
        "        print(cluster.scheduler_address, flush=True); sys.stdin.read()\n"
    )
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".py") as script:
        script.write(program)
        script.flush()
        command = [sys.executable, script.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HOME) as cluster:
            assert cluster.stdin is not None
            assert cluster.stdout is not None
            yield cluster.stdout.readline().strip() or None
            cluster.stdin.close()


def main() -> None:
    """Measure, print and write."""
    os.environ["PYTHONPATH"] = str(HOME)  # workers have to find the parts of the tests, too
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=10_000, help="how many recorded turns are scored")
    parser.add_argument("--sessions", type=int, default=40, help="how many sessions are played in each mode")
    parser.add_argument("--quick", action="store_true", help="2000 turns and 8 sessions, and nothing is written")
    asked = parser.parse_args()
    if asked.quick:
        asked.turns, asked.sessions = 2000, 8
    with tempfile.TemporaryDirectory(dir=HOME / "runs" if (HOME / "runs").exists() else None) as folder:
        found = measure(Path(folder), asked.turns, asked.sessions)
    text = told(found)
    print(text)
    write_figures("replay", figures(found))
    if asked.quick:
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "replay.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "replay.md").write_text(text, encoding="utf-8")
    picture(found, RESULTS / "replay.png")


def measure(root: Path, turns_wanted: int, sessions: int) -> dict[str, Any]:
    """All figures."""
    long = five_minutes(root / "long")
    tapes = cassettes(long, root / "cassettes")
    real = sorted(place.parent for place in (HOME / "data" / "recordings").glob("*/manifest.json"))
    each = [len(Recording.open(place).conversation.turns) for place in real]
    count = 0
    while sum(each[number % len(real)] for number in range(count)) < turns_wanted:
        count += 1
    turns = sum(each[number % len(real)] for number in range(count))
    calls = named_apart(real, root / "calls", count=count)
    short = asyncio.run(record_call(root / "short"))
    copies = named_apart([short.path], root / "copies", count=RESCORED * sessions)
    rates: dict[str, dict[str, float]] = {}
    fleet_s(root / "warm", copies[:4], "rescore", workers=1)
    # The first time the sound of each call is unpacked and listened to; what was heard is kept beside it. Before there
    # is a cluster, which takes some of the processors also while it has nothing to do.
    scored = {
        name: fleet_s(root / f"all {name}", calls, "rescore", workers=number)
        for name, number in (("the first time", 1), ("1 worker", 1), ("2 workers", 2))
    }
    with dask_cluster() as address:
        places: dict[str, dict[str, Any]] = {"1 worker": {"workers": 1}, "2 workers": {"workers": 2}}
        if address is not None:
            places["Dask, 2 workers"] = {"dask_address": address}
        for name, where in places.items():  # what is done once, at the start of a worker, is no part of a rate
            fleet_s(root / f"warm {name}", copies[:4], "rescore", **where)
        for mode in MODES:
            played = copies if mode == "rescore" else copies[:sessions]
            for name, where in places.items():
                took_s, _ = fleet_s(root / f"{mode} {name}", played, mode, **where)
                rates.setdefault(mode, {})[name] = 60 * len(played) / took_s
    return {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "cassette": {"call_s": long.duration_ms / 1000, "events": len(long.events), "wall_and_cpu_s": tapes},
        "rescore": {"turns": turns, "recordings": count, "rows_and_s": {k: (n, s) for k, (s, n) in scored.items()}},
        "sessions_a_minute": {"sessions": sessions, "call_s": short.duration_ms / 1000, "rates": rates},
    }


def told(found: dict[str, Any]) -> str:
    """The figures for people."""
    tape, scored, sessions = found["cassette"], found["rescore"], found["sessions_a_minute"]
    wall_s, cpu_s = (median(took[place] for took in tape["wall_and_cpu_s"]) for place in (0, 1))
    seconds = {name: took_s for name, (_, took_s) in scored["rows_and_s"].items()}
    first_s, one_s, two_s = seconds["the first time"], seconds["1 worker"], seconds["2 workers"]
    rows = next(iter(scored["rows_and_s"].values()))[0]
    machine = found["machine"]
    head = ["mode", *sessions["rates"]["rescore"]]
    lines = [
        "# Replays",
        "",
        f"`python bench/replay.py` on {machine['cpus']} cores, Python {machine['python']}.",
        "",
        "| what | goal | measured |",
        "|---|---|--:|",
        f"| a cassette of {tape['call_s'] / 60:.1f} minutes, {tape['events']} events, median of "
        f"{len(tape['wall_and_cpu_s'])} | under 1 s | {wall_s:.2f} s ({cpu_s:.2f} s of the processor) |",
        f"| every scorer over {scored['turns']} recorded turns of {scored['recordings']} calls ({rows} rows), "
        f"one worker | under 60 s | {one_s:.1f} s |",
        f"| the same, two workers | 1.8 × as quick | {two_s:.1f} s, {one_s / two_s:.2f} × |",
        f"| the same, one worker, the first time: the sound is listened to as well | | {first_s:.1f} s |",
        "",
        f"Sessions a minute: {sessions['sessions']} calls of {sessions['call_s']:.0f} s with four turns, in virtual "
        f"time, by parts without a model, with one scorer; rescoring {RESCORED} times as many, with every scorer.",
        "",
        f"| {' | '.join(head)} |",
        f"|---|{'--:|' * (len(head) - 1)}",
        *(f"| {m} | {' | '.join(f'{rate:.0f}' for rate in r.values())} |" for m, r in sessions["rates"].items()),
        "",
    ]
    return "\n".join(lines)


def figures(found: dict[str, Any]) -> list[Figure]:
    """The same for `bench/all.py`; a goal in seconds is that of 10,000 turns, in proportion."""
    scored, sessions = found["rescore"], found["sessions_a_minute"]
    first_s, one_s, two_s = (scored["rows_and_s"][name][1] for name in ("the first time", "1 worker", "2 workers"))
    wall_s = median(took for took, _ in found["cassette"]["wall_and_cpu_s"])
    return [
        Figure("a cassette of five minutes", wall_s, "s", 1.0),
        Figure("10,000 recorded turns, every scorer, one worker", 10_000 * one_s / scored["turns"], "s", 60.0),
        Figure("the same, two workers", one_s / two_s, "×", 1.8, at_most=False),
        Figure("the same, one worker, the first time", 10_000 * first_s / scored["turns"], "s"),
        *(
            Figure(f"{mode}, {name}: sessions a minute", rate, "", at_most=False)
            for mode, rates in sessions["rates"].items()
            for name, rate in rates.items()
        ),
    ]


def picture(found: dict[str, Any], place: Path) -> None:
    """Sessions a minute by mode and place."""
    from matplotlib.figure import Figure

    rates = found["sessions_a_minute"]["rates"]
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    names = list(next(iter(rates.values())))
    for number, name in enumerate(names):
        at = [place + (number - (len(names) - 1) / 2) * 0.26 for place in range(len(rates))]
        bars = axes.bar(at, [rate[name] for rate in rates.values()], 0.25, label=name)
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    axes.set_xticks(range(len(rates)), list(rates))
    axes.set_ylabel("sessions a minute")
    axes.set_yscale("log")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(place, dpi=120)


if __name__ == "__main__":
    main()
