"""Whether the prices that were said and shown are the catalogue's prices: arithmetic, no judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.scoring.features import features
from contoso_lab.scoring.pages import CHANGED
from contoso_lab.scoring.value import Score, Scorer, scorer
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.truth import price_claims

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


@scorer(unit="share", aggregate="ratio", judged=False)
def price_truth_said(recording: Recording) -> Score | list[Score]:
    """Share of the prices the customer heard that are true to the catalogue.

    Only what was heard counts: what an interruption cut off was never said to anyone.
    """
    answers = [turn.heard for turn in features(recording).turns if turn.role == "assistant"]
    return _truth(recording, answers, nothing="no price was said that belongs to a product")


@scorer(unit="share", aggregate="ratio", judged=False)
def price_truth_shown(recording: Recording) -> Score | list[Score]:
    """Share of the prices on the customer's screen that are true to the catalogue."""
    texts = [page.text for page in features(recording).pages]
    return _truth(recording, texts, nothing="no price was shown that belongs to a product")


def _truth(recording: Recording, texts: list[str], *, nothing: str) -> Score | list[Score]:
    catalog = features(recording).catalog
    if catalog is None:
        return Score.missing(CHANGED)
    scores = [score for turn, text in enumerate(texts) if (score := _judge(turn, text, catalog)) is not None]
    return scores or Score.missing(nothing)


def _judge(turn: int, text: str, catalog: Catalog) -> Score | None:
    """None for a text without a price that can be checked: it made no claim, so it neither passes nor fails."""
    claims = [claim for claim in price_claims(text, catalog) if claim.ok is not None]
    if not claims:
        return None
    wrong = [f"{claim.quote!r}, it is ${claim.true_usd:.2f}" for claim in claims if not claim.ok]
    reason = "; ".join(wrong) or f"{len(claims)} true"
    return Score(1 - len(wrong) / len(claims), n=len(claims), reason=reason, turn=turn)


SCORERS: tuple[Scorer, ...] = (price_truth_said, price_truth_shown)
