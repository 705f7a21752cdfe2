"""Reports: runs side by side, one page that anybody can open, and plots for a notebook.

What they need to draw with is imported when something is drawn.
"""

from __future__ import annotations

from contoso_lab.report.comparison import Comparison, compare
from contoso_lab.report.plots import timeline, waterfall
from contoso_lab.report.webpage import page

__all__ = ["Comparison", "compare", "page", "timeline", "waterfall"]
