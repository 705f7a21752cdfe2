"""What was said, held against the catalogue: no model judges here, and the same words get the same verdict.

```
text ─▶ sentences: names · figures · sums of money      mentions, money, numbers, units
          └▶ is it said as a fact?                      mood
              └▶ whom is it said of?                    sentences.subjects
                  └▶ Finding: true, false, unsupported  prices, figures, ranking, comparing, ranges,
                                                       belonging, offers, surface
turns ─▶ the second in the sound                        timing
```

>>> from contoso_lab.shop.catalog import Catalog
>>> [(f.kind, f.words, f.verdict) for f in check("It is our cheapest tent.", Catalog.load(), earlier=["TEN-01"])]
[('superlative', 'cheapest tent', 'true')]
"""

from __future__ import annotations

from contoso_lab.shop.truth.check import check
from contoso_lab.shop.truth.finding import KINDS, Finding, Kind, Medium, Timing, Verdict
from contoso_lab.shop.truth.prices import Claim, price_claims
from contoso_lab.shop.truth.timing import check_recording, check_turns

__all__ = [
    "KINDS",
    "Claim",
    "Finding",
    "Kind",
    "Medium",
    "Timing",
    "Verdict",
    "check",
    "check_recording",
    "check_turns",
    "price_claims",
]
