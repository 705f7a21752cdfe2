"""Tell products apart: which is cheaper, lighter, warmer, within the budget; and compare two."""

from __future__ import annotations

import re
from dataclasses import replace

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.concepts import aloud, listing
from contoso_lab.engine.clerk.facts import known, predicate
from contoso_lab.engine.clerk.fit import rank, within_budget
from contoso_lab.engine.clerk.listening import spelled
from contoso_lab.engine.clerk.offers import reason, recommend
from contoso_lab.engine.clerk.phrases import Order
from contoso_lab.engine.clerk.recall import extremes, is_kind, measure
from contoso_lab.engine.clerk.scene import Scene, budget, for_whom, noun
from contoso_lab.engine.clerk.wording import (
    Line,
    agree,
    be,
    clause,
    described,
    is_plural,
    money,
    more,
    must,
    nice,
    pronoun,
)

_COMPARED = ("people", "seats", "temperature", "capacity", "burners", "terrain", "waterproof", "weight", "season")
_WORDS = {
    ("price", -1): ("cheaper", "least expensive"),
    ("price", 1): ("more expensive", "most expensive"),
    ("weight", -1): ("lighter", "lightest"),
    ("weight", 1): ("heavier", "heaviest"),
    ("temperature", -1): ("warmer", "warmest"),
    ("temperature", 1): ("less warm", "least warm"),
    ("room", 1): ("bigger", "biggest"),
    ("room", -1): ("smaller", "smallest"),
}


def by_order(scene: Scene, order: Order) -> list[Line] | None:
    """Answer "cheaper", "the lightest", "which one is warmer?"; None when nothing is there to compare."""
    word, most = _WORDS[order.measure, order.direction]
    pair = () if re.search(r"\b(?:something|anything|any|do you have)\b", scene.ask.masked) else _pair(scene)
    if pair and not order.extreme:
        ranked = extremes(pair, order.measure, order.direction)
        if len(ranked) > 1 and measure(ranked[0], order.measure) != measure(ranked[-1], order.measure):
            return _of_these(scene, ranked, word, order)
        if len(ranked) > 1:
            return [
                must(f"they are alike: {_with_value(scene, ranked[0], order.measure)}, and so is the {ranked[1].name}.")
            ]
    focus = scene.memory.focus
    fresh = next((mention for mention in scene.ask.mentions), None)
    category = fresh.category if fresh else focus.category if focus else scene.category
    kind = fresh.kind if fresh else scene.kind if category == scene.category else ""
    if order.extreme and not fresh and re.search(r"\b(?:thing|product|item)\b", scene.ask.masked):
        ranked = extremes(scene.shelf, order.measure, order.direction)
        top = ranked[0]
        apart = _apart(scene, top, order, scene.briefing.products)
        return [
            must(f"{apart}the {top.name} {be(top)} the {most} product I have, {_value(scene, top, order.measure)}.")
        ]
    if not category:
        return None
    shelf = scene.among(category, kind)
    free = replace(scene.needs, most_usd=None, least_usd=None)
    serving = [fit.product for fit in rank(shelf, free if order.measure == "price" else scene.needs) if fit.serves]
    if order.extreme or focus is None or focus.category != category:
        ranked = extremes(serving or shelf, order.measure, order.direction)
        if not ranked:
            return None
        top = ranked[0]
        group = f"{noun(category, kind)} I have{for_whom(free, shelf)}"
        alike = tuple(p for p in scene.briefing.products if p.category == category and is_kind(p, kind))
        apart = _apart(scene, top, order, alike)
        return [must(f"{apart}the {top.name} {be(top)} the {most} {group}, {_value(scene, top, order.measure)}.")]
    return _beyond(scene, order, focus, serving, shelf, word, most)


def _apart(scene: Scene, top: Product, order: Order, products: tuple[Product, ...]) -> str:
    """What goes still further and is not recommended, because the customer owns it or the persona spares it."""
    here = measure(top, order.measure) or 0.0
    further = [
        product for product in extremes(products, order.measure, order.direction)
        if product not in scene.shelf and order.direction * ((measure(product, order.measure) or 0.0) - here) > 0
    ]  # fmt: skip
    if not further:
        return ""
    owned = ", which you own already," if all(map(scene.briefing.owns, further)) else ","
    return f"apart from {listing(f'the {product.name}' for product in further)}{owned} "


def _beyond(
    scene: Scene, order: Order, focus: Product, serving: list[Product], shelf: tuple[Product, ...], word: str, most: str
) -> list[Line]:
    """The next product in a direction from the one that is being talked about."""
    here = measure(focus, order.measure)

    def is_beyond(product: Product) -> bool:
        there = measure(product, order.measure)
        return here is not None and there is not None and order.direction * (there - here) > 0

    further = [product for product in serving if is_beyond(product)]
    if further:
        best = further[0]
        lines = [must(f"the {best.name} {be(best)} {word}, {_value(scene, best, order.measure)}.")]
        if scene.manner.gives_reason and best.description and order.measure == "price":
            lines.append(more(f"{pronoun(best)} {be(best)} {described(best)}."))
        return lines
    already = f"the {focus.name} {be(focus)} already the {most} {noun(focus.category, scene.kind)} I have"
    already += for_whom(scene.needs, shelf)
    beyond = [fit.product for fit in rank([p for p in shelf if is_beyond(p)], scene.needs)]
    fact = (predicate(beyond[0], "people") or predicate(beyond[0], "temperature")) if beyond else None
    if not fact:
        return [must(f"{already}, {_value(scene, focus, order.measure)}.")]
    other, value = beyond[0], _value(scene, beyond[0], order.measure)
    return [
        must(f"{already}."),
        more(f"the {other.name} {be(other)} {word}, {value}, but {pronoun(other)} {agree(other, fact)}."),
    ]


def within(scene: Scene) -> list[Line] | None:
    """Answer which of the products at hand keeps within a limit; None when nothing is at hand."""
    pair = tuple(product for product in _pair(scene) or scene.memory.offered if product in scene.shelf)
    category = scene.ask.mentions[0].category if scene.ask.mentions else scene.category
    if not category and not pair:
        return None
    limit = budget(scene.ask.needs)
    at_hand = [p for p in pair if (p.category == category or not category) and within_budget(p, scene.ask.needs)]
    shelf = scene.among(category, scene.kind) or scene.among(category)
    found = at_hand or [fit.product for fit in rank(shelf, scene.needs) if fit.serves]
    if not found:
        return recommend(scene, category, scene.kind) if category else None
    best = found[0]
    price = money(best.price_usd)
    if at_hand and len(found) == 1:
        said = scene.vary(
            f"the {best.name} {agree(best, 'does')}, at {price}",
            f"that is the {best.name}, at {price}",
            f"only the {best.name}, at {price}",
        )
    elif len(found) == 1 or scene.manner.most_products == 1:
        said = f"{limit}, I have the {best.name} at {price}"
    else:
        few = found[: scene.manner.most_products]
        said = f"{limit}, I have {listing(f'the {p.name} at {money(p.price_usd)}' for p in few)}"
    lines = [must(f"{said}.")]
    if scene.manner.gives_reason:
        dearer = [p for p in pair if p not in found and p.category == best.category]
        if at_hand and dearer:
            why = f", while the {dearer[0].name} {agree(dearer[0], 'costs')} {money(dearer[0].price_usd)}"
        else:
            why = f", and {reason(scene, rank([best], scene.needs)[0])}" if len(found) == 1 else ""
        lines = [must(f"{said}{why}.")]
    if offer := scene.show_offer(best):
        lines.append(nice(offer))
    return lines


def compare(scene: Scene) -> list[Line] | None:
    """Set two products side by side; None when there are no two."""
    pair = _pair(scene)
    if len(pair) < 2:
        return None
    one, two = pair[0], pair[1]
    shared = [t for t in _COMPARED if (a := known(one, t)) and (b := known(two, t)) and a.value != b.value]
    asked = [topic for topic in scene.ask.topics if topic != "price" and known(one, topic) and known(two, topic)]
    priced = one.price_usd is not None and two.price_usd is not None and scene.manner.says_prices
    # Aloud, one difference and the prices are as much as anybody keeps in mind.
    told = asked or (shared[: 1 if scene.aloud else 2] if one.category == two.category else [])
    sides = []
    for product in (one, two):
        said = [text for topic in told if not (text := predicate(product, topic) or "its").startswith("its")]
        if priced and not asked:
            said.append(f"costs {money(product.price_usd)}")
        plain = " and ".join(agree(product, text) for text in said) or f"{be(product)} {described(product)}"
        sides.append(f"the {product.name} {plain}")
    lines = [must(f"{sides[0]}, while {sides[1]}.")]
    if priced and one.price_usd != two.price_usd:
        cheap, dear = sorted((one, two), key=lambda p: p.price_usd or 0)
        gap = money((dear.price_usd or 0) - (cheap.price_usd or 0))
        lines.append(more(f"the {cheap.name} {agree(cheap, 'costs')} {gap} less."))
    if scene.needs.told and scene.manner.gives_reason:
        best = rank([p for p in pair if not scene.briefing.owns(p)] or pair, scene.needs)[0]
        if best.serves:
            lines.append(more(f"for you I would take the {best.product.name}, because {reason(scene, best)}."))
    return lines


def advise(scene: Scene) -> list[Line] | None:
    """Choose for the customer, and say why; None when there is nothing to choose from."""
    options = [p for p in _pair(scene) or scene.meant if p in scene.shelf]
    if not options:
        return None
    best = rank(options, scene.needs)[0]
    choice = scene.vary("I would take", "my choice would be")
    return [must(f"{choice} the {best.product.name}, because {reason(scene, best)}.")]


def which_has(scene: Scene, topic: str) -> list[Line] | None:
    """Answer "which of them is waterproof?": those of which the catalogue says so."""
    pair = _pair(scene)
    category = scene.ask.mentions[0].category if scene.ask.mentions else scene.category
    shelf = pair or scene.among(category, scene.kind)
    if not shelf:
        return None
    have = [p for p in shelf if (fact := known(p, topic)) and not fact.value.lower().startswith("no")]
    if number := re.search(r"(?<![\d$])\b(\d+)\b", scene.ask.masked):
        have = [p for p in have if (fact := known(p, topic)) and fact.number == float(number[1])]
    if topic == "price" or not have:
        return None
    few = have[: scene.manner.most_products]
    told = " and ".join(clause(p, predicate(p, topic) or "") for p in few)
    rest = f", and {spelled(len(have) - len(few))} more" if len(have) > len(few) else ""
    return [must(f"{told}{rest}.")]


def _of_these(scene: Scene, ranked: tuple[Product, ...], word: str, order: Order) -> list[Line]:
    first, last = ranked[0], ranked[-1]
    one = f"the {first.name} {be(first)} the {word} {'ones' if is_plural(first) else 'one'}"
    against = _value(scene, last, order.measure).removeprefix("at ")
    if order.measure == "price":
        return [must(f"{one}, {_value(scene, first, 'price')}; the {last.name} {be(last)} {against}.")]
    mine = _with_value(scene, first, order.measure, by_name=False)
    return [must(f"{one}: {mine}, and {_with_value(scene, last, order.measure)}.")]


def _pair(scene: Scene) -> tuple[Product, ...]:
    """The products that a comparison is about: those named, those offered, or the last two of one kind."""
    ask = scene.ask
    if len(ask.named) > 1:
        return ask.named
    focus = scene.memory.focus
    if len(ask.named) == 1:
        return (focus, ask.named[0]) if focus and focus != ask.named[0] else ()
    if len(scene.meant) > 1 and ask.mentions:
        return scene.meant
    category = ask.mentions[0].category if ask.mentions else scene.category
    offered = scene.memory.offered
    if len(offered) > 1 and all(p.category == category for p in offered):
        return offered
    if ask.plural or ask.which or ask.has("compare"):
        recent = [p for p in reversed(scene.memory.talked) if p.category == category and is_kind(p, scene.kind)]
        if len(recent) > 1:
            return tuple(sorted(recent[:2], key=scene.memory.talked.index))
        if len(offered) > 1:
            return offered
    return ()


def _value(scene: Scene, product: Product, name: str) -> str:
    """The measured value to append: "at 1.1 kilograms"."""
    if name == "price":
        return f"at {money(product.price_usd)}"
    topic = {"temperature": "temperature", "weight": "weight"}.get(name, "")
    if topic == "weight" and (fact := known(product, "weight")):
        return f"at {aloud(fact.value)}"
    said = predicate(product, topic or _room_topic(product))
    return f"and {clause(product, said, by_name=False)}" if said else f"at {money(product.price_usd)}"


def _with_value(scene: Scene, product: Product, name: str, *, by_name: bool = True) -> str:
    topic = {"temperature": "temperature", "weight": "weight"}.get(name) or _room_topic(product)
    said = predicate(product, topic) if name != "price" else f"costs {money(product.price_usd)}"
    return clause(product, said or "is here", by_name=by_name)


def _room_topic(product: Product) -> str:
    return next((topic for topic in ("people", "seats", "capacity") if known(product, topic)), "size")
