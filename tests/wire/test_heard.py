from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.wire import WordTime, heard_text

TEXT = "one two three four"


@pytest.mark.parametrize(
    ("heard_ms", "audio_ms", "expected"),
    [
        (0, 1000, ""),
        (100, 1000, ""),
        (167, 1000, "one"),
        (500, 1000, "one two"),
        (999, 1000, "one two three"),
        (1000, 1000, TEXT),
        (2000, 1000, TEXT),
        (0, 0, TEXT),  # read, not heard
        (-5, 1000, ""),
    ],
)
def test_only_whole_words_were_heard(heard_ms: float, audio_ms: float, expected: str) -> None:
    assert heard_text(TEXT, heard_ms, audio_ms) == expected


def test_word_times_of_another_text_are_not_used() -> None:
    assert heard_text(TEXT, 500, 1000, [WordTime("eins", 1)]) == "one two"


@given(st.text(max_size=60), st.floats(0, 1000), st.floats(0, 1000))
def test_hearing_longer_never_takes_words_away(text: str, first_ms: float, second_ms: float) -> None:
    less, more = sorted((first_ms, second_ms))
    assert heard_text(text, more, 1000).startswith(heard_text(text, less, 1000))
    assert text.startswith(heard_text(text, less, 1000))
