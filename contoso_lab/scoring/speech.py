"""How well the server heard the caller: the word error rate of its transcripts.

It is about the transcript. A model that listens to the sound itself may understand more, or less.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from contoso_lab.scoring.exchanges import heard_turns, label_clock
from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.matching import SLACK_MS, Interval
from contoso_lab.scoring.text import NORMALISER, normalise, word_errors
from contoso_lab.scoring.value import EAR_MODES, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


@scorer(name="wer", unit="share", lower_is_better=True, aggregate="ratio", margin=0.02, modes=EAR_MODES)
def wer(recording: Recording) -> Score | list[Score]:
    """Word error rate of what the server heard, against the labelled words of the caller.

    `(S+D+I)/N` over all turns together (corpus WER, by jiwer), both sides through one normaliser that keeps
    product numbers and prices whole. A missed turn counts all its words as errors. What was heard where nobody
    spoke is kept apart: with no words to divide by, it has no rate.
    """
    labels = features(recording).labels
    if labels is None or not labels.turns:
        return Score.missing("nobody has labelled what the caller said; add it with recording.add_labels(…)")
    if any(turn.start_ms is None or turn.end_ms is None for turn in labels.turns):
        return Score.missing("the labels do not say when each turn was spoken; add start_ms and end_ms")
    said = [turn.text for turn in labels.turns]
    scores: list[Score] = []
    invented: list[str] = []
    for turn in heard_turns(recording):
        heard = " ".join(text for text in turn.texts if text)
        if not turn.references:
            invented.append(heard)
            continue
        reference = " ".join(said[i] for i in turn.references)
        if turn.failed:
            scores.append(Score.error("the server could not transcribe this turn", turn=turn.references[0]))
            continue
        errors = word_errors(reference, heard)
        if not errors.words:
            scores.append(Score.missing("the label holds no words", turn=turn.references[0]))
            continue
        reason = f"{errors}; {NORMALISER}"
        if not turn.heard:
            reason = f"the server never noticed this turn; {reason}"
        scores.append(Score(errors.rate, n=errors.words, reason=reason, turn=turn.references[0]))
    for extra, heard in enumerate(invented):
        scores.append(Score.missing(f"heard {heard!r} where nobody spoke", turn=len(said) + extra))
    return scores


@scorer(unit="share", lower_is_better=True, aggregate="ratio", judged=False, modes=EAR_MODES)
def entity_error_rate(recording: Recording) -> Score | list[Score]:
    """Share of the products, prices, numbers and order ids in the caller's words that the server got wrong or lost.

    The mistakes that cost something (EVA's key entities): "fifteen" for "fifty" is one word in twenty to a word error
    rate, and the whole of the question. Products are found as the shop finds them in what was heard.
    """
    labels = features(recording).labels
    if labels is None or not labels.turns:
        return Score.missing("nobody has labelled what the caller said; add it with recording.add_labels(…)")
    scores = []
    for turn in heard_turns(recording):
        if not turn.references or turn.failed:
            continue
        said = entities(" ".join(labels.turns[i].text for i in turn.references))
        if not said:
            continue
        heard = entities(" ".join(text for text in turn.texts if text))
        lost = said - heard
        n = said.total()
        reason = f"lost: {', '.join(sorted(lost.elements()))}" if lost else f"all {n} heard"
        scores.append(Score(lost.total() / n, n=n, reason=reason, turn=turn.references[0]))
    return scores or Score.missing("the caller named no product, price or number")


def entities(text: str) -> Counter[str]:
    """What a mishearing would spoil: products by SKU, and every word that holds a digit.

    >>> sorted(entities("The Meadow Four under three hundred dollars, order ZK3FFW").elements())
    ['$300', 'TEN-02', 'zk3ffw']
    """
    from contoso_lab.shop.catalog import Catalog
    from contoso_lab.shop.mentions import find_mentions

    found: Counter[str] = Counter()
    rest = text
    for mention in sorted(find_mentions(text, Catalog.load(), heard=True), key=lambda m: -m.start):
        found[mention.sku] += 1
        # A number inside a product's name is the name's: the Meadow Four is no four.
        rest = f"{rest[: mention.start]} , {rest[mention.end :]}"
    found.update(word for word in normalise(rest).split() if any(sign.isdigit() for sign in word))
    return found


@scorer(unit="words", lower_is_better=True, judged=False, modes=EAR_MODES)
def hallucinated_words(recording: Recording) -> Score:
    """How many words the server wrote down where nobody spoke: on silence, on noise, on its own echo.

    Not in the word error rate, which has nothing to divide them by. A labelled backchannel was spoken, so its words are
    none of these.
    """
    found = features(recording)
    if found.labels is None or not found.labels.turns:
        return Score.missing("no label says where nobody spoke")
    murmurs = _backchannels(found)
    texts = {turn.item_id: turn.text for turn in found.turns}
    invented = []
    for exchange in found.exchanges:
        if exchange.references:
            continue
        at = Interval(exchange.spoke_from_ms, exchange.spoke_from_ms)
        if any(span.overlap_ms(at) > -SLACK_MS for span in murmurs):
            continue
        invented += [text for user in exchange.heard if (text := texts.get(user.item_id, "").strip())]
    words = sum(len(normalise(text).split()) for text in invented)
    return Score(float(words), reason=", ".join(repr(text) for text in invented))


def _backchannels(found: Features) -> list[Interval]:
    clock = label_clock(found.recording.timeline(), found.labels, found.spoken)
    if found.labels is None or clock is None:
        return []
    events = [event for event in found.labels.events if event.kind == "backchannel"]
    return [Interval(clock(event.start_ms), clock(event.end_ms)) for event in events]


SCORERS: tuple[Scorer, ...] = (wer, entity_error_rate, hallucinated_words)
