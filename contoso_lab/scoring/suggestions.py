"""What the shop put on the customer's screen: does it exist, does it keep to what was demanded, and was it wanted?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.scoring.diversity import jaccard_distance
from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.pages import CHANGED, DEPTH, Shown, ranking
from contoso_lab.scoring.value import EAR_MODES, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording
    from contoso_lab.shop.product import Product

WINDOW_MS = 8000.0
"""How long after the cue a page is still in time: about as long as one reply lasts."""


@scorer(unit="share", aggregate="ratio")
def valid_sku_rate(recording: Recording) -> Score | list[Score]:
    """Share of the product numbers on the page that the catalogue knows.

    A page without any product number is a failure of that page, not a gap in the data.
    """
    found = features(recording)
    pages = found.pages
    if not pages:
        return Score.missing("no page of suggestions was shown")
    catalog = found.catalog
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


@scorer(unit="share", aggregate="ratio")
def constraint_sat(recording: Recording) -> Score | list[Score]:
    """Share of the caller's hard demands (budget, size, season, …) that the page keeps.

    No judge: the labels name for each demand the products that meet it (`demands[].allowed`) and the most that one may
    cost. A demand is kept when every product of its category on the page meets it; demands about a category that is not
    on the page are not counted. What the caller owns already is a demand of its own (`bought`).
    """
    found = features(recording)
    labels, catalog = found.labels, found.catalog
    if labels is None or not (labels.demands or labels.bought):
        return Score.missing("no label says what the caller demanded")
    if not found.pages:
        return Score.missing("no page of suggestions was shown")
    if catalog is None:
        return Score.missing(CHANGED)
    scores = []
    for page in found.pages:
        products = [catalog.get(sku) for sku in ranking(page) if sku in catalog]
        kept, broken = _kept(found, products, page)
        if kept + len(broken):
            n = kept + len(broken)
            scores.append(Score(kept / n, n=n, reason="; ".join(broken) or f"all {n} kept"))
        else:
            scores.append(Score.missing("the page shows nothing that a demand is about"))
    return scores


def _kept(found: Features, products: list[Product], page: Shown) -> tuple[int, list[str]]:
    """How many demands a page keeps, and a sentence for each that it breaks; what was stated later is not held."""
    labels = found.labels
    if labels is None:
        return 0, []
    said_by = {ref: e.silent_from_ms for e in found.exchanges for ref in e.references if e.silent_from_ms is not None}
    kept, broken = 0, []
    for demand in labels.demands:
        if said_by.get(demand.turn, 0.0) > page.at_ms:
            continue
        about = [p for p in products if not demand.category or p.category.lower() == demand.category.lower()]
        if not about or not (demand.allowed or demand.most_usd is not None):
            continue
        bad = [
            p.sku
            for p in about
            if (demand.allowed and p.sku not in demand.allowed)
            or (demand.most_usd is not None and p.price_usd > demand.most_usd)
        ]
        kept += not bad
        broken += [f"{', '.join(bad)} against: {demand.said}"] if bad else []
    if labels.bought and products:
        again = [p.sku for p in products if p.sku in labels.bought]
        kept += not again
        broken += [f"{', '.join(again)} bought already"] if again else []
    return kept, broken


@scorer(name=f"ild_jaccard@{DEPTH}", judged=False)
def diversity(recording: Recording) -> Score | list[Score]:
    """How different the products of a page are: mean pairwise Jaccard distance of their tags (Castells et al.).

    A product's tags are its category and the words of its description. A page of fewer than two products has none.
    """
    found = features(recording)
    if not found.pages:
        return Score.missing("no page of suggestions was shown")
    if found.catalog is None:
        return Score.missing(CHANGED)
    scores = []
    for page in found.pages:
        top = [found.catalog.get(sku) for sku in ranking(page)[:DEPTH] if sku in found.catalog]
        if len(top) < 2:
            scores.append(Score.missing("fewer than two products, so no distance between them"))
            continue
        scores.append(Score(jaccard_distance([tags(product) for product in top]), n=len(top)))
    return scores


def tags(product: Product) -> frozenset[str]:
    """What a product is about: its category, and the words of its description."""
    words = "".join(sign if sign.isalnum() else " " for sign in product.description.lower()).split()
    return frozenset([product.category.lower(), *(word for word in words if len(word) > 2)])


@scorer(unit="share", lower_is_better=True, judged=False)
def oversuggest_rate(recording: Recording) -> Score | list[Score]:
    """Share of the pages that came where the labels say that none was wanted; read it beside `gate_right`.

    A page after a turn at which one would be too early, or in a call in which none is ever wanted.
    """
    found = features(recording)
    labels = found.labels
    if labels is None or not (labels.turns or labels.gate):
        return Score.missing("no label says when a page is wanted")
    if not found.pages:
        return Score.missing("no page of suggestions was shown")
    scores = []
    for page in found.pages:
        told = page_was(found, page)
        scores.append(Score(told in ("early", "never"), reason=f"a page here is {told}"))
    return scores


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def timing_regret_ms(recording: Recording) -> Score | list[Score]:
    """How far a page lies beside its best window, which is from the end of the cue to eight seconds after it.

    0 inside; before it the time that it came too early, after it the time that it came too late. A page that was due
    and never came is censored.
    """
    found = features(recording)
    labels = found.labels
    if labels is None or labels.cue_turn is None:
        return Score.missing("no label says which turn asks for a page")
    ends = [e.silent_from_ms for e in found.exchanges if labels.cue_turn in e.references]
    if not ends or ends[0] is None:
        return Score.missing(f"the cue, turn {labels.cue_turn}, is not in the recording")
    cue = ends[0]
    if not found.pages:
        return Score.censored(max(0.0, found.anchors.end_ms - cue - WINDOW_MS), "a page was due and none was shown")
    best = min(found.pages, key=lambda page: _beside(page.at_ms, cue))
    side = "too early" if best.at_ms < cue else "too late" if best.at_ms > cue + WINDOW_MS else "in time"
    return Score(_beside(best.at_ms, cue), reason=side)


def _beside(at_ms: float, cue_ms: float) -> float:
    return max(0.0, cue_ms - at_ms, at_ms - cue_ms - WINDOW_MS)


def page_was(found: Features, page: Shown) -> str:
    """What the labels say of a page at the moment when it came: early, right, late, never, or unknown."""
    labels = found.labels
    if labels is None:
        return "unknown"
    before = [
        ref
        for exchange in found.exchanges
        for ref in exchange.references
        if exchange.silent_from_ms is not None and exchange.silent_from_ms <= page.at_ms
    ]
    after_turn = max(before, default=-1)
    if labels.gate:
        return labels.page_at(after_turn) or "unknown"
    if labels.cue_turn is None:
        return "never"
    return "early" if after_turn < labels.cue_turn else "right" if after_turn == labels.cue_turn else "late"


@scorer(unit="share", aggregate="ratio", judged=False, modes=frozenset({"live", "caller"}))
def accept_rate(recording: Recording) -> Score:
    """Share of the products shown that the customer clicked or put into the cart.

    Only where the customer saw this very page: in a replay the customer of the recording answers to another one.
    """
    found = features(recording)
    shown = {(page.suggestion_id, sku) for page in found.pages for sku in ranking(page)}
    if not shown:
        return Score.missing("no page of suggestions was shown")
    clicks = [event.ev for event in found.of_type("suggestion.clicked", "local")]
    taken = {str(click.get("sku")) for click in clicks if click.get("sku")}
    taken |= {str(event.ev.get("sku")) for event in found.of_type("cart.add", "local")}
    hits = [sku for _, sku in shown if sku in taken]
    return Score(len(hits) / len(shown), n=len(shown), reason=f"taken: {', '.join(sorted(hits)) or 'none'}")


SCORERS: tuple[Scorer, ...] = (
    valid_sku_rate,
    constraint_sat,
    diversity,
    oversuggest_rate,
    timing_regret_ms,
    accept_rate,
)
