"""Two texts made comparable: Whisper's English normaliser, with product numbers and prices kept whole.

The normaliser alone would turn `TEN-02` into three words, one of them a number that nobody said, and would
read "$49.99" and "forty nine dollars and ninety nine cents" as different things.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from contoso_lab.errors import MissingExtra, ScoringError

if TYPE_CHECKING:
    from whisper_normalizer.english import EnglishTextNormalizer

NORMALISER = "whisper-english+shield-2"
"""Goes with every word error rate: another normaliser gives another number."""

_SKU = r"[A-Za-z]{3}[-\u2010\u2011\u2013]\d{2,3}"
# Order numbers and names such as X4: they begin with a letter and hold a digit, or change between both more than once.
# "20th", "3000mm" and "4x" begin with their number, and are left to the normaliser.
_MIXED = r"(?=[A-Za-z]*\d)[A-Za-z][A-Za-z\d]*|(?=\d+[A-Za-z]+\d)[A-Za-z\d]+"
_TOKEN = re.compile(rf"(?<![\w.,$-])(?:{_SKU}|{_MIXED})(?![\w])")
_TO_LETTERS = {**{str(digit): f"q{letter}" for digit, letter in enumerate("abcdefghij")}, "q": "qq"}
_TO_LETTERS |= dict.fromkeys("-\u2010\u2011\u2013", "qx")
_TO_SIGNS = {"x": "-", "q": "q", **{letter: str(digit) for digit, letter in enumerate("abcdefghij")}}
# "qz" and "zq" open and close no English word, so the normaliser lets such a token pass.
_SHIELDED = re.compile(r"\bqz([a-z]+)zq\b")
_ESCAPED = re.compile(r"q(.)")
_PRICE_IN_TWO_PARTS = re.compile(r"\$(\d+)(?: and)? ¢(\d{1,2})\b")
_WHOLE_PRICE = re.compile(r"\$(\d+)\.00\b")


@lru_cache(maxsize=256)  # several scorers compare the same words of one call
def normalise(text: str) -> str:
    """The words of a text as they are compared: lower case, numbers as digits, fillers and points gone.

    Product and order numbers stay whole; the normaliser alone would make "zk 3 ffw" of "ZK3FFW".

    >>> normalise("The tent TEN-02 costs two hundred and seventy nine dollars.")
    'the tent ten-02 costs $279'
    >>> normalise("Forty nine dollars and ninety nine cents?") == normalise("$49.99")
    True
    >>> normalise("Order ZK3FFW, with the X4 and 15 kg")
    'order zk3ffw with the x4 and 15 kg'
    """
    shielded = _TOKEN.sub(lambda found: f" qz{_hidden(found[0])}zq ", text.replace("\u2019", "'"))
    words = _normaliser()(shielded)
    words = _SHIELDED.sub(lambda found: _ESCAPED.sub(lambda sign: _TO_SIGNS[sign[1]], found[1]), words)
    words = _PRICE_IN_TWO_PARTS.sub(lambda found: f"${found[1]}.{int(found[2]):02d}", words)
    return " ".join(_WHOLE_PRICE.sub(r"$\1", words).split())


def _hidden(token: str) -> str:
    return "".join(_TO_LETTERS.get(sign, sign) for sign in token.lower())


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
