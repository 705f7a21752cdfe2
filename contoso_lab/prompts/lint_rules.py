"""Marks in the words of a prompt: rules that contradict each other, secrets, and what would need a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

_NUMBERS = {word: number for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}
_LIMIT = re.compile(
    rf"\b(at most|up to|no more than|at least|exactly)\s+(\d+|{'|'.join(_NUMBERS)})\s+([a-z]+)", re.IGNORECASE
)
_NO = re.compile(r"\b(never|do not|don't|must not|no longer|avoid)\b", re.IGNORECASE)
_YES = re.compile(r"\b(always|must|be sure to|make sure to)\b", re.IGNORECASE)
_FILLER = frozenset(
    "a an the to of in on at it is be you your them their they that this what when and or with for as not do "
    "always never must sure make don't avoid no longer".split()
)
_ALIKE = 0.75
"""How much of the meaning words two rules share before one of them can deny the other."""
_SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_-]{16,}|\b(?:api[_-]?key|apiKey|password|secret)\b\s*[:=]\s*['\"]?(?!\$\{)[A-Za-z0-9+/_-]{16,}"
)
_REMOTE_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*(https?://[^)\s]+)")


def lint_words(prompt: Prompt, text: str) -> Iterator[str]:
    """What is wrong with the words of a prompt.

    Args:
        text: the whole file, in which a secret may stand anywhere.
    """
    yield from _secrets(text)
    for found in _REMOTE_PICTURE.finditer(prompt.body):
        yield f"the body shows a picture from {found[1]!r}, which a model would have to fetch; put it beside the prompt"
    rules = [line.strip("-* \t") for line in prompt.body.splitlines() if line.strip("-* \t")]
    yield from _limits(rules)
    yield from _contradictions(rules)


def _secrets(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if _SECRET.search(line):
            # The secret itself is not repeated: findings end up in logs.
            yield f"line {number} of the file holds what looks like a key; take it out, keys come from the environment"


def _limits(rules: list[str]) -> Iterator[str]:
    """Two different numbers for the same thing: the model will keep to one of them, and nobody knows which."""
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for rule in rules:
        for limit in _LIMIT.finditer(rule):
            word, thing = limit[2].lower(), limit[3].lower().removesuffix("s")
            number = _NUMBERS.get(word) or int(word)
            bound = "at least" if limit[1].lower() == "at least" else "at most"
            earlier, said = found.setdefault((bound, thing), (number, rule))
            if earlier != number:
                yield f"{_short(said)} and {_short(rule)} set two limits for the same thing ({thing}); keep one"


def _contradictions(rules: list[str]) -> Iterator[str]:
    denied = [(rule, _meaning(rule)) for rule in rules if _NO.search(rule)]
    asked = [(rule, _meaning(rule)) for rule in rules if _YES.search(rule) and not _NO.search(rule)]
    for no, no_words in denied:
        for yes, yes_words in asked:
            if _overlap(no_words, yes_words) >= _ALIKE:
                yield f"{_short(yes)} and {_short(no)} contradict each other; keep one"
    plain = [rule for rule in rules if re.search(r"\b(?:no|without|never use|do not use) Markdown\b", rule, re.I)]
    marked = [
        rule for rule in rules if re.search(r"\b(?:in|as|use|write) Markdown\b", rule, re.I) and rule not in plain
    ]
    if plain and marked:
        yield f"{_short(marked[0])} and {_short(plain[0])} contradict each other; keep one"


def _meaning(rule: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z']{2,}", rule.lower())) - _FILLER


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


def _short(rule: str) -> str:
    return repr(rule if len(rule) <= 60 else rule[:59] + "…")
