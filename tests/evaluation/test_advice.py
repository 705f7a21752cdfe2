"""The reasons behind an answer, what to buy next, and the picture of the gate."""

from __future__ import annotations

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.evaluation.advice import advice, noise_of
from contoso_lab.evaluation.answer import PLAIN, answer, reasons
from contoso_lab.report.comparison import compare
from contoso_lab.report.gate_chart import counted, gate_confusion
from contoso_lab.scoring.gates import Prefix
from contoso_lab.scoring.run import default_scorers
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.value import Metric

WAIT = Metric("wait_ms", "ms", lower_is_better=True, aggregate="median", about="How long the caller waited.")
KEPT = Metric("kept", about="How much was kept.")


def run(name: str, *, epochs: int, between: float, within: float, shift: float = 0.0, calls: int = 24) -> Scores:
    """Scores of a run: customers differ by `between` in what the change does to them, runs of one by `within`."""
    rows = []
    for call in range(calls):
        mine = np.random.default_rng(call).normal(0, between) if shift else 0.0
        for epoch in range(epochs):
            noise = np.random.default_rng([call, epoch, len(name)]).normal(0, within)
            for metric, value in ((WAIT, 900 + shift + mine + noise), (KEPT, 0.5)):
                rows.append(Row(metric.name, f"{name}-{call}-{epoch}", f"s{call}", 0, value, "ok", 1, "", metric.unit))
    return Scores(rows, {WAIT.name: WAIT, KEPT.name: KEPT})


def test_the_reasons_say_what_was_measured_and_by_how_much() -> None:
    a, b = run("a", epochs=1, between=20, within=10), run("bb", epochs=1, between=20, within=10, shift=200.0)
    found = compare(a, b, names=("voice", "slow"))
    assert answer(found) == "Ship voice: slow is worse at wait_ms, and better at nothing that was measured."
    first, second = reasons(found)
    assert (first.word, first.about) == ("worse", "How long the caller waited")
    assert "95 % interval +1" in first.numbers
    assert (second.word, second.metric) == ("not shown", "kept")


def test_every_metric_of_ours_that_gets_a_verdict_has_plain_words() -> None:
    assert set(PLAIN) == {scorer.name for scorer in default_scorers() if scorer.metric.judged}


@pytest.mark.parametrize(
    ("between", "within", "best"), [(5.0, 80.0, "more runs of each"), (200.0, 10.0, "more customers")]
)
def test_the_advice_buys_where_the_noise_is(between: float, within: float, best: str) -> None:
    a = run("a", epochs=3, between=between, within=within)
    b = run("bb", epochs=3, between=between, within=within, shift=10.0)
    (one,) = advice(a, b, compare(a, b))
    assert one.metric == "wait_ms"
    assert one.buy.startswith(best)
    noise = noise_of("wait_ms", a, b)
    assert noise is not None
    assert noise.agent == pytest.approx(2 * within**2, rel=0.5)


def test_runs_that_were_never_repeated_cannot_tell_the_agents_own_chance() -> None:
    a, b = run("a", epochs=1, between=20, within=10), run("bb", epochs=1, between=20, within=10, shift=1.0)
    (one,) = advice(a, b, compare(a, b))
    assert one.noise == ""
    assert "two runs of each customer (epochs: 2)" in one.buy


def test_a_judge_without_a_licence_asks_for_labels() -> None:
    metric = Metric("judge_helpfulness_provisional", "of 5", judged=False)
    rows = [Row(metric.name, f"c{n}", f"s{n}", None, 3.0 + n % 2, "ok", 1, "", "of 5") for n in range(8)]
    scores = Scores(rows, {metric.name: metric})
    (one,) = advice(scores, scores, compare(scores, scores))
    assert one.buy.startswith("labels first: 60 good and 60 other items")


def test_the_gate_is_counted_on_every_prefix() -> None:
    found = [
        Prefix(0, "early", False, True, False),
        Prefix(1, "early", True, True, False),
        Prefix(2, "right", True, True, False),
        Prefix(3, "late", False, True, True),
    ]
    counts = counted(found)
    assert counts["early", "asked for a page", False] == 1
    assert counts["right", "asked for a page", True] == counts["late", "asked for none", True] == 1
    figure = gate_confusion({"voice": found, "none": []})
    assert figure.axes[0].get_title(loc="left") == "voice: 3 of 4 right"
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("✓ 1") == 3
    assert texts.count("✗ 1") == 1
    with pytest.raises(ScoringError, match="labels"):
        gate_confusion({"voice": []})
