from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.errors import MissingExtra, ScoringError
from contoso_lab.scoring import score
from contoso_lab.scoring.azure import azure_evaluator, azure_scorer

Make = Callable[..., Any]


class GroundednessEvaluator:
    """Calls and answers as the one of that name does, by words instead of a model."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        self.asked.append(inputs)
        grade = 5.0 if "$279" in str(inputs) else math.nan
        return {"groundedness": grade, "groundedness_reason": "by words", "groundedness_threshold": 3}


def test_a_call_is_cut_into_questions_and_replies(tent_call: Make) -> None:
    evaluator = GroundednessEvaluator()
    scorer = azure_scorer(evaluator, key="groundedness", takes=("query", "response"), scale=(1, 5))
    scores = score(tent_call(), scorer)
    assert evaluator.asked[0] == {
        "query": "I need a tent for for people",
        "response": "The Meadow Four costs $279.",
    }
    # Azure's average would leave the NaN out; here it is an error in a column of its own.
    assert [(row.value, row.status) for row in scores] == [(5.0, "ok"), (None, "error")]
    assert scorer.metric.about.startswith("What azure-ai-evaluation's GroundednessEvaluator says")
    assert not scorer.metric.judged
    assert "between 3 and 5 with the failed ones" in scores.summary(scorer.name).note


def test_a_whole_conversation_is_asked_once(tent_call: Make) -> None:
    evaluator = GroundednessEvaluator()
    azure_scorer(evaluator, key="groundedness", takes=("conversation", "context"))(tent_call())
    (asked,) = evaluator.asked
    assert [message["role"] for message in asked["conversation"]["messages"]] == [
        "assistant", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert "TEN-02 | Meadow Four" in asked["conversation"]["context"]


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"other": 1.0}, "no number 'quality'"),
        ({"quality": "high"}, "no number 'quality'"),
        ({"quality": 3, "quality_status": "error", "quality_reason": "no key"}, "no key"),
        (ValueError("bad input"), "ValueError: bad input"),
    ],
)
def test_what_is_no_number_is_an_error(tent_call: Make, result: Any, sentence: str) -> None:
    def evaluator(**_: Any) -> dict[str, Any]:
        if isinstance(result, Exception):
            raise result
        return dict(result)

    for told in azure_scorer(evaluator, key="quality")(tent_call()):  # type: ignore[union-attr]
        assert (told.status, told.value) == ("error", None)
        assert sentence in told.reason


def test_inputs_that_no_call_holds_are_refused() -> None:
    with pytest.raises(ScoringError, match="ground_truth"):
        azure_scorer(GroundednessEvaluator(), key="x", takes=("ground_truth",))


def test_the_package_itself_or_the_sentence_that_names_it(tent_call: Make) -> None:
    try:
        import azure.ai.evaluation  # noqa: F401  # only asked whether it is there
    except ImportError:
        with pytest.raises(MissingExtra, match="azure-ai-evaluation"):
            azure_evaluator("F1ScoreEvaluator")
        pytest.skip("azure-ai-evaluation is not installed: its own evaluators are not tried")
    with pytest.raises(ScoringError, match="F1ScoreEvaluator"):
        azure_evaluator("F2ScoreEvaluator")
    evaluator = azure_evaluator("F1ScoreEvaluator")
    assert evaluator(response="the tent costs 279", ground_truth="the tent costs 249")["f1_score"] == pytest.approx(
        2 / 3
    )
