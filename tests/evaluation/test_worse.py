"""What is made worse on purpose is worse by what was said, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import contoso_lab as lab
from contoso_lab.recording.examples import EXAMPLES
from contoso_lab.scoring.latency import endpointing_ms, model_ms, voice_to_voice_ms

from .worse import ignores_budget, recommends_bought, slower  # noqa: TID252 - the tests are no package

CLOCK_MS = 10.0
"""How well the clock of the sound is known: frames are placed by when they passed, and the line jitters by 18 ms."""


def waits(recording: lab.Recording, scorer: object) -> list[float]:
    rows = lab.score(recording, scorer).frame  # type: ignore[arg-type]
    return [float(value) for value in rows.value.dropna()]


@pytest.mark.parametrize("name", ["family_tent--voice", "cuts_in_on_price--voice", "wrong_name--voice_brief"])
def test_slower_moves_the_wait_for_each_answer_and_nothing_else(name: str, tmp_path: Path) -> None:
    before = lab.Recording.open(EXAMPLES / name)
    after = slower(before, tmp_path, by_ms=300)
    assert after.problems == ()
    assert after.manifest.scenario == before.manifest.scenario
    for scorer, by_ms in ((voice_to_voice_ms, 300), (model_ms, 300), (endpointing_ms, 0)):
        assert waits(after, scorer) == pytest.approx([wait + by_ms for wait in waits(before, scorer)], abs=CLOCK_MS)
    assert [turn.heard for turn in after.conversation.turns] == [turn.heard for turn in before.conversation.turns]
    assert [item.played_ms for item in after.timeline().items] == pytest.approx(
        [item.played_ms for item in before.timeline().items]
    )


def test_every_fifth_answer_of_those_who_own_something_sells_it_again(tmp_path: Path) -> None:
    calls = lab.example_calls(persona="voice_brief")
    changed = recommends_bought(calls, tmp_path, share=0.2, seed=1)
    answers = sold = 0
    for before, after in zip(calls, changed, strict=True):
        assert after.problems == ()
        labels = after.labels()
        assert labels is not None
        old = {turn.item_id: turn.text for turn in before.conversation.turns}
        for turn in after.conversation.turns:
            if turn.role == "assistant" and labels.bought and turn.status == "done" and turn.text:
                heard_somebody = turn.item_id not in _greetings(before)
                answers += heard_somebody
                sold += turn.text != old[turn.item_id]
            elif not labels.bought:
                assert turn.text == old[turn.item_id]
    assert sold == round(0.2 * answers)
    assert sold >= 5


def test_who_ignores_the_budget_recommends_what_is_above_it(tmp_path: Path) -> None:
    call = lab.example_calls(scenario="tent_below_200", persona="voice")[0]
    changed = ignores_budget(call, tmp_path)
    page = next(event for event in changed.events if event.type == "suggestion.shown")
    assert page.ev["skus"] == ["TEN-04", "TEN-01"]
    assert "### Lodge Eight (TEN-04)" in page.ev["text"]
    said = [turn.text for turn in changed.conversation.turns if "I recommend the Lodge Eight at $449." in turn.text]
    assert len(said) == 3


def test_a_call_without_a_budget_stays_what_it_is(tmp_path: Path) -> None:
    call = lab.example_calls(scenario="winter_bag", persona="voice")[0]
    changed = ignores_budget(call, tmp_path)
    assert [event.ev for event in changed.events] == [event.ev for event in call.events]


def _greetings(recording: lab.Recording) -> set[str]:
    """The items that were said before the caller spoke."""
    found = set()
    for turn in recording.conversation.turns:
        if turn.role == "user":
            break
        found.add(turn.item_id)
    return found
