"""How long does it take to score calls? Forty customers with two personas, every deterministic scorer, two processes.

    python bench/scoring.py                # about two minutes; writes bench/results/scoring.{md,json,png}
    python bench/scoring.py --quick        # a tenth of it, written nowhere

Each call is opened anew and scored by all of ours; nothing comes from a cache. "from cassettes" lets the recorded
server speak to our client once more before, in virtual time, as `play: {mode: cassette}` does. The corpus has fewer
than forty customers with two personas: some calls are taken twice, under another name.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from contoso_lab.recording import Recording
from contoso_lab.recording.examples import EXAMPLES
from contoso_lab.replay.modes import Cassette
from contoso_lab.replay.play import replay
from contoso_lab.scoring import default_scorers, score

PLACE = Path(__file__).parent / "results" / "scoring"
CUSTOMERS, PERSONAS = 40, ("voice", "voice_brief")
GROWTH = (5, 10, 20, 40, 80)
CORES = 2


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four customers, and nothing is written")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as place:
        calls = lay_out(Path(place), 4 if quick else CUSTOMERS)
        turns = sum(_turns(call) for call in calls)
        with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
            list(pool.map(one, calls[:CORES]))  # imports, models of words: paid once in a process
            told: dict[str, Any] = {
                "calls": len(calls),
                "turns": turns,
                "seconds_of_sound": round(sum(Recording.open(call).duration_ms for call in calls) / 1000),
                "metrics": len(default_scorers()),
                "processes": CORES,
                "python": platform.python_version(),
                "as recorded": seconds(pool, one, calls),
                "from cassettes": seconds(pool, from_cassette, [(call, Path(place) / "again") for call in calls]),
            }
            sizes = [n for n in GROWTH if n <= len(calls)]
            told["growth"] = {str(n): seconds(pool, one, calls[:n]) for n in sizes}
    text = table(told)
    print(text)
    if not quick:
        PLACE.parent.mkdir(exist_ok=True)
        PLACE.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        PLACE.with_suffix(".md").write_text(text, encoding="utf-8")
        draw(told["growth"], PLACE.with_suffix(".png"))


def lay_out(root: Path, customers: int) -> list[Path]:
    """The calls: each customer with both personas, one after the other."""
    scenarios = sorted({path.name.split("--")[0] for path in EXAMPLES.glob("*--*")})
    paired = [name for name in scenarios if all((EXAMPLES / f"{name}--{persona}").is_dir() for persona in PERSONAS)]
    calls = []
    for number in range(customers):
        name, again = paired[number % len(paired)], number // len(paired)
        for persona in PERSONAS:
            source = EXAMPLES / f"{name}--{persona}"
            calls.append(shutil.copytree(source, root / f"{source.name}-{again}") if again else source)
    return calls


def one(call: Path) -> float:
    """Score one call with everything; gives the processor's seconds."""
    begun = time.process_time()
    assert len(score(Recording.open(call)))
    return time.process_time() - begun


def from_cassette(work: tuple[Path, Path]) -> float:
    """Play one call from its cassette, and score what comes of it."""
    call, into = work
    begun = time.process_time()
    assert len(score(asyncio.run(replay(Recording.open(call), Cassette(), runs=into, id=call.name))))
    return time.process_time() - begun


def seconds(pool: ProcessPoolExecutor, work: Any, items: Sequence[Any]) -> tuple[float, float]:
    """How long all of them take together, and how much of it the processor: the rest is other programs' doing."""
    begun = time.perf_counter()
    used = sum(pool.map(work, items))
    return round(time.perf_counter() - begun, 2), round(used, 2)


def _turns(call: Path) -> int:
    return sum(turn.role in ("user", "assistant") for turn in Recording.open(call).conversation.turns)


def slope(growth: dict[str, tuple[float, float]]) -> float:
    """By which power of the number of calls the processor's time grows; 1: twice the calls take twice as long."""
    sizes = [np.log(float(n)) for n in growth]
    return float(np.polyfit(sizes, np.log([used for _, used in growth.values()]), 1)[0])


def table(told: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    lines = [
        "# Scoring",
        "",
        f"`python bench/scoring.py`: {told['calls']} calls ({told['turns']} turns, {told['seconds_of_sound'] / 60:.0f} "
        f"minutes of sound), {told['metrics']} metrics, {told['processes']} processes, Python {told['python']}.",
        "",
        "| how | seconds | processor's seconds | calls a second | turns a second | times real time |",
        "|---|---|---|---|---|---|",
    ]
    for how in ("as recorded", "from cassettes"):
        took, used = told[how]
        lines.append(
            f"| {how} | {took:.1f} | {used:.1f} | {told['calls'] / took:.1f} | {told['turns'] / took:.0f} | "
            f"{told['seconds_of_sound'] / took:.0f} |"
        )
    lines += ["", "| calls | " + " | ".join(told["growth"]) + " |", "|---" * (1 + len(told["growth"])) + "|"]
    lines.append("| processor's seconds | " + " | ".join(f"{used:.1f}" for _, used in told["growth"].values()) + " |")
    grows = (
        f"The processor's time grows with the calls to the power of {slope(told['growth']):.2f}; scoring.png shows it."
    )
    lines += ["", grows, ""]
    return "\n".join(lines)


def draw(growth: dict[str, tuple[float, float]], place: Path) -> None:
    """The processor's time over calls, both by their logarithms: a straight line of slope 1 is what one hopes for."""
    from contoso_lab.report.figure import drawing, plain
    from contoso_lab.report.palette import LIGHT

    figure = drawing(6, 3.6)
    axes = figure.subplots()
    plain(axes)
    sizes, took = [int(n) for n in growth], [used for _, used in growth.values()]
    axes.loglog(sizes, took, "o-", color=LIGHT["model"], linewidth=2)
    axes.loglog(sizes, [took[-1] * n / sizes[-1] for n in sizes], color=LIGHT["quiet"], linestyle=(0, (2, 2)))
    axes.annotate("slope 1", (sizes[0], took[-1] * sizes[0] / sizes[-1]), xytext=(4, -12), textcoords="offset points",
                  fontsize=9, color=LIGHT["quiet"])  # fmt: skip
    axes.set_xticks(sizes, [str(n) for n in sizes])
    axes.minorticks_off()
    axes.grid(color=LIGHT["line"], linewidth=0.8)
    axes.set_xlabel("calls", color=LIGHT["quiet"], fontsize=9)
    axes.set_ylabel("processor's seconds", color=LIGHT["quiet"], fontsize=9)
    figure.savefig(place, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
