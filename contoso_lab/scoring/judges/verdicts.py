"""Verdicts on disk: one line each, added at once and never changed, so that a run that was stopped goes on.

One file may hold verdicts of several signatures; who reads them names one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from contoso_lab.errors import ScoringError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of one item."""

    item: str
    recording: str
    scenario: str
    rubric: str
    signature: str
    status: Literal["ok", "error"]
    value: float | str | None
    """A grade, or for pairs `a`, `b` or `tie`; None for an error."""
    reason: str
    repeat: int = 0
    """Which look at the same item, from 0."""
    policy_version: str = ""
    model: str = ""
    """As the target named it; another one under the same signature is drift."""
    cached: bool = False
    duration_ms: float | None = None
    """How long the judge took; None for an answer from the cache."""
    orders: tuple[str, ...] = ()
    """For pairs: what was said in either order, first a before b."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What a later verdict takes the place of: an error that was asked again."""
        return self.signature, self.item, self.repeat


class Verdicts:
    """The verdicts in a file (JSON Lines), or only in memory when there is no path.

    Raises:
        ScoringError: the file cannot be read. A line that was cut off while it was written is left out.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._found: dict[tuple[str, str, int], Verdict] = {}
        if self.path is not None and self.path.exists():
            for verdict in _read(self.path):
                self._found[verdict.key] = verdict

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict; it is on the disk when this returns."""
        self._found[verdict.key] = verdict
        if self.path is None:
            return
        line = json.dumps(asdict(verdict), ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise ScoringError(
                f"{self.path}: the verdict cannot be kept ({error.strerror}); free some space"
            ) from error

    def has(self, signature: str, item: str, repeat: int = 0) -> bool:
        """Whether there is a verdict that is no error."""
        found = self._found.get((signature, item, repeat))
        return found is not None and found.status == "ok"

    def of(self, signature: str) -> list[Verdict]:
        """All verdicts of one signature, in order."""
        return [verdict for verdict in self if verdict.signature == signature]

    def signatures(self, rubric: str) -> list[str]:
        """The signatures that there are verdicts of for a rubric, oldest first."""
        return list(dict.fromkeys(v.signature for v in self if v.rubric == rubric))

    def only(self, rubric: str) -> str:
        """The one signature of a rubric.

        Raises:
            ScoringError: there are no verdicts, or those of several signatures, which nobody may mix unseen.
        """
        found = self.signatures(rubric)
        if len(found) != 1:
            what = f"verdicts of {len(found)} signatures ({', '.join(found)})" if found else "no verdicts"
            raise ScoringError(f"there are {what} for '{rubric}': name the signature that is meant")
        return found[0]

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        errors = sum(verdict.status == "error" for verdict in self)
        return f"<Verdicts: {len(self)}, {errors} errors, signatures {len({v.signature for v in self})}>"


def _read(path: Path) -> Iterable[Verdict]:
    known = {each.name for each in fields(Verdict)}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ScoringError(f"{path}: the verdicts cannot be read ({error}); correct or remove the file") from error
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            value: dict[str, Any] = json.loads(line)
            made = {name: value[name] for name in value if name in known}
            yield Verdict(**made | {"orders": tuple(made.get("orders") or ())})
        except (ValueError, TypeError, AttributeError) as error:
            if number == len(lines):
                return  # cut off while it was written; it is asked again
            raise ScoringError(f"{path}, line {number}: this is no verdict ({error}); remove the line") from error
