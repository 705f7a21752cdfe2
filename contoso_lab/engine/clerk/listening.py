"""Make a customer's line easy to read: one spelling, digits for numbers, and words put right that were misheard.

Lines come from a speech recogniser. It writes "ten" for "tent", "way" for "weigh" and "one hundred and fifty
dollars" in several ways, and what is read later should not have to know that.
"""

from __future__ import annotations

import re
from functools import lru_cache

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * value for value, word in enumerate(_TENS, 2)}
_AFTER_ONE = (  # "one" is a number before these and a pronoun ("which one") elsewhere
    r"hundred|thousand|person|people|man|day|night|week|burner|kilo\w*|lit\w+|dollars?|degrees?|child|adult|pound|"
    r"tent|bag|sleeping|backpack|stove|table|of"
)
_CONTRACTIONS = (
    (r"\bcan't\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ll\b", " will"),
    (r"'ve\b", " have"),
    (r"'m\b", " am"),
    (r"'d\b", " would"),
    (r"\b(it|that|what|there|here|how|which|who|where|he|she)'s\b", r"\1 is"),
    (r"\blet's\b", "let us"),
    (r"'s\b", ""),
)
_NOT_TENTS = r"(?!\s+(?:dollars?|percent|people|persons?|degrees?|minutes?|days?|weeks?|kilos?|of|lit\w+|years?|\d))"
_MISHEARD = (
    (r"\bback ?(?:pack|pac|pax|x|bag)(s?)\b", r"backpack\1"),
    (r"\bday ?packs?\b", "daypack"),
    (r"\bsleeping ?(?:back|bad|beg|bank|pack)(s?)\b", r"sleeping bag\1"),
    (r"\bsleepingbag(s?)\b", r"sleeping bag\1"),
    (r"\bwater ?(?:proof|prove|proofed|poof|prof|roof)\b", "waterproof"),
    (
        r"\b(how (?:much|many)(?: \w+){1,6}) (?:way|wey|ways|whey)(?=$| and\b| or\b| than\b| please\b| in\b)",
        r"\1 weigh",
    ),
    (r"\b(does (?:it|that|this|the \w+(?: \w+)?)) (?:way|wey)\b", r"\1 weigh"),
    (r"\bwhat is (the|its) wait\b", r"what is \1 weight"),
    (
        r"\b(a|the|this|that|our|your|my|person|man|people|family|camping|new|small|big|large|good|waterproof|"
        r"light|lightweight|cheap|another|which|what) ten\b" + _NOT_TENTS,
        r"\1 tent",
    ),
    (r"\b(?:tense|tends)\b", "tents"),
    (r"^ten for\b", "tent for"),
    (r"\b(hiking|winter|snow|walking) (?:boats|boosts|butts)\b", r"\1 boots"),
    (r"\b(camping|gas) (?:stow|stowe|stoke)s?\b", r"\1 stove"),
    (r"\b(hiking|outdoor|rain) (?:close|cloths)\b", r"\1 clothes"),
    (r"\bon (my|the) (?:scream|green|screens)\b", r"on \1 screen"),
    (r"\b(?:for|four|fore) (person|man)\b", r"four \1"),
    (r"\b(?:to|too) (person|man)\b", r"two \1"),
    (r"\bfor (?:for|fore) (people|persons|adults)\b", r"for four \1"),
    (r"\bfor (?:to|too) (people|persons|adults)\b", r"for two \1"),
    (r"\bate (person|people|man)\b", r"eight \1"),
    (r"\bcoast(s?)\b", r"cost\1"),
)
_TOKEN = re.compile(r"\$?\d+(?:\.\d+)?|[a-z][a-z]*|@[a-z0-9-]+")


@lru_cache(maxsize=4096)  # the shelf's names are asked for again with every word of a line
def plain(text: str) -> str:
    """A line in lower case, without punctuation, with digits for numbers and known mishearings put right.

    >>> plain("How much does the ten way, less than one hundred and fifty dollars?")
    'how much does the tent weigh less than $150'
    """
    low = text.lower().replace("’", "'").replace("−", "-")
    for pattern, instead in _CONTRACTIONS:
        low = re.sub(pattern, instead, low)
    low = re.sub(r"(?<=\d),(?=\d{3})", "", low)
    low = re.sub(r"°\s*([cf])\b|°", _degree_words, low)
    low = re.sub(r"(?<![\w.])-(?=\d)", "minus ", low)
    low = re.sub(r"(\d)(kg|lb|lbs|g|l|c|f|cm|mm)\b", r"\1 \2", low)
    words = " ".join(_TOKEN.findall(low))
    for pattern, instead in _MISHEARD:
        words = re.sub(pattern, instead, words)
    words = " ".join(_digits(words.split()))
    words = re.sub(r"(?:\$|\b)(\d+(?:\.\d+)?) (?:us )?(?:dollars?|bucks?|usd)\b", r"$\1", words)
    words = re.sub(r"\b(\d+)(?: degrees)? below(?: 0)?\b", r"minus \1 degrees", words)
    words = re.sub(r"\b(?:a|the) couple(?: of(?! (?:them|these|those)))?\b", "2", words)
    return re.sub(r"\b(?:a )?dozen\b", "12", words)


def clauses(text: str) -> list[str]:
    """Cut a line where one question ends and the next begins.

    >>> clauses("How much does it weigh, and is it waterproof?")
    ['How much does it weigh', 'is it waterproof']
    """
    asked = r"(?:is|are|does|do|how|what|can|could|will|would|which|please|i need|we need|we also|i also)"
    cut = re.sub(r"(?<!\d)[.?!;]+(?=\s|$)|(?<=\d)[.?!;]+(?=\s|$)", "\n", text)
    joined = rf",?\s+(?:and|but|then)\s+(?=(?:also\s+)?{asked}\b)|,\s+(?={asked}\b)"
    cut = re.sub(joined, "\n", cut, flags=re.IGNORECASE)
    return [part.strip(" ,") for part in cut.split("\n") if part.strip(" ,")]


def spelled(count: int) -> str:
    """A small whole number as a word, a large one as digits.

    >>> spelled(4), spelled(36)
    ('four', '36')
    """
    return _UNITS[count] if 0 <= count <= 12 else str(count)


def _degree_words(found: re.Match[str]) -> str:
    return " degrees" + {"c": " celsius", "f": " fahrenheit"}.get(found[1] or "", "")


def _digits(words: list[str]) -> list[str]:
    """Number words as digits; "one" stays a word where it is a pronoun."""
    out: list[str] = []
    at = 0
    while at < len(words):
        value, after = _group(words, at)
        following = words[after] if after < len(words) else ""
        if value is None or (words[at:after] == ["one"] and not re.fullmatch(_AFTER_ONE, following)):
            out.append(words[at])
            at += 1
            continue
        if following == "point" and after + 1 < len(words) and words[after + 1] in _UNITS[:10]:
            value, after = value + _VALUES[words[after + 1]] / 10, after + 2
        elif words[after : after + 3] == ["and", "a", "half"]:
            value, after = value + 0.5, after + 3
        out.append(f"{value:g}")
        at = after
    return out


def _group(words: list[str], start: int) -> tuple[float | None, int]:
    """The number that begins at a word, and where it ends; None when there is none."""
    total, current, at, seen = 0.0, None, start, False
    if words[start] in ("a", "an") and words[start + 1 : start + 2] in (["hundred"], ["thousand"]):
        at += 1
        current = 1.0
    while at < len(words):
        word = words[at]
        value = float(_VALUES[word]) if word in _VALUES else float(word) if word.isdigit() and not seen else None
        if value is not None:
            if current is None:
                current = value
            elif value < 100 and current >= 100 and current % 100 == 0:
                current += value
            elif value < 10 and current >= 20 and current % 10 == 0:
                current += value
            elif value >= 10 and 1 <= current <= 9 and word in _VALUES:
                current = 100 * current + value  # "two seventy" is how prices are said
            else:
                break
        elif word == "hundred" and current is not None:
            current *= 100
        elif word == "thousand" and current is not None:
            total, current = total + 1000 * current, 0.0
        elif word != "and" or words[at - 1] not in ("hundred", "thousand") or at + 1 >= len(words):
            break
        elif words[at + 1] not in _VALUES or words[at + 2 : at + 3] in (["hundred"], ["thousand"]):
            break  # "one hundred and two hundred" is two numbers
        seen = True
        at += 1
    return (None, start) if current is None or not seen else (total + current, at)
