"""Right answers from outside that no other test of this room holds, and the sizes of our promises (slow)."""

from __future__ import annotations

import math

import jiwer
import numpy as np
import pytest

from contoso_lab.scoring.paired import per_call, sign_flip
from contoso_lab.scoring.quantiles import quantile
from contoso_lab.scoring.relevance import rank_quality
from contoso_lab.scoring.stats import bootstrap_t, clustered_mean
from contoso_lab.scoring.text import normalise, word_errors


@pytest.mark.parametrize(
    ("reference", "heard", "wer", "mer", "wil"),
    [("X", "X X Y Y", 3, 0.75, 0.75), ("X Y X", "X Z", 2 / 3, 2 / 3, 5 / 6), ("X Y Z W", "X Y Z W", 0, 0, 0)],
)
def test_jiwers_own_cases(reference: str, heard: str, wer: float, mer: float, wil: float) -> None:
    assert (jiwer.wer(reference, heard), jiwer.mer(reference, heard), jiwer.wil(reference, heard)) == pytest.approx(
        (wer, mer, wil)
    )
    assert word_errors(reference, heard).rate == pytest.approx(wer)


def test_the_corpus_rate_is_not_the_mean_of_rates() -> None:
    # Two turns: one word of one wrong, and one of nine: 2/10 in the corpus, the mean of the rates is over a half.
    references, heard = ["boots", "a b c d e f g h i"], ["roots", "a b c d e f g h j"]
    assert word_errors(references, heard).rate == pytest.approx(0.2)
    rates = [word_errors(r, h).rate for r, h in zip(references, heard, strict=True)]
    assert sum(rates) / 2 == pytest.approx(0.5 + 1 / 18)


def test_words_where_nobody_spoke_have_no_rate() -> None:
    assert word_errors(["", "yes"], ["um yes", "yes"]).inserted == 1  # "um" is no word to the normaliser
    assert normalise("um") == ""


@pytest.mark.parametrize("token", ["X4", "ZK3FFW", "TEN-02", "A1B2C3", "SLE-101"])
def test_numbers_of_products_and_orders_stay_whole(token: str) -> None:
    assert normalise(f"My order is {token}, please.") == f"my order is {token.lower()} please"


@pytest.mark.parametrize(
    ("text", "plain"),
    [("the 20th of may", "the 20th of may"), ("it weighs 15kg", "it weighs 15 kg"), ("$49.99 each", "$49.99 each")],
)
def test_what_begins_with_a_number_is_left_to_the_normaliser(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_the_gain_is_a_part_of_the_metric() -> None:
    ranked, grades = ("b", "a", "c"), {"a": 3, "b": 2, "c": 0, "d": 1}
    linear = (2 + 3 / math.log2(3)) / (3 + 2 / math.log2(3) + 1 / 2)
    exponential = (3 + 7 / math.log2(3)) / (7 + 3 / math.log2(3) + 1 / 2)
    assert rank_quality(ranked, grades) == pytest.approx(linear)
    gains = {sku: 2**grade - 1 for sku, grade in grades.items()}
    assert rank_quality(ranked, gains) == pytest.approx(exponential)
    assert linear != pytest.approx(exponential, abs=0.01)


def test_an_unanswered_question_counts_as_nothing() -> None:
    answered = [rank_quality(("b", "a"), {"a": 1}), rank_quality(("a", "c"), {"a": 1, "b": 1})]
    assert np.mean([*answered, 0.0]) == pytest.approx(np.mean(answered) * 2 / 3)


def test_quantile_methods_differ_so_one_is_fixed() -> None:
    # EVA's own example: p90 of seven values is 3.2 to 4.2 by method. Ours needs 36 values before it says anything.
    values = [2.1, 2.4, 2.6, 2.8, 3.0, 3.2, 4.2]
    assert quantile(values, 0.9).note == "n too small"
    assert quantile(values, 0.5).value == 2.8


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("calls", [6, 10, 20, 40])
@pytest.mark.parametrize(("between", "within"), [(0.4, 0.4), (0.25, 0.6)])
def test_intervals_hold_the_truth_at_full_size(calls: int, between: float, within: float) -> None:
    rng = np.random.default_rng(calls)
    truth, turns, runs = math.exp((between**2 + within**2) / 2), 9, 2000
    clusters = np.repeat(np.arange(calls), turns).tolist()
    hits = {"t": 0, "bootstrap-t": 0, "naive": 0}
    for _ in range(runs):
        values = np.exp(rng.normal(0, between, (calls, 1)) + rng.normal(0, within, (calls, turns))).ravel()
        plain = clustered_mean(values, clusters)
        boot = bootstrap_t(values, clusters, rng, draws=400)
        hits["t"] += plain.low <= truth <= plain.high  # type: ignore[operator]
        hits["bootstrap-t"] += boot.low <= truth <= boot.high  # type: ignore[operator]
        hits["naive"] += abs(values.mean() - truth) <= 1.96 * values.std(ddof=1) / math.sqrt(values.size)
    assert hits["t"] / runs >= 0.88
    assert hits["bootstrap-t"] / runs >= 0.90
    assert hits["naive"] / runs < hits["t"] / runs


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("calls", [6, 8, 20])
def test_false_alarms_at_full_size(calls: int) -> None:
    rng = np.random.default_rng(calls)
    turns, runs, alarms = 9, 2000, 0
    clusters = np.repeat(np.arange(calls), turns).tolist()
    for _ in range(runs):
        difference = (rng.normal(0, 0.5, (calls, 1)) + rng.normal(0, 0.5, (calls, turns))).ravel()
        alarms += sign_flip(per_call(difference, clusters, robust=False), rng, draws=499) <= 0.05
    assert alarms / runs <= 0.07
