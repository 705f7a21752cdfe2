from __future__ import annotations

import pytest

from contoso_lab.engine.guards import believable, token_cap, trim_repeats


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("", ""),
        ("Yes.", "Yes."),
        ("No, no.", "No, no."),
        ("It is very, very warm.", "It is very, very warm."),
        ("a tent and a bag and a stove", "a tent and a bag and a stove"),
        ("You you you you you", "You"),
        ("How much is it? How much is it? How much is it?", "How much is it?"),
        ("How much is it? How much is it? How mu", "How much is it?"),
        ("I want the tent for four people I want the tent", "I want the tent for four people"),
        ("Which one costs less than $150 $150", "Which one costs less than $150"),
        ("Show me the tent. And the bag. And the bag. And the bag.", "Show me the tent. And the bag."),
        ("Hi, I need a tent for four people. Hi, I need", "Hi, I need a tent for four people."),
        ("A tent, please. For four people. A ten", "A tent, please. For four people."),
        ("I need a tent. I need a bag.", "I need a tent. I need a bag."),
        ("Yes. Yes", "Yes. Yes"),
        ("Is it dry? It is dry", "Is it dry? It is dry"),
        ("thank you thank you", "thank you thank you"),
        ("thank you thank you thank you", "thank you"),
    ],
)
def test_circles_are_cut_and_people_may_repeat_themselves(heard: str, kept: str) -> None:
    assert trim_repeats(heard) == kept


@pytest.mark.parametrize(
    ("text", "duration_ms", "mean_logprob", "expected"),
    [
        ("How much does it weigh?", 1_600, -0.1, True),
        ("Yes please do", 300, -0.3, True),
        ("How much does it weigh?", 1_600, -1.5, False),  # guessed
        ("one two three four five six seven eight nine ten", 1_000, -0.1, False),  # nobody speaks that fast
        ("It costs $ $ 100", 2_000, -0.1, False),
    ],
)
def test_what_cannot_have_been_said_is_not_believed(
    text: str, duration_ms: float, mean_logprob: float, expected: bool
) -> None:
    assert believable(text, duration_ms=duration_ms, mean_logprob=mean_logprob) is expected


def test_the_cap_grows_with_the_turn_and_leaves_room_for_a_short_one() -> None:
    assert token_cap(0) == 12
    assert token_cap(4_000) == 36
