"""One figure of a bench, and the form in which `bench/all.py` gathers them.

A bench that is started with the variable `BENCH_FIGURES` writes its figures to the file that it names.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FIGURES = "BENCH_FIGURES"


@dataclass(frozen=True)
class Figure:
    """A number that was measured.

    >>> Figure("import", 140.0, "ms", 150.0).met
    True
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = True
    """Whether less is better."""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; `None` without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def write_figures(
    piece: str, figures: Sequence[Figure], growth: Mapping[str, Sequence[tuple[float, float]]] | None = None
) -> None:
    """Hand the figures to whoever asked for them; `growth` is curves of (n, cost)."""
    if place := os.environ.get(FIGURES):
        found = {"piece": piece, "figures": [asdict(figure) for figure in figures], "growth": dict(growth or {})}
        Path(place).write_text(json.dumps(found), encoding="utf-8")


def machine(*packages: str) -> dict[str, str]:
    """What the numbers are measured on, and with."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": names[0] if names else platform.machine(),
        "processors": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": platform.system(),
        "python": platform.python_version(),
        "load": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "versions": ", ".join(versions),
    }


def machine_line(facts: Mapping[str, str]) -> str:
    """The same as a sentence."""
    return (
        f"{facts['date']}: {facts['processor']}, {facts['processors']} processors, {facts['system']}, Python "
        f"{facts['python']}, {facts['versions']}; the machine's load before it began: {facts['load']}."
    )
