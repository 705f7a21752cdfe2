"""What a customer's words say about a page on the screen: asked, agreed, declined; in five languages.

Deterministic and conservative. A gate judges meaning; these words only decide where a mistake would hurt: whether
somebody said no, whether the same is asked for again, whether the customer has moved on to something else.
"""

from __future__ import annotations

import re
from typing import Literal

Stance = Literal["asks", "agrees", "declines"]

_CLAUSE = re.compile(r"(?<=[.!?;:])\s+|[。！？、]|,\s+")

_ASKS = re.compile(
    r"""
    \bshow\s+(?:me|us|it|that|this|them|both|all)\b | \bshow\b[^.?!]*\bscreen\b
    | \b(?:(?:can|could|may)\s+(?:i|we)|let\s+(?:me|us)|like\s+to|want\s+to|love\s+to)\s+(?:please\s+)?
      (?:see|look\ at|have\ a\ look)\b
    | \b(?:send|put|bring|pull|get|give|make|write)\b[^.?!]*
      \b(?:screen|pictures?|photos?|images?|page|write-?up|summary)\b
    | \bzeig(?:e|en|t|st)?\b[^.?!]*\b(?:mir|uns|sie|mal|bitte|bildschirm)\b
    | \b(?:kann|könn\w+|möchte\w*|würde\w*|will|darf|dürfte\w*|lass\w*)\b[^.?!]*\b(?:sehen|anschauen|ansehen)\b
    | \b(?:schick|send|leg|stell|bring|mach)\w*\b[^.?!]*\b(?:bildschirm|bilder|fotos?|seite|übersicht|zusammenfassung)\b
    | \bmontre[zr]?(?:-\w+)*\b | \bfa(?:ites|is)(?:-\w+)?\s+voir\b
    | \b(?:peux|puis|peut|pou?rr\w+|voudr\w+|aimer\w+|veux)\b[^.?!]*\b(?:voir|regarder)\b
    | \b(?:envo|affich|mett)\w*(?:-\w+)*\b[^.?!]*\b(?:écran|photos?|images?|page|résumé)\b
    | \b(?:muéstr|muestr|enséñ|enseñ|mostr)\w+
    | \b(?:puedo|podr\w+|podemos|quiero|quisiera|querría|gustaría|déj\w+)\b[^.?!]*\b(?:ver(?:l[oa]s?)?|mirar)\b
    | \b(?:enví|envi|mánd|mand|pon|póng)\w*\b[^.?!]*\b(?:pantalla|fotos?|imágenes|imagen|página|resumen)\b
    | 見せて|見せてもら|見せてくれ|見せてください|見たい|拝見|表示して|画面に(?:出|送|映|お願い)
    | (?:写真|画像|ページ|まとめ)を?(?:送|見|出|お願い)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DECLINES = re.compile(
    r"""
    ^\W*(?:no|nope|nein|nee|non|いいえ|いや)\b(?!\s+(?:problem|worries|doubt))
    | \bnot\s+(?:now|yet|needed|necessary)\b | \bno\s+need\b | \brather\s+not\b | \bnever\s?mind\b
    | \bforget\s+(?:it|that|about)\b | \bleave\s+it\b | \bskip\s+(?:it|that)\b
    | \b(?:don't|do\ not|dont|please\ stop|stop)\b[^.?!]*\b(?:show|showing|send|sending|put|putting|bother|need|want)\b
    | ^\W*stop\W*$
    | \b(?:lieber|jetzt|noch)\s+nicht\b | \bnicht\s+(?:nötig|zeigen|schicken|senden|jetzt)\b
    | \bkeine?\s+(?:bilder|seite|fotos?)\b
    | \bvergiss\b | \bvergessen\s+sie\b | \blass(?:en\s+sie)?\s+(?:es|das|mal|gut)\b | \bschon\s+gut\b
    | \bpas\s+(?:maintenant|la\s+peine|besoin)\b | \blaisse[zr]?\s+tomber\b | \boublie[zr]?\b | \binutile\b
    | \bne\s+(?:m'|me\s+|nous\s+)?(?:montr|envoy|affich|mett)\w*\b
    | \bahora\s+no\b | \bno\s+hace\s+falta\b | \bd[ée]j[ea]lo\b | \bolvíd[ea]lo\b | \bolvídate\b
    | \bno\s+(?:me\s+|nos\s+|lo\s+|la\s+)?(?:muestr|enseñ|mand|enví|pong)\w*
    | 結構です|いりません|要りません|やめて|やめます|見せなく|忘れて|必要ありません|大丈夫です|また今度
    """,
    re.IGNORECASE | re.VERBOSE,
)
_AGREES = re.compile(
    r"^\W*(?:(?:oh|well|ah)\W+)?(?:yes|yeah|yep|sure|ok|okay|please(?=\W*$| do\b)|gladly|absolutely|of course"
    r"|go ahead|do that|ja|gerne?|klar|natürlich|bitte(?=\W*$)|in ordnung|oui|d'accord|volontiers|bien sûr"
    r"|avec plaisir|vas-y|allez-y|sí|si|claro|vale|de acuerdo|por favor(?=\W*$)|adelante)\b"
    r"|^\W*(?:はい|ええ|うん|お願い|ぜひ|いいですね)",
    re.IGNORECASE,
)
_SHOWING = re.compile(
    r"\b(?:show|see|screen|pictures?|photos?|page|send|write-?up"
    r"|zeigen|bildschirm|bilder|schicken|seite|montrer|écran|envoyer|afficher|voir"
    r"|mostr\w+|muestr\w+|enseñ\w+|pantalla|enví\w+|mand\w+|ver)\b|見せ|画面|表示|お送り",
    re.IGNORECASE,
)
_VISUAL = re.compile(
    r"\b(?:visual\w*|image\w*|look\w*|display\w*|view|mail|summary|summari[sz]\w*|overview|comparison|foto\w*|bild\w*|sehen|anzeig\w*"
    r"|übersicht|image\w*|résumé|visuel\w*|affich\w*|imagen|imágenes|foto\w*|resumen)\b|写真|画像|見|まとめ|ページ",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"\b(?:nothing|no|not|never|can't|cannot|don't|didn't|isn't|nichts|kein\w*|nicht|rien|pas|aucun\w*|nada|ning\w+)\b"
    r"|ありません|ない",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\b(?:again|once more|another look|noch\s?mals?|noch einmal|wieder|encore|de nouveau|otra vez|de nuevo)\b"
    r"|もう一度|もう一回|再度",
    re.IGNORECASE,
)
_ALSO = re.compile(
    r"\b(?:also|too|as well|both|and then|in addition|auch|außerdem|dazu|zusätzlich|aussi|également|en plus"
    r"|también|además)\b|も(?:見|お願い|表示)|それから",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3,}|[ァ-ヴー一-龥]{2,}")
# Words that say that something is to be shown, and not what.
_EMPTY = frozenset(
    """show see look send put bring get give make write screen picture pictures photo photos image images page writeup
    summary please could can would you the that this them those these both and for now then again once more want like
    let may also too well yes sure okay just still here there one ones all again another have with
    zeig zeige zeigen zeigt bitte mir uns das die der den sie mal noch einmal nochmal kann könnte können möchte sehen
    bildschirm bilder bild fotos foto seite jetzt und auch auf dem mein meinen meinem schicken
    montre montrez montrer moi les des une voir peux puis pourrais pourriez vous écran mon sur encore fois maintenant
    muéstrame muestra muéstreme enséñame enseña puedo podría ver los las una pantalla favor otra vez ahora por
    画面 写真 画像 表示 一度 もう""".split()
)


def stance(text: str) -> Stance | None:
    """What a customer's words say about being shown something; the last clause that says anything counts.

    >>> stance("No, wait. Show me the bag instead."), stance("Show me the tent. Oh, never mind."), stance("I see.")
    ('asks', 'declines', None)
    """
    found: Stance | None = None
    for clause in filter(None, _CLAUSE.split(text)):
        if _DECLINES.search(clause):
            found = "declines"
        elif _ASKS.search(clause):
            found = "asks"
        elif found is None and _AGREES.search(clause):
            found = "agrees"
    return found


def offers_to_show(text: str) -> bool:
    """Whether an assistant's words end with the offer to show something.

    >>> offers_to_show("The tent sleeps four. Shall I put it on your screen?"), offers_to_show("It is on your screen.")
    (True, False)
    """
    last = [part for part in re.split(r"(?<=[.!?。！？])\s*", text.strip()) if part][-1:]
    return bool(last) and last[0].endswith(("?", "？", "か。", "か")) and bool(_SHOWING.search(last[0]))


def may_permit(text: str, *, answered: str = "") -> bool:
    """Whether a customer's words could ask for something on the screen, or agree to it; a wide net.

    Where it does not even hold, a gate that says yes has made it up.

    Args:
        text: what the customer said.
        answered: what the assistant had said before: a yes may be one to that.

    >>> may_permit("Got any pictures of that?"), may_permit("How heavy is it?")
    (True, False)
    >>> may_permit("Yes, do that."), may_permit("Yes, do that.", answered="I could show you pictures.")
    (False, True)
    >>> may_permit("There is nothing on my screen.")
    False
    """
    said = stance(text)
    if said == "asks" or (said == "agrees" and _SHOWING.search(answered)):
        return True
    clauses = [clause for clause in _CLAUSE.split(text) if clause and not _ABSENT.search(clause)]
    return any(_SHOWING.search(one) or _VISUAL.search(one) for one in clauses)


def asks_again(text: str) -> bool:
    """Whether the words ask for what was there before: "show me that again"."""
    return bool(_AGAIN.search(text))


def asks_for_more(text: str) -> bool:
    """Whether a wish comes on top of an earlier one and does not replace it: "and the bag as well"."""
    return bool(_ALSO.search(text))


def subject(text: str) -> frozenset[str]:
    """The words that say what is to be shown.

    >>> sorted(subject("Could you show me the red tents on my screen, please?"))
    ['red', 'tents']
    """
    return frozenset(_WORD.findall(text.lower())) - _EMPTY
