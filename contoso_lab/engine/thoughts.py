"""Keeps a model's thoughts from being said aloud: some servers send them in front of the answer, in `<think>` tags."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class Aloud:
    """What of a growing text is meant to be heard.

    Only thoughts at the very beginning are left out: later, the tag may be what the text is about.

    >>> aloud = Aloud()
    >>> [aloud.take(piece) for piece in ("<thi", "nk>Hm, a tent", " …</th", "ink>", "  The Meadow", " Four.")]
    ['', '', '', '', 'The Meadow', ' Four.']
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = True
        """Whether the answer has not begun yet."""

    def take(self, text: str) -> str:
        """Take the next piece; gives what can be said."""
        if not self._thinking:
            return text
        self._held = (self._held + text).lstrip()
        if self._held.startswith(_OPEN):
            _, closed, after = self._held.partition(_CLOSE)
            self._held = after.lstrip() if closed else self._held
            if not closed or not self._held:
                return ""
        elif _OPEN.startswith(self._held):
            return ""  # it may still become the tag
        self._thinking, said, self._held = False, self._held, ""
        return said

    def rest(self) -> str:
        """What was held back at the end of the text and is no thought after all."""
        held, self._held = self._held, ""
        return "" if held.startswith(_OPEN) else held
