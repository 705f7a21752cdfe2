"""Names of people.

| found | in text without capitals, too |
|---|---|
| after what introduces them for sure: "my name is" | yes |
| after what may introduce them: "this is", "my daughter", "ask" | common given names |
| after a title | no |
| in the answer to the question for one | yes |
| common given names, and the name behind them | no |
"""

# ruff: noqa: E501 - a pattern that is cut in two is harder to read

from __future__ import annotations

import re
from collections.abc import Iterator

from contoso_lab.recording.given_names import GIVEN_NAMES
from contoso_lab.recording.redact_hits import Hit, Known

_NAME = r"[^\W\d_][\w'’\-]*"
_CUES = (
    r"my\s+(?:full\s+|first\s+|last\s+|family\s+)?name(?:'s|\s+is)", r"(?:the\s+)?(?:first|last|full|family)\s+name\s+(?:is|was)",
    r"(?:the\s+)?name\s+on\s+(?:the\s+)?(?:card|order|booking|account)\s+is", r"under(?:\s+the\s+name(?:\s+of)?)?",
    r"this\s+is", r"i'?m", r"i\s+am", r"call\s+me", r"(?:it'?s|it\s+is)", r"i\s+am\s+called", r"speaking\s+(?:with|to)",
    r"mein\s+name\s+ist", r"ich\s+hei(?:ß|ss)e", r"hier\s+(?:ist|spricht)", r"auf\s+den\s+namen", r"ich\s+bin",
    r"je\s+m['’]appelle", r"mon\s+nom\s+est", r"ici", r"au\s+nom\s+de", r"je\s+suis",
    r"me\s+llamo", r"mi\s+nombre\s+es", r"a\s+nombre\s+de", r"soy", r"habla",
    r"(?:my|our|his|her|their)\s+(?:\w+\s+)?(?:daughter|son|wife|husband|partner|brother|sister|mother|father|mum|mom|dad|girlfriend|boyfriend|friend|colleague|boss|neighbou?r|aunt|uncle|cousin|niece|nephew|grandson|granddaughter|fianc[ée]e?),?",
    r"(?:ma|mon|notre)\s+(?:fille|fils|femme|mari|frère|sœur|mère|père|ami|amie|copain|copine|collègue),?",
    r"(?:mi|nuestr[oa])\s+(?:hij[oa]|mujer|esposa|marido|esposo|herman[oa]|madre|padre|amig[oa]|novi[oa]|jef[ea]),?",
    r"ask(?:ed)?(?:\s+for)?", r"(?:speak|spoke|spoken|talk|talked)\s+(?:to|with)", r"met",
    r"(?:attention|attn)(?:\s+of)?", r"care\s+of", r"demande[rz]?", r"parl[ée](?:r|z)?\s+(?:à|avec)", r"pregunt[ea]\s+por", r"hablé\s+con",
)  # fmt: skip
_SURE_CUES = re.compile(
    r"name|nom|llamo|heiß|heiss|appelle|called|on\s+(?:the\s+)?(?:card|order)|namen|nombre", re.IGNORECASE
)
_NAME_CUE = re.compile(rf"\b({'|'.join(_CUES)})\s+(?=\S)", re.IGNORECASE)
_TITLE = re.compile(
    r"\b(?:mr|mrs|ms|miss|dr|prof|herrn?|frau|monsieur|madame|mme|señora?|don|doña)\.?\s+((?-i:[A-ZÀ-Ý])[\w'’\-]+(?:\s+(?-i:[A-ZÀ-Ý])[\w'’\-]+)?)",
    re.IGNORECASE,
)
_JAPANESE_NAME = re.compile(r"(?:私の名前は|名前は)([^\s、。でと]{1,8})|([^\s、。は]{1,8})と申します")
_NO_NAME = frozenset(
    "a an the not no so very just still looking calling here there going trying sure sorry afraid happy glad back new "
    "interested wondering about in on at for from with and but it that this what who how yes okay ok my your our their "
    "his her its is was are be been being also really only now one two three too fine good great done ready open closed "
    "called spelled like order number email phone address card code i we you he she they me us him them if when because "
    "want need have had got would could can will please again speaking contoso customer support service somebody someone "
    "anybody anyone everybody nobody which whether how much many more any all both same time mine yours ours "
    "ein eine der die das nicht sehr hier auf mit und aber schon noch interessiert sicher froh am im zu "
    "un une le la les de du très pas ici content sûr désolé en à à prêt el los las muy no aquí de en una seguro".split()
)
_ASKED_NAME = re.compile(
    r"\b(?:your|the)\s+(?:\w+\s+){0,2}name\b|\bwho\s+am\s+i\s+speaking|ihr(?:en)?\s+namen?|votre\s+nom|su\s+nombre|お名前",
    re.IGNORECASE,
)


def names(text: str, known: Known, asked: str) -> Iterator[Hit]:
    """Names in a text; `asked` is what was said before it."""
    cased = any(sign.isupper() for sign in text[1:]) or text[:1].isupper()
    for cue in _NAME_CUE.finditer(text):
        sure = _SURE_CUES.search(cue[1]) is not None
        if (end := _name_from(text, cue.end(), known, cased=cased, sure=sure)) > cue.end():
            yield Hit(cue.end(), end, "name")
    for word in re.finditer(_NAME, text) if cased else ():
        if word[0][0].isupper() and _is_given(word[0]) and not _is_kept(text, word.start(), known):
            yield Hit(word.start(), _name_from(text, word.start(), known, cased=True, sure=True), "name")
    for title in _TITLE.finditer(text):
        yield Hit(title.start(1), title.end(1), "name")
    for japanese in _JAPANESE_NAME.finditer(text):
        group = 1 if japanese[1] else 2
        yield Hit(japanese.start(group), japanese.end(group), "name")
    if asked and _ASKED_NAME.search(asked):
        begin = re.match(
            r"\W*(?:(?:yes|sure|it'?s|it\s+is|that'?s|ja|oui|sí|of\s+course|okay)\W+)*", text, re.IGNORECASE
        )
        start = begin.end() if begin else 0
        if (end := _name_from(text, start, known, cased=cased, sure=True)) > start and len(text.split()) <= 8:
            yield Hit(start, end, "name")


def _name_from(text: str, start: int, known: Known, *, cased: bool, sure: bool) -> int:
    """Where the name that begins here ends; `start` itself when none does. Text without capitals takes a sure cue."""
    end, count = start, 0
    if _is_kept(text, start, known):
        return start
    first = re.match(_NAME, text[start:])
    sure = sure or (first is not None and _is_given(first[0]))
    for word in re.finditer(_NAME, text[start:]):
        between = text[end : start + word.start()]
        low = word[0].lower().removesuffix("'s")
        joined = re.fullmatch(r"\s*" if not count else r"\s+", between) is not None
        capital = word[0][0].isupper() or not cased
        if not joined or low in _NO_NAME or low in known.keep or count >= 3 or not capital or (not sure and not cased):
            break
        if not cased and count >= 2:
            break
        end, count = start + word.end(), count + 1
    return end


def _is_given(word: str) -> bool:
    return word.lower().removesuffix("'s").removesuffix("’s") in GIVEN_NAMES


def _is_kept(text: str, start: int, known: Known) -> bool:
    """Whether a product's name begins here."""
    rest = text[start:].lower()
    return any(rest.startswith(kept) for kept in known.keep)
