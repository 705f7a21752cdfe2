"""Two texts made comparable: Whisper's English normaliser, with product numbers and prices kept whole.

The normaliser alone would turn `TEN-02` into three words, one of them a number that nobody said, and would
read "$49.99" and "forty nine dollars and ninety nine cents" as different things.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from contoso_lab.errors import MissingExtra, ScoringError

if TYPE_CHECKING:
    from whisper_normalizer.english import EnglishTextNormalizer

NORMALISER = "whisper-english+shield-1"
"""Goes with every word error rate: another normaliser gives another number."""

_SKU = re.compile(r"\b([A-Za-z]{3})[-\u2010\u2011\u2013](\d{2})\b")
_LETTERS = str.maketrans("0123456789", "abcdefghij")
_DIGITS = str.maketrans("abcdefghij", "0123456789")
# "qz" and "zq" open and close no English word, so the normaliser lets such a token pass.
_SHIELDED = re.compile(r"\bqz([a-z]{3})([a-j]{2})zq\b")
_PRICE_IN_TWO_PARTS = re.compile(r"\$(\d+)(?: and)? ¢(\d{1,2})\b")
_WHOLE_PRICE = re.compile(r"\$(\d+)\.00\b")


def normalise(text: str) -> str:
    """The words of a text as they are compared: lower case, numbers as digits, fillers and points gone.

    >>> normalise("The tent TEN-02 costs two hundred and seventy nine dollars.")
    'the tent ten-02 costs $279'
    >>> normalise("Forty nine dollars and ninety nine cents?") == normalise("$49.99")
    True
    """
    shielded = _SKU.sub(
        lambda found: f" qz{found[1].lower()}{found[2].translate(_LETTERS)}zq ", text.replace("\u2019", "'")
    )
    words = _normaliser()(shielded)
    words = _SHIELDED.sub(lambda found: f"{found[1]}-{found[2].translate(_DIGITS)}", words)
    words = _PRICE_IN_TWO_PARTS.sub(lambda found: f"${found[1]}.{int(found[2]):02d}", words)
    return " ".join(_WHOLE_PRICE.sub(r"$\1", words).split())


@cache
def _normaliser() -> EnglishTextNormalizer:
    try:
        from whisper_normalizer.english import EnglishTextNormalizer
    except ImportError as error:
        raise MissingExtra("comparing texts", package="whisper-normalizer", extra="eval") from error
    return EnglishTextNormalizer()


@dataclass(frozen=True, slots=True)
class WordErrors:
    """How many words of a reference came out wrong.

    The rate can exceed one: words that were never said count as well.
    """

    substituted: int
    deleted: int
    inserted: int
    words: int
    """Words in the reference."""

    @property
    def errors(self) -> int:
        """All three kinds together."""
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float:
        """Word error rate `(S+D+I)/N`; undefined, so an error, for a reference without words."""
        if not self.words:
            raise ScoringError("a word error rate needs a reference with at least one word")
        return self.errors / self.words

    def __str__(self) -> str:
        return f"{self.substituted} wrong, {self.deleted} missing, {self.inserted} added of {self.words}"


def word_errors(reference: str | Sequence[str], heard: str | Sequence[str]) -> WordErrors:
    """Count the word errors of what was heard; lists are counted together, as one corpus.

    Both sides go through `normalise`.

    >>> word_errors("a tent for four", "a tent for for people").rate
    0.5
    """
    references = [reference] if isinstance(reference, str) else list(reference)
    hypotheses = [heard] if isinstance(heard, str) else list(heard)
    if len(references) != len(hypotheses) or not references:
        raise ScoringError(f"each reference needs what was heard: {len(references)} and {len(hypotheses)} texts")
    try:
        import jiwer
    except ImportError as error:
        raise MissingExtra("a word error rate", package="jiwer", extra="eval") from error
    out = jiwer.process_words([normalise(t) for t in references], [normalise(t) for t in hypotheses])
    words = out.hits + out.substitutions + out.deletions
    return WordErrors(out.substitutions, out.deletions, out.insertions, words)
