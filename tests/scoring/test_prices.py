from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.recording import Recording
from contoso_lab.scoring.prices import price_truth_said, price_truth_shown


@pytest.mark.parametrize(
    ("price", "value"), [("$279", 1.0), ("two hundred seventy-nine dollars", 1.0), ("$249", 0.0), ("$279.50", 0.0)]
)
def test_what_was_said_is_held_against_the_catalogue(
    tent_call: Callable[..., Recording], price: str, value: float
) -> None:
    (said,) = price_truth_said(tent_call(price=price))
    assert (said.value, said.n, said.turn) == (value, 1, 1)
    if not value:
        assert "it is $279.00" in said.reason


def test_what_was_shown_is_held_against_the_catalogue(tent_call: Callable[..., Recording]) -> None:
    page = "### Meadow Four (TEN-02)\n\nIt costs $279.\n\n### Autumn Night (SLE-02)\n\nIt costs $99."
    (shown,) = price_truth_shown(tent_call(page=page))
    assert (shown.value, shown.n) == (0.5, 2)


def test_only_what_was_heard_counts(call: Callable[..., Any]) -> None:
    talk = call()
    talk.speaks(4000, 6000, "how much is it")
    text = "I will gladly look that up for you right now, the Meadow Four costs $999."
    talk.answers("a1", talk.hears("u1", 4000, 6000, "how much is it"), text, stopped_after_ms=300)
    talk.add(
        7500, "c2s", {"type": "conversation.item.truncate", "item_id": "a1", "content_index": 0, "audio_end_ms": 300}
    )
    assert price_truth_said(talk.recording()).status == "skipped"


def test_no_price_is_no_score(call: Callable[..., Any]) -> None:
    recording = call().recording()
    assert price_truth_said(recording).status == "skipped"
    assert price_truth_shown(recording).reason == "no price was shown that belongs to a product"
