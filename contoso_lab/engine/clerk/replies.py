"""Answer questions about products: facts, prices, sums, and whether something is enough."""

from __future__ import annotations

import re

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.concepts import listing
from contoso_lab.engine.clerk.facts import fahrenheit, is_size, known, pounds, predicate
from contoso_lab.engine.clerk.fit import rank, rating_c, room
from contoso_lab.engine.clerk.listening import spelled
from contoso_lab.engine.clerk.scene import Scene
from contoso_lab.engine.clerk.wording import Line, agree, be, clause, described, is_plural, money, more, must, pronoun

_COLORS = "red blue green black white gray grey yellow orange brown pink purple".split()
_ALTERNATIVES = (  # "how tall is it?" is asked of tents and of sleeping bags
    ("people", "seats"),
    ("standing height", "body length"),
    ("load", "capacity"),
    ("temperature", "season", "limit", "terrain"),
)


def about(scene: Scene) -> list[Line] | None:
    """Answer what was asked about the products that are meant; None when it is not clear which."""
    products = scene.meant
    topics = scene.ask.topics
    if not products:
        return None
    if "price" in topics and (scene.ask.quantity or scene.ask.quantities):
        return total(scene)
    if len(products) > 1:
        return [must(f"{listing(told(scene, product, topics, many=True) for product in products[:3])}.")]
    product = products[0]
    if enough := _enough(scene, product) or _limits(scene, product) or _fits(scene, product):
        return enough
    if is_size(topics):
        topics = tuple(topic for topic in topics if known(product, topic))[:2] or ("size",)
    topics = _told_apart(product, topics)
    return [must(f"{_yes_or_no(scene, product, topics)}{told(scene, product, topics)}.")]


def _told_apart(product: Product, topics: tuple[str, ...]) -> tuple[str, ...]:
    """One question can stand for several topics; those stay about which the catalogue speaks."""
    for group in _ALTERNATIVES:
        asked = [topic for topic in topics if topic in group]
        silent = [topic for topic in asked if not known(product, topic)]
        if len(asked) > 1:
            dropped = silent if len(silent) < len(asked) else silent[1:]
            topics = tuple(topic for topic in topics if topic not in dropped)
    return topics


def told(scene: Scene, product: Product, topics: tuple[str, ...], *, many: bool = False) -> str:
    """Everything that was asked about one product, as one sentence without its full stop."""
    said: list[str] = []
    missing: list[str] = []
    for topic in topics:
        if topic == "price":
            phrase: str | None = f"costs {money(product.price_usd)}" if product.price_usd is not None else None
        else:
            phrase = predicate(product, topic)
        if phrase is None:
            missing.append("price" if topic == "price" else topic)
            continue
        said.append(
            clause(
                product,
                phrase + _other_units(scene, product, topic),
                by_name=not said and not _goes_without_name(scene, product, topics),
            )
        )
    if missing and not many:
        unknown = listing(_unknown(topic, product, by_name=not said) for topic in missing)
        said.append(f"I do not know {unknown}")
    elif missing:
        said.append(f"I do not know {_unknown(missing[0], product, by_name=True)}")
    if len(said) > 1 and topics[-1] == "waterproof" and not said[-1].startswith("I") and len(topics) > 1:
        yes = _is_yes(product)
        said[-1] = f"{'yes' if yes else 'no'}, {said[-1]}"
    return listing(said) if len(said) != 2 else f"{said[0]}, and {said[1]}"


def _unknown(topic: str, product: Product, *, by_name: bool) -> str:
    """What is not known: "the weight of the Red Tent", "whether it is waterproof"."""
    if topic in ("waterproof", "breathable", "washable"):
        return f"whether {f'the {product.name}' if by_name else pronoun(product)} {be(product)} {topic}"
    return f"the {topic} of the {product.name}" if by_name else f"its {topic}"


def _goes_without_name(scene: Scene, product: Product, topics: tuple[str, ...]) -> bool:
    """Whether "it" is clear: the customer said it, and the last reply spoke of one product."""
    ask, memory = scene.ask, scene.memory
    spoke = not (ask.named or ask.mentions or ask.other) and ask.place is None and product == memory.focus
    return spoke and "price" not in topics and memory.last_reply.count(product.name) == 1 and _names(scene) == 1


def _names(scene: Scene) -> int:
    return sum(product.name in scene.memory.last_reply for product in scene.briefing.products)


def _other_units(scene: Scene, product: Product, topic: str) -> str:
    fact = known(product, topic)
    if fact is None or fact.number is None:
        return ""
    if scene.ask.units == "pounds" and topic in ("weight", "load") and "kg" in fact.value:
        return f", about {pounds(fact.number)} pounds"
    if scene.ask.units == "fahrenheit" and "°C" in fact.value:
        return f", about {fahrenheit(fact.number)} degrees Fahrenheit"
    return ""


def _yes_or_no(scene: Scene, product: Product, topics: tuple[str, ...]) -> str:
    if topics[:1] != ("waterproof",) or not known(product, "waterproof"):
        return ""
    return "yes, " if _is_yes(product) else "no, "


def _is_yes(product: Product) -> bool:
    fact = known(product, "waterproof")
    return bool(fact and not fact.value.lower().startswith("no"))


def _enough(scene: Scene, product: Product) -> list[Line] | None:
    """Whether a product does for a number of people or a cold, and what does when it does not."""
    needs, topics = scene.ask.needs, scene.ask.topics
    if needs.people is not None and room(product) is not None and {"people", "seats"} & set(topics):
        serves = (room(product) or 0) >= needs.people
        topic = "people" if known(product, "people") else "seats"
    elif needs.degrees_c is not None and rating_c(product) is not None and "temperature" in topics:
        serves = (rating_c(product) or 0) <= needs.degrees_c
        topic = "temperature"
    elif needs.least_liters is not None and (liters := product.number("capacity")) is not None and "capacity" in topics:
        serves, topic = liters >= needs.least_liters, "capacity"
    else:
        return None
    said = clause(product, predicate(product, topic) or "")
    if serves:
        return [must(f"yes, {said}.")]
    better = [
        fit.product for fit in rank(scene.among(product.category), needs) if fit.serves and fit.product != product
    ]
    lines = [must(f"no, {said}.")]
    if better:
        fact = agree(better[0], predicate(better[0], topic) or "")
        lines.append(more(f"the {better[0].name} {fact}{scene.price(better[0], ', at ')}."))
        if scene.manner.most_sentences == 1:
            lines = [must(f"no, {said}; the {better[0].name} {fact}{scene.price(better[0], ', at ')}.")]
    else:
        lines.append(more(f"I have nothing that does more{scene.name}."))
    return lines


def _limits(scene: Scene, product: Product) -> list[Line] | None:
    """Whether a product keeps to a weight or a price: "is it under 20 pounds?"."""
    needs, topics = scene.ask.needs, scene.ask.topics
    weight = product.number("weight")
    if needs.most_kg is not None and weight is not None and "weight" in topics:
        keeps, topic = weight <= needs.most_kg, "weight"
    elif needs.most_usd is not None and product.price_usd is not None and "price" in topics:
        keeps, topic = product.price_usd <= needs.most_usd, "price"
    else:
        return None
    return [must(f"{'yes' if keeps else 'no'}, {told(scene, product, (topic,))}.")]


def _fits(scene: Scene, product: Product) -> list[Line] | None:
    """Whether a size is among those that a product comes in."""
    fact, asked = known(product, "sizes"), re.search(r"\bsize (\d+)\b", scene.ask.masked)
    bounds = re.fullmatch(r"(\d+) to (\d+)", fact.value) if fact else None
    if "sizes" not in scene.ask.topics or asked is None or bounds is None:
        return None
    inside = int(bounds[1]) <= int(asked[1]) <= int(bounds[2])
    return [must(f"{'yes' if inside else 'no'}, {told(scene, product, ('sizes',))}.")]


def total(scene: Scene) -> list[Line] | None:
    """The price of several pieces, computed."""
    ask = scene.ask
    counts = dict(scene.memory.counts) | dict(ask.quantities)
    products = list(scene.meant)
    if ask.has("total") and not ask.named and not ask.mentions:
        products = list(scene.memory.wanted) or products
    by_category = {mention.category: mention.quantity for mention in ask.mentions if mention.quantity}
    items: list[tuple[int, Product]] = []
    for product in products:
        count = ask.quantity if ask.quantity and len(products) == 1 else None
        items.append(
            (
                count
                or dict(ask.quantities).get(product.sku)
                or by_category.get(product.category)
                or counts.get(product.sku)
                or counts.get(product.category, 1),
                product,
            )
        )
    if not items or any(product.price_usd is None for _, product in items):
        return None
    sums = [count * (product.price_usd or 0) for count, product in items]
    if len(items) == 1:
        count, product = items[0]
        if count == 1:
            return [must(f"the {product.name} {agree(product, 'costs')} {money(sums[0])}.")]
        line = scene.vary(
            f"{spelled(count)} of the {product.name} come to {money(sums[0])}, at {money(product.price_usd)} each.",
            f"for {spelled(count)} of the {product.name} that makes {money(sums[0])}, {money(product.price_usd)} each.",
        )
        return [must(line)]
    parts = [
        f"the {product.name} {be(product)} {money(cost)}"
        if count == 1
        else f"{spelled(count)} of the {product.name} are {money(cost)}"
        for (count, product), cost in zip(items, sums, strict=True)
    ]
    return [must(f"{listing(parts)}, so together that makes {money(sum(sums))}.")]


def describe(scene: Scene) -> list[Line] | None:
    """Tell about one product: what it is, what it costs, and two facts."""
    products = scene.meant
    if not products:
        return None
    if len(products) > 1 and scene.manner.most_products == 1:
        products = products[:1]
    if len(products) > 1:
        told = listing(f"the {p.name} {_what(p)}{scene.price(p, ' for ')}" for p in products[:2])
        return [must(f"{told}.")]
    product = products[0]
    costs = scene.price(product, f", and {agree(product, 'costs')} ")
    lines = [must(f"the {product.name} {_what(product)}{costs}.")]
    facts = [
        p
        for topic in ("people", "seats", "temperature", "capacity", "burners", "waterproof", "terrain", "weight")
        if (p := predicate(product, topic))
    ]
    lines += [more(f"{clause(product, phrase, by_name=False)}.") for phrase in facts[:1]]
    if scene.briefing.owns(product):
        lines.append(more(f"you already have {'a pair' if is_plural(product) else 'one'}{scene.name}."))
    elif offer := scene.show_offer(product):
        lines.append(more(offer))
    return lines


def _what(product: Product) -> str:
    return f"{be(product)} {described(product) or 'in the catalogue'}"


def has_color(scene: Scene) -> list[Line] | None:
    """Answer "does it come in red?" from the product's colors."""
    products = scene.meant
    if not products:
        return None
    product = products[0]
    fact = known(product, "colors")
    own = [color.strip() for color in fact.value.split(",")] if fact else []
    asked = re.search(rf"\b(?:in|a) ({'|'.join([*_COLORS, *map(re.escape, own)])})\b", scene.ask.masked)
    if not asked:
        return None
    if fact is None:
        return [must(f"I do not know the colors of the {product.name}.")]
    has = asked[1] in fact.value.lower()
    said = f"{pronoun(product)} {agree(product, predicate(product, 'colors') or '')}"
    return [
        must(f"{'yes' if has else 'no, not in ' + asked[1]}, {said}." if has else f"no, not in {asked[1]}; {said}.")
    ]
