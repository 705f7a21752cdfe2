"""Evaluators of azure-ai-evaluation as scorers: whatever takes words and gives a dict of numbers plugs in.

Its evaluators are functions of `query`, `response`, `context` and so on; a call is cut into these here, one row for
each reply of the assistant. Two things are read otherwise than there. A NaN, which its averages leave out, is an error
here. And its numbers from a model are a judge's: they are shown without a verdict until a licence says otherwise.

Evaluators that ask a model open connections of their own, from this process; those that compare words do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import MissingExtra, ScoringError
from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.judges.cases import facts
from contoso_lab.scoring.value import Metric, Score, Scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

INPUTS = ("query", "response", "context", "conversation")
"""What can be cut out of a call: the caller's words, the reply to them, what the assistant was told, and the whole."""

Evaluator = Callable[..., Mapping[str, Any]]


def azure_evaluator(name: str, **options: Any) -> Evaluator:
    """An evaluator of azure-ai-evaluation by the name of its class, such as `F1ScoreEvaluator`.

    Args:
        name: The class.
        options: What it is made with; those that ask a model need `model_config`.

    Raises:
        MissingExtra: the package is not installed.
        ScoringError: there is no such evaluator, or it cannot be made like this.
    """
    try:
        evaluation = import_module("azure.ai.evaluation")
    except ImportError as error:
        raise MissingExtra("an evaluator of Azure", package="azure-ai-evaluation", extra="azure-evaluation") from error
    made = getattr(evaluation, name, None)
    if made is None:
        there = ", ".join(one for one in dir(evaluation) if one.endswith("Evaluator") and not one.startswith("_"))
        raise ScoringError(f"azure-ai-evaluation has no {name!r}; there are {there}")
    try:
        evaluator: Evaluator = made(**options)
    except (TypeError, ValueError) as error:
        raise ScoringError(f"{name} cannot be made like this: {error}") from error
    return evaluator


def azure_scorer(
    evaluator: Evaluator,
    *,
    key: str,
    takes: Sequence[str] = ("query", "response"),
    lower_is_better: bool = False,
    scale: tuple[float, float] | None = None,
) -> Scorer:
    """A scorer out of an evaluator.

    Args:
        evaluator: Made by `azure_evaluator`, or anything that is called in the same way.
        key: Which of the numbers in its result is the score: "groundedness", "f1_score".
        takes: Which inputs it wants, of `INPUTS`. With `conversation` it is asked once a call, else once a reply.
        lower_is_better: The direction.
        scale: The least and the greatest value, such as (1, 5).

    >>> def shortness(*, response: str) -> dict[str, float]:
    ...     return {"shortness": 1 / len(response.split())}
    >>> azure_scorer(shortness, key="shortness", takes=["response"]).name
    'azure_shortness'
    """
    if unknown := [name for name in takes if name not in INPUTS]:
        raise ScoringError(f"a call holds no {', '.join(unknown)}; there are {', '.join(INPUTS)}")

    def run(recording: Recording) -> Score | list[Score]:
        scores = [_score(evaluator, key, inputs) for inputs in _inputs(features(recording), takes)]
        return scores or Score.missing("the assistant was not heard")

    about = f"What azure-ai-evaluation's {type(evaluator).__name__} says of '{key}'; provisional, as no licence stands."
    metric = Metric(f"azure_{key}", lower_is_better=lower_is_better, judged=False, about=about, scale=scale)
    return Scorer(metric, run)


def _inputs(found: Features, takes: Sequence[str]) -> Iterator[dict[str, Any]]:
    context = "\n".join(facts(found)) if "context" in takes else ""
    if "conversation" in takes:
        turns = [t for t in found.recording.conversation.turns if t.role in ("user", "assistant") and t.heard.strip()]
        if turns:
            messages = [{"role": turn.role, "content": turn.heard.strip()} for turn in turns]
            yield {"conversation": {"messages": messages, **({"context": context} if context else {})}}
        return
    query = ""
    for turn in found.recording.conversation.turns:
        if turn.role == "user":
            query = turn.heard.strip() or query
        elif turn.role == "assistant" and turn.heard.strip():
            known = {"query": query, "response": turn.heard.strip(), "context": context}
            # The greeting answers nobody, so what wants a question has nothing to ask about it.
            if query or "query" not in takes:
                yield {name: known[name] for name in takes}


def _score(evaluator: Evaluator, key: str, inputs: Mapping[str, Any]) -> Score:
    try:
        result = evaluator(**inputs)
    except Exception as error:  # noqa: BLE001 - kinds of its own that we do not know; the row says what happened
        return Score.error(f"{type(error).__name__}: {error}")
    if result.get(f"{key}_status") in ("error", "skipped"):
        return Score.error(str(result.get(f"{key}_reason") or f"the evaluator says {result[f'{key}_status']}"))
    value = result.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Score.error(f"the result holds no number {key!r}, only {', '.join(result)}")
    if math.isnan(value):
        return Score.error(str(result.get(f"{key}_reason") or "the evaluator gave NaN"))
    return Score(float(value), reason=str(result.get(f"{key}_reason") or ""))
