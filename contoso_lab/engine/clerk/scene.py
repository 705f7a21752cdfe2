"""All that one answer is made from, in one value."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contoso_lab.engine.clerk.asks import Ask
from contoso_lab.engine.clerk.briefing import Briefing, Product
from contoso_lab.engine.clerk.concepts import aloud, listing
from contoso_lab.engine.clerk.facts import known
from contoso_lab.engine.clerk.fit import Needs, room
from contoso_lab.engine.clerk.listening import spelled
from contoso_lab.engine.clerk.manner import Manner
from contoso_lab.engine.clerk.recall import Memory, is_kind, meant
from contoso_lab.engine.clerk.shelf import singular
from contoso_lab.engine.clerk.wording import money, pronoun, vary


@dataclass(frozen=True, slots=True)
class Scene:
    """The briefing, what was said before, and the line to answer."""

    briefing: Briefing
    memory: Memory
    """Before the line."""
    ask: Ask
    needs: Needs
    """With those of the line."""
    category: str
    kind: str
    trip: str = ""
    """What the customer plans, with what the line says of it: "family trip"."""
    from_prompt: bool = True
    """Whether the catalogue stands in the prompt; if not, what is known of it came from tools."""
    aloud: bool = True
    """Whether the answer is spoken, and should be short, or written."""

    @property
    def manner(self) -> Manner:
        """The rules of conduct."""
        return self.briefing.manner

    @property
    def turn(self) -> int:
        """How many lines the customer said before this one."""
        return self.memory.turn

    @property
    def name(self) -> str:
        """How the customer is addressed, with a comma before it, or nothing."""
        if self.manner.address and self.manner.name_use != "never":
            return f", {self.manner.address}"
        match self.manner.name_use:
            case "never":
                return ""
            case "full":
                called = self.briefing.customer_name
            case "last":
                called = self.briefing.customer_name.rpartition(" ")[2]
            case "first":
                called = self.briefing.first_name
        return f", {called}" if called else ""

    @property
    def meant(self) -> tuple[Product, ...]:
        """What the line speaks of."""
        return meant(self.ask, self.memory)

    @property
    def shelf(self) -> tuple[Product, ...]:
        """What may be recommended."""
        spared = self.manner.spares_bought
        return tuple(
            p for p in self.briefing.products if not (spared and self.briefing.owns(p)) and not self.avoided(p)
        )

    def avoided(self, product: Product) -> bool:
        """Whether the persona does not want it recommended."""
        dear = self.manner.most_usd
        if dear is not None and product.price_usd is not None and product.price_usd > dear:
            return True
        words = _stems(f"{product.name} {product.category} {product.description}")
        return any(_stems(what) <= words for what in self.manner.avoid)

    def among(self, category: str, kind: str = "") -> tuple[Product, ...]:
        """What may be recommended of one kind."""
        return tuple(p for p in self.shelf if p.category == category and is_kind(p, kind))

    def vary(self, *ways: str) -> str:
        """One of several wordings, by turn."""
        return vary(self.turn, *ways)

    def price(self, product: Product, before: str = " at ") -> str:
        """A price to append, unless prices are only to be told when asked for."""
        return (
            f"{before}{money(product.price_usd)}" if self.manner.says_prices and product.price_usd is not None else ""
        )

    def show_offer(self, *products: Product) -> str:
        """The question whether to show products, or nothing where one does not ask first."""
        if not self.manner.asks_before_showing or self.memory.promised or self.memory.question == "show":
            return ""
        one = products[0]
        them = listing(f"the {product.name}" for product in products)
        if len(products) == 1 and one == self.memory.focus:
            them = pronoun(one) if pronoun(one) == "it" else "them"
        return self.vary(f"Shall I put {them} on your screen?", f"Would you like to see {them} on your screen?")


def _stems(text: str) -> set[str]:
    """The words of a text without those that tell nothing, and without the plural's s."""
    words = re.findall(r"[a-z]+|\d+", text.lower())
    return {word.removesuffix("s") for word in words} - {"the", "for", "of", "with", "and", "any", "at", "all"}


def noun(category: str, kind: str = "", *, many: bool = False) -> str:
    """What a kind of product is called in a sentence: "tent", "sleeping bags", "boots"."""
    if kind:
        return kind if not many or kind.endswith("s") else f"{kind}s"
    return category.lower() if many else singular(category)


def for_whom(needs: Needs, products: tuple[Product, ...] = ()) -> str:
    """The needs as the end of a phrase: " for four people under $200"."""
    said = []
    if needs.people is not None and any(room(product) is not None for product in products):
        said.append(f"for {spelled(needs.people)} {'person' if needs.people == 1 else 'people'}")
    if needs.degrees_c is not None and any(known(product, "temperature") for product in products):
        said.append(f"for {aloud(f'{needs.degrees_c:.0f} °C')}")
    elif needs.cold and any(known(product, "temperature") for product in products):
        said.append("for frost" if needs.cold == "frost" else "for the cold")
    if needs.least_liters is not None and any(known(product, "capacity") for product in products):
        said.append(f"with {needs.least_liters:g} liters")
    said.append(budget(needs))
    return "".join(f" {part}" for part in said if part)


def budget(needs: Needs) -> str:
    """The limits on money and weight: "under $150"."""
    if needs.most_usd is not None and needs.least_usd is not None:
        return f"between {money(needs.least_usd)} and {money(needs.most_usd)}"
    if needs.most_usd is not None:
        return f"under {money(needs.most_usd)}"
    return f"over {money(needs.least_usd)}" if needs.least_usd is not None else ""
