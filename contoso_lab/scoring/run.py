"""Score recordings: one call, or as many as you like, with the scorers you name."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from contoso_lab.errors import LabError, ScoringError
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.value import Result, Score, Scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

_ROOMS = (
    "suggestions", "relevance", "truth", "prices", "tasks", "gates", "adherence", "speech", "latency", "moments",
    "turn_taking", "curves", "playing", "beside", "cost", "reliability",
)  # fmt: skip


def default_scorers() -> tuple[Scorer, ...]:
    """Every scorer of ours, in the order of the table."""
    return tuple(scorer for room in _ROOMS for scorer in import_module(f"contoso_lab.scoring.{room}").SCORERS)


def score(
    recordings: Recording | Iterable[Recording],
    scorers: Sequence[Scorer] | Scorer | None = None,
    *,
    seed: int = 0,
) -> Scores:
    """Read recordings and say what each was worth.

    A scorer that fails on one recording leaves a row with the status 'error' and the reason; the others go on.

    Args:
        recordings: One, or several.
        scorers: Which; all of ours unless given.
        seed: For the intervals that need chance.
    """
    chosen = default_scorers() if scorers is None else (scorers,) if isinstance(scorers, Scorer) else scorers
    calls = list(recordings) if isinstance(recordings, Iterable) else [recordings]
    if not calls:
        raise ScoringError("there is no recording to score: record a call first, or check the folder")
    twice = {name for name, times in Counter(scorer.name for scorer in chosen).items() if times > 1}
    if twice:
        raise ScoringError(f"two scorers have the same name, so their rows would mix: {', '.join(sorted(twice))}")
    # Call by call, so that what one scorer has read of a call serves the next; the table stays in the scorers' order.
    by_call = [_rows_of(call, chosen) for call in calls]
    rows = [row for place in range(len(chosen)) for call in by_call for row in call[place]]
    return Scores(rows, {scorer.name: scorer.metric for scorer in chosen}, seed=seed)


def _rows_of(call: Recording, scorers: Sequence[Scorer]) -> list[list[Row]]:
    from contoso_lab.scoring.features import settled  # needs what a program that only asks for names never loads

    with uncollected(), settled(call):
        found = [_rows(scorer, call) for scorer in scorers]
    if (heard := vars(call).get("sound_spans")) is not None:  # a scorer has listened
        heard.keep()
    return found


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector off.

    It would look through the events of a call again and again while all of them are in use: a fifth of the time.
    Who lets go of the recording within (`Recording.let_go`) spares it the last look, too.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _rows(scorer: Scorer, recording: Recording) -> list[Row]:
    result: Result
    try:
        result = scorer(recording)
    except LabError as error:
        result = Score.error(str(error))
    scores: Iterable[tuple[int | None, Score]] = [(None, result)] if isinstance(result, Score) else enumerate(result)
    row = partial(
        Row.of, metric=scorer.metric, recording=recording.id, scenario=recording.manifest.scenario or recording.id
    )
    return [row(score, turn=turn) for turn, score in scores] or [row(Score.missing("there was nothing to score"))]
