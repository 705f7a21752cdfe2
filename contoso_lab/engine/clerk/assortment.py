"""What the shop has at all: wishes without a kind, things it does not carry, and what else there is."""

from __future__ import annotations

import re

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.concepts import listing
from contoso_lab.engine.clerk.fit import rank
from contoso_lab.engine.clerk.offers import reason
from contoso_lab.engine.clerk.scene import Scene, budget, for_whom, noun
from contoso_lab.engine.clerk.shelf import canonical_kind, kinds, nearest
from contoso_lab.engine.clerk.wording import Line, be, more, must, nice

_PURPOSES = (  # what people say when the noun does not come to mind; counts only where the shelf has the noun
    (r"\bcook\w*|\bkitchen\b|\bboil\w*|\bfry\b|\bcoffee\b", "stove"),
    (r"\beat\b|\bdinner\b|\bsit\b|\bdining\b", "table"),
    (r"\bsleep in\b|\bcamp in\b|\broof\b", "tent"),
    (r"\bsleep\b", "bag"),
    (r"\bcarry\b|\bpack my\b|\bfor my back\b", "backpack"),
    (r"\brain\b|\bstay dry\b|\bkeep me dry\b", "jacket"),
    (r"\bon my feet\b|\bfor my feet\b|\bwalk in\b", "boots"),
    (r"\bwear\b", "clothing"),
)


def unknown_thing(scene: Scene) -> list[Line]:
    """Say that something is not on the shelf, and what comes nearest."""
    thing = scene.ask.unknown
    named = thing[:1].isupper()
    what = f"{'an' if thing[:1].lower() in 'aeiou' else 'a'} {thing}" if named or not thing.endswith("s") else thing
    sorry = scene.vary("I am sorry", "I am afraid") if scene.manner.small_talk else ""
    refusal = f"{sorry + ', ' if sorry else ''}we do not carry {what}"
    close: Product | None = None
    if scene.ask.mentions:
        mention = scene.ask.mentions[0]
        fits = rank(scene.among(mention.category, mention.kind) or scene.among(mention.category), scene.needs)
        close = next((fit.product for fit in fits if fit.serves), None)
    elif named:
        close = nearest(thing, scene.shelf)
    else:
        close = nearest(thing, scene.shelf, least=75.0)
    if close:
        return [must(f"{refusal}; the nearest I have {be(close)} the {close.name}{scene.price(close)}.")]
    return [must(f"{refusal}; I have {listing(noun(c, many=True) for c in scene.briefing.categories)}.")]


def sold(scene: Scene) -> list[Line]:
    """What the shop has, in one sentence."""
    if not scene.briefing.products:
        return [must("I have no catalogue in front of me, so I cannot recommend anything.")]
    kinds = listing(category.lower() for category in scene.briefing.categories)
    return [must(f"I have {kinds}."), nice(scene.vary("What are you looking for?", "What shall we look at first?"))]


def purpose(scene: Scene) -> tuple[str, str] | None:
    """The category and kind that a purpose calls for: "something to cook on" is a stove."""
    known_kinds = kinds(scene.briefing.products)
    for pattern, word in _PURPOSES:
        if word in known_kinds and re.search(pattern, scene.ask.masked):
            return known_kinds[word], canonical_kind(word, scene.briefing.products)
    return None


def across(scene: Scene) -> list[Line]:
    """A wish without a kind of product: the best few of the whole shelf, and a question."""
    fits = [fit for fit in rank(scene.shelf, scene.needs) if fit.serves]
    if not fits:
        return [must(f"I have nothing{for_whom(scene.needs, scene.shelf)}{scene.name}.")]
    few = fits[: scene.manner.most_products]
    names = listing(f"the {fit.product.name}{scene.price(fit.product)}" for fit in few)
    lead = budget(scene.needs)
    said = f"{lead + ', ' if lead else ''}I have {'for example ' if len(fits) > len(few) else ''}{names}"
    return [must(f"{said}."), more("what are you looking for?")]


def others(scene: Scene) -> list[Line]:
    """More of the same kind than was offered already."""
    seen = {product.sku for product in scene.memory.talked}
    rest = [p for p in scene.among(scene.category, scene.kind) if p.sku not in seen]
    if not rest:
        return [must(f"that is all I have in {scene.category.lower()}{scene.name}.")]
    fits = [fit for fit in rank(rest, scene.needs)]
    few = fits[: scene.manner.most_products]
    told = listing(f"the {fit.product.name}{scene.price(fit.product)}" for fit in few)
    lines = [must(f"there is also {told}." if len(few) == 1 else f"there are also {told}.")]
    if scene.manner.gives_reason:
        lines.append(
            more(f"the first of them: {reason(scene, few[0])}." if len(few) > 1 else f"{reason(scene, few[0])}.")
        )
    return lines
