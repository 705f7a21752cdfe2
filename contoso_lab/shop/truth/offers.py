"""What the customer owns, what we do not carry, and what nobody here can know."""

from __future__ import annotations

import functools
import re

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.mentions import NOUNS
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim, negated
from contoso_lab.shop.truth.sentences import Reading, Sentence, Spot, clause

RECOMMENDS = re.compile(
    r"\b(?:recommend|suggest|offer\s+you|show\s+you|how\s+about|what\s+about|(?:you\s+)?(?:might|may|would|could|"
    r"will|['’]ll|['’]d)\s+(?:also\s+)?(?:like|love|want|need|take|enjoy|consider)|"
    r"I['’]?d?\s+(?:would\s+)?(?:take|pick|go\s+(?:with|for)|choose|propose)|(?:is|are|would\s+be|"
    r"looks?)\s+(?:a\s+|the\s+|your\s+)?(?:just\s+)?(?:perfect|ideal|great|good|best|right|excellent|nice)|"
    r"consider|have\s+a\s+look\s+at|take\s+a\s+look\s+at|check\s+out|go\s+(?:with|for)|try|take|get\s+(?:yourself|"
    r"the)|pair\s+(?:it|them)\s+with|suits?\s+you|best\s+choice|"
    r"empfehle\w*|vorschlag\w*|schlage|nehmen\s+Sie|wie\s+wäre\s+es\s+mit|recommande|conseille|propose|prenez|"
    r"que\s+diriez-vous|recomiendo|sugiero|llévese|qué\s+tal|le\s+conviene)\b|おすすめ|お勧め|いかがですか",
    re.IGNORECASE,
)  # fmt: skip
_OWNS = re.compile(
    r"\b(?:you\s+(?:already\s+|have\s+already\s+|['’]ve\s+already\s+|already\s+have\s+)?(?:own|bought|purchased|"
    r"have\s+bought|ordered)|you['’]ve\s+(?:already\s+)?(?:bought|got|purchased)|"
    r"you\s+(?:already\s+have|have\s+already)|you\s+have\s+(?=the\b|our\b)|(?:from|in)\s+your\s+(?:last|earlier|"
    r"previous)\s+(?:order|purchase)s?|you\s+got\s+(?:from\s+us|last)|"
    r"(?:Sie|du)\s+(?:haben|hast|besitzen|besitzt)\s+(?:bereits|schon|ja)?|"
    r"vous\s+(?:avez\s+(?:déjà\s+)?(?:acheté)?|possédez)|(?:ya\s+)?(?:tiene|compró|ha\s+comprado))\b|(?:すでに|"
    r"既に|もう)[^。]*?(?:お持ち|購入|買)",
    re.IGNORECASE,
)  # fmt: skip
_NEXT = re.compile(
    r"[,;:]\s*(?:so|I|take|the)\b|\b(?:so|but|because|deshalb|daher|darum|also|aber|empfehle|donc|mais|recommande|"
    r"así\s+que|"
    r"por\s+eso|pero|recomiendo)\b|ので|から",
    re.IGNORECASE,
)
_YOURS = re.compile(
    r"\b(?:your|Ihre?[nm]?|deine?[nm]?|votre|vos|tus?|sus?)\s+(?:own\s+|new\s+|trusty\s+)?$|(?:お持ちの|あなたの)$",
    re.IGNORECASE,
)
_MORE = re.compile(r"\b(?:second|another|replace\w*|spare|new\s+pair)\b", re.IGNORECASE)

# Brands of the trade, so that a promise of one is noticed; what the catalogue names is never among them.
KNOWN_BRANDS = (
    "Arc'teryx", "Adidas", "Big Agnes", "Black Diamond", "Camelbak", "Coleman", "Columbia", "Decathlon",
    "Deuter", "Eureka", "Exped", "Fjällräven", "Fjallraven", "Garmin", "Gregory", "Helinox", "Helly Hansen",
    "Hilleberg", "Hoka", "Jack Wolfskin", "Jetboil", "Kathmandu", "Keen", "Kelty", "La Sportiva", "L.L.Bean",
    "Lowa", "Lowe Alpine", "Mammut", "Marmot", "Meindl", "Merrell", "Millet", "Montbell", "Mountain ", "", "",
    "Hardwear", "MSR", "Nalgene", "Nemo", "Nike", "Nordisk", "Nortiv", "Ortovox", "Osprey", "Outdoor Research",
    "Patagonia", "Petzl", "Primus", "Quechua", "REI", "Rab", "Salewa", "Salomon", "Scarpa", "Sea to Summit",
    "Snow Peak", "Stanley", "Teva", "The North Face", "North ", "", "", "Face", "Therm-a-Rest", "Thule",
    "Timberland", "Trangia", "Vango", "Vaude", "Yeti", "Zamberlan", "ZPacks",
)  # fmt: skip
OTHER_GEAR = (
    "kayak", "canoe", "paddle board", "lantern", "headlamp", "head lamp", "flashlight", "hammock", "cooler",
    "cool ", "box", "bike", "bicycle", "ski", "snowshoe", "trekking pole", "hiking pole", "sunglasses", "drone",
    "fishing rod", "grill", "generator", "camping ", "chair", "chair", "sleeping ", "mat", "sleeping pad",
    "air mattress", "air bed", "water filter", "compass", "GPS watch", "watch", "glove", "hat", "beanie",
    "sock", "rope", "climbing ", "", "", "harness", "crampons", "ice axe", "knife", "multitool", "power bank",
    "solar panel", "cookware", "pot set", "fleece", "down ", "jacket", "swimsuit", "gaiters", "poncho",
    "umbrella", "travel mug", "wetsuit",
)  # fmt: skip
_FOREIGN_GEAR = (
    r"Stirnlampen?|Hängematten?|Isomatten?|Kajaks?|Campingst[uü]hle?|lampes?\s+frontales?|hamacs?|"
    r"matelas|linternas?|hamacas?|esterillas?|ハンモック|ランタン|ヘッドランプ"
)
_CARRY = re.compile(
    r"\b(?:we\s+(?:also\s+|even\s+)?(?:have|carry|sell|offer|stock)|we['’]ve\s+(?:also\s+)?got|there\s+(?:is|"
    r"are)\s+also|our|I\s+(?:can\s+)?(?:recommend|suggest|offer|show\s+you)|"
    r"I['’]?d?\s+(?:would\s+)?(?:recommend|suggest|take|go\s+with)|take|add|get|try|"
    r"how\s+about|wir\s+(?:haben|führen|verkaufen)|(?:ich\s+)?empfehle|unser\w*|nous\s+(?:avons|vendons|proposons)|"
    r"je\s+(?:vous\s+)?(?:recommande|conseille)|notre|nos|tenemos|vendemos|(?:le\s+)?recomiendo|"
    r"nuestr[oa]s?)\b|(?=.*(?:あります|扱って|おすすめ))",
    re.IGNORECASE,
)  # fmt: skip
_SKU = re.compile(r"\b[A-Z]{3}-\d{2,3}\b")
_NAMED = re.compile(
    r"(?<![A-Za-z#])((?:[A-Z][a-zà-ÿ]+(?:-[A-Z][a-z]+)?\s+){1,3})"
    r"((?i:Tent|Backpack|Daypack|Pack|Rucksack|Jacket|Shirt|Pants|Trousers|Boots?|Shoes?|Table|Stove|Cooker|"
    r"Sleeping\s+Bag|Bag|Parka|Hoodie|Vest))s?\b"
)
_MODEL = re.compile(r"\b([A-Z][a-z]+)\s+((?:[A-Z][a-z]+|\d+))\b")
_PLAIN_WORDS = frozenset(
    "The A An Our Your This That These It And Or But For With From Hiking Camping Family Sleeping Winter Summer "
    "Warm Two One Four Eight Three Large "
    "Small Light Best New Waterproof Rain Trekking Outdoor Contoso Robin Yes No Both Each Every My Any Group Solo "
    "Ultralight".split()
)
_UNKNOWABLE: tuple[tuple[str, str], ...] = (
    (r"\b(?:in\s+stock|out\s+of\s+stock|sold\s+out|back\s+in\s+stock|back-?ordered|(?:only|just)\s+(?:\w+|"
    r"\d+)\s+(?:are\s+)?left(?!\s+(?:side|hand))|(?:got|have)\s+(?:only\s+|just\s+)?(?:\w+\s+)?(?:one|two|three|"
    r"four|five|\d+|a\s+few)\s+left|left\s+in\s+(?:stock|the\s+warehouse)|"
    r"available\s+(?:right\s+)?(?:now|today|immediately|again)|in\s+(?:our|the)\s+(?:warehouse|store)|"
     r"(?:auf|ab)\s+Lager|vorrätig|lieferbar|ausverkauft|sofort\s+verfügbar|en\s+stock|"
     r"disponibles?\s+(?:immédiatement|tout\s+de\s+suite)|épuisée?s?|en\s+existencias?|agotad[oa]s?|"
     r"disponibles?\s+(?:ahora|de\s+inmediato))\b|在庫(?:が|は)?(?:あり|ござ|残り|切れ)|品切れ", "stock"),
    (r"\b(?:(?:will\s+)?(?:arrives?|be\s+there|be\s+delivered|get\s+there|be\s+with\s+you|reach\s+you|ships?|"
    r"be\s+shipped|deliver(?:s|ed|y)?(?:\s+(?:takes|is|time))?)\s+(?:\w+\s+){0,3}?(?:by|on|in|within|before|"
    r"tomorrow|today|free|next|this|same|until|for\s+free|one|two|three|four|five|"
    r"\d+)\b(?:\s+(?:\w+\s+)?(?:days?|weeks?|hours?|day|week|Monday|Tuesday|Wednesday|Thursday|Friday|"
    r"Saturday|Sunday|weekend|tomorrow))?|"
     r"takes\s+(?:about\s+|only\s+)?\w+(?:\s+\w+)?\s+(?:days?|weeks?)\s+to\s+(?:arrive|ship|deliver|reach)|"
     r"you(?:['’]ll|\s+will)\s+(?:have|get|receive)\s+(?:it|them|\w+\s+\w+)\s+(?:by|within|tomorrow|today|next)|"
     r"(?:shipping|delivery)\s+is\s+free|at\s+your\s+(?:front\s+)?door|free\s+(?:shipping|delivery)|(?:overnight|"
     r"next-day|same-day|express)\s+(?:shipping|delivery)|(?:wird|"
     r"werden)\s+[^.,]*?geliefert|kommt\s+(?:morgen|am\s+\w+|in\s+\w+\s+Tagen)\b[^.,]*|Lieferung\s+(?:am|bis|"
     r"in|dauert)|kostenlose[rn]?\s+(?:Versand|Lieferung)|versandkostenfrei|"
     r"(?:sera|est)\s+(?:livrée?s?)\b[^.,]*|livraison\s+(?:gratuite|offerte|en|demain|sous)|arrivera\b|llegará|"
     r"envío\s+gratis|envío\s+gratuito|se\s+entrega|entrega\s+(?:en|gratis))|\b(?:明日|[一二三0-9]+日(?:以内|"
     r"後)?)[^。]{0,8}(?:届|配送|発送)|送料無料", "delivery"),
    (r"\b(?:on\s+sale|(?:\d+|\w+)\s*(?:%|percent|per\s+cent)\s+(?:off|discount|cheaper)|(?:special|"
    r"limited-?time)\s+(?:offer|deal|price|discount)|discount(?:s|\s+(?:of|code))?|coupon(?:\s+code)?|"
    r"promo(?:tion)?(?:\s+code)?|voucher|half\s+price|reduced\s+(?:price|from|to)|marked\s+down|"
    r"black\s+friday|"
     r"\$\s?\d+\s+off|\w+\s+dollars\s+off|clearance|im\s+Angebot|reduziert|Rabatt|Gutschein|en\s+(?:promo(?:tion)?|"
     r"solde)|soldée?s?|(?:une?\s+)?remise|réduction|en\s+oferta|rebajad[oa]s?|descuento|en\s+rebajas)\b|"
     r"(?:セール|割引|値引|クーポン|半額)", "discount"),
)  # fmt: skip
_UNKNOWABLES = [(re.compile(words, re.IGNORECASE), what) for words, what in _UNKNOWABLE]
_CANNOT = re.compile(
    r"\b(?:cannot|can['’]t|can\s+not|don['’]t\s+know|do\s+not\s+know|unable|no\s+(?:information|way|idea)|"
    r"not\s+able|don['’]t\s+(?:have|see)|do\s+not\s+(?:have|see)|whether|check\s+(?:if|whether|the)|"
    r"weiß\s+(?:\w+\s+){0,2}nicht|nicht\s+sagen|kann\s+(?:ich\s+)?[^.]*nicht|ne\s+(?:sais|peux|vois)|no\s+(?:sé|"
    r"puedo|veo)|"
    r"nothing\s+about)\b|分かりません|わかりません",
    re.IGNORECASE,
)


class Place:
    """A place in a text."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


def check_bought(reading: Reading, customer: Customer | None) -> list[Finding]:
    """Judge what is said of the customer's purchases, and find what is recommended though they own it."""
    if customer is None:
        return []
    found = []
    for sentence in reading.sentences:
        for mention in sentence.mentions:
            product = reading.catalog.get(mention.sku)
            owned = mention.sku in customer.purchases
            words = reading.text[mention.start : mention.end]
            owns = next((m for m in _OWNS.finditer(sentence.before(mention))), None)
            ja = re.match(r"[^。、]{0,12}(?:お持ち|ご購入(?:済み|いただ)|買われ)", sentence.after(mention))
            yours = _YOURS.search(sentence.before(mention))
            if (owns or ja) and not _breaks(sentence, owns, mention) and is_claim(sentence, mention):
                says = f"{customer.first_name} {'has' if owned else 'has not'} bought the {product.name}"
                verdict: Verdict = "true" if owned else "false"
                found.append(Finding("bought", verdict, words, mention.start, mention.end, says, mention.sku))
            elif owned and not yours and not owns and _recommends(sentence, mention):
                says = f"{customer.first_name} has bought the {product.name} already"
                found.append(Finding("again", "false", words, mention.start, mention.end, says, mention.sku))
    return found


def _breaks(sentence: Sentence, owns: re.Match[str] | None, mention: Spot) -> bool:
    if owns is None:
        return False
    between = sentence.text[owns.end() : mention.start - sentence.start]
    return _NEXT.search(between) is not None


def _recommends(sentence: Sentence, mention: Spot) -> bool:
    why_not = re.search(r"\bwhy\s+not\b", sentence.text, re.IGNORECASE) is not None
    if (negated(sentence, mention) and not why_not) or _MORE.search(sentence.text):
        return False
    if re.search(
        r"\byou\s+(?:already\s+)?(?:own|have|bought)|\bsince\s+you\b|already\s+(?:own|have|bought)|bereits|déjà|\bya\b",
        sentence.text,
        re.IGNORECASE,
    ):
        return False
    start, end = clause(sentence, mention)
    part = sentence.text[start - sentence.start : end - sentence.start]
    if RECOMMENDS.search(part):
        return not re.search(r"\bgoes?\s+(?:well\s+)?with\b|\bfits?\s+(?:in|into|on)\b|\bthan\b|\blike\s+the\b", part)
    # "I recommend the Meadow Four and the Pathfinder Boots": one verb for both.
    lead = sentence.before(mention)
    verb = max(RECOMMENDS.finditer(lead), key=lambda match: match.start(), default=None)
    return (
        verb is not None
        and re.search(
            r"[;:.]|\bwith\b|\bthan\b|\bbut\b|\bbecause\b|\bwhich\b|\bto\s+go\b|,\s*(?:it|you)", lead[verb.end() :]
        )
        is None
    )


@functools.lru_cache(maxsize=16)
def _strangers(catalog: Catalog) -> tuple[re.Pattern[str], re.Pattern[str]]:
    known = " ".join(f"{p.name} {p.brand} {p.category} {p.description} {' '.join(p.features)}" for p in catalog).lower()
    brands = [re.escape(name) for name in KNOWN_BRANDS if not re.search(rf"\b{re.escape(name.lower())}\b", known)]
    gear = [re.escape(noun) for noun in OTHER_GEAR if not re.search(rf"\b{re.escape(noun)}", known)]
    return (
        re.compile(rf"(?<![A-Za-z])(?:{'|'.join(sorted(brands, key=len, reverse=True))})(?![A-Za-z])"),
        re.compile(rf"\b(?:{'|'.join(sorted(gear, key=len, reverse=True))})s?\b|{_FOREIGN_GEAR}", re.IGNORECASE),
    )


@functools.lru_cache(maxsize=16)
def _words_known(catalog: Catalog) -> frozenset[str]:
    return frozenset(word.lower() for p in catalog for word in f"{p.name} {p.brand} {p.category}".split())


def check_carried(reading: Reading) -> list[Finding]:
    """Find products and brands that are offered though we do not have them."""
    brands, gear = _strangers(reading.catalog)
    found: list[Finding] = []

    def add(sentence: Sentence, at: int, to: int, says: str) -> None:
        place = Place(sentence.start + at, sentence.start + to)
        if any(m.start < place.end and place.start < m.end for m in sentence.mentions):
            return
        if any(f.start < place.end and place.start < f.end for f in found):
            return
        if is_claim(sentence, place, sentence.mentions, questions=RECOMMENDS.search(sentence.text) is not None):
            words = reading.text[place.start : place.end]
            found.append(Finding("not_carried", "false", words, place.start, place.end, says))

    words_known = _words_known(reading.catalog)
    for sentence in reading.sentences:
        for match in _SKU.finditer(sentence.text):
            if match[0] not in reading.catalog:
                add(sentence, *match.span(), f"there is no {match[0]}")
        for match in _NAMED.finditer(sentence.text):
            names = [w for w in match[1].split() if w not in _PLAIN_WORDS]
            if match[2][0].islower() and len(names) < 2:
                continue
            if names and not all(w.lower() in words_known for w in names) and reading.language != "de":
                at = match.start() + match[0].index(names[0])
                if at > 0 and not re.search(r"[.!?]\s*$", sentence.text[:at]) or len(names) > 1:
                    add(sentence, at, match.end(), f"there is no {match[0]}")
        for match in brands.finditer(sentence.text):
            tail = re.match(r"(?:\s+[A-Z0-9][\w-]*)*", sentence.text[match.end() :])
            add(
                sentence,
                match.start(),
                match.end() + (tail.end() if tail else 0),
                f"no product of ours is by {match[0]}",
            )
        for match in gear.finditer(sentence.text):
            if any(f.end == sentence.start + match.start() - 1 for f in found):
                continue  # "a Patagonia fleece" is one thing that we do not have
            if (
                _CARRY.search(sentence.text[: match.start()])
                or _CARRY.match(sentence.text)
                and reading.language == "ja"
            ):
                add(sentence, *match.span(), f"the catalogue has no {match[0]}")
        for match in _MODEL.finditer(sentence.text):
            if _other_model(match, reading.catalog):
                add(sentence, *match.span(), f"there is no {match[0]}")
    return sorted(found, key=lambda finding: finding.start)


_NUMBERED = frozenset(
    "One Two Three Four Five Six Seven Eight Nine Ten Solo Duo Trio Day Night Pro Max Plus Mini Ultra".split()
)


def _other_model(match: re.Match[str], catalog: Catalog) -> bool:
    """Whether it has the first word of a name of ours, and a second one that it does not have: "Meadow Six"."""
    first, second = match[1], match[2]
    same = [p for p in catalog if p.name.split()[0] == first]
    if not same or (second not in _NUMBERED and not second.isdigit()):
        return False
    return all(p.name.split()[1:2] != [second] for p in same) and not any(
        second.lower() in NOUNS.get(p.category, ()) for p in same
    )


def check_unknowable(reading: Reading) -> list[Finding]:
    """Find what is said of stock, delivery and discounts: no data of ours says anything about them."""
    found: list[Finding] = []
    for sentence in reading.sentences:
        for pattern, what in _UNKNOWABLES:
            for match in pattern.finditer(sentence.text):
                place = Place(sentence.start + match.start(), sentence.start + match.end())
                if _CANNOT.search(sentence.text) or not is_claim(sentence, place):
                    continue
                if any(f.start < place.end and place.start < f.end for f in found):
                    continue
                says = f"nothing is known of {what}"
                found.append(Finding("unknowable", "unsupported", match[0], place.start, place.end, says))
    return found
