from __future__ import annotations

import pytest

from contoso_lab.engine.endings import Ending, ending_of


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        # whole sentences, questions, answers
        ("How much is it?", "done"),
        ("Show me the tent.", "done"),
        ("Hi, I am looking for a tent for four people.", "done"),
        ("Yes, please.", "done"),
        ("No.", "done"),
        ("Thank you, that is all for today.", "done"),
        ("What is it made of?", "done"),
        ("Which backpack does it come with?", "done"),
        ("What does it look like?", "done"),
        ("Which one do I need?", "done"),
        ("It costs less than two hundred dollars.", "done"),
        ("My order number is 4711.", "done"),
        ("Is it waterproof", "done"),
        ("If it rains a lot, is the tent still dry?", "done"),
        # may be all, may go on
        ("Hi.", "maybe"),
        ("Hello there.", "maybe"),
        ("For the family.", "maybe"),
        ("And a stove.", "maybe"),
        ("I would like that.", "maybe"),
        ("Please go on.", "maybe"),
        ("I would like to.", "maybe"),
        ("Less than one hundred.", "maybe"),
        ("Less than 150", "maybe"),
        ("If it rains.", "maybe"),
        ("Not really.", "maybe"),
        # conjunctions, prepositions, articles, fillers
        ("I need a tent for", "open"),
        ("I need a tent for.", "open"),
        ("I am looking for a.", "open"),
        ("A tent and...", "open"),
        ("We go with my wife and.", "open"),
        ("I like it, but", "open"),
        ("We want, um,", "open"),
        ("We want to go, uh.", "open"),
        ("I would like the tent because.", "open"),
        ("It is cheaper than.", "open"),
        ("Is it made of.", "open"),
        # what has begun
        ("Can you.", "open"),
        ("I need.", "open"),
        ("I'm.", "open"),
        ("Yes. And the", "open"),
        ("How much are the boots? I'd", "open"),
        # numbers and commas
        ("Between fifty", "open"),
        ("Somewhere between 50", "open"),
        ("Somewhere between 50 and 100", "maybe"),
        ("My order number is 47", "open"),
        ("I have two kids,", "open"),
        ("We need the following:", "open"),
        ("My budget is $", "open"),
        ("", "open"),
        (" . ", "open"),
    ],
)
def test_which_words_hang(words: str, ending: Ending) -> None:
    assert ending_of(words) == ending
