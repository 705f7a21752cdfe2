"""Recommend: the product that fits best, why, and what else there is."""

from __future__ import annotations

import re
from dataclasses import replace

from contoso_lab.engine.clerk.briefing import Briefing, Product
from contoso_lab.engine.clerk.concepts import aloud, listing
from contoso_lab.engine.clerk.facts import KILOGRAMS_PER_POUND, known, predicate
from contoso_lab.engine.clerk.fit import Fit, Needs, rank, rating_c, room
from contoso_lab.engine.clerk.listening import spelled
from contoso_lab.engine.clerk.scene import Scene, budget, for_whom, noun
from contoso_lab.engine.clerk.wording import (
    BREATH_WORDS,
    Line,
    agree,
    be,
    clause,
    described,
    money,
    more,
    must,
    nice,
    pronoun,
    spoken_words,
    with_article,
)


def recommend(scene: Scene, category: str, kind: str) -> list[Line]:
    """Offer the best of a kind for what is needed.

    Products that the customer owns are left out before anything is ranked.
    """
    shelf = scene.among(category, kind)
    if not shelf:
        owned = [p for p in scene.briefing.products if p.category == category and not scene.avoided(p)]
        if any(scene.avoided(p) for p in scene.briefing.products if p.category == category) and not owned:
            return [must(f"I have no {noun(category, kind)} that I can recommend{scene.name}.")]
        if owned:
            return [must(f"you already have the only {noun(category, kind)} I could offer{scene.name}.")]
        return [must(f"I have no {noun(category, kind)}{scene.name}.")]
    fits = rank(shelf, scene.needs)
    serving = [fit for fit in fits if fit.serves]
    if not serving:
        return _nearest(scene, shelf, category, kind)
    if not scene.needs.told and _tells_room(shelf) and not scene.ask.has("others"):
        return _which_size(scene, shelf, category, kind)
    if scene.manner.cheapest_first:
        serving.sort(key=lambda fit: fit.product.price_usd or 0)
    best = serving[0]
    other = serving[1].product if scene.manner.most_products > 1 and len(serving) > 1 else None
    return [*opener(scene), *_one_or_two(scene, best, other), *_quantity_line(scene, best.product)]


def opener(scene: Scene) -> list[Line]:
    """A kind word before the matter, when the customer gave cause for one."""
    ask = scene.ask
    if ask.has("upset"):
        return [nice(f"I am sorry about the trouble{scene.name}.")]
    if ask.has("like") and scene.turn:
        return [nice(scene.vary("I am glad you like it.", "Good to hear.", "Very good."))]
    if ask.has("plan") and not scene.memory.trip:
        return [nice(f"{with_article(scene.trip) if scene.trip else 'that'} sounds lovely{scene.name}.")]
    return []


def _one_or_two(scene: Scene, best: Fit, other: Product | None) -> list[Line]:
    """The best product and one more, as fully as can be said in one breath."""
    full = must(_offer(scene, best))
    if other is None:
        return [full]
    short = _second(scene, best.product, other, short=True)
    ways = [[full, more(_second(scene, best.product, other))]]
    compared = not short.startswith("there ")
    if not compared and scene.manner.gives_reason and not lead_in(scene, best.product):
        first = f"the {best.product.name}{scene.price(best.product)}, {described(best.product)}"
        ways.insert(0, [must(f"I have {first}, and the {other.name}{scene.price(other)}.")])
    elif compared:
        ways.append([full, more(short)])
        if not _is_exact(scene, best.product) and not scene.ask.quantity:
            priceless = replace(scene, briefing=_without_prices(scene))
            ways.append([must(_offer(priceless, best)), more(_second(priceless, best.product, other, short=True))])
    fitting = [way for way in ways if spoken_words(" ".join(line.text for line in way)) <= BREATH_WORDS]
    return ways[0] if not scene.aloud else fitting[0] if fitting else [full]


def _is_exact(scene: Scene, product: Product) -> bool:
    """Whether a product has just the room that is needed, so that another one can only be worse."""
    return scene.needs.people is not None and room(product) == scene.needs.people


def _without_prices(scene: Scene) -> Briefing:
    return replace(scene.briefing, manner=replace(scene.manner, says_prices=False))


def _offer(scene: Scene, fit: Fit) -> str:
    """The sentence that recommends; with the reason when the manner asks for it."""
    product = fit.product
    lead = lead_in(scene, product)
    why = reason(scene, fit)
    price = money(product.price_usd) if scene.manner.says_prices and product.price_usd is not None else ""
    if not scene.manner.gives_reason:
        at = f" at {price}" if price else ""
        if lead:
            return f"{lead}, {scene.vary('I suggest', 'take', 'I have')} the {product.name}{at}."
        return scene.vary(
            f"I suggest the {product.name}{at}.",
            f"That would be the {product.name}{at}.",
            f"Take the {product.name}{at}.",
        )
    would = scene.vary("I would take", "I would look at", "I recommend", "I would choose")
    at = f" at {price}" if price else ""
    return f"{lead} {would} the {product.name}{at}, because {why}.".lstrip()


def lead_in(scene: Scene, product: Product) -> str:
    """What the recommendation answers: "For four people", "Under $150"."""
    needs, asked = scene.needs, scene.ask.needs
    parts = []
    if needs.people is not None and room(product) is not None:
        parts.append(f"for {spelled(needs.people)} {'person' if needs.people == 1 else 'people'}")
    elif asked.degrees_c is not None and known(product, "temperature"):
        parts.append(f"for {aloud(f'{asked.degrees_c:.0f} °C')}")
    elif asked.cold and known(product, "temperature"):
        nights = re.search(
            r"\b((?:cold|freezing|winter|frosty|chilly)(?: winter)? (?:nights?|weather|days))\b", scene.ask.masked
        )
        season = "the snow" if "snow" in scene.ask.masked else "the winter" if asked.cold == "frost" else "the cold"
        parts.append(f"for {nights[1] if nights else season}")
    elif asked.warm:
        parts.append("for warm days" if not known(product, "temperature") else "for warm nights")
    elif asked.rain and _dry(product):
        parts.append("for the rain")
    if asked.most_usd is not None or asked.least_usd is not None:
        parts.append(budget(asked))
    if asked.most_kg is not None:
        stones = asked.most_kg / KILOGRAMS_PER_POUND
        parts.append(
            f"under {stones:g} pounds" if scene.ask.units == "pounds" else f"under {asked.most_kg:g} kilograms"
        )
    text = " and ".join(parts[:2])
    return text[:1].upper() + text[1:]


def reason(scene: Scene, fit: Fit) -> str:
    """Why the product: the fact that answers the need, in the catalogue's own words."""
    product = fit.product
    # "it sleeps four" is no reason to someone who asked for four; what it is made for is.
    told = product.description and fit.why in ("description", "people", "seats")
    said = None if told else predicate(product, fit.why)
    if said is None and product.description:
        text = f"{pronoun(product)} {be(product)} {described(product)}"
    elif said is None:
        text = f"{pronoun(product)} {be(product)} what I have"
    else:
        text = clause(product, said, by_name=False)
    return text


def _second(scene: Scene, best: Product, other: Product, *, short: bool = False) -> str:
    """One more product, and what sets it apart from the first; nothing when that cannot be said shortly."""
    price = scene.price(other, ", at ")
    warmth, first_warmth = rating_c(other), rating_c(best)
    space, first_space = room(other), room(best)
    if space is not None and first_space is not None and space > first_space:
        if short:
            return f"the {other.name} {be(other)} bigger{price}."
        fact = predicate(other, "people") or predicate(other, "seats")
        return f"if you want more room, the {other.name} {agree(other, fact or '')}{price}."
    if warmth is not None and first_warmth is not None and warmth < first_warmth:
        if short:
            return f"the {other.name} {be(other)} warmer{price}."
        return f"for harder frost, the {other.name} {agree(other, predicate(other, 'temperature') or '')}{price}."
    if other.price_usd is not None and best.price_usd is not None and other.price_usd < best.price_usd and price:
        if short:
            return f"the {other.name} {be(other)} cheaper{price}."
        return f"if you would rather spend less, there {be(other)} the {other.name}{price}."
    if short:
        return f"there {be(other)} also the {other.name}{price}."
    what = f", {described(other)}" if other.description else ""
    return f"there {be(other)} also the {other.name}{price}{what}."


def _which_size(scene: Scene, shelf: tuple[Product, ...], category: str, kind: str) -> list[Line]:
    """Nothing is known yet: name a few with the number of people, and ask for how many it shall be."""
    few = sorted(shelf, key=lambda p: room(p) or 0)
    few = [p for p in few if (room(p) or 0) >= 2][: scene.manner.most_products] or few[:1]
    fact = "sleeps" if known(few[0], "people") else "seats"
    told = listing(
        f"the {p.name} {agree(p, predicate(p, 'people') or predicate(p, 'seats') or fact)}{scene.price(p, ' for ')}"
        for p in few
    )
    question = "how many of you will sleep in it?" if fact == "sleeps" else "how many of you will sit at it?"
    if scene.manner.most_sentences == 1:
        return [must(f"{told}; {question}" if scene.manner.questions != "never" else f"{told}.")]
    return [*opener(scene), must(f"{told}."), must(question)]


def _nearest(scene: Scene, shelf: tuple[Product, ...], category: str, kind: str) -> list[Line]:
    """Nothing serves: say so, and name what comes nearest with what is wrong about it."""
    needs = scene.needs
    free = replace(needs, most_usd=None, least_usd=None, most_kg=None)
    without_limit = [fit.product for fit in rank(shelf, free) if fit.serves]
    wish = for_whom(needs, shelf)
    if needs.most_kg is not None:
        wish += " that light"
    if without_limit:
        if needs.most_kg is not None:
            best = min(without_limit, key=lambda p: p.number("weight") or 0)
            fact = predicate(best, "weight") or ""
            tail = f"the {best.name}, which {agree(best, fact)}{scene.price(best, ', at ')}"
        else:
            best = (
                min(without_limit, key=lambda p: p.price_usd or 0) if needs.most_usd is not None else without_limit[0]
            )
            tail = f"the {best.name}, which {agree(best, 'costs')} {money(best.price_usd)}"
    else:
        best = _closest(shelf, needs)
        topic = "people" if known(best, "people") else "seats" if known(best, "seats") else "temperature"
        said = predicate(best, topic)
        tail = (
            f"the {best.name}, which {agree(best, said)}{scene.price(best, ', at ')}"
            if said
            else f"the {best.name}{scene.price(best)}"
        )
    if any(scene.avoided(p) for p in scene.briefing.products if p.category == category):
        wish += " that I can recommend"  # there may be one that the persona does not want to be offered
    return [must(f"I have no {noun(category, kind)}{wish}{scene.name}; the nearest {be(best)} {tail}.")]


def _closest(shelf: tuple[Product, ...], needs: Needs) -> Product:
    if needs.degrees_c is not None or needs.cold:
        return min(shelf, key=lambda p: (known(p, "temperature") is None, rating_c(p) or 0.0))
    if needs.people is not None:
        return max(shelf, key=lambda p: room(p) or 0)
    return shelf[0]


def _quantity_line(scene: Scene, product: Product) -> list[Line]:
    count = scene.ask.quantity
    if not count or count < 2 or product.price_usd is None:
        return []
    return [more(f"{spelled(count)} of them come to {money(count * product.price_usd)}.")]


def _tells_room(shelf: tuple[Product, ...]) -> bool:
    return len(shelf) > 1 and all(room(product) is not None for product in shelf)


def _dry(product: Product) -> bool:
    fact = known(product, "waterproof")
    return bool(fact and not fact.value.lower().startswith("no"))
