"""Write the page for the customer's screen, as Markdown, by the rules of the prompt's `# Page`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from contoso_lab.engine.clerk.asks import understand
from contoso_lab.engine.clerk.briefing import Briefing, Fact, Product
from contoso_lab.engine.clerk.concepts import CONCEPTS, listing
from contoso_lab.engine.clerk.fit import Fit, Needs, rank, within_budget
from contoso_lab.engine.clerk.listening import plain, spelled
from contoso_lab.engine.clerk.offers import reason
from contoso_lab.engine.clerk.recall import Memory, after, recall
from contoso_lab.engine.clerk.scene import Scene, noun
from contoso_lab.engine.clerk.wording import agree, money, pronoun
from contoso_lab.engine.seams import ChatMessage

_MOST = 3
_MOST_FACTS = 4
_COUNTS = {word: count for count, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}


def write_page(briefing: Briefing, talk: Sequence[ChatMessage]) -> str:
    """The page for a conversation: what was talked about and not yet owned, the best fit first."""
    memory = recall(briefing, talk)
    needs = _needs_by_category(briefing, talk)
    products = _in_order(briefing, memory, needs)[: _most(briefing)]
    level = "#" if any(re.search(r"level one\b", rule) for rule in briefing.section("page")) else "##"
    title = f"{level} {_title(memory, products)}"
    if not products:
        return f"{title}\n\nWe have not talked about a product yet. Tell us what you are planning.\n"
    scenes = [_scene(briefing, memory, needs, product) for product in products]
    quote, quoted_for = _quote(memory, products)
    parts = [title, _intro(briefing, memory)]
    for scene, product in zip(scenes, products, strict=True):
        parts.append(_entry(scene, product, memory, quote if product == quoted_for else ""))
    if note := _comparison(products):
        parts.append(note)
    parts.append(_next_step(products, memory, needs))
    return "\n\n".join(part for part in parts if part) + "\n"


def _most(briefing: Briefing) -> int:
    for rule in briefing.section("page"):
        found = re.search(r"(?:at most|no more than|up to) (\d+|\w+) (?:product|item|suggestion)", rule.lower())
        if found and (found[1].isdigit() or found[1] in _COUNTS):
            return max(1, int(found[1]) if found[1].isdigit() else _COUNTS[found[1]])
    return _MOST


def _needs_by_category(briefing: Briefing, talk: Sequence[ChatMessage]) -> dict[str, Needs]:
    """The needs as they stood when each kind of product was last talked about."""
    needs: dict[str, Needs] = {}
    memory = recall(briefing, ())
    for message in talk:
        memory = after(memory, message, briefing)
        if message.role == "user" and memory.category:
            needs[memory.category] = memory.needs
    return needs


def _in_order(briefing: Briefing, memory: Memory, needs: Mapping[str, Needs]) -> list[Product]:
    """The best of each kind first, in the order of the talk, then the others by how well they fit."""
    talked = [product for product in memory.talked if not briefing.owns(product)]
    categories = list(dict.fromkeys(product.category for product in talked))
    first: list[Product] = []
    rest: list[tuple[bool, int, Product]] = []
    for category in categories:
        fits = rank([p for p in talked if p.category == category], needs.get(category, memory.needs))
        chosen = memory.chosen.get(category)
        ranked = [fit.product for fit in fits]
        serves = {fit.product.sku: fit.serves for fit in fits}
        if chosen in ranked and (chosen in memory.promised or serves[chosen.sku]):
            ranked.remove(chosen)
            ranked.insert(0, chosen)
        first.append(ranked[0])
        rest += [(not serves[product.sku], place, product) for place, product in enumerate(ranked[1:])]
    promised = [product for product in first if product in memory.promised]
    ordered = promised + [product for product in first if product not in promised]
    return ordered + [product for _, _, product in sorted(rest, key=lambda row: row[:2])]


def _scene(briefing: Briefing, memory: Memory, needs: Mapping[str, Needs], product: Product) -> Scene:
    known_needs = needs.get(product.category, memory.needs)
    return Scene(briefing, memory, understand(""), known_needs, product.category, "")


def _title(memory: Memory, products: Sequence[Product]) -> str:
    kinds = listing(dict.fromkeys(noun(product.category) for product in products))
    if memory.trip:
        who = f" for {spelled(memory.needs.people)}" if memory.needs.people and memory.needs.people > 1 else ""
        return f"Your {memory.trip}{who}"
    return f"Your {kinds}" if kinds else "Your page"


def _intro(briefing: Briefing, memory: Memory) -> str:
    name = briefing.first_name
    return f"{name + ', here' if name else 'Here'} is what we talked about, **the best fit first**."


def _quote(memory: Memory, products: Sequence[Product]) -> tuple[str, Product]:
    """The customer's sentence that says most about a choice, and the product that it explains."""
    best: tuple[int, str, Product] = (0, "", products[0])
    for line in memory.lines:
        for sentence in re.split(r"(?<=[.!?])\s+", line):
            ask = understand(sentence, ())
            told = sum(
                value not in (None, False)
                for value in (ask.needs.people, ask.needs.cold, ask.needs.most_usd, ask.needs.degrees_c)
            )
            about = next((p for p in products if noun(p.category).split()[-1] in plain(sentence)), None)
            weight = 2 * told + (about is not None)
            if told and about and weight > best[0]:
                best = (weight, sentence.strip(), about)
    if not best[1] and memory.lines:
        longest = max(memory.lines, key=len).strip()
        return _clean(longest), products[0]
    return _clean(best[1]), best[2]


def _clean(words: str) -> str:
    """A customer's words for a page: without the greeting, and without signs that Markdown or HTML would obey."""
    flat = re.sub(r"\s+", " ", re.sub(r"[<>\[\]`\"#*|]", "", words)).strip()
    return re.sub(r"^(?:hi|hello|hey|well|yes|great|okay)\b[,.!]?\s+", "", flat, flags=re.IGNORECASE)


def _entry(scene: Scene, product: Product, memory: Memory, quote: str) -> str:
    fit = _fit_of(product, scene.needs)
    why = reason(scene, fit)
    most = scene.needs.most_usd
    if most is not None and product.price_usd is not None:
        keeps = within_budget(product, scene.needs)
        verb = agree(product, "stays" if keeps else "costs")
        why += (
            f", {'and' if keeps else 'but'} {pronoun(product)} {verb} {'under' if keeps else 'more than'} {money(most)}"
        )
    said = f'You said "{quote.rstrip(".")}": ' if quote else ""
    why = f"{said}{why if said else why[:1].upper() + why[1:]}."
    image = f"![{product.name}]({product.image})" if product.image else ""
    bullets = [f"- **{fact.key.capitalize()}:** {fact.value}" for fact in _telling(product, memory, fit)]
    price = f"**{money(product.price_usd)}**" if product.price_usd is not None else ""
    return "\n\n".join(filter(None, [f"### {product.name} ({product.sku})", image, price, why, "\n".join(bullets)]))


def _fit_of(product: Product, needs: Needs) -> Fit:
    return rank([product], needs)[0]


def _telling(product: Product, memory: Memory, fit: Fit) -> list[Fact]:
    """Two to four facts: what speaks for the product, what the customer asked, then the catalogue's order."""
    asked: list[str] = [fit.why]
    for line in memory.lines:
        asked += understand(line).topics
    keys = [concept.keys for name in dict.fromkeys(asked) for concept in CONCEPTS if concept.name == name]
    picked = [fact for key in keys if (fact := product.fact(key))]
    return list(dict.fromkeys([*picked, *product.facts]))[: max(2, min(_MOST_FACTS, len(set(picked)) or 3))]


def _comparison(products: Sequence[Product]) -> str:
    """One sentence on two products of a kind, where the page holds two."""
    for at, one in enumerate(products):
        for two in products[at + 1 :]:
            if (
                one.category == two.category
                and one.price_usd is not None
                and two.price_usd is not None
                and one.price_usd != two.price_usd
            ):
                cheap, dear = sorted((one, two), key=lambda product: product.price_usd or 0)
                gap = money((dear.price_usd or 0) - (cheap.price_usd or 0))
                return f"**In comparison:** the {cheap.name} {agree(cheap, 'costs')} {gap} less than the {dear.name}."
    return ""


def _next_step(products: Sequence[Product], memory: Memory, needs: Mapping[str, Needs]) -> str:
    """One sentence on what is still open; what was picked, or does not serve, is not."""
    picked = [product for product in products if product in memory.promised]
    serving = [p for p in products if rank([p], needs.get(p.category, memory.needs))[0].serves]
    left = picked or serving or list(products)
    for category in dict.fromkeys(product.category for product in left):
        rivals = [product.name for product in left if product.category == category]
        if len(rivals) > 1:
            return f"Next, decide between {listing(f'the {name}' for name in rivals)}."
    suits = agree(left[0], "suits") if len(left) == 1 else "suit"
    return f"Next, tell us whether {listing(f'the {p.name}' for p in left)} {suits} you, or what should be different."
