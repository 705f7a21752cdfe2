"""Model judges: prompts that grade a call, asked many at a time, kept, licensed by people, and corrected.

```
recordings ─▶ cases ─▶ asking (the one place with a socket) ─▶ verdicts, a line each, on disk
people's ratings ─▶ licence: may these verdicts be believed? ─▶ corrected: the number with the judge's errors in it
verdicts ─▶ a scorer like any other, which reads and never asks
```

A judge without a licence gives provisional numbers, and its metric says so. A verdict that is no JSON of the promised
shape is an error and no score. Verdicts of another prompt, model or program have another signature and are never mixed
in.
"""

from __future__ import annotations

from contoso_lab.scoring.judges.asking import ask_judge, compare_pairs
from contoso_lab.scoring.judges.cases import Case, cases_of
from contoso_lab.scoring.judges.corrected import corrected_mean, corrected_rate
from contoso_lab.scoring.judges.health import Health, health_of
from contoso_lab.scoring.judges.licence import Licence, license_judge
from contoso_lab.scoring.judges.scorer import judge_scorer
from contoso_lab.scoring.judges.signature import Signature, signature_of
from contoso_lab.scoring.judges.verdicts import Verdict, Verdicts

__all__ = [
    "Case",
    "Health",
    "Licence",
    "Signature",
    "Verdict",
    "Verdicts",
    "ask_judge",
    "cases_of",
    "compare_pairs",
    "corrected_mean",
    "corrected_rate",
    "health_of",
    "judge_scorer",
    "license_judge",
    "signature_of",
]
