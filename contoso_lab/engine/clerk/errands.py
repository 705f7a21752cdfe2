"""What a customer wants done: a page on the screen, goods in a cart, an order found, a rule of the shop told."""

from __future__ import annotations

import re

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.concepts import listing
from contoso_lab.engine.clerk.facts import predicate
from contoso_lab.engine.clerk.fit import rank
from contoso_lab.engine.clerk.recall import is_kind
from contoso_lab.engine.clerk.replies import total
from contoso_lab.engine.clerk.scene import Scene
from contoso_lab.engine.clerk.wording import Line, agree, is_plural, money, more, must, nice


def to_show(scene: Scene) -> tuple[Product, ...]:
    """The products that a wish to see means; kinds not yet spoken of get their best."""
    ask, memory = scene.ask, scene.memory
    if ask.named:
        return ask.named
    if ask.mentions:
        found = list(scene.meant)
        for mention in ask.mentions:
            several = [
                p
                for p in memory.talked
                if p.category == mention.category and is_kind(p, mention.kind) and p in scene.shelf
            ]
            if mention.many and several:
                found.extend(several)
            elif mention.many or not any(product.category == mention.category for product in found):
                fits = [
                    fit.product for fit in rank(scene.among(mention.category, mention.kind), scene.needs) if fit.serves
                ]
                found.extend(fits[: scene.manner.most_products if mention.many else 1])
        return tuple(dict.fromkeys(found))
    if ask.place is not None or ask.other or ask.order:
        return scene.meant
    if re.search(r"\b(?:it|this|that)\b", ask.masked) and memory.focus:
        return (memory.focus,)
    if re.search(r"\b(?:both|them|those|these|2)\b", ask.masked) and len(memory.offered) > 1:
        return memory.offered
    return memory.wanted or memory.offered


def show(scene: Scene) -> list[Line]:
    """Agree to show, in words that name what will be seen."""
    products = tuple(p for p in to_show(scene) if not scene.briefing.owns(p)) or to_show(scene)
    if not products:
        return [must("Gladly, please tell me what you would like to see.")]
    them = listing(f"the {product.name}" for product in products)
    verb = "is" if len(products) == 1 and not agree(products[0], "is") == "are" else "are"
    agreed = scene.vary(
        f"with pleasure{scene.name}: {them} {verb} coming to your screen now.",
        f"of course{scene.name}, {them} {verb} coming to your screen now.",
        f"gladly{scene.name}, I am putting {them} on your screen now.",
    )
    if not scene.manner.small_talk:
        agreed = f"{them} {verb} coming to your screen now."
    return [must(agreed)]


def look(scene: Scene) -> list[Line]:
    """What something looks like is best seen: ask whether to show it, where one has to ask."""
    products = scene.meant
    if not products:
        return [must("please tell me which product you mean.")]
    if not scene.manner.asks_before_showing:
        return show(scene)
    them = listing(f"the {product.name}" for product in products)
    return [must(f"shall I put a picture of {them} on your screen?")]


def arrived(products: tuple[Product, ...], turn: int) -> str:
    """One short sentence: what was promised can be seen."""
    if len(products) == 2:
        return ("Both are on your screen now.", "There you are: both are on your screen.")[turn % 2]
    what = "they are" if len(products) > 2 or (products and is_plural(products[0])) else "it is"
    return (f"{what.capitalize()} on your screen now.", f"There you are: {what} on your screen.")[turn % 2]


def buy(scene: Scene) -> list[Line] | None:
    """A purchase, where no tool can make one: tell the sum, and be honest about the rest."""
    products = scene.meant
    if not products:
        return None
    told = total(scene)
    price = told[0].text if told else ""
    cannot = f"I cannot take orders on this call{scene.name}"
    if scene.manner.most_sentences == 1:
        return [must(f"{cannot}; {price[:1].lower() + price[1:]}" if price else f"{cannot}.")]
    lines = [nice(scene.vary("A good choice.", "I like that choice."))]
    lines.append(must(price or f"the {products[0].name} it is."))
    offer = scene.show_offer(*products)
    lines.append(must(f"{cannot}, but I can put {'it' if len(products) == 1 else 'them'} on your screen."))
    return lines if not offer else lines[:3]


def drop(scene: Scene) -> list[Line]:
    """Something is taken back; nothing was ordered, so nothing has to be undone."""
    return [must(f"No problem{scene.name}, I leave that out."), nice("What else can I do for you?")]


def errand(scene: Scene) -> list[Line]:
    """A matter of the shop: its rule, word for word, where the prompt holds one."""
    assert scene.ask.errand is not None
    name, pattern = scene.ask.errand
    for product in scene.meant:
        if said := predicate(product, name.removeprefix("the ")):
            return [must(f"the {product.name} {agree(product, said)}.")]
        if fact := product.fact(rf".*(?:{pattern})"):
            return [must(f"for the {product.name}, the {fact.key} is {fact.value}.")]
    if rule := scene.briefing.policy(pattern):
        return [must(rule)]
    sorry = scene.vary("I am sorry", "I am afraid")
    lines = [must(f"{sorry}{scene.name}, I do not have anything about {name} here.")]
    focus = scene.meant[0] if scene.meant else None
    if name == "discounts" and focus and focus.price_usd is not None:
        lines.append(more(f"the {focus.name} {agree(focus, 'costs')} {money(focus.price_usd)}."))
    elif name == "orders":
        lines.append(more("I can only help you choose from the catalogue."))
    return lines
