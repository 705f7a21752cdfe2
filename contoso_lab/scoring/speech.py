"""How well the server heard the caller: the word error rate of its transcripts.

It is about the transcript. A model that listens to the sound itself may understand more, or less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.scoring.exchanges import heard_turns
from contoso_lab.scoring.text import NORMALISER, word_errors
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
    labels = recording.labels()
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


SCORERS: tuple[Scorer, ...] = (wer,)
