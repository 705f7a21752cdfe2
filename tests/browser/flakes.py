"""Run the browser tests of `make test` again and again and say how often each one failed.

    python tests/browser/flakes.py [--runs 20] [--each-lab 5] [--output bench/results/flakes.md] [test files]

A JupyterLab serves as many runs as `--each-lab` says before another one is started. The table is written anew with each
lab that has ended, with the first line of every failure.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = ["tests/browser/test_lab.py"]


class Tally:
    """How often each test ran, failed, and why."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.ran: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.whys: list[str] = []
        self.runs = 0
        self.seconds: list[float] = []
        self.loads: list[float] = []

    def take(self, report: Path, seconds: float, *, runs: int) -> None:
        """The runs of one more lab."""
        self.runs += runs
        self.seconds.append(seconds / runs)
        self.loads.append(os.getloadavg()[0])
        for case in ElementTree.parse(report).iter("testcase"):
            name = str(case.get("name"))
            if case.find("skipped") is not None:
                continue
            self.ran[name] += 1
            for fault in (*case.iterfind("failure"), *case.iterfind("error")):
                self.failed[name] += 1
                why = str(fault.get("message")).partition("\n")[0]
                self.whys.append(f"- by run {self.runs}, `{name}`: `{why[:160]}`")

    def page(self) -> str:
        """The report."""
        return "\n".join(
            [
                "# How often the browser tests fail",
                "",
                f"`{self.command}` on {os.cpu_count()} cores; a run took {min(self.seconds):.0f} to "
                f"{max(self.seconds):.0f} s, at a load of {min(self.loads):.1f} to {max(self.loads):.1f}.",
                "",
                f"| test | failed, of {self.runs} runs |",
                "|---|---|",
                *[f"| `{name}` | {self.failed[name]} of {count} |" for name, count in self.ran.items()],
                "",
                f"{self.failed.total()} of {self.ran.total()} tests failed.",
                *(["", *self.whys] if self.whys else []),
                "",
            ]
        )


def main() -> None:
    """Run, count and write."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--runs", type=int, default=20)
    asked.add_argument("--each-lab", type=int, default=5)
    asked.add_argument("--output", type=Path, default=ROOT / "bench" / "results" / "flakes.md")
    given, rest = asked.parse_known_args()
    each = min(given.each_lab, given.runs)
    tally = Tally(" ".join(["python tests/browser/flakes.py", f"--runs {given.runs} --each-lab {each}", *rest]))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        while tally.runs < given.runs:
            began_s = time.monotonic()
            subprocess.run(
                [
                    sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "browser and not slow",
                    f"--junitxml={report}", "--keep-duplicates", *(rest or PLACES) * each,
                ],
                check=False, stdout=subprocess.DEVNULL, cwd=ROOT,
            )  # fmt: skip
            tally.take(report, time.monotonic() - began_s, runs=each)
            given.output.write_text(tally.page(), encoding="utf-8")
            said = f"{tally.failed.total()} of {tally.ran.total()} failed"
            print(f"{tally.runs} runs, {tally.seconds[-1]:.0f} s each: {said}")
            sys.stdout.flush()
    print(tally.page())
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
