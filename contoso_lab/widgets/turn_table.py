"""The turns of a call as a table in which each can be heard: what reached the other side, and what it waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recording
from contoso_lab.report.lanes import clock
from contoso_lab.report.view import Call, Line, look
from contoso_lab.report.waits import Wait
from contoso_lab.scoring.tables import html_table, text_table
from contoso_lab.widgets.call_sound import CallSound
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Shown, Sound

if TYPE_CHECKING:
    import pandas as pd

SPEAKERS = {"user": "Customer", "assistant": "Assistant", "system": "Note"}
HEAD = ("time", "who", "heard", "never heard", "wait", "state")
_STATIC_ROWS = 60
"""So many turns stand in a saved notebook; all of them are in `recording.turns`."""
_AFTER_MS = 300.0
_LEAST_MS = 600.0


class TurnTable(Shown):
    """The turns of a recording: words heard and unheard, waits, and the sound of each.

    `chosen` are the places of the rows that are selected, `selected` those rows of `recording.turns`.

    Args:
        recording: whose turns; None waits for `table.load(recording)`.

    Raises:
        RecordingError: the recording cannot be read.
    """

    _esm = assemble("turn_table.js")
    _css = style("results.css", "turn_table.css")

    rows: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    chosen = traitlets.List(traitlets.Int(), help="Places of the selected rows, from 0.").tag(sync=True)
    query = traitlets.Unicode("", help="Only turns with these words are shown.").tag(sync=True)
    show = traitlets.Enum(
        ("all", "customer", "assistant", "cut", "slow", "tools"), "all", help="Which turns are shown."
    ).tag(sync=True)
    slow_ms = traitlets.Float(1000.0, help="A longer wait is a slow one.").tag(sync=True)
    has_sound = traitlets.Bool(False, read_only=True).tag(sync=True)

    def __init__(self, recording: Recording | None = None) -> None:
        super().__init__(label="turns of a call")
        self._recording: Recording | None = None
        if recording is not None:
            self.load(recording)

    def load(self, recording: Recording) -> None:
        """Show another recording."""
        call = look(recording)
        self._recording, self._sound = recording, CallSound(recording)
        with self.hold_sync():
            self.chosen = []
            self.label = f"turns of {call.name}"
            self.set_trait("has_sound", call.customer is not None)
            self.set_trait("rows", rows_of(call, [turn.item_id for turn in recording.conversation.turns]))

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows of `recording.turns`; none of them when nothing is selected."""
        if self._recording is None:
            raise RecordingError("the table shows no recording yet; give it one with table.load(recording)")
        return self._recording.turns.iloc[[at for at in self.chosen if at < len(self.rows)]]

    def on_select(self, call: Callable[[pd.DataFrame], object]) -> None:
        """Call this with `selected` whenever the selection changes."""
        self.observe(lambda _: call(self.selected), "chosen")

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """Any stretch of the call."""
        if self._recording is None:
            return super().sound(key, from_ms, to_ms)
        return self._sound.cut(from_ms, to_ms)

    def __repr__(self) -> str:
        if self._recording is None:
            return "<TurnTable: no recording yet>"
        picked = f", {len(self.chosen)} selected" if self.chosen else ""
        return "\n".join(
            [f"<TurnTable of {self._recording.id}: {len(self.rows)} turns{picked}>", *text_table(HEAD, self._cells)]
        )

    @property
    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (clock(row["start_ms"]), row["who"], row["heard"], row["unheard"], row["wait"], row["state"])
            for row in self.rows[:_STATIC_ROWS]
        ]

    def _html(self) -> str:
        if not self.rows:
            return "<i>Nothing was said yet.</i>"
        more = len(self.rows) - _STATIC_ROWS
        table = html_table(HEAD, self._cells, titles=[row["sentence"] for row in self.rows[:_STATIC_ROWS]])
        # The words may break their lines; a table of ours keeps all cells but the last on one.
        table = table.replace("white-space:nowrap", "vertical-align:top")
        return table + (f"<small>and {more} more</small>" if more > 0 else "")


def rows_of(call: Call, item_ids: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each turn, as plain values."""
    waits = {item_id: wait for wait in call.waits for item_id in wait.item_ids[-1:]}
    ends = [*(line.start_ms for line in call.lines), call.duration_ms][1:]
    return [_row(line, waits.get(item_id), end) for line, item_id, end in zip(call.lines, item_ids, ends, strict=True)]


def _row(line: Line, wait: Wait | None, next_ms: float) -> dict[str, Any]:
    stop_ms = line.stop_ms if line.stop_ms is not None else next_ms
    return {
        "role": line.role,
        "who": SPEAKERS[line.role],
        "start_ms": round(line.start_ms, 1),
        "from_ms": round(line.listen_ms, 1),
        "to_ms": round(max(stop_ms + _AFTER_MS, line.listen_ms + _LEAST_MS), 1),
        "heard": line.heard,
        "unheard": line.unheard,
        "state": line.state,
        "tools": list(line.tools),
        "wait": "" if wait is None else wait.shown_total,
        "wait_ms": None if wait is None else wait.total_ms,
        "unanswered": wait is not None and wait.status == "unanswered",
        "sentence": "" if wait is None else wait.sentence,
    }


def row_words(row: Mapping[str, Any]) -> str:
    """All that was said in a row, heard or not."""
    return " ".join(filter(None, (row["heard"], row["unheard"])))
