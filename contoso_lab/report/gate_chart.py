"""A picture of the gate: on every prefix of the calls, what a page would have been, and whether one was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from contoso_lab.errors import ScoringError
from contoso_lab.report.palette import LIGHT
from contoso_lab.report.plots import need_matplotlib
from contoso_lab.scoring.gates import Prefix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = ("early", "right", "late", "never")
COLUMNS = ("asked for a page", "asked for none")
_WORDS = {
    "early": "too early for a page",
    "right": "a page is due",
    "late": "a page was due before",
    "never": "no page is ever wanted",
}


def gate_confusion(runs: Mapping[str, Sequence[Prefix]]) -> Figure:
    """Draw for each run how many prefixes of each kind got a page and how many did not; ✓ and ✗ say which were right.

    Args:
        runs: `gates.prefixes` of all calls of a run, by its name; at most three.

    Raises:
        ScoringError: no run has a prefix with a label, or there are more than three runs.
        MissingExtra: matplotlib is not installed.
    """
    if not any(runs.values()) or len(runs) > 3:
        raise ScoringError("one to three runs with labels are drawn: label when a page is wanted (`labels.gate`)")
    need_matplotlib()
    from contoso_lab.report.figure import drawing

    figure = drawing(3.0 + 2.9 * len(runs), 3.1)
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for axes, (name, found) in zip(panels, runs.items(), strict=True):
        _panel(axes, name, found)
    panels[0].set_yticks(range(len(ROWS)), [_WORDS[row] for row in ROWS])
    return figure


def counted(found: Sequence[Prefix]) -> Counter[tuple[str, str, bool]]:
    """How many prefixes there are of each kind: what a page would be, what was done, and whether that was right.

    >>> counted([Prefix(0, "early", False, True, False), Prefix(1, "right", True, True, False)])
    Counter({('early', 'asked for none', True): 1, ('right', 'asked for a page', True): 1})
    """
    return Counter((p.page_would_be, COLUMNS[not p.requested], p.right) for p in found)


def _panel(axes: Axes, name: str, found: Sequence[Prefix]) -> None:
    from contoso_lab.report.figure import plain

    plain(axes)
    counts = counted(found)
    right = sum(count for (_, _, good), count in counts.items() if good)
    axes.set_title(
        f"{name}: {right} of {len(found)} right", loc="left", fontsize=10, color=LIGHT["ink"], parse_math=False
    )
    axes.set_xlim(-0.5, len(COLUMNS) - 0.5)
    axes.set_ylim(len(ROWS) - 0.5, -0.5)
    axes.set_xticks(range(len(COLUMNS)), COLUMNS)
    axes.xaxis.tick_top()
    axes.tick_params(axis="y", colors=LIGHT["ink"])
    for y, row in enumerate(ROWS):
        whole = sum(count for (truth, _, _), count in counts.items() if truth == row)
        for x, column in enumerate(COLUMNS):
            good, bad = counts[row, column, True], counts[row, column, False]
            for count, colour in ((good, "good"), (bad, "bad")):
                if count:
                    share = 0.12 + 0.5 * count / whole
                    axes.fill([x - 0.47, x + 0.47, x + 0.47, x - 0.47], [y - 0.44, y - 0.44, y + 0.44, y + 0.44],
                              color=LIGHT[colour], alpha=share, linewidth=0)  # fmt: skip
            told = "  ".join(f"{mark} {count}" for mark, count in (("✓", good), ("✗", bad)) if count)
            axes.text(x, y, told or "–", ha="center", va="center", fontsize=11,
                      color=LIGHT["ink"] if told else LIGHT["quiet"])  # fmt: skip
