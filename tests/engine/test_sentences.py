from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.engine.sentences import LONGEST, split_sentences, take_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("  \n ", []),
        ("Hello", ["Hello"]),
        ("It is $1.50. Take it.", ["It is $1.50.", "Take it."]),
        ("TEN-02 costs $279.00.", ["TEN-02 costs $279.00."]),
        ("That is TEN-02. It weighs 6.1 kg.", ["That is TEN-02.", "It weighs 6.1 kg."]),
        ("Really?! Yes... I think so.", ["Really?!", "Yes...", "I think so."]),
        ("Well... it depends.", ["Well... it depends."]),
        ('She said "Go." Then she went.', ['She said "Go."', "Then she went."]),
        ("Dr. Lee and J. K. Rowling camp, e.g. in May.", ["Dr. Lee and J. K. Rowling camp, e.g. in May."]),
        ("So do I. Me too.", ["So do I.", "Me too."]),
        ("See No. 4 first. No. It is gone.", ["See No. 4 first.", "No.", "It is gone."]),
        ("Open until 5 p.m. today.", ["Open until 5 p.m. today."]),
        ("It sleeps 4. 279 dollars!", ["It sleeps 4.", "279 dollars!"]),
        ("Two:\n1. The tent.\n2. The bag.", ["Two:", "1. The tent.", "2. The bag."]),
        ("**Bold.** Then plain.", ["**Bold.**", "Then plain."]),
        ("你好。", ["你好。"]),
    ],
)
def test_a_text_is_cut_where_a_reader_would_pause(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_a_growing_text_gives_each_sentence_once_and_none_too_soon() -> None:
    said: list[str] = []
    waiting = ""
    for letter in "It costs $1.50. Dr. Lee has one! Shall I":
        done, waiting = take_sentences(waiting + letter)
        said += done
    assert said == ["It costs $1.50.", "Dr. Lee has one!"]
    assert waiting.strip() == "Shall I"


def test_a_very_long_sentence_is_cut_at_a_comma() -> None:
    parts = split_sentences("it has a porch for the boots of the family, " * 20 + "and a door.")
    assert all(len(part) <= LONGEST for part in parts)
    assert all(part.endswith(",") for part in parts[:-1])


@given(st.text(alphabet="ab .,!?$15\n\"')-…*", max_size=600))
def test_nothing_is_lost_and_nothing_added(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
