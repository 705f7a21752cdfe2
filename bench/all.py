"""Every bench in its short form, one after the other, gathered in one table: `make bench`, under 15 minutes.

    python bench/all.py                      # writes bench/RESULTS.md, results/all.json and results/all_*.png
    python bench/all.py --only codec relay   # some pieces; the others keep what was measured last, with its date

Each piece is a program of its own and can be run alone, in its long form too. Its figures are held against those of
the last committed table: what is worse by more than a quarter is named. A piece that fails or takes too long is named
too, and the others go on. A relation (×) was measured in one interleaved run and means the same on any machine; a time
means what it means on this one, under the load that is noted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import gathering
from figures import FIGURES, Figure, machine, machine_line

BENCH = Path(__file__).resolve().parent
TABLE, NUMBERS = BENCH / "RESULTS.md", BENCH / "results" / "all.json"
WORSE = 1.25
"""By so much a figure may be worse than the last one before it is named: times on shared machines vary as much."""
PACKAGES = ("contoso-lab", "numpy", "scipy", "pandas", "openai", "uvicorn", "websockets", "picows")


class Piece(NamedTuple):
    """One bench in its short form."""

    words: str
    command: tuple[str, ...]
    most_s: float
    read: Callable[[str], list[Figure]] | None = None
    """Reads its figures from what it prints; without it, it hands them over itself."""
    more: str = ""
    """Where its long form leaves its results."""


PIECES = {
    "imports": Piece("Import time and memory", ("imports.py", "--quick"), 90, more="imports.md"),
    "codec": Piece("Audio codec and resampling", ("codec.py", "--quick"), 240, more="codec.md"),
    "growth": Piece("How cost grows with n", ("growth.py", "--quick"), 120, more="growth.md"),
    "relay": Piece("Relay", ("relay.py", "--quick"), 240, more="relay.md"),
    "recording": Piece(
        "What recording adds to the relay's cost", ("recording.py", "--rounds", "3"), 120, gathering.overhead,
        more="recording.md",
    ),
    "recordings": Piece(
        "Listing recordings", ("recordings_index.py", "--count", "500", "--rounds", "3"), 60, gathering.seconds
    ),
    "engine": Piece("Engine", ("engine.py", "--quick"), 200, more="engine.md"),
    "replay": Piece("Replay", ("replay.py", "--quick"), 150, more="replay.md"),
    "scoring": Piece("Scoring", ("scoring.py", "--quick"), 90, gathering.tables, more="scoring.md"),
    "console": Piece(
        "Console and notebook: start to first sound, lateness of the microphone",
        ("console.py", "--quick", "--output", "{folder}/console.md"), 200, more="console.md",
    ),
}  # fmt: skip


def main() -> None:
    """Run what was asked for, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PIECES), default=list(PIECES), help="pieces")
    parser.add_argument("--patience", type=float, default=1.0, help="how many times its usual time a piece may take")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that no bench stays behind
    before = committed()
    began = time.monotonic()
    ran: list[str] = []
    for name in asked.only:
        print(f"… {name}", file=sys.stderr, flush=True)
        # Some write their results in the short form as well: those of the long form are put back.
        long_form = {place: place.read_bytes() for place in (BENCH / "results").glob(f"{name}.*")}
        found = run(PIECES[name], machine(*PACKAGES), patience=asked.patience)
        for place in (BENCH / "results").glob(f"{name}.*"):
            place.unlink()
        for place, content in long_form.items():
            place.write_bytes(content)
        ran.append(name)
        # After each piece: who interrupts the rest keeps what there is.
        text = write(name, found, before, took_s=time.monotonic() - began, ran=ran)
    print(text)


def write(
    name: str, found: dict[str, Any], before: dict[str, dict[str, float]], *, took_s: float, ran: list[str]
) -> str:
    """Put one piece among the others, and write the table and the pictures; gives the table."""
    kept: dict[str, Any] = json.loads(NUMBERS.read_text("utf-8")) if NUMBERS.exists() else {}
    kept[name] = found
    kept = {name: kept[name] for name in PIECES if name in kept}
    NUMBERS.parent.mkdir(exist_ok=True)
    NUMBERS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    gathering.draw(PIECES[name].words, [Figure(**each) for each in found["figures"]], picture(name))
    gathering.draw_growth(kept, BENCH / "results" / "all_grows.png")
    text = report(kept, before, took_s=took_s, ran=ran)
    TABLE.write_text(text, encoding="utf-8")
    return text


def run(piece: Piece, facts: dict[str, str], *, patience: float) -> dict[str, Any]:
    """One piece, ended when it takes too long; gives its figures, or why there are none."""
    most_s = patience * piece.most_s
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "figures.json"
        command = [sys.executable, *(word.format(folder=folder) for word in piece.command)]
        command[1] = str(BENCH / command[1])
        # A group of its own: what it has started ends with it.
        program = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, FIGURES: str(place)}, cwd=BENCH.parent,
        )  # fmt: skip
        problem = ""
        try:
            out, err = program.communicate(timeout=most_s)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGTERM)
            out, err = program.communicate()
            problem = f"it was not done after {most_s:.0f} s"
        finally:
            if program.poll() is None:  # we are interrupted ourselves
                os.killpg(program.pid, signal.SIGTERM)
        found: dict[str, Any] = {"figures": [], "growth": {}}
        if place.exists():
            found = json.loads(place.read_text("utf-8"))
        elif piece.read is not None:
            found["figures"] = [asdict(figure) for figure in piece.read(out)]
        if program.returncode and not problem:
            problem = f"it ended with {program.returncode}: {(err.strip().splitlines() or ['no word'])[-1]}"
    return {
        "machine": facts, "seconds": round(time.monotonic() - began, 1), "problem": problem,
        "figures": found["figures"], "growth": found.get("growth", {}),
    }  # fmt: skip


def committed() -> dict[str, dict[str, float]]:
    """The figures of the last committed table, by piece and name."""
    asked = ["git", "-C", str(BENCH), "show", f"HEAD:./{NUMBERS.relative_to(BENCH)}"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(told.stdout) if told.returncode == 0 else {}
    return {name: {each["name"]: each["value"] for each in piece["figures"]} for name, piece in found.items()}


def picture(name: str) -> Path:
    """Where the picture of a piece goes."""
    return BENCH / "results" / f"all_{name}.png"


def report(kept: dict[str, Any], before: dict[str, dict[str, float]], *, took_s: float, ran: list[str]) -> str:
    """The whole table as Markdown."""
    missed: list[str] = []
    worse: list[str] = []
    sections: list[str] = []
    for name, found in kept.items():
        piece, last = PIECES[name], before.get(name, {})
        command = " ".join(piece.command).replace("{folder}/", "")
        sections += [f"## {piece.words}", "", f"`python bench/{command}`, {machine_line(found['machine'])}", ""]
        if found["problem"]:
            sections += [f"**Not whole: {found['problem']}.**", ""]
            missed.append(f"{name}: {found['problem']}")
        sections += ["| what | goal | measured | last committed | |", "|---|--:|--:|--:|---|"]
        for figure in (Figure(**each) for each in found["figures"]):
            was = last.get(figure.name)
            sections.append(row(figure, was))
            if figure.met is False:
                missed.append(f"{name}: {figure.name} is {gathering.show(figure)}, wanted {gathering.goal(figure)}")
            if was is not None and is_worse(figure, was):
                worse.append(f"{name}: {figure.name} was {was:.3g} and is {figure.value:.3g} {figure.unit}")
        if piece.more and (BENCH / "results" / piece.more).exists():
            sections += ["", f"More of it, in its long form: [results/{piece.more}](results/{piece.more})."]
        sections += ["", f"![{piece.words}](results/{picture(name).name})", ""]
    goals = [Figure(**each) for found in kept.values() for each in found["figures"] if each["goal"] is not None]
    head = [
        "# All benches",
        "",
        f"`python bench/all.py` (`make bench`); this time {', '.join(ran)} in {took_s / 60:.1f} minutes. Short forms: "
        "few rounds, so small differences mean nothing. Relations (×) come from one interleaved run each.",
        "",
        f"**Goals: {sum(figure.met is True for figure in goals)} of {len(goals)} met.** What fell short:",
        "",
        *(f"- {line}" for line in missed or ["nothing"]),
        "",
        f"Worse than the last committed table by more than {100 * WORSE - 100:.0f} %:",
        "",
        *(f"- {line}" for line in worse or (["nothing"] if before else ["there is no committed table yet"])),
        "",
        "Endurance is measured apart: [an hour of calls](results/soak.md) (`make soak`), [ten minutes in which "
        "everything is killed](results/chaos.md) (`make chaos`).",
        "",
        "![How cost grows with n](results/all_grows.png)",
        "",
    ]
    return "\n".join(head + sections)


def row(figure: Figure, was: float | None) -> str:
    """One figure in the table."""
    said = {None: "", True: "met", False: "**missed**"}[figure.met]
    if was is not None and is_worse(figure, was):
        said = f"{said}, **worse**".removeprefix(", ")
    last = "" if was is None else f"{was:.3g} {figure.unit}"
    return f"| {figure.name} | {gathering.goal(figure)} | {gathering.show(figure)} | {last} | {said} |"


def is_worse(figure: Figure, was: float) -> bool:
    """Whether a figure has become worse by more than what varies anyway."""
    now, then = (figure.value, was) if figure.at_most else (was, figure.value)
    return now > WORSE * then > 0


if __name__ == "__main__":
    main()
