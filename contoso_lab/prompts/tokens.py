r"""How many tokens a prompt takes, before it is sent, and whether the model can read that many.

No tokenizer is asked: the vocabulary of the one that counts (`o200k_base` of OpenAI's models) is not shipped by any
package that is small and looked after, and fetching it takes a network. What stands here is an estimate that leans to
the safe side. It was fitted to counts of `o200k_base` and then held against texts that it had not seen:

| kind of text | estimate / true count |
|---|---|
| English talk and pages | 1.17 to 1.43 |
| German, French, Spanish talk | 1.02 to 1.37 |
| Japanese and Chinese talk | 1.49 to 1.83 |
| tables of numbers, hashes, base64, JSON | 1.10 to 1.39 |
| program text, words in capitals, emoji, other scripts | 1.0 to 3.6 |

None of the texts there is now estimated too low; the first of eighteen that were held back was (a German question, by
2 %), and the whole was raised by 5 % for it. `tests/prompts/test_tokens.py` holds the texts and their counts. A text
made to deceive could still be undershot, and so is the older `cl100k_base`, by up to a quarter on names in foreign
scripts. The true number of a run stands in its `usage`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.errors import PromptError

_PIECE = re.compile(r"(?P<word>[^\W\d_]+)|(?P<number>\d+)|(?P<gap>\s+)|(?P<mark>[^\w\s]+|_+|.)", re.DOTALL)
# Scripts that are written without gaps between words.
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_LATIN_ENDS = "\u0250"

MESSAGE_TOKENS = 4
"""What a message costs beside its words: its role and its ends."""
REPLY_TOKENS = 3
"""What the beginning of the answer costs."""
PICTURE_TOKENS = 765
"""A picture of 800 pixels in full detail: 85 and four tiles of 170 (OpenAI, "Images and vision" guide)."""
MINI_PICTURE_TOKENS = 25_501
"""The same picture to gpt-4o-mini, which counts 2 833 and four tiles of 5 667."""

WINDOWS_AS_OF = "2026-11"
WINDOWS = {
    "gpt-realtime-2": 128_000,
    "gpt-realtime": 32_000,
    "gpt-4o-mini-realtime": 16_000,
    "gpt-4o-realtime": 32_000,
    "gpt-4o": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-4-turbo": 128_000,
    "gpt-4": 8_192,
    "gpt-3.5-turbo": 16_385,
    "gpt-5": 400_000,
    "o3": 200_000,
    "o4-mini": 200_000,
}
"""Tokens that a model reads and writes together, by the beginning of its name; the longest beginning counts.

From descriptions of OpenAI's models as they were in WINDOWS_AS_OF. A name that is not here has no limit here: an Azure
deployment may be called anything, and the target refuses what it cannot read.
"""


def count_tokens(what: str | Sequence[Mapping[str, Any]], model: str = "") -> int:
    """Estimate the tokens of a text, or of messages as the chat API has them; rather too many than too few.

    Args:
        model: what a picture costs depends on it.

    >>> count_tokens("Which tent stands up to wind?"), count_tokens([{"role": "user", "content": "Hello."}])
    (9, 10)
    """
    if isinstance(what, str):
        return _text(what)
    return REPLY_TOKENS + sum(MESSAGE_TOKENS + _content(message.get("content"), model) for message in what)


def window_of(model: str) -> int | None:
    """How many tokens a model reads and writes together; None when it is not known.

    >>> window_of("gpt-4o-mini-2024-07-18"), window_of("local")
    (128000, None)
    """
    known = [name for name in WINDOWS if model == name or model.startswith((f"{name}-", f"{name}."))]
    return WINDOWS[max(known, key=len)] if known else None


def check_window(
    where: str, messages: Sequence[Mapping[str, Any]], model: str, *, answer_tokens: int = 0, window: int | None = None
) -> None:
    """Refuse messages that the model cannot read, before they are sent.

    Args:
        where: the prompt as messages name it.
        answer_tokens: what has to stay free for the answer.
        window: how many tokens the model takes, where the caller knows better than WINDOWS.

    Raises:
        PromptError: they do not fit.

    >>> check_window("p.prompty", [{"role": "user", "content": "Hello."}], "gpt-4o")
    """
    limit = window or window_of(model)
    if limit is None or _surely_fits(messages, limit - answer_tokens):
        return
    tokens = count_tokens(messages, model)
    if tokens + answer_tokens > limit:
        raise PromptError(
            f"{where}: about {tokens} tokens and {answer_tokens} for the answer are more than the {limit} that {model} "
            "can hold; shorten the inputs, or keep the conversation within a budget (contoso_lab.agent.window)"
        )


def _surely_fits(messages: Sequence[Mapping[str, Any]], limit: int) -> bool:
    """Whether no count is needed: no token is shorter than a byte, and nothing is quicker than a length."""
    texts = [message.get("content") or "" for message in messages]
    if not all(isinstance(text, str) for text in texts):
        return False
    return REPLY_TOKENS + sum(MESSAGE_TOKENS + 4 * len(text) for text in texts) <= limit


def _content(content: Any, model: str) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return _text(content)
    picture = MINI_PICTURE_TOKENS if model.startswith("gpt-4o-mini") else PICTURE_TOKENS
    return sum(_text(str(part.get("text", ""))) if part.get("type") == "text" else picture for part in content)


def _text(text: str) -> int:
    if not text:
        return 0
    return math.ceil(1.06 * sum(_piece(found) for found in _PIECE.finditer(text)) + 0.5)


def _piece(found: re.Match[str]) -> float:
    """The tokens of a run of like characters; the numbers are fitted (see above)."""
    text = found[0]
    length = len(text)
    match found.lastgroup:
        case "number":
            return math.ceil(length / 3) + 0.5  # three digits make a token, and what follows a number seldom joins it
        case "gap":
            if text == " ":
                return 0.0  # it goes with the word behind it
            return 1.1 if len(set(text)) == 1 else 1.5
        case "mark":
            return 1 + 0.45 * (length - 1) if text.isascii() else 0.75 * len(text.encode("utf-8", "replace"))
        case _:
            return _word(text, length)


def _word(text: str, length: int) -> float:
    if text.isascii():
        if text.islower() or text.istitle():
            return 1.1 + 0.2 * max(0, length - 6)
        return max(1.1, 0.62 * length)  # capitals, and letters as in a hash, are cut into small pieces
    if _WIDE.search(text):
        return 1.1 * length
    return max(1.6, 0.48 * length) if max(text) < _LATIN_ENDS else 0.9 * length
