"""Do these words sound as if their speaker had ended? The semantics of semantic_vad, in rules.

| what was heard | ending | how long is waited |
|---|---|---|
| "How much does it weigh?", "Yes, please." | done | the shortest time |
| "Hi.", "For the trip.", "I would like that.", "less than one hundred" | maybe | two and a half times as long |
| "I need a tent for", "We want, um,", "between fifty", "Can you" | open | as long as the eagerness allows |

A recogniser ends nearly everything with a full stop, so the last words count more than the punctuation.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Ending: TypeAlias = Literal["done", "maybe", "open"]

_FILLERS = frozenset("er erm hm hmm mm uh uhm um umm".split())
_OPEN = frozenset(
    "a an the my your our their his its and or but nor because if than as although while unless until whether every "
    "each very quite rather too i'm we're you're they're i'd we'd i've we've let's there's it's that's what's who's i "
    "he she we they who whose maybe perhaps like well also then minus plus point between per not a little".split()
)
_PREPOSITIONS = frozenset(
    "about at by during for from in inside into of on onto over through to toward under with without".split()
)
_MAY_END = frozenset("in on over about to inside under through without".split())
"""Prepositions that end a sentence as well: "Go on", "I would like to"."""
_VERBS = frozenset(
    "am is are was were be have has had need needs want wants can could would should will shall may might must do does "
    "did get take show tell find".split()
)
"""Words after which something has to come, unless they are asked: "I need", but "which one do I need?"."""
_WEAK = frozenset(
    "that this those these so some any really just more less one's which what where when how only".split()
)
"""They end a sentence, and begin what is still to come."""
_TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety hundred thousand".split())
_ANSWERS = frozenset(
    "yes yeah yep no nope okay ok sure thanks bye goodbye please right exactly correct great perfect stop wait".split()
)
_GREETINGS = frozenset("hi hello hey there good morning afternoon evening robin".split())
_ASKS = re.compile(
    r"(?:and |so |but |okay |well )?(?:what|which|who|whose|where|when|why|how|is|are|am|was|were|do|does|did|can|"
    r"could|would|will|should|shall|may|have|has)\b"
)
_HALF = re.compile(r"\b(?:if|although|because|since|unless|whenever)\b")


def ending_of(text: str) -> Ending:
    """Guess from the words alone whether the speaker has ended.

    >>> ending_of("How much does it weigh?"), ending_of("For the family."), ending_of("I am looking for a.")
    ('done', 'maybe', 'open')
    """
    sentence = re.split(r"(?<=[.!?])\s+", text.strip().lower())[-1]
    words = re.findall(r"[a-z]+(?:['’][a-z]+)?|\d+", sentence.replace("’", "'"))
    if not words or re.search(r"(?:\.\.\.|[…,;:\-–—$])\s*$", text):
        return "open"
    last = words[-1]
    if last in _FILLERS:
        return "open"
    asked = sentence.endswith("?") or bool(_ASKS.match(sentence))
    if (unfinished := _number(words)) is not None:
        return unfinished
    if last in _PREPOSITIONS:
        # "What is it made of?" but "Is it made of …"
        if _opens_with_question_word(words) and len(words) > 3:
            return "done"
        return "maybe" if last in _MAY_END and len(words) > 1 else "open"
    if last in _VERBS:
        if asked and (len(words) > 3 or sentence.endswith("?")):
            return "done" if _opens_with_question_word(words) else "maybe"
        return (
            "maybe" if len(words) > 1 and words[-2] in ("i", "it", "we", "they", "you") and len(words) > 3 else "open"
        )
    if last == "like" and _opens_with_question_word(words):
        return "done"  # "What does it look like?"
    if last in _OPEN or (asked and len(words) == 2 and last in ("you", "it", "there")):
        return "open"
    return _whole(words, last, asked=asked)


def _whole(words: list[str], last: str, *, asked: bool) -> Ending:
    """How whole words are that do not hang."""
    if set(words) <= _GREETINGS or last in _WEAK:
        return "maybe"
    if _HALF.match(" ".join(words)) and len(words) < 7 and not asked:
        return "maybe"  # "If it rains" has no consequence yet
    if words[0] in _ANSWERS or last in _ANSWERS or asked:
        return "done"
    fragment = words[0] in _PREPOSITIONS | {"a", "an", "the", "my", "our", "and", "or", "but"}
    return "maybe" if fragment and len(words) < 5 else "done"


def _number(words: list[str]) -> Ending | None:
    """What an ending in a number tells; None when there is none."""
    last = words[-1]
    if not (last.isdigit() or last in _TENS):
        return None
    if "between" in words and "and" not in words[words.index("between") :]:
        return "open"
    if {"order", "number", "phone", "code"} & set(words):
        digits = sum(len(word) if word.isdigit() else 1 for word in words if word.isdigit() or word in _TENS)
        return "done" if digits >= 4 else "open"
    return "maybe"  # "less than one hundred", and fifty?


def _opens_with_question_word(words: list[str]) -> bool:
    return any(word in ("what", "which", "who", "whose", "where", "how") for word in words[:3])
