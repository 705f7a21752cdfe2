from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.recording import Recording
from contoso_lab.scoring.pages import pages_shown
from contoso_lab.scoring.relevance import judged, ndcg, rank_quality
from contoso_lab.scoring.suggestions import valid_sku_rate

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("ranked", "grades", "depth", "expected"),
    [
        # The relevant one in second place.
        (("b", "a"), {"a": 1}, 3, 0.6309297535714575),
        (("b", "c", "a"), {"a": 1}, 2, 0.0),
        (("b", "c", "a"), {"a": 1}, 3, 0.5),
        # Linear gain: (3 + 1/log2(3)... on both sides) by hand: (1 + 3/log2 3) / (3 + 1/log2 3).
        (("y", "x"), {"x": 3, "y": 1}, 3, 0.7967075809905066),
        (("x", "y"), {"x": 3, "y": 1}, 3, 1.0),
        ((), {"a": 1}, 3, 0.0),
        # Names would decide a tie in trec_eval; ours cannot tie.
        (("d1", "d2", "d3"), {"d3": 1}, 3, 0.5),
        (("d5", "d4", "d3"), {"d3": 1}, 3, 0.5),
    ],
)
def test_rank_quality(ranked: tuple[str, ...], grades: dict[str, int], depth: int, expected: float) -> None:
    assert rank_quality(ranked, grades, depth=depth) == pytest.approx(expected)


def test_a_good_page(tent_call: Callable[..., Recording]) -> None:
    recording = tent_call()
    (valid,) = valid_sku_rate(recording)
    assert (valid.value, valid.n, valid.reason) == (1.0, 1, "all 1 exist")
    (order,) = ndcg(recording)
    # Only the best of two graded products is there: 3 / (3 + 1/log2 3).
    assert order.value == pytest.approx(3 / 3.6309297535714573)
    assert judged(recording)[0].value == 1.0
    assert ndcg.name == "ndcg_linear@3"


def test_products_that_do_not_exist_are_counted_and_take_their_place(tent_call: Callable[..., Recording]) -> None:
    page = "### Dream Dome (TEN-99)\n\n### MEADOW FOUR\n\n### Lodge Eight (TEN-04)"
    recording = tent_call(page=page)
    (valid,) = valid_sku_rate(recording)
    assert (valid.value, valid.n) == (0.5, 2)
    assert valid.reason == "not in the catalogue: TEN-99"
    (order,) = ndcg(recording)
    assert order.reason == "grades on the page: TEN-99 ?, TEN-02 3, TEN-04 1"
    assert judged(recording)[0].value == pytest.approx(2 / 3)


def test_a_page_without_products_is_a_failed_page(tent_call: Callable[..., Recording]) -> None:
    recording = tent_call(page="Nothing for you today.")
    (valid,) = valid_sku_rate(recording)
    assert (valid.value, valid.reason) == (0.0, "the page names no product")
    assert ndcg(recording)[0].value == 0.0
    assert judged(recording)[0].status == "skipped"


def test_a_page_that_was_due_and_never_came_scores_nothing(call: Make) -> None:
    talk = call()
    recording = talk.recording(labels={"products": {"TEN-02": 3}, "cue_turn": 0})
    (order,) = ndcg(recording)
    assert (order.value, order.reason) == (0.0, "a page was due and none was shown")
    assert valid_sku_rate(recording).status == "skipped"


def test_without_grades_the_order_cannot_be_told(call: Make) -> None:
    talk = call()
    talk.shows(5000, "TEN-02")
    recording = talk.recording()
    assert ndcg(recording).status == "skipped"
    assert judged(recording).status == "skipped"


def test_another_catalogue_cannot_be_checked(tent_call: Callable[..., Recording]) -> None:
    assert valid_sku_rate(tent_call(catalogue_sha="0" * 64)).status == "skipped"


def test_pages_come_in_order_of_time(call: Make) -> None:
    talk = call()
    talk.shows(9000, "SLE-02", name="second")
    talk.shows(5000, "TEN-02 and again TEN-02", name="first")
    first, second = pages_shown(talk.recording())
    assert (first.suggestion_id, first.skus, first.at_ms) == ("first", ("TEN-02",), pytest.approx(5000))
    assert second.suggestion_id == "second"
