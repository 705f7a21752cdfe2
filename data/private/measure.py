"""How much of what is private does the redaction find? Sentences labelled by hand, in three sets.

    python data/private/measure.py            # all of them
    python data/private/measure.py --wrong    # and every sentence that went wrong

| set | what the rules know of it |
|---|---|
| seen | written together with them |
| unseen | written after their first version; its misses led to the second |
| fresh | written after the second version, and looked at once |

A stretch is found when at least 80 % of its letters and digits are covered, of whatever kind. What is covered and was
not labelled is a false alarm, unless it only widens a labelled stretch.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from contoso_lab.recording.redact_rules import Known, find_private

HERE = Path(__file__).parent
SETS = ("seen", "unseen", "fresh")
KEEP = {"trailmaster", "trailmaster x4", "x4", "campcozy", "campcozy 3", "alpine", "alpine explorer", "summitclimber"}
_MARK = re.compile(r"\{(\w+)\|([^}]*)\}")
_ENOUGH = 0.8


class Sentence(NamedTuple):
    """What was said, what was asked before, and where it is private."""

    asked: str
    text: str
    private: tuple[tuple[int, int, str], ...]


class Outcome(NamedTuple):
    """How one sentence went: labelled stretches found and missed, and stretches found that are none."""

    found: int
    missed: tuple[str, ...]
    alarms: tuple[str, ...]


def sentences(half: str) -> Iterator[Sentence]:
    """The sentences of a set."""
    for line in (HERE / f"{half}.txt").read_text(encoding="utf-8").splitlines():
        asked, _, said = line.rpartition(" || ")
        text, private, at = "", [], 0
        for mark in _MARK.finditer(said):
            text += said[at : mark.start()]
            private.append((len(text), len(text) + len(mark[2]), mark[1]))
            text, at = text + mark[2], mark.end()
        yield Sentence(asked.removeprefix("asked: "), text + said[at:], tuple(private))


def judge(sentence: Sentence) -> Outcome:
    """Hold the rules against one sentence."""
    hits = find_private(sentence.text, Known(keep=set(KEEP)), asked=sentence.asked)
    covered = {place for hit in hits for place in range(hit.start, hit.end)}
    missed = []
    for start, end, kind in sentence.private:
        letters = [place for place in range(start, end) if sentence.text[place].isalnum()]
        if sum(place in covered for place in letters) < _ENOUGH * len(letters):
            missed.append(f"{kind}: {sentence.text[start:end]}")
    alarms = [
        f"{hit.kind}: {sentence.text[hit.start : hit.end]}"
        for hit in hits
        if not any(hit.start < end and start < hit.end for start, end, _ in sentence.private)
    ]
    return Outcome(len(sentence.private) - len(missed), tuple(missed), tuple(alarms))


def score(half: str) -> tuple[int, int, int]:
    """Stretches found, missed, and false alarms in one set."""
    outcomes = [judge(sentence) for sentence in sentences(half)]
    return (
        sum(outcome.found for outcome in outcomes),
        sum(len(outcome.missed) for outcome in outcomes),
        sum(len(outcome.alarms) for outcome in outcomes),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wrong", action="store_true", help="show what went wrong")
    parser.add_argument("--set", dest="half", choices=SETS, action="append", help="only this set")
    asked = parser.parse_args()
    print(f"{'set':<8} {'sentences':>9} {'private':>8} {'recall':>7} {'precision':>9}")
    for half in asked.half or SETS:
        found, missed, alarms = score(half)
        recall, precision = found / (found + missed), found / (found + alarms)
        count = sum(1 for _ in sentences(half))
        print(f"{half:<8} {count:>9} {found + missed:>8} {recall:>7.3f} {precision:>9.3f}")
        for sentence in sentences(half) if asked.wrong else ():
            outcome = judge(sentence)
            if outcome.missed or outcome.alarms:
                print(f"  {sentence.text}\n    missed {outcome.missed}  alarms {outcome.alarms}")


if __name__ == "__main__":
    main()
