"""Can it be believed? What a recognizer says when it has lost its way, and how one notices.

Whisper was taught with windows of 30 seconds. In a shorter one it answers several times faster, and now and then
says a phrase over and over, or writes down far more words than a mouth can say. Each guard here is a small rule
about text and time; none of them needs the sound.
"""

from __future__ import annotations

import math
import re

TOKENS_PER_SECOND = 6
"""Twice what quick English needs, so that only a loop runs into the cap."""
WORDS_PER_SECOND = 6.0
"""Above this nobody can be understood; conversation runs at 2 to 3."""
GUESSING_LOGPROB = -1.2
"""Below this mean log-probability the words are guesses."""

_STOPS = ".?!"
_BEGUN_AGAIN = 2
"""So many words of the first sentence, once more and then nothing, are a loop and no person."""


def token_cap(duration_ms: float) -> int:
    """The most tokens that a stretch of speech can need.

    >>> token_cap(2000)
    24
    """
    return math.ceil(TOKENS_PER_SECOND * duration_ms / 1000) + 12


def believable(text: str, *, duration_ms: float, mean_logprob: float) -> bool:
    """Whether someone can have said this in that time.

    >>> believable("a tent for four people", duration_ms=1500, mean_logprob=-0.2)
    True
    >>> believable("a tent for four people and a bag for four people", duration_ms=1500, mean_logprob=-0.2)
    False
    """
    # Half a second is the shortest that we judge: "yes please do" fits into less than the detector reports.
    words_per_second = len(text.split()) / max(duration_ms / 1000, 0.5)
    return mean_logprob >= GUESSING_LOGPROB and words_per_second <= WORDS_PER_SECOND and "$ $" not in text


def trim_repeats(text: str) -> str:
    """Cut a phrase that goes round in circles at the end of a text down to its first time.

    A text that does not circle comes back as it was. The last round may be broken off, also inside a word.

    A recognizer ends what it hears with a stop; where it began again and ran into `token_cap` there is none, and
    two words of the first sentence are enough.

    >>> trim_repeats("How much does it weigh? How much does it weigh? How much does")
    'How much does it weigh?'
    >>> trim_repeats("Hi, I need a tent for four people. Hi, I need")
    'Hi, I need a tent for four people.'
    >>> trim_repeats("It is very, very warm.")
    'It is very, very warm.'
    """
    words = text.split()
    keys = [re.sub(r"[^a-z0-9$]", "", word.lower()) for word in words]
    for start in range(len(words) - 1):
        for period in range(1, int((len(words) - start) / 1.5) + 1):
            if _circles(keys, start, period):
                return " ".join(words[: start + period])
    if words and words[-1][-1] not in _STOPS:
        for begin in range(_BEGUN_AGAIN + 1, len(words) - _BEGUN_AGAIN + 1):
            if words[begin - 1][-1] in _STOPS and _follows(keys, 0, begin):
                return " ".join(words[:begin])
    return text


def _circles(keys: list[str], start: int, period: int) -> bool:
    rounds = (len(keys) - start) / period
    if rounds < _rounds_needed(keys, start, period):
        return False
    return _follows(keys, start, period)


def _follows(keys: list[str], start: int, period: int) -> bool:
    """Whether all words after the first round are those of the first round again."""
    last = len(keys) - 1
    for here in range(start + period, len(keys)):
        before = keys[start + (here - start) % period]
        broken_off = here == last and keys[here] and before.startswith(keys[here])
        if keys[here] and keys[here] != before and not broken_off:
            return False
    return True


def _rounds_needed(keys: list[str], start: int, period: int) -> float:
    """People repeat words ("no, no") and hardly ever phrases: the longer the phrase, the sooner it is a loop."""
    if period >= 5:
        return 1.5
    if period >= 3:
        return 2.0
    if period == 1 and start >= 2 and any(letter.isdigit() for letter in keys[start]):
        return 2.0  # "costs $150 $150": a number is written once, however it was said
    return 3.0
