"""What the shop put on the customer's screen: does it exist, and is it what the customer was after?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.errors import MissingExtra
from contoso_lab.recording.clock import LocalClock
from contoso_lab.scoring.value import Score, Scorer, scorer
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.writeup import find_skus, shown_skus

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

DEPTH = 3
"""A page shows about this many products; what stands below is not ranked."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of suggestions, as it stood on the screen."""

    suggestion_id: str
    at_ms: float
    text: str
    skus: tuple[str, ...]
    """In order of first mention, real or not."""


def pages_shown(recording: Recording) -> list[Shown]:
    """Every page of suggestions in a recording, in order of time."""
    pages: list[Shown] = []
    clock = LocalClock(recording.events)
    for event in recording.events:
        if event.dir == "local" and event.ev.get("type") == "suggestion.shown":
            text = str(event.ev.get("text") or "")
            # The text is what the customer saw; the list beside it was made by the program under test.
            skus = tuple(find_skus(text) if text else dict.fromkeys(event.ev.get("skus") or ()))
            pages.append(Shown(str(event.ev.get("suggestion_id", "")), clock.session_ms(event), text, skus))
    return pages


def catalog_of(recording: Recording) -> Catalog | None:
    """The catalogue that the call was held with; None when ours has changed since."""
    catalog = Catalog.load()
    recorded = recording.manifest.catalogue_sha
    return catalog if recorded in (None, "", catalog.sha256) else None


def ranking(page: Shown) -> tuple[str, ...]:
    """The products that a page presents, best first; one that does not exist takes its place like any other.

    What is only mentioned ("it goes with your boots") is not presented, unless nothing has a heading or picture.
    """
    catalog = Catalog.load()
    known = shown_skus(page.text, catalog) if page.text else []
    made_up = [sku for sku in page.skus if sku not in catalog]
    if not known:
        return page.skus
    if not made_up:
        return tuple(known)
    text = page.text.lower()

    def place(sku: str) -> int:
        names = [sku, catalog.get(sku).name] if sku in catalog else [sku]
        return min((at for name in names if (at := text.find(name.lower())) >= 0), default=len(text))

    return tuple(sorted([*known, *made_up], key=place))


CHANGED = "the call was held with another catalogue than the one that is here"


@scorer(unit="share", aggregate="ratio")
def valid_sku_rate(recording: Recording) -> Score | list[Score]:
    """Share of the product numbers on the page that the catalogue knows.

    A page without any product number is a failure of that page, not a gap in the data.
    """
    pages = pages_shown(recording)
    if not pages:
        return Score.missing("no page of suggestions was shown")
    catalog = catalog_of(recording)
    if catalog is None:
        return Score.missing(CHANGED)
    known = {product.sku for product in catalog.products}
    scores = []
    for page in pages:
        wrong = [sku for sku in page.skus if sku not in known]
        if not page.skus:
            scores.append(Score(0.0, reason="the page names no product"))
            continue
        n = len(page.skus)
        reason = f"not in the catalogue: {', '.join(wrong)}" if wrong else f"all {n} exist"
        scores.append(Score((n - len(wrong)) / n, n=n, reason=reason))
    return scores


@scorer(name=f"ndcg_linear@{DEPTH}")
def ndcg(recording: Recording) -> Score | list[Score]:
    """How well the page is ordered against the graded products (nDCG at 3, linear gain).

    `DCG = Σ grade_i / log2(i+1)`, divided by that of the best order, as trec_eval has it. A call in which the
    customer gave the cue and no page came scores 0. Where `judged@3` is below 0.8 this is a lower bound.
    """
    grades = _grades(recording)
    if isinstance(grades, Score):
        return grades
    pages = pages_shown(recording)
    if not pages:
        labels = recording.labels()
        if labels is None or labels.cue_turn is None:
            return Score.missing("no page was shown, and no label says that one was due")
        return [Score(0.0, reason="a page was due and none was shown")]
    scores = []
    for page in pages:
        ranked = ranking(page)
        order = ", ".join(f"{sku} {grades.get(sku, '?')}" for sku in ranked[:DEPTH]) or "none"
        scores.append(Score(rank_quality(ranked, grades), reason=f"grades on the page: {order}"))
    return scores


@scorer(name=f"judged@{DEPTH}", unit="share", judged=False)
def judged(recording: Recording) -> Score | list[Score]:
    """Share of the first three products on the page that somebody has graded."""
    grades = _grades(recording)
    if isinstance(grades, Score):
        return grades
    pages = pages_shown(recording)
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


def rank_quality(ranked: tuple[str, ...], grades: dict[str, int], *, depth: int = DEPTH) -> float:
    """The nDCG of one ranked list with linear gain, computed by trec_eval's code through ir_measures.

    >>> round(rank_quality(("b", "a"), {"a": 1}), 7)
    0.6309298
    >>> rank_quality((), {"a": 1})
    0.0
    """
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtra("ranking quality", package="ir-measures", extra="eval") from error
    # Scores fall with the rank, so no two are equal: trec_eval breaks ties by name, which nobody meant.
    run = {"page": {sku: -float(rank) for rank, sku in enumerate(ranked)}}
    if not ranked:
        return 0.0
    measure = ir_measures.nDCG(dcg="log2") @ depth
    return float(ir_measures.calc_aggregate([measure], {"page": grades}, run)[measure])


def _grades(recording: Recording) -> dict[str, int] | Score:
    labels = recording.labels()
    if labels is None or not labels.products:
        return Score.missing("nobody has graded the products for this call; add labels with recording.add_labels(…)")
    if not any(grade > 0 for grade in labels.products.values()):
        return Score.missing("no product was graded above 0, so there is no best order")
    return dict(labels.products)


SCORERS: tuple[Scorer, ...] = (valid_sku_rate, ndcg, judged)
