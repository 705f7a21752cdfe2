"""Pictures of calls: what each wait was made of, and who sounded when."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from contoso_lab.errors import MissingExtra
from contoso_lab.report.lanes import clock, envelope
from contoso_lab.report.palette import LIGHT, PARTS
from contoso_lab.report.view import Call, look
from contoso_lab.report.waits import Wait, extent_ms, median_ms, milliseconds, waits_of
from contoso_lab.report.webpage import chosen_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from contoso_lab.audio import Clip
    from contoso_lab.recording import Recording

_ROW_IN = 0.4
_STEPS = 1200
_LONGEST = 38
"""Letters of a turn's text that fit beside its bar."""


def waterfall(recordings: Recording | Sequence[Recording], *, names: Sequence[str] | None = None) -> Figure:
    """Draw what the customer waited for, turn by turn: one panel for each call, all on one axis.

    Parts lie end to end from the customer's last sound. A part that runs backwards is hatched, and a turn whose
    parts miss the measured wait has that wait marked by a line of its own: nothing is clamped or left out.

    Args:
        recordings: the calls, or the one call.
        names: what to call each one; its persona by default.

    Raises:
        ScoringError: there is no recording, or there are not as many names.
        AudioError: a recording's sound cannot be read, and without it nothing is known of its waits.
        MissingExtra: matplotlib is not installed.
    """
    need_matplotlib()
    from matplotlib.patches import Patch

    from contoso_lab.recording import Recording
    from contoso_lab.report.figure import drawing

    recordings = [recordings] if isinstance(recordings, Recording) else recordings
    called = chosen_names(recordings, names)
    waits = [waits_of(recording) for recording in recordings]
    rows = [max(len(found), 1) for found in waits]
    low_ms, high_ms = extent_ms(wait for found in waits for wait in found)
    figure = drawing(10, 1.3 + sum(_ROW_IN * count + 0.5 for count in rows))
    grid = figure.subplots(len(recordings), 1, sharex=True, squeeze=False, height_ratios=rows)
    for axes, found, name in zip(grid[:, 0], waits, called, strict=True):
        _panel(axes, found, name)
    # Room at the right end for the totals, which stand behind the bars.
    axes.set_xlim(low_ms, high_ms + 0.09 * (high_ms - low_ms))
    axes.set_xlabel("milliseconds after the customer's last sound", color=LIGHT["quiet"], fontsize=9)
    figure.legend(
        handles=[Patch(color=LIGHT[part.kind], label=part.label) for part in PARTS],
        loc="outside upper left",
        ncols=len(PARTS),
        frameon=False,
        fontsize=9,
        handlelength=1,
        handleheight=1,
        columnspacing=1.6,
    )
    return figure


def timeline(recording: Recording) -> Figure:
    """Draw who sounded when: the customer above, the assistant as it was played below, suggestions and cuts marked.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    need_matplotlib()
    from contoso_lab.report.figure import drawing

    call = look(recording)
    figure = drawing(11, 3.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _lane(upper, call, call.customer, "user", "Customer")
    _lane(lower, call, call.assistant, "assistant", "Assistant")
    lower.set_xlim(0, max(call.duration_ms / 1000, 1.0))
    lower.xaxis.set_major_formatter(lambda seconds, _: clock(1000 * seconds) if seconds >= 0 else "")
    for mark in call.marks:
        colour = LIGHT["mark" if mark.kind == "shown" else "bad"]
        for axes in (upper, lower):
            axes.axvline(mark.at_ms / 1000, color=colour, linewidth=1.4, linestyle=(0, (2, 2)))
    seen = dict.fromkeys(mark.kind for mark in call.marks)
    words = {"shown": "suggestions appeared", "cut": "an answer was cut off"}
    if seen:
        from matplotlib.lines import Line2D

        figure.legend(
            handles=[
                Line2D([], [], color=LIGHT["mark" if k == "shown" else "bad"], linestyle=(0, (2, 2)), label=words[k])
                for k in seen
            ],
            loc="outside upper right",
            ncols=2,
            frameon=False,
            fontsize=9,
        )
    return figure


def need_matplotlib() -> None:
    """Say what to install where there is nothing to draw with."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("drawing a plot", package="matplotlib", extra="eval")


def _panel(axes: Axes, waits: Sequence[Wait], name: str) -> None:
    from contoso_lab.report.figure import plain

    plain(axes)
    axes.grid(axis="x", color=LIGHT["line"], linewidth=0.8)
    axes.axvline(0, color=LIGHT["quiet"], linewidth=0.8)
    middle = median_ms(waits)
    title = name if middle is None else f"{name}  ·  median {milliseconds(middle)}"
    # What people said is drawn as it is: two dollars in it would otherwise begin a formula.
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=LIGHT["ink"], parse_math=False)
    axes.set_yticks(range(len(waits)), [_label(wait) for wait in waits], parse_math=False)
    axes.tick_params(axis="y", colors=LIGHT["ink"])
    axes.set_ylim(max(len(waits), 1) - 0.5, -0.5)
    if not waits:
        axes.text(0.5, 0.5, "no turn of the customer was heard", transform=axes.transAxes, ha="center", va="center")
    for row, wait in enumerate(waits):
        _bar(axes, row, wait)


def _bar(axes: Axes, row: int, wait: Wait) -> None:
    for segment in wait.segments:
        back = segment.value_ms < 0
        axes.barh(
            row + (0.17 if back else 0.0),
            segment.to_ms - segment.from_ms,
            0.3 if back else 0.64,
            left=segment.from_ms,
            color=LIGHT[segment.part.kind],
            edgecolor="white",
            linewidth=0.6,
            hatch="////" if back else None,
            zorder=3 if back else 2,
        )
    if wait.total_ms is not None and not wait.consistent:
        axes.plot([wait.total_ms] * 2, [row - 0.42, row + 0.42], color=LIGHT["bad"], linewidth=1.8, zorder=4)
    end_ms = max([wait.total_ms or 0.0, *(segment.to_ms for segment in wait.segments)])
    doubt = "" if wait.consistent or wait.total_ms is None else " ≠ sum of parts"
    axes.annotate(
        wait.shown_total + doubt,
        (end_ms, row),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=LIGHT["ink"] if wait.consistent else LIGHT["bad"],
    )


def _label(wait: Wait) -> str:
    text = wait.asked or "(no words)"
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
    return f"{short}  {wait.number or '–'}"


def _lane(axes: Axes, call: Call, clip: Clip | None, role: Literal["user", "assistant"], name: str) -> None:
    from contoso_lab.report.figure import plain

    plain(axes)
    colour = LIGHT["customer" if role == "user" else "assistant"]
    axes.set_ylim(-1.05, 1.95)
    axes.set_yticks([])
    axes.set_ylabel(name, color=colour, fontsize=10, fontweight="bold")
    axes.axhline(0, color=colour, linewidth=0.8, alpha=0.4)
    if clip is None:
        axes.text(0.5, 0.5, "no sound", transform=axes.transAxes, ha="center", va="center", color=LIGHT["quiet"])
    else:
        peak, mean = envelope(clip, call.duration_ms, _STEPS)
        seconds = [(step + 0.5) * call.duration_ms / 1000 / _STEPS for step in range(_STEPS)]
        # The square root, as on the page: a quiet voice is seen beside a loud one.
        axes.fill_between(seconds, peak**0.5, -(peak**0.5), color=colour, alpha=0.35, linewidth=0)
        axes.fill_between(seconds, mean**0.5, -(mean**0.5), color=colour, linewidth=0)
    for start_ms, stop_ms in call.spans(role):
        axes.axvspan(start_ms / 1000, stop_ms / 1000, color=colour, alpha=0.09, linewidth=0)
    own = [line for line in call.lines if line.role == role]
    letters_per_ms = 165 / max(call.duration_ms, 1.0)
    for line, after in zip_longest(own, own[1:]):
        # The lane is free up to the speaker's next turn, and words may run on into it.
        room = int(((after.start_ms if after else call.duration_ms) - line.start_ms) * letters_per_ms) - 1
        text = "\n".join(textwrap.wrap(line.heard, width=room, max_lines=2, placeholder=" …")) if room >= 6 else ""
        axes.text(line.start_ms / 1000, 1.1, text, fontsize=7.5, va="bottom", color=LIGHT["ink"], parse_math=False)
