"""A matplotlib figure that shows itself in a notebook cell, without pyplot and its hidden current figure."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from contoso_lab.report.palette import LIGHT

_DPI = 144
"""Sharp on the screens of today; the notebook is told to show it at half of that size."""


class Drawing(Figure):
    """A figure as any other: `savefig` writes it, and a cell that ends with it shows it."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=_DPI)
        width_in, height_in = self.get_size_inches()
        return file.getvalue(), {"width": round(width_in * _DPI / 2), "height": round(height_in * _DPI / 2)}


def drawing(width_in: float, height_in: float) -> Drawing:
    """An empty figure on white."""
    return Drawing(figsize=(width_in, height_in), facecolor="white", layout="constrained")


def plain(axes: Axes) -> None:
    """Take away what is not data: the frame and the tick marks."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=LIGHT["quiet"], labelsize=9)
    axes.set_axisbelow(True)
