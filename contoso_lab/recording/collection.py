"""Many recordings as one data frame that can be filtered, and that gives the turns of those that are left.

>>> import tempfile
>>> from contoso_lab.recording import Recorder, list_recordings
>>> with tempfile.TemporaryDirectory() as runs:
...     for customer in ("maya", "daniel"):
...         Recorder.start(Path(runs), customer=customer).close()
...     calls = list_recordings(runs)
...     len(calls), len(calls[calls.customer == "maya"].turns()), calls.open()[0].manifest.status
(2, 0, 'closed')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.derived import COLLECTED, keep_turns, kept_turns, turns_of
from contoso_lab.recording.index import ROW, has_parquet


class Recordings(pd.DataFrame):
    """One row for each recording, newest first, with the columns of `LIST_COLUMNS`; filters give the same kind."""

    @property
    def _constructor(self) -> Callable[..., Recordings]:
        return Recordings

    @classmethod
    def of_rows(cls, rows: list[dict[str, Any]]) -> Recordings:
        """Make the frame of what the index says."""
        return cls(pd.DataFrame(rows, columns=list(ROW)))

    def open(self) -> list[Recording]:
        """Open the recordings of these rows. Raises RecordingError at the first that cannot be opened."""
        return [Recording.open(path) for path in self.path]

    def turns(self, *, progress: Callable[[Iterable[str]], Iterable[str]] = iter) -> pd.DataFrame:
        """All turns of these recordings as one frame: the columns of `Recording.turns`, and which call and number.

        What was worked out before is taken from the recordings, the rest is worked out and kept there. It can be
        interrupted, and goes on where it was. A recording that cannot be read has no turns here; `attrs["unread"]`
        of the frame has a sentence for each.

        Args:
            progress: is given the paths and gives them back one by one, as `tqdm` does.
        """
        unread: list[str] = []
        if has_parquet():
            frame = _joined(_tables(progress(list(self.path)), unread))
        else:
            frames = [turns for path in progress(list(self.path)) if (turns := _worked_out(path, unread)) is not None]
            frame = pd.concat([*frames, pd.DataFrame(columns=list(COLLECTED))], ignore_index=True)
        frame.attrs["unread"] = unread
        return frame


def _tables(paths: Iterable[str], unread: list[str]) -> Iterator[Any]:
    for path in paths:
        table = kept_turns(Path(path))
        if table is None:
            turns = _worked_out(path, unread)
            if turns is None:
                continue
            keep_turns(Path(path), turns)
            table = _as_table(turns)
        yield table.select(list(COLLECTED))


def _as_table(turns: pd.DataFrame) -> Any:
    import pyarrow as pa

    from contoso_lab.recording.derived import schema

    wanted = pa.schema([schema().field(name) for name in COLLECTED])
    return pa.Table.from_pandas(turns, schema=wanted, preserve_index=False)


def _joined(tables: Iterator[Any]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    from contoso_lab.recording.derived import schema

    empty = schema().empty_table().select(list(COLLECTED))
    whole = pa.concat_tables([empty, *tables])
    frame: pd.DataFrame = whole.filter(pc.is_valid(whole["turn"])).to_pandas()
    return frame


def _worked_out(path: str, unread: list[str]) -> pd.DataFrame | None:
    try:
        return turns_of(Recording.open(path))
    except RecordingError as error:
        unread.append(str(error))
        return None
