"""Is it said as a fact? Questions, negations, guesses, conditions and quotes of the customer are no claims."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contoso_lab.shop.truth.sentences import Sentence, Spot, clause

_ASKS = re.compile(r"[?？]\s*[\"”*)]*\s*$|(?:です|ます|でしょう|ました|ません)か[。\s]*$")
_TAIL = re.compile(
    r"[,;–—]\s*(?:and\s+|und\s+|et\s+|y\s+|so\s+)?(?:shall|should|would|do|does|did|can|could|may|want|is|are|"
    r"\w+n['’]t|right|ok|okay|"
    r"alright|what|how|which|soll|darf|möchten|wollen|oder|nicht\s+wahr|ist\s+das|voulez|souhaitez|est-ce|n['’]est-ce|"
    r"puis-je|d['’]accord|quiere|le\s+gustaría|verdad|no|desea|puedo|te)\b[^,;]*(?:,[^,;]*)?[?？]\s*$",
    re.IGNORECASE,
)
_KNOW = re.compile(r"^\W*(?:did|do)\s+you\s+know\s+(?:that\s+)?", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not(?!\s+(?:only|just|to\s+mention))|never|cannot|neither|nor|nicht|kein\w*|nie|niemals|pas|jamais|"
    r"aucune?|nunca|tampoco|sin|nobody|"
    r"far\s+from|instead\s+of|rather\s+than|anything\s+but|statt|plutôt\s+que|en\s+lugar\s+de)\b|n['’]t\b|"
    r"\bno(?!\s+(?:more|less|doubt|problem|question|worries))\s+(?=\w|$)",
    re.IGNORECASE,
)
_NEGATED_AFTER = re.compile(
    r"^[^,;.!?]{0,30}?(?:\bnicht\b|\bkein\w*\b)|^[^、。]{0,12}?(?:ではありません|ではない|じゃない|ありません|ません|ではなく)|"
    r"^\s*(?:is|are|was|were)\s+(?:wrong|not\b)|^\s+(?:is|are)n['’]t\b|^\s*(?:c['’]est\s+faux)",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:I\s+(?:think|believe|guess|suppose|assume|imagine|would\s+guess)|maybe|perhaps|probably|possibly|"
    r"presumably|apparently|"
    r"supposedly|likely|if\s+I\s+(?:remember|recall)|as\s+far\s+as\s+I\s+(?:know|remember)|(?:not|un)\s*(?:sure|"
    r"certain)|don['’]t\s+know|"
    r"(?:might|may|could|should|must)\s+(?:be|cost|weigh|sleep|hold|come|have|fit|run)|seems?\s+to|"
    r"ich\s+(?:glaube|denke|meine|schätze|vermute)|vielleicht|nicht\s+sicher|wahrscheinlich|vermutlich|möglicherweise|könnte|dürfte|"
    r"je\s+(?:crois|pense|suppose)|peut-être|probablement|sans\s+doute|pourrait|"
    r"creo|pienso|supongo|quizás?|tal\s+vez|probablemente|a\s+lo\s+mejor|podría)\b|"
    r"たぶん|おそらく|多分|もしかして",
    re.IGNORECASE,
)
_HEDGED_AFTER = re.compile(
    r"かもしれ|と思い|と思う|はず|でしょう|,?\s*(?:I\s+(?:think|believe|guess)|glaube\s+ich|je\s+crois)\b"
)
_IF = re.compile(
    r"\b(?:if|unless|suppose|supposing|imagine|assuming|what\s+if|say\s+it|let['’]s\s+say|in\s+case|wenn|falls|"
    r"sofern|angenommen|"
    r"si|supposons|en\s+caso)\b|もし|(?:なら|たら|れば)(?=、)",
    re.IGNORECASE,
)
_UNREAL = re.compile(
    r"\b(?:if|wish|suppose|imagine|supposing|what\s+if)\b[^,.]*\b(?:were|was|cost|had|weighed|came|dropped|went|"
    r"could|slept|sold)\b|"
    r"\b(?:suppose|supposing|imagine|let['’]s\s+say|what\s+if|say\s+it)\b|\b(?:wäre|würde|hätte|kostete|wöge)\b|"
    r"\bsi\b[^,.]*\b(?:était|coûtait|pesait|avait|costara|fuera|pesara|tuviera|costase|fuese)\b|\bwish\b|もし",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"(?<!as )\b(?:you|he|she|they|your\s+\w+|the\s+customer|someone|somebody)\s+(?:have\s+|had\s+|just\s+|also\s+|"
    r"already\s+|were\s+|are\s+|are\s+also\s+)?"
    r"(?:said|say|mentioned|told|asked|wrote|wanted|want|heard|saw|read|thought|think|claimed|quoted|need|needed|"
    r"hoped|found|"
    r"looking\s+for|asking|talking|have\s+in\s+mind|spoke)\b(?!\s*,)|\byour\s+(?:budget|limit|words|question|old|"
    r"own|maximum|current)\b|"
    r"\b(?:other|another)\s+(?:shops?|stores?|brands?)|\belsewhere\b|\bcompetitors?\b|\bonline\b|"
    r"\b(?:Sie|du|ihr)\s+(?:sagten|sagtest|meinten|erwähnten|wollten|suchten|haben\s+[^,.]*gesagt|suchen)|"
    r"\bIhr\s+Budget|"
    r"\bvous\s+(?:avez\s+(?:dit|mentionné|demandé)|disiez|cherchez|vouliez)|\bvotre\s+budget|"
    r"\b(?:usted\s+)?(?:dijo|mencionó|dijiste|mencionaste|pidió|busca|buscaba)\b|\bsu\s+presupuesto",
    re.IGNORECASE,
)
_TOLD_AFTER = re.compile(
    r"^[^。]{0,14}(?:とおっしゃ|と言い|と言って|とのこと)|^[^.]{0,30}\b(?:gesagt|you\s+said|you\s+mentioned)\b"
)
_TOLD_ENDS = re.compile(
    r"\bbut\b|;|—|,\s*(?:it|the|and\s+(?:it|the)|so|and|then|that|here|our|we)\b|\bhowever\b|\baber\b|\bmais\b|"
    r"\bpero\b|,\s*(?:und|et|y)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:used\s+to|(?:was|were|had)\s+(?:once|originally|formerly)|früher|autrefois|antes)\b[^,;]*$", re.IGNORECASE
)
_QUOTES = re.compile(r"“[^”]*”|\"[^\"\n]*\"|«[^»]*»|„[^“]*“|「[^」]*」")
_OPEN_IF = re.compile(r",|\bthen\b|\bdann\b|\balors\b|\bentonces\b|、", re.IGNORECASE)


def is_claim(sentence: Sentence, spot: Spot, keep: Sequence[Spot] = (), *, questions: bool = False) -> bool:
    """Whether what stands there is said as a fact.

    Args:
        keep: see `clause`.
        questions: take questions for statements too: "how about the …?" recommends.
    """
    return not (
        (not questions and asked(sentence, spot))
        or negated(sentence, spot, keep)
        or hedged(sentence, spot)
        or conditional(sentence, spot)
        or quoted(sentence, spot)
        or _PAST.search(sentence.before(spot)) is not None
    )


def asked(sentence: Sentence, spot: Spot) -> bool:
    """Whether it is part of a question; what stands before "…, shall I …?" is not."""
    if not _ASKS.search(sentence.text):
        return False
    tail = _TAIL.search(sentence.text)
    if tail and spot.end - sentence.start <= tail.start():
        return bool(
            re.match(r"\W*(?:is|are|does|do|did|how|what|which|can|could|would)\b", sentence.text, re.IGNORECASE)
        )
    return _KNOW.match(sentence.text) is None


def negated(sentence: Sentence, spot: Spot, keep: Sequence[Spot] = ()) -> bool:
    """Whether its clause says that it is not so."""
    start, end = clause(sentence, spot, keep)
    lead = sentence.text[start - sentence.start : max(0, spot.start - sentence.start)]
    rest = sentence.text[spot.end - sentence.start : end - sentence.start]
    return bool(_NEGATED.search(lead) or _NEGATED_AFTER.match(rest) or re.match(r"、?ではなく", rest))


def hedged(sentence: Sentence, spot: Spot) -> bool:
    """Whether the speaker guesses."""
    lead = re.split(r"\bbut\b|;|—|\baber\b|\bmais\b|\bpero\b", sentence.before(spot))[-1]
    return bool(_HEDGED.search(lead) or _HEDGED_AFTER.search(sentence.after(spot)))


def conditional(sentence: Sentence, spot: Spot) -> bool:
    """Whether it is a condition, or holds only under one that is not so."""
    if _UNREAL.search(sentence.text):
        return True
    lead = sentence.before(spot)
    last = _last(_IF, lead)
    if last is None:
        return re.match(r"[^、。]*?(?:なら|たら|れば|だったら)", sentence.after(spot)) is not None
    if last[0] == "si" and re.match(r"\W*si\W*,", lead, re.IGNORECASE):
        return False
    return _OPEN_IF.search(lead, last.end()) is None


def quoted(sentence: Sentence, spot: Spot) -> bool:
    """Whether it is what the customer or somebody else said."""
    at = spot.start - sentence.start
    if sentence.text.lstrip().startswith(">"):
        return True
    if any(match.start() < at < match.end() for match in _QUOTES.finditer(sentence.text)):
        return True
    if _TOLD_AFTER.match(sentence.after(spot)):
        return True
    lead = sentence.before(spot)
    last = _last(_TOLD, lead)
    return last is not None and _TOLD_ENDS.search(lead, last.end()) is None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return max(pattern.finditer(text), key=lambda match: match.start(), default=None)
