"""How long does `import contoso_lab` take, how much memory, and what does each name behind the door cost?

    python bench/imports.py            # writes bench/results/imports.md, .json and .png
    python bench/imports.py --quick    # fewer rounds, prints only

Each is asked of a new Python, in turns. The time is that of the import alone, by the clock; memory is what the process
has grown by. Files are warm: what the first import after a boot reads from the disk is not in it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from figures import Figure, machine, machine_line, write_figures

RESULTS = Path(__file__).parent / "results"
GOAL_MS = 150.0
NAMES = ("Clip", "Recording", "recordings", "connect", "talk", "score", "compare", "replay")
"""What a first cell uses."""
NUMPY = "import numpy"
DOOR = "import contoso_lab"
STEPS = {
    "import json (for comparison)": "import json",
    "import numpy (for comparison)": NUMPY,
    DOOR: DOOR,
    **{f"lab.{name}": f"import contoso_lab as lab; lab.{name}" for name in NAMES},
    "contoso-lab --help": "sys.argv = ['contoso-lab', '--help']; from contoso_lab.cli import app; help(app)",
}
SHORT = ("import numpy (for comparison)", DOOR, "lab.Clip", "lab.recordings", "lab.score", "contoso-lab --help")
"""What the short form asks for."""
_PROGRAM = """
import json, os, resource, sys, time
def help(app):
    sys.stdout = open(os.devnull, "w")
    try:
        app()
    except SystemExit:
        pass
before_kb = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
began, began_cpu, modules = time.perf_counter(), time.process_time(), len(sys.modules)
{step}
took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
after_kb = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
out = dict(ms=1000 * took, cpu_ms=1000 * cpu, mb=(after_kb - before_kb) / 1000, modules=len(sys.modules) - modules)
os.write(2, json.dumps(out).encode())
"""


def main() -> None:
    """Import, again and again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds of fewer names")
    parser.add_argument("--results", type=Path, help="where the table goes; with --quick nowhere")
    asked = parser.parse_args()
    facts = machine("contoso-lab", "numpy", "pandas", "scipy")
    rounds = 3 if asked.quick else 15
    order = list(SHORT if asked.quick else STEPS)
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in order}
    for name in order:
        measure(STEPS[name])  # the compiled files are there from here on
    for _ in range(rounds):
        order.append(order.pop(0))
        for name in order:
            taken[name].append(measure(STEPS[name]))
    found = {name: {key: median(each[key] for each in runs) for key in runs[0]} for name, runs in taken.items()}
    text = report(facts, found, rounds)
    place = asked.results or (None if asked.quick else RESULTS)
    if place is not None:
        draw(found, place / "imports.png")
        (place / "imports.md").write_text(text + "\n![Time and memory](imports.png)\n", encoding="utf-8")
        (place / "imports.json").write_text(json.dumps({"machine": facts, "rows": found}, indent=1) + "\n", "utf-8")
    write_figures("imports", figures(found))
    print(text)


def measure(step: str) -> dict[str, float]:
    """One import in a new Python."""
    program = _PROGRAM.replace("{step}", step)
    env = {name: value for name, value in os.environ.items() if name != "EAGER_IMPORT"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    figures_of_it: dict[str, float] = json.loads(done.stderr)
    return figures_of_it


def figures(found: dict[str, dict[str, float]]) -> list[Figure]:
    """What goes into the one table of all benches."""
    return [
        Figure(DOOR, found[DOOR]["ms"], "ms", GOAL_MS),
        Figure(f"{DOOR}, memory", found[DOOR]["mb"], "MB"),
        *(Figure(name, each["ms"], "ms") for name, each in found.items() if name.startswith(("lab.", "contoso"))),
    ]


def report(facts: dict[str, str], found: dict[str, dict[str, float]], rounds: int) -> str:
    """The findings as Markdown."""
    met = "met" if found[DOOR]["ms"] <= GOAL_MS else "**missed**"
    return "\n".join(
        [
            "# Imports",
            "",
            f"`python bench/imports.py`, {machine_line(facts)}",
            "",
            f"Medians of {rounds} rounds. The goal, `{DOOR}` in {GOAL_MS:.0f} ms at most, is {met}.",
            "",
            "| in a new Python | by the clock | processor time | memory | modules |",
            "|---|--:|--:|--:|--:|",
            *(
                f"| `{name}` | {each['ms']:.0f} ms | {each['cpu_ms']:.0f} ms | {each['mb']:.1f} MB | "
                f"{each['modules']:.0f} |"
                for name, each in found.items()
            ),
            "",
        ]
    )


def draw(found: dict[str, dict[str, float]], place: Path) -> None:
    """Time and memory as bars."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    for axes, key, words in zip(panels, ("ms", "mb"), ("ms, by the clock", "MB"), strict=True):
        axes.barh(list(found), [each[key] for each in found.values()], height=0.6)
        axes.set_xlabel(words)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].axvline(GOAL_MS, color="grey", linewidth=1)
    panels[0].invert_yaxis()
    figure.savefig(place, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
