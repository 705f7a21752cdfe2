"""How often the truth checker finds what a person labelled, and how often what it finds is so.

    python data/claims/measure.py            # the table that stands in docs/truth.md
    python data/claims/measure.py --misses   # and every text where they differ, and the time
    python data/claims/measure.py --write    # put the table into docs/truth.md

A finding and a label agree when they have the same kind and the same verdict, when their words overlap, and when the
product is the same, where the label names one. Precision: the share of the findings that are labelled. Recall: the
share of the labels that are found. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contoso_lab.scoring.stats import wilson
from contoso_lab.settings import HOME
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.shop.truth import KINDS, Finding, check

CLAIMS = Path(__file__).with_name("claims.jsonl")
EARLIER = Path(__file__).with_name("earlier.jsonl")
"""Three second halves that were unseen once, before a change of the checker."""
HALVES = ("before", "after")
DOCS = HOME / "docs" / "truth.md"
BEGIN, END = "<!-- measured -->", "<!-- measured until here -->"
FROZEN = "c79245a2c07ed167"
"""The hash of the checker's sources when the second half was written."""


@dataclass
class Tally:
    """What agreed and what did not, by kind."""

    both: Counter[str] = field(default_factory=Counter)
    only_found: Counter[str] = field(default_factory=Counter)
    only_labelled: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def precision(self, *kinds: str) -> tuple[int, int]:
        """Agreed findings, and all findings."""
        return self._share(self.only_found, kinds or KINDS)

    def recall(self, *kinds: str) -> tuple[int, int]:
        """Agreed labels, and all labels."""
        return self._share(self.only_labelled, kinds or KINDS)

    def _share(self, lone: Counter[str], kinds: Sequence[str]) -> tuple[int, int]:
        good = sum(self.both[one] for one in kinds)
        return good, good + sum(lone[one] for one in kinds)


def claims(written: str | None = None, file: Path = CLAIMS) -> Iterator[dict[str, Any]]:
    """The labelled texts, of one half or of both."""
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if written in (None, row["written"]):
            yield row


def measure(rows: Iterable[dict[str, Any]]) -> Tally:
    """Check every text and compare."""
    tally, catalog = Tally(), Catalog.load()
    for row in rows:
        customer = get_customer(row["customer"]) if "customer" in row else None
        found = check(row["text"], catalog, customer, medium=row["medium"], language=row["language"])
        _compare(row, found, tally)
    return tally


def _compare(row: dict[str, Any], found: list[Finding], tally: Tally) -> None:
    left = list(found)
    for label in row["labels"]:
        hit = next((finding for finding in left if _agree(label, finding)), None)
        if hit is None:
            tally.only_labelled[label["kind"]] += 1
            tally.misses.append(
                f"{row['id']} missed {label['kind']} {label['verdict']} {label['words']!r}: {row['text']}"
            )
        else:
            left.remove(hit)
            tally.both[label["kind"]] += 1
    for finding in left:
        tally.only_found[finding.kind] += 1
        says = f"{finding.kind} {finding.verdict} {finding.words!r} {finding.sku or ''}"
        tally.misses.append(f"{row['id']} found  {says}: {row['text']}")


def _agree(label: dict[str, Any], finding: Finding) -> bool:
    overlap = finding.start < label["start"] + len(label["words"]) and label["start"] < finding.end
    same = (finding.kind, finding.verdict) == (label["kind"], label["verdict"])
    return same and overlap and label.get("sku") in (None, finding.sku)


def table() -> str:
    """Precision and recall by kind, on both halves, as Markdown."""
    tallies = {half: measure(claims(half)) for half in HALVES}
    lines = [
        "| kind | precision, before | recall, before | precision, after | recall, after |",
        "|---|---|---|---|---|",
    ]
    judged = tuple(kind for kind in KINDS if kind != "product")
    lines_of = [*((f"`{kind}`", (kind,)) for kind in KINDS), ("**all**", KINDS), ("**all but `product`**", judged)]
    for name, kinds in lines_of:
        shares = [share(*kinds) for half in HALVES for share in (tallies[half].precision, tallies[half].recall)]
        if any(of for _, of in shares):
            lines.append(f"| {name} | {' | '.join(_shown(*share) for share in shares)} |")
    for half in HALVES:
        rows = list(claims(half))
        silent = sum(all(label["kind"] == "product" for label in row["labels"]) for row in rows)
        labels = sum(len(row["labels"]) for row in rows)
        lines.append("")
        lines.append(f"Written {half} the freeze: {len(rows)} texts, {labels} labels; {silent} texts claim nothing.")
    lines.append("")
    lines.append(
        "The checker has not been changed since the second half was written."
        if is_frozen()
        else "The checker was changed after the second half was written: that half is no longer unseen."
    )
    return "\n".join(lines)


def is_frozen() -> bool:
    """Whether the checker is still the one for which the second half was written."""
    return sources() == FROZEN


def sources() -> str:
    """The hash of all that decides what is found, without blanks, so that a new line width changes nothing."""
    shop = HOME / "contoso_lab" / "shop"
    files = [shop / "mentions.py", shop / "money.py", *sorted((shop / "truth").glob("*.py"))]
    words = ["".join(file.read_text(encoding="utf-8").split()) for file in files]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _shown(good: int, of: int) -> str:
    if of == 0:
        return "–"
    interval = wilson(good, of).interval
    low, high = interval if interval is not None else (0.0, 1.0)
    return f"{100 * good / of:.0f} % ({good}/{of}; {100 * low:.0f}–{100 * high:.0f})"


def milliseconds(repeats: int = 5) -> float:
    """The mean time of a text, after everything is compiled."""
    rows = list(claims())
    measure(rows)
    begun = time.perf_counter()
    for _ in range(repeats):
        measure(rows)
    return 1000 * (time.perf_counter() - begun) / (repeats * len(rows))


def written_table() -> str:
    """The table as docs/truth.md has it."""
    return DOCS.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def write_table() -> None:
    """Put the table into docs/truth.md."""
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
    if "--write" in sys.argv:
        write_table()
    if "--misses" in sys.argv:
        for half in HALVES:
            sys.stdout.write("\n".join(["", half, *measure(claims(half)).misses, ""]))
        sys.stdout.write(f"\n{milliseconds():.2f} ms a text\n")
