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

from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.derived import COLUMNS, schema, turn_rows
from contoso_lab.recording.index import ROW, has_parquet

_NAMES = list(COLUMNS)


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
        paths = progress(list(self.path))
        frame = _gathered(paths, unread) if has_parquet() else pd.DataFrame(_worked_out(paths, unread), columns=_NAMES)
        frame.attrs["unread"] = unread
        return frame


def _gathered(paths: Iterable[str], unread: list[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    from contoso_lab.recording.gathered import gather

    by_root = groupby(map(Path, paths), key=lambda path: path.parent)
    tables = [gather(root, (path.name for path in below), unread).select(_NAMES) for root, below in by_root]
    whole = pa.concat_tables([schema().empty_table().select(_NAMES), *tables])
    rows = whole.filter(pc.is_valid(whole["turn"])).sort_by([("recording", "descending"), ("turn", "ascending")])
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def _worked_out(paths: Iterable[str], unread: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in paths:
        try:
            rows += turn_rows(Recording.open(path))
        except RecordingError as error:
            unread.append(str(error))
    return rows
