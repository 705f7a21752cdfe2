r"""Reading one text out of a JSON object while the object is still on its way.

A model that must answer in JSON sends `{"respon`, `se": "A te`, `nt \ud83d`, `\ude00", …`. The customer should read
"A tent 😀" as it comes: never half an escape, never half a pair of surrogates, never a character twice.
"""

from __future__ import annotations

from pydantic_core import from_json

from contoso_lab.errors import PromptError

MOST_CHARS = 64 * 1024
"""An answer longer than this is no chat answer: reading again from the start at each piece would begin to cost."""


class TextField:
    r"""The text of one key at the top of a JSON object, as far as it has come.

    >>> reply = TextField("response")
    >>> [reply.feed(piece) for piece in ('{"response": "A te', 'nt \\ud83d', '\\ude00", "call"', ': 1}')]
    ['A te', 'nt ', '😀', '']
    >>> reply.text
    'A tent 😀'
    """

    def __init__(self, key: str, *, most_chars: int = MOST_CHARS) -> None:
        self.key = key
        self.text = ""
        """What has come of it."""
        self._most = most_chars
        self._json = ""

    def feed(self, piece: str) -> str:
        """Take the next piece of JSON; what it adds to the text comes back.

        Raises:
            PromptError: this is no JSON object, the key holds no text or stands there twice, or it grows too long.
        """
        self._json += piece
        if len(self._json) > self._most:
            raise PromptError(f"the answer is longer than {self._most} characters: ask for a shorter one in the prompt")
        if not self._json.strip():
            return ""
        try:
            value = from_json(self._json, allow_partial="trailing-strings", cache_strings=False)
        except ValueError as problem:
            raise PromptError(
                f"the answer is not JSON ({problem}): use a model that keeps to a JSON schema"
            ) from problem
        if not isinstance(value, dict):
            raise PromptError("the answer is JSON but no object: name its keys in the prompt")
        text = value.get(self.key, "")
        if not isinstance(text, str) or not text.startswith(self.text):
            raise PromptError(f"{self.key!r} in the answer is not one text: say so in the prompt")
        new = text[len(self.text) :]
        self.text = text
        return new
