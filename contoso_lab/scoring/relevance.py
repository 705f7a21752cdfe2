"""How well a page is ordered, against graded products: the measures of information retrieval.

All are computed by trec_eval's code through ir_measures. Pages are short lists, so depth is 3. A call in which a page
was due and none was shown scores 0: leaving it out would let silence raise the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import MissingExtra
from contoso_lab.scoring.features import features
from contoso_lab.scoring.pages import DEPTH, ranking
from contoso_lab.scoring.value import Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


def rank_quality(
    ranked: tuple[str, ...], grades: dict[str, int], *, depth: int = DEPTH, measure: str = "nDCG(dcg='log2')"
) -> float:
    """One ranked list against grades, by a measure of ir_measures; nDCG with linear gain unless another is named.

    `DCG = Σ grade_i / log2(i+1)`, divided by that of the best order. Of the measures of yes and no (RR, R, P, Success)
    grade 1 is the least that counts.

    >>> round(rank_quality(("b", "a"), {"a": 1}), 7)
    0.6309298
    >>> rank_quality(("b", "a"), {"a": 1}, measure="RR"), rank_quality((), {"a": 1})
    (0.5, 0.0)
    """
    if not ranked:
        return 0.0
    # Scores fall with the rank, so no two are equal: trec_eval breaks ties by name, which nobody meant.
    run = {"page": {sku: -float(rank) for rank, sku in enumerate(ranked)}}
    wanted, evaluator = _evaluator(measure, depth, tuple(grades.items()))
    return float(evaluator.calc_aggregate(run)[wanted])


@lru_cache(maxsize=32)  # of a call's measures, whose grades are the same for all its pages
def _evaluator(measure: str, depth: int, grades: tuple[tuple[str, int], ...]) -> tuple[Any, Any]:
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtra("ranking quality", package="ir-measures", extra="eval") from error
    wanted: Any = ir_measures.parse_measure(f"{measure}@{depth}")
    return wanted, ir_measures.evaluator([wanted], {"page": dict(grades)})


@scorer(name=f"ndcg_linear@{DEPTH}")
def ndcg(recording: Recording) -> Score | list[Score]:
    """How well the page is ordered against the graded products (nDCG at 3, linear gain).

    Where `judged@3` is below 0.8 this is a lower bound.
    """
    return _measured(recording, "nDCG(dcg='log2')")


@scorer(name=f"ndcg_exp@{DEPTH}", judged=False)
def ndcg_exp(recording: Recording) -> Score | list[Score]:
    """The same with exponential gain, `2^grade − 1` (Burges 2005): the best product weighs more; another number."""
    return _measured(recording, "nDCG(dcg='log2')", gain=lambda grade: 2**grade - 1)


@scorer(name=f"rr@{DEPTH}", judged=False)
def reciprocal_rank(recording: Recording) -> Score | list[Score]:
    """One over the place of the first product on the page that suits at all; 0 when none of three does."""
    return _measured(recording, "RR")


@scorer(name=f"recall@{DEPTH}", unit="share", judged=False)
def recall(recording: Recording) -> Score | list[Score]:
    """Share of the suiting products that stand among the first three of the page."""
    return _measured(recording, "R")


@scorer(name=f"precision@{DEPTH}", unit="share", judged=False)
def precision(recording: Recording) -> Score | list[Score]:
    """Suiting products among the first three places of the page, over three: empty places count as misses."""
    return _measured(recording, "P")


@scorer(name="success@1", unit="share", judged=False)
def success(recording: Recording) -> Score | list[Score]:
    """Share of the pages whose first product suits."""
    return _measured(recording, "Success", depth=1)


@scorer(name=f"judged@{DEPTH}", unit="share", judged=False)
def judged(recording: Recording) -> Score | list[Score]:
    """Share of the first three products on the page that somebody has graded."""
    grades = _grades(recording)
    if isinstance(grades, Score):
        return grades
    pages = features(recording).pages
    if not pages:
        return Score.missing("no page of suggestions was shown")
    scores = []
    for page in pages:
        top = ranking(page)[:DEPTH]
        if not top:
            scores.append(Score.missing("the page names no product"))
            continue
        holes = [sku for sku in top if sku not in grades]
        reason = f"not graded: {', '.join(holes)}" if holes else ""
        scores.append(Score((len(top) - len(holes)) / len(top), n=len(top), reason=reason))
    return scores


def _measured(
    recording: Recording, measure: str, *, depth: int = DEPTH, gain: Callable[[int], int] = lambda grade: grade
) -> Score | list[Score]:
    grades = _grades(recording)
    if isinstance(grades, Score):
        return grades
    found = features(recording)
    if not found.pages:
        if found.labels is None or found.labels.cue_turn is None:
            return Score.missing("no page was shown, and no label says that one was due")
        return [Score(0.0, reason="a page was due and none was shown")]
    gains = {sku: gain(grade) for sku, grade in grades.items()}
    scores = []
    for page in found.pages:
        ranked = ranking(page)
        order = ", ".join(f"{sku} {grades.get(sku, '?')}" for sku in ranked[:depth]) or "none"
        value = rank_quality(ranked, gains, depth=depth, measure=measure)
        scores.append(Score(value, reason=f"grades on the page: {order}"))
    return scores


def _grades(recording: Recording) -> dict[str, int] | Score:
    labels = features(recording).labels
    if labels is None or not labels.products:
        return Score.missing("nobody has graded the products for this call; add labels with recording.add_labels(…)")
    if not any(grade > 0 for grade in labels.products.values()):
        return Score.missing("no product was graded above 0, so there is no best order")
    return dict(labels.products)


SCORERS: tuple[Scorer, ...] = (ndcg, ndcg_exp, reciprocal_rank, recall, precision, success, judged)
