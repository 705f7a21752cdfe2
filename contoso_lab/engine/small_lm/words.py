"""What a small model writes, as sentences that can be said: plain, whole, and without numbers of its own making."""

from __future__ import annotations

import re

from contoso_lab.engine.sentences import take_sentences

NOTHING = "I am sorry, I do not have that here."
"""Said when of all that the model wrote nothing was fit to be said."""
_MARKS = re.compile(r"\*+|`+|^#{1,6}\s+|^\s*(?:[-•]|\d{1,2}[.)])\s+|^(?:assistant|robin|answer)\s*:\s*", re.I | re.M)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


class Sayable:
    """Turns a stream of tokens into sentences; one for each reply.

    >>> sayable = Sayable("Meadow Four, $279.00", most=2)
    >>> sayable.take("**The Meadow Four** costs $279. It weighs 3 kg. Shall I "), sayable.rest()
    (['The Meadow Four costs $279. '], [])
    """

    def __init__(self, told: str, *, most: int) -> None:
        self._told = numbers(told)
        self._left = most
        self._growing = ""
        self._said = False

    @property
    def full(self) -> bool:
        """Whether there were as many sentences as may be."""
        return self._left <= 0

    def take(self, text: str) -> list[str]:
        """Take more text; gives the sentences that are finished and can be said."""
        sentences, self._growing = take_sentences(self._growing + text)
        return self._fit(sentences)

    def rest(self) -> list[str]:
        """What there is to say at the end: a last sentence, if it was finished, or that there is nothing."""
        last, self._growing = self._growing.strip(), ""
        found = self._fit([last]) if last.endswith((".", "!", "?", '"')) else []
        return found if self._said else [NOTHING]

    def _fit(self, sentences: list[str]) -> list[str]:
        fit = []
        for sentence in map(plain, sentences):
            if self.full or not sentence or not numbers(sentence) <= self._told:
                continue
            fit.append(f"{sentence} ")
            self._left -= 1
            self._said = True
        return fit


def plain(sentence: str) -> str:
    """A sentence without Markdown and without the name of its speaker.

    >>> plain("Robin: - See the **[Meadow Four](x.html)**.")
    'See the Meadow Four.'
    """
    for _ in range(2):  # a mark may stand behind another
        sentence = _MARKS.sub("", _LINK.sub(r"\1", sentence)).strip()
    return sentence.strip('"“” ')


def numbers(text: str) -> set[float]:
    """The numbers in a text, by value.

    >>> sorted(numbers("$1,279.00 for 2"))
    [2.0, 1279.0]
    """
    return {float(found.replace(",", "")) for found in _NUMBER.findall(text)}
