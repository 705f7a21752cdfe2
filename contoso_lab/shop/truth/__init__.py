"""What was said, held against the catalogue: no model judges here, and the same words get the same verdict.

>>> from contoso_lab.shop.catalog import Catalog
>>> [(f.kind, f.words, f.verdict) for f in check("It is our cheapest tent.", Catalog.load(), earlier=["TEN-01"])]
[('superlative', 'cheapest tent', 'true')]
"""

from __future__ import annotations

from contoso_lab.shop.truth.prices import Claim, price_claims

__all__ = ["Claim", "price_claims"]
