"""Pictures of runs: how long people waited, call against call, and where a score is high or low.

They print well: no colour carries meaning alone, lines are told apart by their dash and by their name beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.report.palette import LIGHT
from contoso_lab.report.plots import need_matplotlib
from contoso_lab.scoring.pairing import pair
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.stats import mean_interval
from contoso_lab.scoring.stats.survival import kaplan_meier
from contoso_lab.scoring.summary import show
from contoso_lab.scoring.value import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("model", "assistant", "mark", "good", "customer")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
MOST_LINES = len(_COLOURS)
FEWEST_CALLS = 6


def waits_ecdf(runs: Mapping[str, Scores], metric: str = "voice_to_voice_ms") -> Figure:
    """Draw which share of turns was answered within a time, one line for each run.

    The curve is Kaplan and Meier's: a turn that was given up counts as waiting until then, and is marked by a tick.
    The band is the pointwise 95 % one.

    Args:
        runs: scores by the name of their run, at most five.
        metric: a waiting time.

    Raises:
        ScoringError: there are no runs or too many, or one has no such metric.
        MissingExtra: matplotlib is not installed.
    """
    figure, axes = _single(runs, 7.5, 4.2)
    unit = _metric(runs, metric).unit
    axes.set_ylim(0, 1.02)
    end = 0.0
    for number, (name, scores) in enumerate(runs.items()):
        rows = scores.of(metric)
        ended = [float(row.value or 0) for row in rows if row.status == "ok"]
        given_up = [row.at_least for row in rows if row.status == "censored" and row.at_least is not None]
        if not ended:
            raise ScoringError(f"{name}: not one {metric} was told, so there is no curve to draw")
        curve = kaplan_meier(ended, given_up)
        last = max([*ended, *given_up])
        end = max(end, last)
        colour = LIGHT[_COLOURS[number]]
        start = min(0.0, float(curve.times[0]))
        times = np.r_[start, curve.times, last]
        answered = 1 - np.r_[1.0, curve.waiting, curve.waiting[-1]]
        axes.step(times, answered, where="post", color=colour, linewidth=2, linestyle=_DASHES[number], label=name)
        low, high = (np.r_[0.0, 1 - edge, 1 - edge[-1]] for edge in (curve.high, curve.low))
        axes.fill_between(times, low, high, step="post", color=colour, alpha=0.14, linewidth=0)
        for moment in given_up:
            level = float(answered[np.searchsorted(times, moment, side="right") - 1])
            axes.plot([moment], [level], marker="|", markersize=9, color=colour)
    axes.set_xlim(right=end * 1.02)
    axes.set_xlabel(f"{metric.removesuffix('_ms').replace('_', ' ')}, {unit}", color=LIGHT["quiet"], fontsize=9)
    axes.set_ylabel("share of turns answered by then", color=LIGHT["quiet"], fontsize=9)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(color=LIGHT["line"], linewidth=0.8)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure


def paired_dots(a: Scores, b: Scores, metric: str, *, names: tuple[str, str] = ("a", "b")) -> Figure:
    """Draw each pair of calls as a line from the first run to the second, the largest change on top.

    Args:
        a: The run to start from.
        b: The run to move to.
        metric: Which score; a call's turns are averaged.
        names: What the runs are called.

    Raises:
        ScoringError: nothing could be paired.
        MissingExtra: matplotlib is not installed.
    """
    pairs = pair(metric, a, b)
    if not len(pairs):
        raise ScoringError(f"no {metric} of the two runs could be paired: compare runs of the same customer speech")
    left, right = pairs.values
    calls = list(dict.fromkeys(pairs.clusters))
    means = {
        call: tuple(
            float(np.mean([value for value, own in zip(side, pairs.clusters, strict=True) if own == call]))
            for side in (left, right)
        )
        for call in calls
    }
    order = sorted(calls, key=lambda call: means[call][1] - means[call][0])
    figure, axes = _single({"": a}, 7.5, 1.6 + 0.24 * len(order))
    known = a.metrics[metric]
    for row, call in enumerate(order):
        first, second = means[call]
        better = (second < first) == known.lower_is_better
        colour = LIGHT["quiet"] if second == first else LIGHT["good" if better else "bad"]
        axes.annotate(
            "", (second, row), (first, row), arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.6}
        )
        axes.plot([first], [row], "o", markersize=6, markerfacecolor="white", markeredgecolor=LIGHT["ink"])
        axes.plot([second], [row], "o", markersize=6, color=colour)
    axes.set_yticks(range(len(order)), order, parse_math=False)
    axes.tick_params(axis="y", colors=LIGHT["ink"], labelsize=8)
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.grid(axis="x", color=LIGHT["line"], linewidth=0.8)
    unit = f", {known.unit}" if known.unit else ""
    axes.set_xlabel(f"{metric}{unit}", color=LIGHT["quiet"], fontsize=9)
    shift = float(np.mean(pairs.differences))
    sign = "+" if shift > 0 else "\u2212"
    title = f"○ {names[0]}   ● {names[1]}   mean change {sign}{show(abs(shift), known)} {known.unit}".rstrip()
    axes.set_title(title, loc="left", fontsize=10, color=LIGHT["ink"], parse_math=False)
    return figure


def by_slice(scores: Scores, metric: str, slices: Mapping[str, str]) -> Figure:
    """Draw a metric for each kind of call: the mean of each slice with its interval over calls.

    A slice of fewer than six calls has a hollow point and no interval: one of so few would be as wide as the picture.

    Args:
        scores: of one run.
        metric: which score.
        slices: the slice of each recording, by the recording's id; recordings that are not in it are left out.

    Raises:
        ScoringError: no recording is in a slice.
        MissingExtra: matplotlib is not installed.
    """
    known = scores.metrics.get(metric) or _metric({"": scores}, metric)
    groups: dict[str, list[Row]] = {}
    for row in scores.of(metric):
        if row.recording in slices and row.status == "ok" and isinstance(row.value, int | float):
            groups.setdefault(slices[row.recording], []).append(row)
    if not groups:
        raise ScoringError(f"no call with a {metric} is in any slice: name slices by the ids of the recordings")
    names = sorted(groups)
    figure, axes = _single({"": scores}, 7.5, 1.5 + 0.34 * len(names))
    rng = np.random.default_rng(scores.seed)
    for place, name in enumerate(names):
        rows = groups[name]
        weights = [float(row.n) for row in rows] if known.aggregate == "ratio" else None
        found = mean_interval(
            [float(row.value or 0) for row in rows], [row.recording for row in rows], rng, weights=weights
        )
        enough = found.clusters >= FEWEST_CALLS and found.interval is not None
        if enough and found.interval is not None:
            axes.plot(found.interval, [place, place], color=LIGHT["model"], linewidth=2)
        face = LIGHT["model"] if enough else "white"
        axes.plot([found.value], [place], "o", markersize=7, color=LIGHT["model"], markerfacecolor=face)
    calls = [len({row.recording for row in groups[name]}) for name in names]
    labels = [f"{name}  ({count} call{'' if count == 1 else 's'})" for name, count in zip(names, calls, strict=True)]
    axes.set_yticks(range(len(names)), labels, parse_math=False)
    axes.tick_params(axis="y", colors=LIGHT["ink"])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color=LIGHT["line"], linewidth=0.8)
    axes.set_xlabel(f"mean {metric}{f', {known.unit}' if known.unit else ''}", color=LIGHT["quiet"], fontsize=9)
    return figure


def calibration(judge: Sequence[float], people: Sequence[float], *, scale: Sequence[int] = (1, 2, 3, 4, 5)) -> Figure:
    """Draw what people said of what the judge gave each score: a judge that can be trusted follows the diagonal.

    Args:
        judge: the judge's score of each item.
        people: what people gave the same item.
        scale: the scores that there are.

    Raises:
        ScoringError: there are no items, or the two differ in number.
        MissingExtra: matplotlib is not installed.
    """
    if not len(judge) or len(judge) != len(people):
        raise ScoringError(
            f"each item needs both scores, but {len(judge)} came from the judge and {len(people)} from people"
        )
    figure, axes = _single({"": None}, 4.6, 4.4)
    axes.plot(scale, scale, color=LIGHT["quiet"], linewidth=1, linestyle=(0, (2, 2)))
    for value in scale:
        given = [human for machine, human in zip(judge, people, strict=True) if machine == value]
        if not given:
            continue
        jitter = np.linspace(-0.12, 0.12, len(given)) if len(given) > 1 else [0.0]
        axes.plot([value + shift for shift in jitter], given, "o", markersize=3.5, color=LIGHT["model"], alpha=0.35)
        axes.plot([value], [float(np.mean(given))], "D", markersize=8, color=LIGHT["assistant"])
        axes.annotate(
            f"n {len(given)}", (value, float(np.mean(given))), xytext=(9, -3), textcoords="offset points", fontsize=8
        )
    margin = 0.4
    axes.set_xlim(scale[0] - margin, scale[-1] + margin)
    axes.set_ylim(scale[0] - margin, scale[-1] + margin)
    axes.set_xticks(list(scale))
    axes.set_yticks(list(scale))
    axes.grid(color=LIGHT["line"], linewidth=0.8)
    axes.set_xlabel("the judge gave", color=LIGHT["quiet"], fontsize=9)
    axes.set_ylabel("people gave (◆ their mean)", color=LIGHT["quiet"], fontsize=9)
    return figure


def _single(runs: Mapping[str, object], width_in: float, height_in: float) -> tuple[Figure, Axes]:
    if not 0 < len(runs) <= MOST_LINES:
        raise ScoringError(f"one to {MOST_LINES} runs can be told apart in a picture, not {len(runs)}")
    need_matplotlib()
    from contoso_lab.report.figure import drawing, plain

    figure = drawing(width_in, height_in)
    axes = figure.subplots()
    plain(axes)
    return figure, axes


def _metric(runs: Mapping[str, Scores], metric: str) -> Metric:
    for scores in runs.values():
        scores.of(metric)  # says which there are, when this one is not
    return next(iter(runs.values())).metrics[metric]
