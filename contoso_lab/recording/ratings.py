"""What raters said, one line a rating: added at once, never changed, in the order in which it was said.

A rating names its rater, the rules (`policy_version`), when it was given, and the place of the item in the order that
the rater saw, because a judge is licensed on them. Who changes their mind adds a line; the newest counts.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     place = Path(folder) / "kim.jsonl"
...     first = Rating(item="call-1/page-1/TEN-02", question="grade", rating=1, rater="kim", policy_version="1")
...     first = add_rating(place, first)
...     newest = add_rating(place, replace(first, rating=3))
...     [one.rating for one in standing(read_ratings(place).ratings)]
[3]
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contoso_lab.errors import RecordingError
from contoso_lab.home import may_be_written
from contoso_lab.recording.log import read_lines
from contoso_lab.recording.manifest import safe_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Rating",
    "RatingsRead",
    "add_rating",
    "ratings_frame",
    "ratings_place",
    "read_ratings",
    "replace",
    "standing",
]


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer of one rater about one item."""

    item: str
    """What was rated; `recording/what`, such as `20261122-153012-a1b2/page-1/TEN-02`."""
    question: str
    """What was asked: `grade` for products, else the name of a rubric."""
    rating: int | None
    """None: the rater took it back."""
    rater: str
    policy_version: str
    """Which rules the rater followed; ratings under different rules must not be mixed."""
    at: str = ""
    """When, ISO 8601 in UTC."""
    place: int = 0
    """Where the item stood in the order that this rater saw, from 1; 0 where there was none."""
    seed: int = 0
    """What that order was drawn from."""
    recording: str = ""
    sku: str = ""
    """Of a product's grade."""
    heard_ms: float = 0.0
    """How much of the sound was played before the answer."""
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a later rating takes the place of."""
        return self.rater, self.item, self.question, self.policy_version


class RatingsRead(NamedTuple):
    """What a file of ratings holds."""

    ratings: list[Rating]
    problems: list[str]
    """A sentence for each line that could not be read."""


def ratings_place(folder: str | PathLike[str], rater: str) -> Path:
    """The file of one rater in a folder, or in a recording's `labels/`; raises RecordingError for an unsafe name."""
    return Path(folder) / f"{safe_name(rater, 'rater')}.jsonl"


def add_rating(place: Path, rating: Rating) -> Rating:
    """Add a line that is on the disk when this returns, and give it with its time; what stood before is never touched.

    Raises:
        RecordingError: the file cannot be written.
    """
    given = rating if rating.at else replace(rating, at=datetime.now(UTC).isoformat(timespec="milliseconds"))
    line = json.dumps(asdict(given), ensure_ascii=False).encode() + b"\n"
    try:
        may_be_written(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        # One write of one line: two programs that add at the same time do not tear each other's.
        file = os.open(place, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o644)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                line = b"\n" + line  # somebody was cut off while writing: their line is lost, ours is not
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise RecordingError(f"{place}: the rating cannot be kept ({error.strerror}); choose another folder") from error
    return given


def read_ratings(*places: Path) -> RatingsRead:
    """All ratings of some files, in the order in which they were given; a missing file holds none.

    Raises:
        RecordingError: a file cannot be read at all.
    """
    known = {each.name for each in fields(Rating)}
    found: list[Rating] = []
    problems: list[str] = []
    for place in places:
        lines, faults = read_lines(place)
        problems += faults
        for line in lines:
            try:
                found.append(Rating(**{name: value for name, value in line.items() if name in known}))
            except TypeError as error:
                problems.append(f"{place.name}: a line is no rating ({error}); it was left out")
    return RatingsRead(sorted(found, key=lambda one: one.at), problems)


def standing(ratings: Iterable[Rating]) -> list[Rating]:
    """The newest of each rater, item, question and policy, without those that were taken back."""
    newest: dict[tuple[str, str, str, str], Rating] = {}
    for one in ratings:
        newest.pop(one.key, None)
        newest[one.key] = one
    return [one for one in newest.values() if one.rating is not None]


def ratings_frame(ratings: Iterable[Rating]) -> pd.DataFrame:
    """Ratings as a data frame, one row each, with the columns of `Rating`."""
    import pandas as pd

    return pd.DataFrame([asdict(one) for one in ratings], columns=[each.name for each in fields(Rating)])
