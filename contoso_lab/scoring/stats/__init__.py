"""Statistics of calls: intervals, tests, plans, agreement, corrections. No recording and no socket is touched here.

| question | module |
|---|---|
| how large is it, and how sure are we? | `estimates`, `rates`, `survival` |
| did it change? (tests: `scoring.paired`; the word for it: `scoring.verdict`) | `multiple` |
| how many calls are needed, and what to buy next? | `planning`, `noise` |
| may a judge be believed, and by how much is it off? | `agreement`, `correction` |
| does it work every time? | `trials` |

scipy, statsmodels and scikit-learn do the work where they have it. They are loaded when they are first needed.

>>> clustered_mean([1.0, 2.0, 3.0], clusters="abc")
2 [-0.484, 4.48]
"""

from __future__ import annotations

from contoso_lab.scoring.stats.estimates import (
    FEWEST_FOR,
    QUANTILE_METHOD,
    Estimate,
    Floats,
    Groups,
    bootstrap_t,
    clustered_mean,
    clustered_se,
    group,
    mean_interval,
    student_quantile,
)
from contoso_lab.scoring.stats.multiple import benjamini_hochberg, holm
from contoso_lab.scoring.stats.rates import clustered_rate, design_effect, intraclass_correlation, wilson

__all__ = [
    "FEWEST_FOR",
    "QUANTILE_METHOD",
    "Estimate",
    "Floats",
    "Groups",
    "benjamini_hochberg",
    "bootstrap_t",
    "clustered_mean",
    "clustered_rate",
    "clustered_se",
    "design_effect",
    "group",
    "holm",
    "intraclass_correlation",
    "mean_interval",
    "student_quantile",
    "wilson",
]
