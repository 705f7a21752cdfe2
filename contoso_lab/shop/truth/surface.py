"""What a text is made of: its language, its pictures, and marks that nobody can speak."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contoso_lab.prompts.languages import detect_language
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.truth.finding import Finding
from contoso_lab.shop.truth.sentences import Reading

_COMMON = {
    "en": "the is are it and you for with that this have not our of to in what we can your would from",
    "de": "der die das ist sind und sie für mit nicht ein eine unser wir auch es haben ich zu den kostet von auf",
    "fr": "le les est sont et vous pour avec pas une des notre nous il elle je ce que dans coûte cette c'est du",
    "es": "el los las es son y usted para con una nuestro nosotros lo que cuesta esta por del pero más",
}
_WORDS = {code: frozenset(words.split()) for code, words in _COMMON.items()}
_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "ja": "Japanese"}
_FEWEST = 4
_SURE = 0.95
_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<url>[^)\s]*)[^)]*\)|<img\b[^>]*\bsrc=[\"'](?P<src>[^\"']*)[\"'][^>]*>")
_SECTION = re.compile(r"(?m)^#{1,6}\s.*$")
_PATH = re.compile(r"(?:https?://[^\s)\"']*)?/images/[\w./-]+")
_MARKS = re.compile(
    r"!?\[[^\]\n]*\]\([^)\n]*\)|(?:https?://|www\.)[^\s)]+|/(?:images|manuals)/[\w./-]+|(?P<bold>\*\*|"
    r"__)[^*_\n]+(?P=bold)|"
    r"(?m:^\s*#{1,6}\s+.*$)|(?m:^\s*(?:[-*•]|\d+\.)\s+(?=\S))|`[^`\n]+`|(?m:^\s*\|.*\|\s*$)|"
    r"(?<![\w*])\*(?=\S)[^*\n]+\*(?!\w)|\bhttps?:\S*"
)


def language_of(text: str) -> str | None:
    """The language of a text, when its words tell; None for "OK" and for names and numbers alone.

    >>> language_of("Das Zelt ist leicht und kostet 279 Dollar."), language_of("Okay!")
    ('de', None)
    """
    if re.search(r"[\u3040-\u30ff]", text):
        return "ja"
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text.lower())
    score = {code: sum(word in common for word in words) for code, common in _WORDS.items()}
    best, second, *_ = sorted(score.values(), reverse=True)
    if best >= 2 and best > second:
        return max(score, key=lambda code: score[code])
    code, certainty = detect_language(text)
    return code if certainty >= _SURE and len(words) >= _FEWEST else None


def check_language(reading: Reading, asked: str | None) -> list[Finding]:
    """Find the sentences that are in another language than the customer's.

    Names of products are no words of a language, and what is quoted stays as the customer said it.
    """
    if asked is None:
        return []
    found: list[Finding] = []
    for sentence in reading.sentences:
        text = re.sub(r"“[^”]*”|\"[^\"\n]*\"|«[^»]*»|„[^“]*“|「[^」]*」", " ", sentence.text)
        for mention in sentence.mentions:
            text = text.replace(reading.text[mention.start : mention.end], " ")
        text = _IMAGE.sub(" ", text)
        letters = re.findall(r"[^\W\d_]{2,}", text)
        spoken = language_of(text) if len(letters) >= _FEWEST or re.search(r"[\u3040-\u9fff]{3}", text) else None
        if spoken is not None and spoken != asked:
            words = sentence.text.strip()
            start = sentence.start + sentence.text.index(words)
            says = f"the customer speaks {_NAMES.get(asked, asked)}, this is {_NAMES.get(spoken, spoken)}"
            if found and not reading.text[found[-1].end : start].strip():
                last = found.pop()
                words, start = reading.text[last.start : start + len(words)], last.start
            found.append(Finding("language", "false", words, start, start + len(words), says))
    return found


def check_markup(reading: Reading) -> list[Finding]:
    """Find Markdown, addresses and SKUs in words that are to be spoken."""
    if reading.medium != "speech":
        return []
    found = [
        Finding(
            "markup",
            "false",
            match[0].strip(),
            _from(match),
            _from(match) + len(match[0].strip()),
            "nobody can say this aloud",
        )
        for match in _MARKS.finditer(reading.text)
        if match[0].strip()
    ]
    skus = "|".join(re.escape(product.sku) for product in reading.catalog if re.search(r"\d", product.sku))
    for match in re.finditer(rf"(?<![\w/])(?:{skus or '(?!)'}|[A-Z]{{3}}-\d{{2,3}})(?!\w)", reading.text):
        if not any(f.start <= match.start() < f.end for f in found):
            found.append(Finding("markup", "false", match[0], *match.span(), "a SKU is for eyes, not for ears"))
    return sorted(found, key=lambda finding: finding.start)


def _from(match: re.Match[str]) -> int:
    return match.start() + len(match[0]) - len(match[0].lstrip())


def check_images(reading: Reading) -> list[Finding]:
    """Judge every picture of a page: its address verbatim, of the product it stands with, one for each product."""
    if reading.medium == "speech":
        return []
    found: list[Finding] = []
    shown: set[str] = set()
    by_url = {product.image: product for product in reading.catalog}
    for url, alt, start, end in _pictures(reading.text):
        place_sku = _stands_with(reading, start, end, alt)
        product = by_url.get(url)
        words = reading.text[start:end]
        if product is None:
            right = reading.catalog.get(place_sku).image if place_sku else None
            says = f"no product has this picture{f'; its own is {right}' if right else ''}"
            found.append(Finding("image", "false", words, start, end, says, place_sku))
            continue
        if place_sku and product.sku != place_sku and reading.catalog.get(place_sku).image != url:
            says = f"this is the picture of the {product.name}"
            found.append(Finding("image", "false", words, start, end, says, place_sku))
        elif product.sku in shown:
            says = f"the {product.name} is shown already"
            found.append(Finding("second_image", "false", words, start, end, says, product.sku))
        else:
            found.append(Finding("image", "true", words, start, end, f"the picture of the {product.name}", product.sku))
        shown.add(product.sku)
    return found


def _pictures(text: str) -> Iterator[tuple[str, str, int, int]]:
    ends: list[tuple[int, int]] = []
    for match in _IMAGE.finditer(text):
        ends.append(match.span())
        yield match["url"] if match["url"] is not None else match["src"], match["alt"] or "", *match.span()
    for match in _PATH.finditer(text):
        if not any(start <= match.start() < end for start, end in ends):
            yield match[0].rstrip("."), "", match.start(), match.start() + len(match[0].rstrip("."))


def _stands_with(reading: Reading, start: int, end: int, alt: str) -> str | None:
    """The product whose section a picture stands in: its heading's, else its own words'."""
    headings = [match for match in _SECTION.finditer(reading.text, 0, start)]
    heading = headings[-1] if headings else None
    if heading is not None:
        skus = _skus(reading, heading.start(), heading.end())
        if len(skus) == 1:
            return skus[0]
    if alt:
        at = reading.text.index(alt, start)
        skus = _skus(reading, at, at + len(alt))
        if len(skus) == 1:
            return skus[0]
    return None


def _skus(reading: Reading, start: int, end: int) -> list[str]:
    return list(dict.fromkeys(m.sku for s in reading.sentences for m in s.mentions if start <= m.start < end))


def without_pictures(text: str, catalog: Catalog) -> str:
    """The text with pictures painted over: their addresses hold SKUs that say nothing."""
    for match in _IMAGE.finditer(text):
        alt = match.span("alt") if match["alt"] else (match.start(), match.start())
        blank = "".join(
            c if alt[0] <= at < alt[1] or c == "\n" else " " for at, c in enumerate(match[0], match.start())
        )
        text = text[: match.start()] + blank + text[match.end() :]
    return _PATH.sub(lambda match: " " * len(match[0]), text)
