"""Sums of money where they stand in a text."""

from __future__ import annotations

import pytest

from contoso_lab.shop.money import find_amounts, spoken_number


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("only $1,049.50 today", "$1,049.50"),
        ("it costs two hundred and nine.", "two hundred and nine"),
        ("a 279-dollar tent", "279-dollar"),
        ("five dollars and fifty cents, please", "five dollars and fifty cents"),
    ],
)
def test_a_sum_knows_its_place(text: str, words: str) -> None:
    (amount,) = find_amounts(text)
    assert text[amount.start : amount.end] == words


@pytest.mark.parametrize(
    ("text", "usd"),
    [("it costs 1,899 dollars", [1899]), ("it costs 899.50 dollars", [899.5]), ("it costs 899.50 euros", []),
     ("it costs 1,899.", [1899]), ("it costs 899.", [899]), ("it costs 1,8990 dollars", [])],
)  # fmt: skip
def test_a_number_is_read_to_its_end(text: str, usd: list[float]) -> None:
    assert [amount.usd for amount in find_amounts(text)] == usd


@pytest.mark.parametrize("words", ["", "and", "nine nine", "hundred hundred", "one two three", "tent"])
def test_words_that_are_no_number_are_none(words: str) -> None:
    assert spoken_number(words.split()) is None
