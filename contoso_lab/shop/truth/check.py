"""One text, or a whole conversation, held against the catalogue and the customer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.mentions import Mention
from contoso_lab.shop.prices import written
from contoso_lab.shop.truth.belonging import check_brands, check_categories
from contoso_lab.shop.truth.comparing import check_comparisons
from contoso_lab.shop.truth.figures import ABOUT, check_figures
from contoso_lab.shop.truth.finding import Finding, Medium, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.offers import check_bought, check_carried, check_unknowable
from contoso_lab.shop.truth.prices import Stated, check_currency, stated_prices
from contoso_lab.shop.truth.ranges import check_ranges
from contoso_lab.shop.truth.ranking import check_superlatives
from contoso_lab.shop.truth.sentences import Reading, read
from contoso_lab.shop.truth.surface import check_images, check_language, check_markup, language_of, without_pictures

_CORRECTS = re.compile(
    r"\b(?:sorry|correction|I\s+mean|rather|excuse\s+me|pardon|my\s+mistake|let\s+me\s+correct|I\s+misspoke|"
    r"scratch\s+that|no,?\s+wait|wait|"
    r"Entschuldigung|Verzeihung|Korrektur|vielmehr|ich\s+meine|pardon|je\s+veux\s+dire|plutôt|perdón|disculpe|"
    r"quiero\s+decir|mejor\s+dicho)\b|失礼|訂正|いえ、|いや、",
    re.IGNORECASE,
)
_SAME = frozenset({"price", "total", "currency", "spec", "comparison", "brand", "category", "range", "superlative"})


def check(
    text: str,
    catalog: Catalog,
    customer: Customer | None = None,
    *,
    medium: Medium = "text",
    language: str | None = None,
    earlier: Sequence[str] = (),
) -> list[Finding]:
    """Everything that a text claims, each with its verdict, in the order of the text.

    Questions, negations, guesses, conditions and quotes of the customer are no claims; what the speaker corrects in the
    same breath counts as corrected.

    Args:
        customer: whose purchases count; None leaves out what is said of purchases.
        language: the one that the text should be in; None: any.
        earlier: the SKUs that were spoken of last, for "it costs 279".

    >>> from contoso_lab.shop.catalog import Catalog
    >>> found = check("The Meadow Four costs $250 and sleeps four.", Catalog.load())
    >>> [(finding.kind, finding.words, finding.verdict) for finding in found]
    [('product', 'Meadow Four', 'true'), ('price', '$250', 'false'), ('spec', 'four', 'true')]
    """
    spoken = language_of(text) or language or "en"
    before = [Mention(sku, 0, 0) for sku in earlier if sku in catalog]
    reading = read(without_pictures(text, catalog), catalog, language=spoken, medium=medium, earlier=before)
    original = replace(reading, text=text)
    found = [
        *_products(reading),
        *_prices(reading),
        *check_currency(reading),
        *check_figures(reading),
        *check_superlatives(reading),
        *check_comparisons(reading),
        *check_ranges(reading),
        *check_brands(reading),
        *check_categories(reading),
        *check_bought(reading, customer),
        *check_carried(reading),
        *check_unknowable(reading),
        *check_language(original, language),
        *check_markup(original),
        *check_images(original),
    ]
    return _corrected(sorted(found, key=lambda finding: (finding.start, finding.end)), text)


def _products(reading: Reading) -> list[Finding]:
    found = []
    for sentence in reading.sentences:
        for mention in sentence.mentions:
            product = reading.catalog.get(mention.sku)
            words = reading.text[mention.start : mention.end]
            says = f"{product.sku} {product.name}, {product.price}"
            found.append(Finding("product", "true", words, mention.start, mention.end, says, product.sku))
    return found


def _prices(reading: Reading) -> list[Finding]:
    found = []
    for stated in stated_prices(reading):
        sentence, amount = stated.sentence, stated.amount
        if not is_claim(sentence, amount, sentence.amounts):
            continue
        if re.match(
            r"\s*(?:dollars?\s+|bucks\s+)?(?:off|discount|de\s+(?:remise|réduction)|Rabatt)\b",
            sentence.after(amount),
            re.IGNORECASE,
        ):
            continue
        verdict, says = _verdict(stated, reading)
        words = reading.text[amount.start : amount.end]
        kind = "total" if stated.total else "price"
        found.append(Finding(kind, verdict, words, amount.start, amount.end, says, stated.claim.sku))  # type: ignore[arg-type]
    return found


def _verdict(stated: Stated, reading: Reading) -> tuple[Verdict, str]:
    claim = stated.claim
    if claim.true_usd is None:
        return "unsupported", "it is not said what costs that"
    says = f"{_name(claim.sku, reading)}{written(claim.true_usd, reading.catalog.currency)}"
    near = ABOUT.search(stated.sentence.before(stated.amount)) is not None
    if claim.ok is None and near:
        return "true" if abs(claim.stated_usd - claim.true_usd) <= 0.05 * claim.true_usd else "false", says
    if claim.ok is None:
        return "unsupported", f"{says}; the words do not tell which product is meant"
    return ("true" if claim.ok else "false"), says


def _name(sku: str | None, reading: Reading) -> str:
    return "" if sku is None else f"{reading.catalog.get(sku).name}: "


def _corrected(found: list[Finding], text: str) -> list[Finding]:
    """Drop what the speaker took back: the last claim of a kind before "sorry", when another follows it."""
    gone: set[int] = set()
    for match in _CORRECTS.finditer(text):
        after = [f for f in found if f.kind in _SAME and 0 <= f.start - match.end() <= 60]
        if not after:
            continue
        new = after[0]
        old = [
            at for at, f in enumerate(found)
            if f.kind == new.kind and f.end <= match.start() and match.start() - f.end <= 60
            and (f.sku == new.sku or f.sku is None or new.sku is None)
        ]  # fmt: skip
        if old:
            gone.add(old[-1])
    return [finding for at, finding in enumerate(found) if at not in gone]
