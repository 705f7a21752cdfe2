"""What a run shows as a whole: how much of the catalogue, how evenly, how surprising, and the same again next time?

These are numbers of a run, not of a page; their intervals come from drawing calls again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats import Estimate

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


def jaccard_distance(tag_sets: Sequence[Collection[Hashable]]) -> float:
    """Mean pairwise `1 − |A∩B|/|A∪B|` of a list's items (intra-list diversity, Castells, Hurley & Vargas 2015).

    NaN for fewer than two items: a list of one is neither diverse nor not.

    >>> round(jaccard_distance([{"tent", "camping"}, {"tent", "camping"}, {"boots", "hiking"}]), 4)
    0.6667
    """
    if len(tag_sets) < 2:
        return math.nan
    pairs = [(set(a), set(b)) for a, b in combinations(tag_sets, 2)]
    return float(np.mean([1 - len(a & b) / len(a | b) if a | b else 0.0 for a, b in pairs]))


def coverage(shown: Iterable[Sequence[str]], catalogue: Collection[str]) -> float:
    """Share of the catalogue that was shown at all.

    >>> coverage([["a", "b"], ["a", "c"]], "abcde")
    0.6
    """
    if not catalogue:
        raise ScoringError("coverage needs a catalogue that holds something")
    return len({sku for page in shown for sku in page} & set(catalogue)) / len(set(catalogue))


def gini(exposure: Sequence[float]) -> float:
    """How unevenly products are shown: 0 when all are shown alike, near 1 when one is shown always.

    `Σ(2i − n − 1)·x_i / (n·Σx)` over counts in rising order, those of 0 included.

    >>> round(gini([5, 3, 1, 1, 0]), 6)
    0.48
    """
    counts = np.sort(np.asarray(exposure, dtype=np.float64))
    if not counts.size or counts.min() < 0:
        raise ScoringError("exposure is a count for each product of the catalogue, none below 0")
    if counts.sum() == 0:
        return math.nan
    n = counts.size
    return float(((2 * np.arange(1, n + 1) - n - 1) * counts).sum() / (n * counts.sum()))


def entropy_bits(exposure: Sequence[float]) -> float:
    """Shannon's entropy of what is shown, in bits: 0 when it is always the same.

    >>> round(entropy_bits([5, 3, 1, 1, 0]), 4)
    1.6855
    """
    counts = np.asarray(exposure, dtype=np.float64)
    if counts.sum() <= 0:
        return math.nan
    shares = counts[counts > 0] / counts.sum()
    return abs(float(-(shares * np.log2(shares)).sum()))


def novelty_bits(shown: Iterable[Sequence[str]], popularity: dict[str, float]) -> float:
    """How surprising the products are: mean `−log2 p(product)` (Zhou et al. 2010), p its share of what is bought.

    >>> novelty_bits([["a", "b"]], {"a": 0.5, "b": 0.25})
    1.5
    """
    seen = [popularity[sku] for page in shown for sku in page if popularity.get(sku, 0) > 0]
    return float(np.mean([-math.log2(p) for p in seen])) if seen else math.nan


def overlap(a: Sequence[str], b: Sequence[str], *, depth: int) -> float:
    """How much two lists share at their top: Jaccard's index of the first `depth` of each; two empty ones are equal.

    >>> overlap("abc", "acd", depth=3)
    0.5
    """
    first, second = set(a[:depth]), set(b[:depth])
    return len(first & second) / len(first | second) if first | second else 1.0


def rank_biased_overlap(a: Sequence[str], b: Sequence[str], *, p: float = 0.9) -> float:
    """How alike two rankings are, the top counting most: extrapolated RBO (Webber, Moffat & Zobel 2010, eq. 32).

    Args:
        a: A ranking without repeats.
        b: Another; it may be longer or shorter.
        p: How patient the reader is; 0.9 looks at about ten places.

    >>> rank_biased_overlap("abc", "abc"), rank_biased_overlap("abc", "xyz")
    (1.0, 0.0)
    """
    if not 0 < p < 1:
        raise ScoringError(f"p lies between 0 and 1, not at {p}")
    short, long = sorted((list(a), list(b)), key=len)
    few, many = len(short), len(long)
    if not many:
        return 1.0
    if not few:
        return 0.0
    shared = [len(set(short[:depth]) & set(long[:depth])) for depth in range(1, many + 1)]
    total = sum(shared[depth - 1] / depth * p**depth for depth in range(1, many + 1))
    total += sum(shared[few - 1] * (depth - few) / (few * depth) * p**depth for depth in range(few + 1, many + 1))
    tail = ((shared[many - 1] - shared[few - 1]) / many + shared[few - 1] / few) * p**many
    return min(1.0, (1 - p) / p * total + tail)


def exposure_of(shown: Iterable[Sequence[str]], catalogue: Sequence[str]) -> list[int]:
    """How often each product of the catalogue was shown."""
    counts = Counter(sku for page in shown for sku in page)
    return [counts[sku] for sku in catalogue]


def run_diversity(
    recordings: Iterable[Recording], *, rng: np.random.Generator, level: float = 0.95, draws: int = 1000
) -> dict[str, Estimate]:
    """Coverage, Gini, entropy and stability of a whole run, each with an interval from drawing calls again.

    `stability_rbo` and `stability_jaccard` compare the pages of runs of the same scenario, one pair after another: they
    need at least two runs of one. Catalogue and pages are those of the calls.

    Raises:
        ScoringError: the calls were held with different catalogues, or with one that is not here any more.
    """
    from contoso_lab.scoring.features import features
    from contoso_lab.scoring.pages import DEPTH, ranking

    read = [features(recording) for recording in recordings]
    catalogs = {f.catalog.sha256: f.catalog for f in read if f.catalog is not None}
    if len(catalogs) != 1 or any(f.catalog is None for f in read):
        raise ScoringError("diversity is of one catalogue: score calls that were held with the one that is here")
    (catalog,) = catalogs.values()
    skus = [product.sku for product in catalog]
    by_call = [[tuple(s for s in ranking(page) if s in catalog) for page in f.pages] for f in read]
    measures: dict[str, Callable[[list[Sequence[str]]], float]] = {
        "coverage": lambda pages: coverage(pages, skus),
        "gini": lambda pages: gini(exposure_of(pages, skus)),
        "entropy_bits": lambda pages: entropy_bits(exposure_of(pages, skus)),
    }
    found = {name: _drawn(by_call, measure, rng, level, draws) for name, measure in measures.items()}
    pairs: dict[str, list[tuple[Sequence[str], Sequence[str]]]] = {}
    last: dict[str, Sequence[str]] = {}
    for f, pages in zip(read, by_call, strict=True):
        scenario = f.recording.manifest.scenario or f.recording.id
        page: Sequence[str] = pages[-1] if pages else ()
        if scenario in last:
            pairs.setdefault(scenario, []).append((last[scenario], page))
        last[scenario] = page
    alike: dict[str, Callable[[Sequence[str], Sequence[str]], float]] = {
        "stability_rbo": rank_biased_overlap,
        "stability_jaccard": lambda a, b: overlap(a, b, depth=DEPTH),
    }
    from contoso_lab.scoring.stats import mean_interval

    for name, rule in alike.items():
        values = [(rule(a, b), scenario) for scenario, both in pairs.items() for a, b in both]
        if values:
            found[name] = mean_interval([v for v, _ in values], [s for _, s in values], rng, level=level, share=True)
        else:
            found[name] = Estimate(math.nan, note="no scenario was run twice")
    return found


def _drawn(
    by_call: list[list[tuple[str, ...]]],
    measure: Callable[[list[Sequence[str]]], float],
    rng: np.random.Generator,
    level: float,
    draws: int,
) -> Estimate:
    pages: list[Sequence[str]] = [page for call in by_call for page in call]
    if not pages:
        return Estimate(math.nan, note="no page was shown")
    value, calls = measure(pages), len(by_call)
    if calls < 6:
        return Estimate(value, n=len(pages), clusters=calls, note=f"{calls} calls, 6 are needed")
    drawn = []
    for picks in rng.integers(0, calls, size=(draws, calls)):
        again: list[Sequence[str]] = [page for at in picks for page in by_call[at]]
        drawn.append(measure(again) if again else math.nan)
    low, high = np.nanquantile(drawn, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    return Estimate(value, float(low), float(high), len(pages), calls, "cluster bootstrap")
