"""For `bench/all.py`: figures out of what benches print, and the pictures of all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import Figure

_NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*")
_MORE_IS_BETTER = re.compile(r"a second|a minute|real time|as quick|turns/s|sessions", re.IGNORECASE)
_NO_MEASURE = re.compile(r"^(calls|frames|turns|rows|seconds spoken|spoken.*|processes)$", re.IGNORECASE)


def overhead(text: str) -> list[Figure]:
    """The table of `recording.py`: the ratio of each load.

    >>> overhead("1.3 KB, as it goes                20.00         20.60   1.030       1.020 to 1.040      5.00")
    [Figure(name='1.3 KB, as it goes: with recording, of without', value=1.03, unit='×', goal=1.05, at_most=True)]
    """
    found = []
    for line in text.splitlines():
        cells = re.match(r"(\d.{26,27}?) +[\d.]+ +[\d.]+ +([\d.]+) ", line)
        if cells:
            name = f"{cells[1].strip()}: with recording, of without"
            found.append(Figure(name, float(cells[2]), "×", 1.05))
    return found


def seconds(text: str) -> list[Figure]:
    """Lines that tell what took how long.

    >>> seconds("listed                        0.123 s   500 rows")
    [Figure(name='listed, 500 rows', value=0.123, unit='s', goal=None, at_most=True)]
    """
    found = []
    for line in text.splitlines():
        if cells := re.match(r"(\S.*?)\s{2,}([\d.]+) s\s+(\d+ rows)", line):
            found.append(Figure(f"{cells[1]}, {cells[3]}", float(cells[2]), "s"))
    return found


def tables(text: str) -> list[Figure]:
    r"""Every number of Markdown tables that measures something; a column `goal` belongs to `measured`.

    >>> tables("| what | goal | measured |\n|---|---|--:|\n| a cassette | under 1 s | 0.50 s |")
    [Figure(name='a cassette', value=0.5, unit='s', goal=1.0, at_most=True)]
    >>> tables("| how | calls a second |\n|---|---|\n| as recorded | 4.0 |")
    [Figure(name='as recorded: calls a second', value=4.0, unit='', goal=None, at_most=False)]
    """
    found: list[Figure] = []
    header: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip(" *") for cell in line.strip().strip("|").split("|")]
        if not header:
            header = cells
        elif not set(line) <= set("|-: "):
            found += _of_row(header, cells)
    return found


def _of_row(header: list[str], cells: list[str]) -> list[Figure]:
    asked = next((cell for name, cell in zip(header, cells, strict=False) if name in ("goal", "wanted")), "")
    wanted = _number(asked)
    found = []
    for name, cell in list(zip(header, cells, strict=False))[1:]:
        value = _number(cell)
        if value is None or name in ("goal", "wanted") or _NO_MEASURE.match(name):
            continue
        whole = cells[0] if name == "measured" else f"{cells[0]}: {name}"
        unit = cell[_NUMBER.search(cell).end() :].split(",")[0].strip().partition(" ")[0]  # type: ignore[union-attr]
        more = bool(_MORE_IS_BETTER.search(f"{name} {asked} {cells[0] if name == 'measured' else ''}"))
        found.append(Figure(whole, value, unit, wanted if name == "measured" else None, at_most=not more))
    return found


def _number(cell: str) -> float | None:
    number = _NUMBER.search(cell)
    return float(number[0].replace(",", "")) if number else None


def show(figure: Figure) -> str:
    """A figure with its unit."""
    return (
        f"{figure.value:.3g} {figure.unit}".strip() if abs(figure.value) < 1000 else f"{figure.value:.0f} {figure.unit}"
    )


def goal(figure: Figure) -> str:
    """What was wanted, or nothing."""
    return "" if figure.goal is None else f"{'≤' if figure.at_most else '≥'} {figure.goal:g} {figure.unit}".strip()


def draw(title: str, figures: list[Figure], place: Path) -> None:
    """One piece as bars on a log axis; a mark shows each goal."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = [figure for figure in figures if figure.value > 0]
    picture, axes = plt.subplots(figsize=(10, 1.2 + 0.26 * len(shown)), layout="constrained")
    for at, figure in enumerate(shown):
        color = {None: "C0", True: "C2", False: "C3"}[figure.met]
        axes.plot(figure.value, at, "o", color=color)
        if figure.goal:
            axes.plot(figure.goal, at, "|", color="black", markersize=12)
        axes.annotate(show(figure), (figure.value, at), xytext=(7, -3), textcoords="offset points", fontsize=8)
    axes.set_yticks(range(len(shown)), [figure.name for figure in shown], fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{title}\ngreen: goal (|) met, red: missed, blue: no goal", fontsize=9)
    picture.savefig(place, dpi=90)
    plt.close(picture)


def draw_growth(pieces: dict[str, Any], place: Path) -> None:
    """All curves that any piece has told."""
    told = {name: found["growth"] for name, found in pieces.items()}
    draw_curves({f"{name}: {words}": curve for name, curves in told.items() for words, curve in curves.items()}, place)


def draw_curves(curves: Mapping[str, Sequence[tuple[float, float]]], place: Path, *, cost: str = "ms") -> None:
    """Cost over n, both logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    picture, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), "o-", label=name, markersize=4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("n")
    axes.set_ylabel(cost)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, fontsize=8)
    picture.savefig(place, dpi=90)
    plt.close(picture)
