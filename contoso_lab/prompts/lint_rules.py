"""Marks in the words of a prompt: rules that contradict each other, secrets, and what would need a network."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBERS = {word: number for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}
_LIMIT = re.compile(
    rf"\b(at most|up to|no more than|at least|exactly)\s+(\d+|{'|'.join(_NUMBERS)})\s+([a-z]+)", re.IGNORECASE
)
_NO = re.compile(r"\b(never|do not|don't|must not|no longer|avoid)\b", re.IGNORECASE)
_FILLER = frozenset(
    "a an the to of in on at it is be you your them their they that this what when and or with for as not do "
    "always never must sure make don't avoid no longer".split()
)
_ALIKE = 0.75
"""How much of the meaning words two rules share before one of them can deny the other."""
_SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_-]{16,}"
    r"|\b(?:ghp|gho|github_pat|xox[abp])[_-][A-Za-z0-9_-]{16,}"
    r"|\bAKIA[A-Z0-9]{16}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bBearer +[A-Za-z0-9._~+/-]{20,}"
    r"|\b(?:api[_-]?key|apiKey|AccountKey|password|secret|token)\b[\"']?\s*[:=]\s*[\"']?(?!\$\{)[A-Za-z0-9+/_-]{16,}"
)
_REMOTE = re.compile(r"(?:!\[[^\]]*\]\(\s*|<img\b[^>]*\bsrc=[\"']?)(https?://[^)\s\"'>]+)", re.IGNORECASE)
_REMOTE_FILE = re.compile(r"\$\{file:\s*(https?://[^}\s]+)")
_OTHER_FILE = re.compile(r"\{%-?\s*(include|import|extends|from)\b")
_LANGUAGE = re.compile(
    r"\b(?:speak|talk|answer|write)(?: only)?(?: in)? (english|german|french|spanish|japanese)\b", re.I
)


def lint_secrets(text: str) -> Iterator[str]:
    """Lines of a file that hold what looks like a key; the key itself is not repeated, because findings are logged."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _SECRET.search(line):
            yield f"line {number} of the file holds what looks like a key; take it out, keys come from the environment"


def lint_network(text: str, body: str) -> Iterator[str]:
    """What cannot be rendered, or read by a model, from this folder alone.

    Args:
        text: the whole file.
        body: the part below the front matter.
    """
    for found in _REMOTE.finditer(body):
        yield f"the body shows a picture from {found[1]!r}, which a model would have to fetch; put it beside the prompt"
    for found in _REMOTE_FILE.finditer(text):
        yield f"the prompt takes a file from {found[1]!r}, which needs a network; put it beside the prompt"
    for found in _OTHER_FILE.finditer(body):
        yield f"the body has {{% {found[1]} %}}, and no other file is loaded for it; write the words here"


def lint_rules(text: str) -> Iterator[str]:
    """Rules that contradict each other; each line of the text is taken for one."""
    rules = [line.strip("-* \t") for line in text.splitlines() if line.strip("-* \t")]
    yield from _limits(rules)
    yield from _contradictions(rules)
    yield from _tongues(rules)


def _tongues(rules: list[str]) -> Iterator[str]:
    """Two languages to begin in."""
    told = [(found[1].lower(), rule) for rule in rules if (found := _LANGUAGE.search(rule)) and not _NO.search(rule)]
    for name, rule in told[1:]:
        if name != told[0][0]:
            yield f"{_short(told[0][1])} and {_short(rule)} contradict each other; keep one"


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
    for (bound, thing), (number, rule) in found.items():
        most, said = found.get(("at most", thing), (number, rule))
        if bound == "at least" and number > most:
            yield f"{_short(rule)} and {_short(said)} cannot both be kept; correct one"


def _contradictions(rules: list[str]) -> Iterator[str]:
    denied = [(rule, _meaning(rule)) for rule in rules if _NO.search(rule)]
    # "Ask before …" is as much a rule as "Always ask before …".
    asked = [(rule, _meaning(rule)) for rule in rules if not _NO.search(rule) and len(_meaning(rule)) > 1]
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
