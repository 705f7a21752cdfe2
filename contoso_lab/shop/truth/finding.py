"""What a check finds: one claim, its verdict, and where it stands in the text and in the sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "product",
    "not_carried",
    "price",
    "total",
    "currency",
    "comparison",
    "brand",
    "category",
    "spec",
    "superlative",
    "range",
    "bought",
    "again",
    "image",
    "second_image",
    "language",
    "markup",
    "unknowable",
    "unspoken",
    "permission",
]
"""What is claimed, or which rule of the prompts is broken.

`product`: names something that we carry. `not_carried`: names something that we do not. `currency`: a price in money
that the catalogue has no prices in. `comparison`: cheaper or lighter than another. `bought`: says what the customer
owns. `again`: recommends what they own. `unknowable`: delivery, stock, discounts. `markup`: Markdown, an address or a
SKU in speech. `unspoken`, `permission`: a page that nobody talked about or asked for (`contoso_lab.shop.rules`).
"""

KINDS: tuple[Kind, ...] = get_args(Kind)

Verdict = Literal["true", "false", "unsupported"]
"""`unsupported`: the catalogue says nothing about it, so nobody may say it."""

Medium = Literal["text", "speech", "page"]
"""A chat message, words that are spoken, or a Markdown page."""

Timing = Literal["words", "interpolated"]
"""Whether the second comes from word times, or from the share of the turn's text that stands before."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim and what the catalogue says to it."""

    kind: Kind
    verdict: Verdict
    words: str
    """As they stand in the text."""
    start: int
    end: int
    """The words are `text[start:end]`."""
    catalogue: str
    """What the catalogue says, in a few words."""
    sku: str | None = None
    """The product it was said of, as far as there is one."""
    turn_id: str | None = None
    at_s: float | None = None
    """When the words begin, in seconds on the clock of the turns; for a recording its session clock."""
    timing: Timing | None = None
    """How `at_s` was found; None when it was not."""

    @property
    def ok(self) -> bool:
        """Whether it may be said."""
        return self.verdict == "true"
