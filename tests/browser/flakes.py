"""Run the browser tests again and again and say how often each one failed.

python tests/browser/flakes.py [--runs 20] [pytest arguments]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--runs", type=int, default=20)
    given, rest = asked.parse_known_args()
    failed: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        for number in range(1, given.runs + 1):
            began = time.monotonic()
            subprocess.run(
                [
                    sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "browser", str(HERE),
                    f"--junitxml={report}", *rest,
                ],
                check=False, stdout=subprocess.DEVNULL, cwd=HERE.parent.parent,
            )  # fmt: skip
            seconds.append(time.monotonic() - began)
            for case in ElementTree.parse(report).iter("testcase"):
                name = str(case.get("name"))
                if case.find("skipped") is None:
                    ran[name] += 1
                    failed[name] += case.find("failure") is not None or case.find("error") is not None
            print(f"run {number}: {seconds[-1]:.0f} s, {sum(failed.values())} of {sum(ran.values())} failed so far")
            sys.stdout.flush()
    print(f"\n| test | failed of {given.runs} runs |\n|---|---|")
    for name in ran:
        print(f"| {name} | {failed[name]} of {ran[name]} |")
    print(f"\n{sum(failed.values())} of {sum(ran.values())} tests failed.")
    print(f"A run takes {min(seconds):.0f} to {max(seconds):.0f} s.")
    sys.exit(1 if failed.total() else 0)


if __name__ == "__main__":
    main()
