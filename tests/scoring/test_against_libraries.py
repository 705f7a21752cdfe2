"""Our formulas against other programs, or against the plain definition, on inputs that nobody chose.

What a library computes for us is held against the definition written out; what is ours is held against a library.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contoso_lab.scoring.diversity import entropy_bits, gini, jaccard_distance
from contoso_lab.scoring.paired import equivalent, hodges_lehmann, mcnemar, non_inferior, sign_flip, walsh_median
from contoso_lab.scoring.quantiles import quantile, quantile_difference
from contoso_lab.scoring.relevance import rank_quality
from contoso_lab.scoring.stats import benjamini_hochberg, bootstrap_t, clustered_mean, holm, student_quantile, wilson
from contoso_lab.scoring.stats.agreement import cohen_kappa, krippendorff_alpha
from contoso_lab.scoring.stats.correction import Confusion, ppi_mean, rogan_gladen
from contoso_lab.scoring.stats.planning import minimal_detectable_effect, sample_size
from contoso_lab.scoring.stats.survival import kaplan_meier
from contoso_lab.scoring.stats.trials import pass_at_k, pass_hat_k
from contoso_lab.scoring.text import word_errors

often = settings(max_examples=40, deadline=None, derandomize=True)
seldom = settings(max_examples=15, deadline=None, derandomize=True)

SKUS = tuple("abcdefgh")
pages = st.permutations(SKUS).flatmap(lambda order: st.integers(1, 8).map(lambda n: tuple(order[:n])))
grades = st.dictionaries(st.sampled_from(SKUS), st.integers(0, 3), min_size=1)
shifts = st.lists(st.integers(-50, 50).map(float), min_size=3, max_size=9)
marks = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=4, max_size=30)


def dcg(gains: list[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


@pytest.mark.parametrize("gain", [lambda g: g, lambda g: 2**g - 1], ids=["linear", "exponential"])
@seldom
@given(page=pages, graded=grades, depth=st.integers(1, 5))
def test_ndcg(gain: Callable[[int], int], page: tuple[str, ...], graded: dict[str, int], depth: int) -> None:
    assume(any(graded.values()))
    gains = {sku: gain(grade) for sku, grade in graded.items()}
    best = dcg(sorted(map(float, gains.values()), reverse=True)[:depth])
    told = dcg([float(gains.get(sku, 0)) for sku in page[:depth]]) / best
    assert rank_quality(page, gains, depth=depth) == pytest.approx(told)


@seldom
@given(page=pages, graded=grades, depth=st.integers(1, 5))
def test_ndcg_is_that_of_scikit_learn(page: tuple[str, ...], graded: dict[str, int], depth: int) -> None:
    from sklearn.metrics import ndcg_score

    assume(any(graded.values()))
    # It wants every product ranked: what is not on the page comes last, in an order that must not matter.
    whole = [*page, *sorted(set(SKUS) - set(page), key=lambda sku: graded.get(sku, 0))]
    depth = min(depth, len(page))
    theirs = ndcg_score([[graded.get(sku, 0) for sku in whole]], [[-float(at) for at in range(len(whole))]], k=depth)
    assert rank_quality(page, graded, depth=depth) == pytest.approx(theirs)


@seldom
@given(page=pages, graded=grades, depth=st.integers(1, 5))
def test_measures_of_yes_and_no(page: tuple[str, ...], graded: dict[str, int], depth: int) -> None:
    good = {sku for sku, grade in graded.items() if grade > 0}
    assume(good)
    hits = [sku in good for sku in page[:depth]]
    told = {
        "RR": next((1 / place for place, hit in enumerate(hits, start=1) if hit), 0.0),
        "R": sum(hits) / len(good),
        "P": sum(hits) / depth,
        "Success": float(any(hits)),
    }
    for measure, value in told.items():
        assert rank_quality(page, graded, depth=depth, measure=measure) == pytest.approx(value), measure


@pytest.mark.parametrize(
    ("page", "graded", "depth", "value"),
    [
        # test_pytrec_eval.py of ir_measures: graded, with negatives, which count as 0; then gains {0: 1, 1: 4}.
        (("D0", "D2", "D3", "D1", "D4"), {"D0": 1, "D1": -1, "D2": 0, "D3": 2, "D4": 0}, 5, 0.76018),
        (("D0", "D2", "D3", "D1", "D4"), {"D0": 1, "D1": -1, "D2": 0, "D3": 2, "D4": 0}, 3, 0.76018),
        (("D1", "D4", "D2", "D3"), {"D0": 1, "D3": 2, "D4": -1, "D5": 0}, 5, 0.32739),
        (("D1", "D4", "D2", "D3"), {"D0": 1, "D3": 2, "D4": -1, "D5": 0}, 3, 0.0),
        (("D0", "D2", "D3", "D1", "D4"), {"D0": 4, "D1": -1, "D2": 1, "D3": 2, "D4": 1}, 5, 0.97177),
        (("D1", "D4", "D2", "D3"), {"D0": 4, "D3": 2, "D4": -1, "D5": 1}, 5, 0.14949),
    ],
)
def test_graded_cases_of_ir_measures(page: tuple[str, ...], graded: dict[str, int], depth: int, value: float) -> None:
    assert rank_quality(page, graded, depth=depth) == pytest.approx(value, abs=1e-5)


def test_two_gains_on_one_list_are_the_two_numbers_of_the_reference() -> None:
    # The well-known worked example (3 2 3 0 1 2): linear .9608, exponential .9488.
    order, relevance = tuple("abcdef"), dict(zip("abcdef", (3, 2, 3, 0, 1, 2), strict=True))
    assert rank_quality(order, relevance, depth=6) == pytest.approx(0.9608, abs=5e-5)
    exponential = {sku: 2**grade - 1 for sku, grade in relevance.items()}
    assert rank_quality(order, exponential, depth=6) == pytest.approx(0.9488, abs=5e-5)


@often
@given(rated=marks, weights=st.sampled_from([None, "linear", "quadratic"]))
def test_kappa_by_its_definition(rated: list[tuple[int, int]], weights: str | None) -> None:
    a, b = [x for x, _ in rated], [y for _, y in rated]
    apart = {None: lambda d: float(d > 0), "linear": float, "quadratic": lambda d: float(d * d)}[weights]
    observed = np.mean([apart(abs(x - y)) for x, y in rated])
    expected = np.mean([apart(abs(x - y)) for x in a for y in b])
    assume(expected > 0)
    told = cohen_kappa(a, b, weights=weights, labels=[1, 2, 3, 4, 5])  # type: ignore[arg-type]
    assert told == pytest.approx(1 - observed / expected)


@often
@given(rated=marks)
def test_alpha_of_two_raters_by_its_definition(rated: list[tuple[int, int]]) -> None:
    every = [value for pair in rated for value in pair]
    assume(len(set(every)) > 1)
    observed = np.mean([(x - y) ** 2 for x, y in rated])
    expected = sum((x - y) ** 2 for x, y in itertools.permutations(every, 2)) / (len(every) * (len(every) - 1))
    assert krippendorff_alpha(rated, level="interval") == pytest.approx(1 - observed / expected)


@often
@given(n=st.integers(1, 200), share=st.floats(0, 1))
def test_wilson_is_that_of_statsmodels(n: int, share: float) -> None:
    from statsmodels.stats.proportion import proportion_confint

    k = round(share * n)
    assert wilson(k, n).interval == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


@often
@given(gained=st.integers(0, 40), lost=st.integers(0, 40))
def test_mcnemar_is_that_of_statsmodels(gained: int, lost: int) -> None:
    from statsmodels.stats.contingency_tables import mcnemar as theirs

    assume(gained + lost)
    assert mcnemar(gained, lost) == pytest.approx(theirs([[0, gained], [lost, 0]], exact=True).pvalue)


@settings(max_examples=3, deadline=None, derandomize=True)  # statsmodels collects all garbage with each call
@given(p=st.lists(st.floats(0, 1), min_size=6, max_size=12))
def test_families_are_adjusted_as_statsmodels_does(p: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@often
@given(values=shifts)
def test_the_typical_shift_by_its_definition(values: list[float]) -> None:
    walsh = [(x + y) / 2 for x, y in itertools.combinations_with_replacement(values, 2)]
    assert walsh_median(values) == pytest.approx(np.median(walsh))
    told = hodges_lehmann(values, list(range(len(values))))
    left_out = [walsh_median([v for at, v in enumerate(values) if at != i]) for i in range(len(values))]
    n = len(values)
    assert told.se == pytest.approx(math.sqrt((n - 1) / n * sum((x - np.mean(left_out)) ** 2 for x in left_out)))


@often
@given(values=shifts)
def test_every_pattern_of_signs_is_counted(values: list[float]) -> None:
    patterns = itertools.product((1, -1), repeat=len(values))
    sums = [abs(sum(sign * value for sign, value in zip(signs, values, strict=True))) for signs in patterns]
    told = np.mean([one >= abs(sum(values)) for one in sums])
    assert sign_flip(values) == pytest.approx(told)


@pytest.mark.parametrize("calls", [6, 12, 20])
def test_sign_flips_are_those_of_scipy(calls: int) -> None:
    from scipy.stats import permutation_test

    rng = np.random.default_rng(calls)
    for _ in range(3):
        values = rng.normal(0.3, 1, calls)
        theirs = permutation_test(
            (values,), lambda x, axis: np.abs(x.sum(axis=axis)).round(9), permutation_type="samples",
            alternative="greater", n_resamples=2**calls if calls <= 12 else 4000, vectorized=True, rng=rng,
        )  # fmt: skip
        # Counted they agree to the last bit; drawn, within what four thousand draws leave open.
        assert sign_flip(values, rng, draws=4000) == pytest.approx(theirs.pvalue, abs=1e-9 if calls <= 12 else 0.035)


@often
@given(values=shifts, margin=st.floats(1, 60))
def test_equivalence_is_tost_of_statsmodels(values: list[float], margin: float) -> None:
    from statsmodels.stats.weightstats import DescrStatsW

    assume(len(set(values)) > 1)
    difference, theirs = clustered_mean(values, list(range(len(values)))), DescrStatsW(values)
    # p of both sides, and p that the loss is not beyond the margin.
    both, (_, below, _), (_, above, _) = theirs.ttost_mean(-margin, margin)
    assume(min(abs(p - 0.05) for p in (both, below, above)) > 1e-6)
    assert equivalent(difference, margin) == (both < 0.05)
    assert non_inferior(difference, margin, lower_is_better=True) == (above < 0.05)
    assert non_inferior(difference, margin, lower_is_better=False) == (below < 0.05)


@often
@given(
    ended=st.lists(st.integers(1, 30).map(float), min_size=1, max_size=25),
    given_up=st.lists(st.integers(1, 30).map(float), max_size=10),
)
def test_kaplan_meier_is_that_of_statsmodels(ended: list[float], given_up: list[float]) -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its standard error where all have ended
        theirs = SurvfuncRight([*ended, *given_up], [1] * len(ended) + [0] * len(given_up))
    curve = kaplan_meier(ended, given_up)
    assert curve.times.tolist() == list(theirs.surv_times)
    assert curve.waiting == pytest.approx(theirs.surv_prob, abs=1e-12)


@often
@given(truth=st.floats(0.05, 0.95), found=st.integers(61, 99), passed=st.integers(61, 99))
def test_rogan_gladen_undoes_what_the_judge_does(truth: float, found: int, passed: int) -> None:
    known = Confusion(both_yes=found, judge_no=100 - found, both_no=passed, judge_yes=100 - passed)
    q1, q0, n = found / 100, passed / 100, 500
    rate = truth * q1 + (1 - truth) * (1 - q0)
    told = rogan_gladen(rate, n, known)
    assert told.value == pytest.approx(truth)

    # The delta method, by numbers: how the estimate moves with each of the three rates.
    def theta(p: float, a: float, b: float) -> float:
        return (p + b - 1) / (a + b - 1)

    step, at = 1e-6, (rate, q1, q0)
    slopes = [(theta(*(x + step * (i == j) for j, x in enumerate(at))) - theta(*at)) / step for i in range(3)]
    parts = zip(slopes, (rate, q1, q0), (n, 100, 100), strict=True)
    assert told.se == pytest.approx(math.sqrt(sum(s**2 * p * (1 - p) / m for s, p, m in parts)), rel=1e-3)


@seldom
@given(seed=st.integers(0, 10_000))
def test_ppi_takes_the_weight_that_makes_it_surest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(3, 1, 40)
    f, rest = y + rng.normal(0, 1, 40), rng.normal(3, 1.4, 300)
    told = ppi_mean(y, f, rest)
    spread = np.concatenate([f, rest]).var(ddof=1)
    weight = min(1.0, max(0.0, np.cov(y, f)[0, 1] / ((1 + 40 / 300) * spread)))
    assert told.value == pytest.approx(weight * rest.mean() + (y - weight * f).mean())
    assert told.se == pytest.approx(
        math.sqrt(weight**2 * rest.var(ddof=1) / 300 + (y - weight * f).var(ddof=1) / 40), rel=1e-6
    )
    assert told.se < y.std(ddof=1) / math.sqrt(40) * 1.02


@often
@given(trials=st.integers(1, 7), share=st.floats(0, 1), k=st.integers(1, 7))
def test_pass_at_k_by_counting_every_draw(trials: int, share: float, k: int) -> None:
    assume(k <= trials)
    passed = round(share * trials)
    draws = list(itertools.combinations([True] * passed + [False] * (trials - passed), k))
    assert pass_at_k(trials, passed, k) == pytest.approx(np.mean([any(draw) for draw in draws]))
    assert pass_hat_k(trials, passed, k) == pytest.approx(np.mean([all(draw) for draw in draws]))


@often
@given(counts=st.lists(st.integers(0, 30), min_size=2, max_size=12))
def test_unevenness_by_other_formulas(counts: list[int]) -> None:
    from scipy.stats import entropy

    assume(sum(counts))
    gaps = sum(abs(x - y) for x in counts for y in counts)
    assert gini(counts) == pytest.approx(gaps / (2 * len(counts) * sum(counts)))
    assert entropy_bits(counts) == pytest.approx(float(entropy(counts, base=2)))


@often
@given(bags=st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=2, max_size=6))
def test_distance_of_tags_is_that_of_scipy(bags: list[set[int]]) -> None:
    from scipy.spatial.distance import pdist

    table = np.array([[tag in bag for tag in range(6)] for bag in bags])
    assert jaccard_distance(bags) == pytest.approx(pdist(table, "jaccard").mean())


said = st.lists(st.sampled_from("xyz"), min_size=1, max_size=6)
heard = st.lists(st.sampled_from("xyz"), max_size=6)


@often
@given(words=st.lists(st.tuples(said, heard), min_size=1, max_size=4))
def test_word_errors_by_edit_distance(words: list[tuple[list[str], list[str]]]) -> None:
    def distance(a: list[str], b: list[str]) -> int:
        row = list(range(len(b) + 1))
        for i, x in enumerate(a, start=1):
            before, row[0] = row[0], i
            for j, y in enumerate(b, start=1):
                before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
        return row[-1]

    told = word_errors([" ".join(a) for a, _ in words], [" ".join(b) for _, b in words])
    assert told.errors == sum(distance(a, b) for a, b in words)
    assert told.words == sum(len(a) for a, _ in words)


@often
@given(values=st.lists(st.floats(0, 5000), min_size=36, max_size=60), q=st.sampled_from([0.5, 0.9]))
def test_quantiles_are_those_of_numpy(values: list[float], q: float) -> None:
    assert quantile(values, q).value == pytest.approx(np.quantile(values, q, method="median_unbiased"))


@seldom
@given(seed=st.integers(0, 10_000), q=st.sampled_from([0.5, 0.9]))
def test_drawing_pairs_of_calls_one_by_one_gives_the_same_interval(seed: int, q: float) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 9, size=9)
    a, b = ([rng.lognormal(7, 0.5, n).tolist() for n in sizes] for _ in range(2))
    told = quantile_difference(a, b, q, np.random.default_rng(seed), draws=100)
    moved = []
    for picks in np.random.default_rng(seed).integers(0, 9, size=(100, 9)):
        one, two = ([wait for at in picks for wait in side[at]] for side in (a, b))
        moved.append(np.quantile(two, q, method="median_unbiased") - np.quantile(one, q, method="median_unbiased"))
    ends = np.quantile(moved, [0.025, 0.975], method="inverted_cdf")
    assert told.interval == pytest.approx(tuple(ends))


@often
@given(df=st.integers(1, 60), p=st.floats(0.5, 0.999))
def test_student_is_that_of_scipy(df: int, p: float) -> None:
    from scipy.stats import t

    assert student_quantile(p, df) == pytest.approx(float(t.ppf(p, df)), abs=1e-9)


@often
@given(effect=st.floats(0.05, 0.9), power=st.floats(0.5, 0.95))
def test_plans_are_those_of_statsmodels(effect: float, power: float) -> None:
    from statsmodels.stats.power import NormalIndPower

    # Paired differences of spread 1: a test of one sample (ratio 0). Theirs counts the other tail as well.
    theirs = NormalIndPower(ddof=0).solve_power(effect, power=power, alpha=0.05, ratio=0, alternative="two-sided")
    assert sample_size(effect, 1.0, power=power) == pytest.approx(theirs, abs=1.01)
    n = sample_size(effect, 1.0, power=power)
    assert minimal_detectable_effect(n, 1.0, power=power) <= effect + 1e-12


def test_studentised_draws_hold_the_truth_of_skewed_waits() -> None:
    """Small enough for every run; `test_oracles` does it at full size."""
    rng, hits, runs = np.random.default_rng(5), 0, 250
    clusters = np.repeat(np.arange(8), 6).tolist()
    for _ in range(runs):
        waits = np.exp(rng.normal(0, 0.4, (8, 1)) + rng.normal(0, 0.4, (8, 6))).ravel()
        low, high = bootstrap_t(waits, clusters, rng, draws=300).interval or (math.inf, 0)
        hits += low <= math.exp(0.16) <= high
    assert hits / runs >= 0.88
