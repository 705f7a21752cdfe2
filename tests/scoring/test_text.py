from __future__ import annotations

import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.text import WordErrors, normalise, word_errors


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("$279", "two hundred and seventy-nine dollars"),
        ("$279.00", "279 dollars"),
        ("$1,049.50", "one thousand and forty nine dollars and fifty cents"),
        ("less than one hundred and fifty dollars", "less than $150"),
        ("I'm looking for four tents.", "I am looking for 4 tents"),
        ("I’m here", "i'm here"),
        ("TEN-02", "ten\u201102"),
        ("um, the tent", "the tent"),
    ],
)
def test_the_same_thing_is_the_same_words(written: str, spoken: str) -> None:
    assert normalise(written) == normalise(spoken)


@pytest.mark.parametrize("sku", ["TEN-02", "SLE-03", "ONE-10", "CLO-99"])
def test_a_product_number_stays_one_word(sku: str) -> None:
    assert normalise(f"The {sku}, please.").split() == ["the", sku.lower(), "please"]


@pytest.mark.parametrize(
    ("reference", "heard", "rate"),
    [("X", "X X Y Y", 3.0), ("X Y X", "X Z", 2 / 3), ("TEN-02 is $279", "SLE-02 is $279", 1 / 3)],
)
def test_word_error_rates_worked_by_hand(reference: str, heard: str, rate: float) -> None:
    assert word_errors(reference, heard).rate == pytest.approx(rate)


def test_a_corpus_is_not_the_mean_of_its_turns() -> None:
    # One short turn all wrong and one long turn all right.
    said, heard = (
        ["yes please", "a tent for the family trip next month"],
        ["no", "a tent for the family trip next month"],
    )
    assert word_errors(said, heard).rate == pytest.approx(0.2)
    rates = [word_errors(*pair).rate for pair in zip(said, heard, strict=True)]
    assert sum(rates) / 2 == pytest.approx(0.5)


def test_words_over_silence_have_no_rate() -> None:
    errors = word_errors("", "yes please")
    assert errors == WordErrors(0, 0, 2, 0)
    with pytest.raises(ScoringError):
        _ = errors.rate


def test_unequal_lists_are_refused() -> None:
    with pytest.raises(ScoringError):
        word_errors(["a"], ["a", "b"])
