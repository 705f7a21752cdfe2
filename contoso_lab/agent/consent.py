"""Whether a customer's own words ask for a call or agree to one; in five languages.

The shop rings only when two agree: the chat's answer says 5, and these words say yes. They are conservative: a
sentence that is not understood is no consent, and a question about calls is none either.
"""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"(?<=[.!?;:])\s+|[。！？]|,\s+|、|\s+(?:but|aber|mais|pero)\s+", re.IGNORECASE)

_ASKS = re.compile(
    r"""
    \b(?:call|ring|phone)\s+(?:me|us)\b | \bgive\s+(?:me|us)\s+a\s+(?:call|ring)\b
    | \b(?:want|like|prefer|need|love)\s+(?:to\s+(?:get\s+|have\s+)?)?a\s+(?:phone\s+)?call\b(?!-)
    | \b(?:want|like|prefer|need)\s+(?:to\s+)?be\s+called\b | \bhave\s+(?:someone|somebody|you)\s+call\b
    | \b(?:want|like|prefer|need)\s+to\s+(?:talk|speak)\s+(?:to|with)\s+(?:someone|somebody|you|a\s+(?:person|human))\b
    | \b(?:talk|speak)\b[^.?!]*\bon\s+the\s+phone\b | \byou\s+(?:can|may)\s+(?:call|ring|phone)\b
    | \bruf(?:en|t)?\s+(?:sie\s+)?(?:mich|uns)\b[^.?!]*\ban\b
    | \b(?:können|könnten|kannst|könntest|würden|würdest)\b[^.?!]*\b(?:mich|uns)\b[^.?!]*\banrufen\b
    | \b(?:möchte|will|würde|wünsche)\b[^.?!]*\b(?:angerufen|rückruf|anruf|telefonieren)\b
    | \b(?:sie\s+)?(?:dürfen|können)\s+(?:mich\s+)?(?:gern\s*e?\s+)?anrufen\b
    | \b(?:appelez|appelle|rappelez|rappelle)[ -](?:moi|nous)\b
    | \bpasse[zr]?[ -]moi\s+un\s+coup\s+de\s+(?:fil|téléphone)
    | \b(?:pouvez|pourriez|peux|pourrais)\b[^.?!]*\b(?:m'|nous\s+|me\s+)(?:r?appeler)\b
    | \b(?:voudrais|veux|aimerais|préfère|préférerais)\b[^.?!]*\b(?:appel|appelé|appelée|appeliez|téléphone)\b
    | \b(?:llámame|llámeme|llámenme|llámanos|llámenos)\b
    | \b(?:puede|puedes|podría|podrías|pueden)\b[^.?!]*\b(?:llamarme|llamarnos)\b
    | \b(?:me|nos)\s+(?:puede|puedes|podría|podrías|pueden)\s+llamar\b
    | \b(?:quiero|quisiera|prefiero|necesito|gustaría)\b[^.?!]*\b(?:llam(?:ada|en|es|e)|por\s+teléfono)\b
    | お?電話を?(?:ください|下さい|お願い|かけて|して(?:ください|下さい|ほしい|欲しい|もらえ|もらいたい|いただけ|くれ))
    | 電話で(?:話したい|お話ししたい|相談したい)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_REFUSES = re.compile(
    r"""
    (?:\b(?:not|never|dont|without|no|nobody|stop|rather|instead\s+of|hate|unless|cannot)\b|n't\b)
      [^.?!]*\b(?:calls?|called|calling|phone|ring)\b
    | \bnot\s+(?:now|yet|today)\b | \blater\b | \bmaybe\b | \bperhaps\b | \bif\s+(?:i|we|you|it|that)\b
    | \b(?:nicht|kein\w*|niemals|nie|ohne)\b[^.?!]*(?:\b\w*(?:ruf|telefon)\w*|\bjetzt|\bheute)\b
    | (?:ruf|telefon)\w*\b[^.?!]*\b(?:nicht|kein\w*|niemals|nie)\b
    | \bspäter\b | \bvielleicht\b | \bfalls\b | \bwenn\b
    | \b(?:pas|jamais|aucun\w*|sans)\b[^.?!]*(?:appel|téléphon|maintenant)
    | (?:appel|téléphon)\w*[^.?!]*\b(?:pas|jamais)\b
    | \bplus\s+tard\b | \bpeut-être\b
    | \b(?:no|nunca|jamás|ningun\w*|sin)\b[^.?!]*\b(?:llam\w*|teléfono)\b | \bahora\s+no\b
    | \bmás\s+tarde\b | \bquizás?\b | \btal\s+vez\b
    | (?:電話|かけ)[^。]*(?:しないで|ないで|いりません|要りません|不要|結構です|嫌|困ります|必要ありません|やめて)
    | 結構です|いりません|要りません|後で|あとで|やめて
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NO = re.compile(r"^\W*(?:no|nope|nein|nee|non|いいえ|いや)\b(?!\s+(?:problem|worries|doubt))", re.IGNORECASE)
# Said of somebody or some other time, or asked about: "my boss will call me", "did you call me?", "call me Sam".
_OTHER = re.compile(
    r"""
    (?i:\b(?:did|do|does|has|had|have|was|were|when|why|who|how|will|would)
      \s+(?:you|he|she|they|somebody|someone|anyone|it)\b[^.?!]*\b(?:call|ring|phone|called|rang|phoned)\b)
    | (?i:\b(?:he|she|they|wife|husband|boss|friends?|mother|father|son|daughter|people|everybody|everyone)\b
      [^.?!]*\b(?:calls?|called|rings?|phones?)\b)
    | (?i:\bcall\s+(?:me|us))\s+(?:an?\s|old|crazy|stupid|[A-Z])
    | (?i:\b(?:hat|haben|wann|warum|wer)\b[^.?!]*\b(?:an)?(?:ge)?ruf\w*)
    | (?i:\b(?:pourquoi|quand|qui)\b[^.?!]*appel) | (?i:\b(?:por\s+qué|cuándo|quién)\b[^.?!]*\bllam)
    """,
    re.VERBOSE,
)
_YES = re.compile(
    r"^\W*(?:(?:oh|well|ah)\W+)?(?:yes|yeah|yep|sure|ok|okay|please|please do|gladly|absolutely|of course"
    r"|go ahead|do that|that would be (?:great|good|nice|lovely|perfect)"
    r"|ja|gerne?|klar|natürlich|sehr gerne?|bitte|in ordnung|einverstanden|oui|d'accord|volontiers|bien sûr"
    r"|avec plaisir|sí|si|claro|vale|de acuerdo|por favor|adelante)\b|^\W*(?:はい|ええ|お願い|ぜひ|うん)",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:call|ring|phone)\b|\banruf\w*\b|\brufen\b|\btelefon\w*|\bappel\w*|\btéléphon\w*|\bllam\w*|電話",
    re.IGNORECASE,
)


def consents_to_call(text: str, *, answered: str = "") -> bool:
    """Whether a customer's message asks for a call now, or agrees to one.

    Args:
        text: what the customer wrote.
        answered: what the assistant had said before; only after its offer of a call does a bare "yes" mean one.

    >>> consents_to_call("This is too hard, please call me."), consents_to_call("Don't call me!")
    (True, False)
    >>> consents_to_call("Yes, please."), consents_to_call("Yes, please.", answered="Shall I call you?")
    (False, True)
    >>> consents_to_call("Ja, gerne.", answered="Soll ich Sie anrufen?"), consents_to_call("電話してください。")
    (True, True)
    """
    found, offered = False, offers_call(answered)
    for clause in filter(None, _CLAUSE.split(text.replace("’", "'"))):
        if _REFUSES.search(clause) or (offered and _NO.search(clause)):
            return False  # who says both yes and no has not agreed
        if _OTHER.search(clause):
            continue
        found = found or bool(_ASKS.search(clause)) or (offered and bool(_YES.search(clause)))
    return found


def offers_call(text: str) -> bool:
    """Whether an assistant's message ends with the question whether it may call.

    >>> offers_call("I am sorry. May I call you?"), offers_call("You can call us at any time.")
    (True, False)
    """
    last = [part for part in re.split(r"(?<=[.!?。！？])\s*", text.strip()) if part][-1:]
    return bool(last) and last[0].endswith(("?", "？", "か。", "か")) and bool(_OFFER.search(last[0]))
