from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.diversity import (
    coverage,
    entropy_bits,
    exposure_of,
    gini,
    jaccard_distance,
    overlap,
    rank_biased_overlap,
    run_diversity,
)
from contoso_lab.scoring.relevance import precision, rank_quality, recall, reciprocal_rank, success


def test_the_known_case_of_exposure() -> None:
    exposure = [5, 3, 1, 1, 0]
    assert gini(exposure) == pytest.approx(0.48)
    assert entropy_bits(exposure) == pytest.approx(1.6855, abs=5e-5)
    assert coverage([["a"] * 5 + ["b"] * 3, ["c", "d"]], "abcde") == 0.8


def test_even_and_uneven_shops() -> None:
    assert gini([2, 2, 2, 2]) == pytest.approx(0)
    assert gini([0, 0, 0, 8]) == pytest.approx(0.75)
    assert math.isnan(gini([0, 0]))
    assert entropy_bits([1, 1, 1, 1]) == pytest.approx(2)
    assert exposure_of([("a", "b"), ("a",)], ["a", "b", "c"]) == [2, 1, 0]
    with pytest.raises(ScoringError):
        gini([-1, 2])


def test_intra_list_distance_of_the_known_case() -> None:
    tags = [{"tent", "camping"}, {"tent", "camping"}, {"boots", "hiking"}]
    assert jaccard_distance(tags) == pytest.approx(2 / 3)
    assert math.isnan(jaccard_distance(tags[:1]))


def test_rankings_are_compared_from_the_top() -> None:
    # Webber, Moffat & Zobel: agreement at the top counts most; RBO of the same is 1, of strangers 0.
    assert rank_biased_overlap("abcde", "abced") > rank_biased_overlap("abcde", "bacde")
    assert rank_biased_overlap("abc", "abc") == pytest.approx(1)
    assert rank_biased_overlap("", "") == 1.0
    assert rank_biased_overlap("abc", "") == 0.0
    # By hand, p = .9, lists ab and ba: (1−p)/p·(0·p + 1·p²) + 1·p² = .09 + .81.
    assert rank_biased_overlap("ab", "ba") == pytest.approx(0.9)
    assert overlap("abc", "acd", depth=2) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("ranked", "grades", "measure", "depth", "expected"),
    [
        # pytrec_eval's README: q1 has one of two relevant first, q2 all but one; our list may be longer than the depth.
        (("b", "a"), {"a": 1}, "RR", 3, 0.5),
        (("b", "a"), {"a": 1, "c": 2}, "R", 3, 0.5),
        (("b", "a"), {"a": 1}, "P", 3, 1 / 3),
        (("b", "a"), {"a": 1}, "Success", 1, 0.0),
        # Linear and exponential gain are two numbers (reference/metrics.md §2.3: .9608 and .9488).
        (("b", "a"), {"a": 3, "b": 2}, "nDCG(dcg='log2')", 3, (2 + 3 / math.log2(3)) / (3 + 2 / math.log2(3))),
        (("b", "a"), {"a": 7, "b": 3}, "nDCG(dcg='log2')", 3, (3 + 7 / math.log2(3)) / (7 + 3 / math.log2(3))),
    ],
)
def test_measures_of_one_list(
    ranked: tuple[str, ...], grades: dict[str, int], measure: str, depth: int, expected: float
) -> None:
    assert rank_quality(ranked, grades, depth=depth, measure=measure) == pytest.approx(expected)


def test_trec_evals_own_examples() -> None:
    import ir_measures
    from ir_measures import AP, nDCG

    # The qrels and the run of pytrec_eval's README.
    qrels = {"q1": {"d1": 0, "d2": 1, "d3": 0}, "q2": {"d2": 1, "d3": 1}}
    run = {"q1": {"d1": 1.0, "d2": 0.0, "d3": 1.5}, "q2": {"d1": 1.5, "d2": 0.2, "d3": 0.5}}
    told = {(m.query_id, str(m.measure)): m.value for m in ir_measures.iter_calc([nDCG, AP], qrels, run)}
    assert told["q1", "nDCG"] == pytest.approx(0.5)
    assert told["q1", "AP"] == pytest.approx(1 / 3)
    assert told["q2", "nDCG"] == pytest.approx(0.6934264036172708)
    assert told["q2", "AP"] == pytest.approx(0.5833333333333333)
    # Ours gives the same for the same order, since it passes ranks and no scores.
    assert rank_quality(("d3", "d1", "d2"), qrels["q1"]) == pytest.approx(told["q1", "nDCG"])
    assert rank_quality(("d1", "d3", "d2"), qrels["q2"]) == pytest.approx(told["q2", "nDCG"])


def test_a_page_that_was_due_and_never_came_pulls_every_measure_down(call: Callable[..., Any]) -> None:
    recording = call().recording(labels={"products": {"TEN-02": 3}, "cue_turn": 0})
    for measure in (reciprocal_rank, recall, precision, success):
        assert [score.value for score in measure(recording)] == [0.0]


def test_a_run_has_intervals_between_its_calls(call: Callable[..., Any]) -> None:
    calls = []
    for place, page in enumerate(
        ["TEN-02", "TEN-02 TEN-01", "SLE-02", "TEN-02", "STO-02", "TEN-02", "SLE-02", "PAC-02"]
    ):
        talk = call()
        talk.shows(5000, page)
        calls.append(talk.recording(name=f"c{place}", scenario=f"s{place % 4}"))
    told = run_diversity(calls, rng=np.random.default_rng(0), draws=200)
    assert told["coverage"].value == pytest.approx(5 / 20)
    assert told["gini"].low < told["gini"].value < 1  # type: ignore[operator]
    # s0: TEN-02 and STO-02; s1: TEN-02 TEN-01 and TEN-02; s2 SLE-02 twice; s3 TEN-02 and PAC-02.
    assert told["stability_jaccard"].value == pytest.approx((0 + 0.5 + 1 + 0) / 4)
    assert run_diversity(calls[:1], rng=np.random.default_rng(0))["coverage"].note == "1 calls, 6 are needed"
    assert "twice" in run_diversity(calls[:3], rng=np.random.default_rng(0))["stability_rbo"].note
