"""One score, and the decorator that turns a function of a recording into a scorer.

A score is never a bare number: it says whether it could be told at all, from how much, and why. "Could not
tell" is a status, not zero; an answer that never came is censored, not dropped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

from contoso_lab.errors import ScoringError

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

Value = float | bool | str
Status = Literal["ok", "skipped", "error", "censored"]
Mode = Literal["live", "rescore", "cassette", "fast", "paced", "caller"]
Aggregate = Literal["mean", "median", "ratio"]

ALL_MODES: frozenset[Mode] = frozenset(get_args(Mode))
"""live: people talked · rescore: nothing was run again · cassette: server events played back · fast: answers
made again without real time · paced: made again in real time · caller: against a simulated caller."""

EAR_MODES: frozenset[Mode] = frozenset({"live", "rescore", "cassette", "paced", "caller"})
"""Where time passed as it does for a caller. `fast` sends speech without its pauses, so no ear waited."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one scorer says about one turn or one call.

    >>> Score(0.5, n=4, reason="two of four")
    0.5 (two of four)
    >>> Score.missing("nobody answered")
    could not tell: nobody answered
    """

    value: Value | None
    """A bool is an assertion, a number a score, text a label; None when there is none to give."""
    status: Status = "ok"
    n: int = 1
    """How many things were counted for it (words, claims, products); the weight in a ratio."""
    reason: str = ""
    unit: str = ""
    at_least: float | None = None
    """For a censored score: the true value is known only to lie above this."""
    turn: int | None = None
    """Which turn of the call, counted from 0; None when the score is about the whole call."""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.status == "ok"):
            raise ScoringError(f"a score has a value exactly when its status is 'ok', not {self.status!r}")

    @classmethod
    def missing(cls, reason: str, *, unit: str = "", turn: int | None = None) -> Score:
        """A score that could not be told, and why; it is never counted as zero."""
        return cls(None, "skipped", 0, reason, unit, turn=turn)

    @classmethod
    def error(cls, reason: str, *, unit: str = "", turn: int | None = None) -> Score:
        """A score that should have been told, but something broke."""
        return cls(None, "error", 0, reason, unit, turn=turn)

    @classmethod
    def censored(cls, at_least: float, reason: str, *, unit: str = "", turn: int | None = None) -> Score:
        """A wait that did not end: all we know is that it was longer than `at_least`."""
        return cls(None, "censored", 1, reason, unit, at_least=at_least, turn=turn)

    def __repr__(self) -> str:
        match self.status:
            case "ok":
                shown = f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)
            case "censored":
                shown = f"more than {self.at_least:.4g}"
            case "skipped":
                return f"could not tell: {self.reason}"
            case "error":
                return f"error: {self.reason}"
        unit = f" {self.unit}" if self.unit else ""
        return f"{shown}{unit}" + (f" ({self.reason})" if self.reason else "")


Result = Score | Sequence[Score]


@dataclass(frozen=True, slots=True)
class Metric:
    """What has to be known about a metric to add it up and to compare it."""

    name: str
    unit: str = ""
    lower_is_better: bool = False
    aggregate: Aggregate = "mean"
    """mean: every row weighs the same · median: p50, for waiting times · ratio: rows weigh by their n."""
    judged: bool = True
    """Whether a comparison gives a verdict; parts of another metric are shown without one."""
    margin: float | None = None
    """The largest difference that would not matter, in the metric's unit."""
    about: str = ""
    scale: tuple[float, float] | None = None
    """The least and the greatest value that there can be, where that is known; a share has 0 and 1."""

    @property
    def limits(self) -> tuple[float, float] | None:
        """The scale, that of a share included."""
        return (0.0, 1.0) if self.scale is None and self.unit == "share" else self.scale

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Metric:
        """The metric that `to_dict` wrote."""
        scale = data.get("scale")
        return cls(**{**data, "scale": None if scale is None else tuple(scale)})


@dataclass(frozen=True)
class Scorer:
    """A function of a recording, with what a table has to know about its result.

    Call it with a recording: it gives a `Score`, or a list of them, one for each turn.
    """

    metric: Metric
    function: Callable[[Recording], Result]
    modes: frozenset[Mode] = field(default=ALL_MODES)

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.metric.name

    def __call__(self, recording: Recording) -> Result:
        """Score one recording; in a mode where the metric means nothing, say so."""
        mode = mode_of(recording)
        if mode not in self.modes:
            return Score.missing(
                f"{self.name} means nothing for a recording made in mode '{mode}', only in "
                + ", ".join(sorted(self.modes)),
                unit=self.metric.unit,
            )
        result = self.function(recording)
        if isinstance(result, Score):
            return self._with_unit(result)
        return [self._with_unit(score) for score in result]

    def _with_unit(self, score: Score) -> Score:
        # As `replace` does, at a third of its price: it is asked for each row of each call.
        return score if score.unit or not self.metric.unit else Score(
            score.value, score.status, score.n, score.reason, self.metric.unit, score.at_least, score.turn
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<scorer {self.name}: {self.metric.about}>"


def mode_of(recording: Recording) -> Mode:
    """How a recording came about; one that does not say was live."""
    mode = getattr(recording.manifest, "mode", None) or "live"
    for known in ALL_MODES:
        if mode == known:
            return known
    raise ScoringError(
        f"{recording.id}: the manifest names the mode '{mode}', which is none of {', '.join(sorted(ALL_MODES))}"
    )


@overload
def scorer(function: Callable[[Recording], Result], /) -> Scorer: ...


@overload
def scorer(
    *,
    name: str | None = None,
    unit: str = "",
    lower_is_better: bool = False,
    aggregate: Aggregate = "mean",
    judged: bool = True,
    margin: float | None = None,
    modes: frozenset[Mode] = ALL_MODES,
) -> Callable[[Callable[[Recording], Result]], Scorer]: ...


def scorer(
    function: Callable[[Recording], Result] | None = None,
    /,
    *,
    name: str | None = None,
    unit: str = "",
    lower_is_better: bool = False,
    aggregate: Aggregate = "mean",
    judged: bool = True,
    margin: float | None = None,
    modes: frozenset[Mode] = ALL_MODES,
) -> Scorer | Callable[[Callable[[Recording], Result]], Scorer]:
    """Make a scorer out of a function that takes a recording and returns a score, or a list of them.

    Args:
        function: Given when the decorator stands without parentheses.
        name: How the metric is called in tables; the function's name unless given.
        unit: "ms", "share", … ; filled into scores that name none.
        lower_is_better: The direction that a comparison reads.
        aggregate: How rows add up: "mean", "median" or "ratio".
        judged: False for the parts of another metric.
        margin: The largest difference that would not matter, in the unit.
        modes: The ways of making a recording for which the metric means something.

    >>> @scorer(unit="turns")
    ... def turns_taken(recording: Recording) -> Score:
    ...     "How often the speaker changed."
    ...     return Score(float(len(recording.conversation.turns)))
    >>> turns_taken
    <scorer turns_taken: How often the speaker changed.>
    """

    def wrap(function: Callable[[Recording], Result]) -> Scorer:
        called = name or str(getattr(function, "__name__", "score"))
        about = (inspect.getdoc(function) or "").split("\n")[0]
        metric = Metric(called, unit, lower_is_better, aggregate, judged, margin, about)
        return Scorer(metric, function, modes)

    return wrap(function) if function is not None else wrap
