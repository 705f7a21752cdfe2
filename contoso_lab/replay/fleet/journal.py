"""What a run has done, line by line: the only thing that decides what is still to do.

| file | written by | read by |
|---|---|---|
| `plan.json` | the first start, whole | every later start: another plan in the same folder is refused |
| `journal.jsonl` | one process, a line and an fsync per unit | every start; a last line that was cut is nothing |
| `results.jsonl` | the end of the run, whole | people |
| `lock` | held while a process runs the fleet | another one is refused |
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from pydantic_core import to_json

from contoso_lab.errors import ReplayError
from contoso_lab.recording.manifest import write_whole
from contoso_lab.replay.fleet.plan import Plan

RESULTS = "results.jsonl"


class Finished(NamedTuple):
    """What became of a unit, written where it was done: the one process that collects has little left to do."""

    usd: float
    """What it cost."""
    text: bytes
    """The whole result, as JSON without an end of line."""

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """The same for what `do` found out, or what the journal says of it."""
        return cls(float(result["usd"]), written(result))


class Journal:
    """The journal of one run, open for writing; a context manager.

    Raises:
        ReplayError: another process runs this fleet, the folder belongs to another plan, or it cannot be written.
    """

    def __init__(self, plan: Plan) -> None:
        self.folder = Path(plan.run)
        self.done: dict[str, Finished] = {}
        """The results of finished units, by their key."""
        self._plan = plan
        self._lock: IO[str] | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w", encoding="utf-8")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._check_plan()
            self._file = self._opened()
        except BlockingIOError as error:
            self._close()
            raise ReplayError(f"another process runs the fleet in {self.folder}: wait for it, or stop it") from error
        except OSError as error:
            self._close()
            raise ReplayError(f"{self.folder} cannot be written ({error.strerror}); choose another folder") from error
        except ReplayError:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for file in (self._file, self._lock):
            if file is not None:
                file.close()

    def write(self, key: str, result: Finished) -> None:
        """Note that a unit is done; it will not be done again, whatever happens after this returns."""
        assert self._file is not None
        self._file.write(b'{"key":%b,"result":%b}\n' % (written(key), result.text))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done[key] = result

    def finish(self) -> Path:
        """Write the results of all units in the order of the plan, and give the file."""
        place = self.folder / RESULTS
        write_whole(place, b"".join(self.done[unit.key].text + b"\n" for unit in self._plan.units))
        return place

    def _check_plan(self) -> None:
        place = self.folder / "plan.json"
        if not place.exists():
            write_whole(place, self._plan.model_dump_json(indent=1).encode())
            return
        found = Plan.model_validate_json(place.read_bytes())
        if found.sha256 != self._plan.sha256:
            raise ReplayError(f"{self.folder} belongs to a run with another plan: choose another folder")

    def _opened(self) -> IO[bytes]:
        place = self.folder / "journal.jsonl"
        data = place.read_bytes() if place.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for raw in whole.splitlines():
            entry = json.loads(raw)
            self.done[entry["key"]] = Finished.of(entry["result"])
        file = place.open("r+b" if place.exists() else "w+b")
        file.truncate(len(whole))  # what was cut is done again, and must not be glued to the next line
        file.seek(len(whole))
        return file


def written(value: Any) -> bytes:
    """A value as JSON on one line, with its keys in their own order: the same for what was made in the same way."""
    return to_json(value)
