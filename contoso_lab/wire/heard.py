"""How much of a text was heard when its sound was cut.

The protocol reports a cut in milliseconds, and seldom says when each word is spoken. Then the share of the sound
that was heard, times the length of the text, is the best guess; with the start of each word it is exact.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class WordTime:
    """When a word has been spoken, in ms from the start of its item's sound."""

    word: str
    end_ms: float


def heard_text(text: str, heard_ms: float, audio_ms: float, words: Sequence[WordTime] = ()) -> str:
    """Cut a transcript where its sound was cut; only words that were heard whole remain.

    `words` must be the words of `text` in order, as whitespace divides them; when they are not, the share of the
    sound decides as if they were not given. A text without sound (`audio_ms` 0) was read, not heard: it is whole.

    >>> heard_text("one two three four", heard_ms=500, audio_ms=1000)
    'one two'
    >>> heard_text("one two three four", 500, 1000, [WordTime("one", 100), WordTime("two", 200),
    ...     WordTime("three", 450), WordTime("four", 900)])
    'one two three'
    """
    if audio_ms <= 0 or heard_ms >= audio_ms:
        return text
    if heard_ms <= 0:
        return ""
    spoken = list(_WORD.finditer(text))
    if words and [word.word for word in words] == [found[0] for found in spoken]:
        whole = [found for found, word in zip(spoken, words, strict=True) if word.end_ms <= heard_ms]
    else:
        reach = len(text) * heard_ms / audio_ms
        whole = [found for found in spoken if found.end() <= reach]
    return text[: whole[-1].end()] if whole else ""
