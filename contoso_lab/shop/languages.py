"""Which language the customer speaks, and whether a text keeps to it.

Names of products stay English in every language, so they are taken out of a text before it is judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from contoso_lab.prompts.languages import CODES, Code, Detected, Language, detect_language, language

__all__ = ["CODES", "Code", "Detected", "Language", "customer_language", "detect_language", "language", "written_in"]

_SURE = 0.8
"""Of 200 sentences of ours three are below it; of two-word ones outside of them, those that are told wrong."""
_NOT_WORDS = re.compile(
    r"!\[[^\]]*\]\([^)]*\)"  # a picture
    r"|\]\([^)]*\)|https?://\S+"  # an address
    r"|\b[A-Z]{3}-\d{2,3}\b"  # a SKU
    r"|[*_#>`|]+|\$?\d[\d.,]*"
)


def customer_language(messages: Iterable[Mapping[str, Any]], default: Code = "en") -> Code:
    """The language that the customer used in most turns; of two that are even, the later one.

    Turns that tell nothing ("OK", a number), or not surely ("No problem"), do not count.

    Args:
        messages: as `{"role": "user" | "assistant", "content": …}`, oldest first; a content in parts counts by its
            texts.
        default: what a customer is taken to speak who has said nothing yet.

    >>> customer_language([{"role": "user", "content": "Wie schwer ist das Zelt?"}, {"role": "user", "content": "OK"}])
    'de'
    """
    turns: Counter[Code] = Counter()
    last: dict[Code, int] = {}
    for number, message in enumerate(messages):
        if message.get("role") != "user":
            continue
        code, certainty = detect_language(_text(message.get("content")))
        if code is not None and certainty >= _SURE:
            turns[code] += 1
            last[code] = number
    return max(turns, key=lambda code: (turns[code], last[code])) if turns else default


def written_in(text: str, names: Iterable[str] = ()) -> Detected:
    r"""The language of an answer or a page; Markdown, prices, SKUs and names are left out of account.

    Args:
        names: words that are the same in every language, such as `[product.name for product in catalog]`.

    >>> written_in("## Ihre Zelte\n![Meadow Four](/images/TEN-02.svg)\n- **Gewicht:** 6,1 kg", ["Meadow Four"]).code
    'de'
    """
    words = _NOT_WORDS.sub(" ", text)
    # The longest first: "Meadow Four" before a "Meadow" that is also a name.
    for name in sorted(names, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.IGNORECASE)
    return detect_language(" ".join(words.split()))


def _text(content: Any) -> str:
    """The words of a message; a picture says none."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))
