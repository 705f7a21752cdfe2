"""Where a sentence ends, so that a voice can start with the first while the rest is being thought of.

A full stop ends a sentence only if something starts after it: `$1.50`, `6.1 kg` and `TEN-02.pdf` stay whole,
and so do titles, initials and the usual abbreviations. When in doubt we do not cut: a late cut costs a little
time, a wrong one is heard.
"""

from __future__ import annotations

import re

_END = re.compile(r"[.!?…]+[\"”’')\]*_]*(?=\s)")
_CLAUSE = re.compile(r"[,;:—](?=\s)")
_LIST_NUMBER = re.compile(r"\d{1,2}\.")
_ALWAYS_JOINED = frozenset(
    "mr mrs ms dr prof st mt ft gen capt lt col sgt rev e.g i.e vs cf approx est incl excl max min resp".split()
)
_JOINED_BEFORE_NUMBERS = frozenset("no nos p pp fig ch vol ca art sec".split())
LONGEST = 240
"""Characters after which a sentence is cut at a comma: the listener would wait too long for its first word."""


def split_sentences(text: str) -> list[str]:
    """Cut a text into sentences. Joined with spaces they are the text again, but for its white space.

    >>> split_sentences("The Meadow Four is $279.00. Dr. Lee likes TEN-02! Shall I go on?")
    ['The Meadow Four is $279.00.', 'Dr. Lee likes TEN-02!', 'Shall I go on?']
    """
    done, rest = take_sentences(text + "\n")
    # A closing line break ends whatever stands before it, so nothing is left over.
    return done if not rest.strip() else [*done, rest.strip()]


def take_sentences(text: str) -> tuple[list[str], str]:
    """Take the sentences that are certainly finished from a text that is still growing.

    Returns:
        The finished sentences, and what is left for the next call with more text at its end.

    >>> take_sentences("It sleeps four. It costs $2")
    (['It sleeps four.'], 'It costs $2')
    >>> take_sentences("It costs $1.")
    ([], 'It costs $1.')
    """
    done: list[str] = []
    *lines, rest = text.split("\n")
    for line in lines:
        sentences, last = _in_line(line)
        done += [*sentences, last]
    sentences, rest = _in_line(rest)
    done += sentences
    return [part for sentence in done for part in _not_too_long(sentence.strip()) if part], rest.lstrip()


def _in_line(line: str) -> tuple[list[str], str]:
    sentences: list[str] = []
    start = 0
    for match in _END.finditer(line):
        after = line[match.end() :].lstrip()
        if not after:  # more may come: perhaps a small letter, perhaps a number
            break
        if _ends(line[start : match.end()], after):
            sentences.append(line[start : match.end()])
            start = match.end()
    return sentences, line[start:]


def _ends(before: str, after: str) -> bool:
    """Whether the text ends a sentence here, given what follows it."""
    if not re.search(r"\.[\"”’')\]*_]*$", before):
        return not after[0].islower()
    if after[0].islower() or before.endswith("..."):
        return before.endswith("...") and not after[0].islower()
    word = before.split()[-1].strip("\"“”‘’'()[]*_").removesuffix(".").lower()
    if word in _ALWAYS_JOINED or (word in _JOINED_BEFORE_NUMBERS and after[0].isdigit()):
        return False
    if _LIST_NUMBER.fullmatch(before.strip()):
        return False
    # "J. K. Rowling": one letter and a stop is an initial, but for "I".
    return not (len(word) == 1 and word.isalpha() and word != "i")


def _not_too_long(sentence: str) -> list[str]:
    if len(sentence) <= LONGEST:
        return [sentence]
    cuts = [match.end() for match in _CLAUSE.finditer(sentence, 40, LONGEST)]
    spaces = [match.start() for match in re.finditer(r"\s", sentence[:LONGEST])]
    if not cuts and not spaces:
        return [sentence]
    cut = cuts[-1] if cuts else spaces[-1]
    return [sentence[:cut].strip(), *_not_too_long(sentence[cut:].strip())]
