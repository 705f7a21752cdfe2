"""Read a system prompt into values: the briefing that a clerk gets before a conversation.

A prompt is prose followed by sections (`# Customer`, `# Catalogue`, …). The clerk knows nothing but what
stands there, so this module is the whole of its knowledge. Sections that it has no special use for are kept
as they are: a house rule about returns is found there when a customer asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from contoso_lab.engine.clerk.manner import Manner, read_manner

_HEADING = re.compile(r"^#{1,3}\s+(.+?)\s*$")
_PRICE = re.compile(r"^\$\s*([\d,]+(?:\.\d+)?)$")
_OTHER_MONEY = re.compile(r"^(?:[A-Z]{3} |[A-Z]{0,2}[$€£¥₹₩])[\d,]+(?:\.\d+)?$")
_NUMBER = re.compile(r"(?<![\d.])[-−]?\d+(?:\.\d+)?")
_OWN_SECTIONS = frozenset(
    {"customer", "already bought", "catalogue", "catalog", "conversation so far", "manner", "page", "gate", "answer"}
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One `key: value` of a product."""

    key: str
    value: str

    @property
    def number(self) -> float | None:
        """The first number in the value, or None.

        >>> Fact("comfort", "-20 °C").number
        -20.0
        """
        found = _NUMBER.search(self.value)
        return float(found[0].replace("−", "-")) if found else None


@dataclass(frozen=True, slots=True)
class Product:
    """One line of the catalogue, exactly as it was given."""

    sku: str
    name: str
    category: str
    price_usd: float | None
    description: str
    facts: tuple[Fact, ...] = ()
    image: str = ""

    def fact(self, key_pattern: str) -> Fact | None:
        """The first fact whose key matches a regular expression from its start."""
        return next((fact for fact in self.facts if re.match(key_pattern, fact.key, re.IGNORECASE)), None)

    def number(self, key_pattern: str) -> float | None:
        """The number of the first fact whose key matches."""
        fact = self.fact(key_pattern)
        return fact.number if fact else None


@dataclass(frozen=True, slots=True)
class Briefing:
    """Everything that a clerk was told about its job."""

    prose: tuple[str, ...] = ()
    customer_name: str = ""
    first_name: str = ""
    bought: tuple[str, ...] = ()
    """SKUs that the customer owns."""
    bought_names: tuple[str, ...] = ()
    products: tuple[Product, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    """What was said before, as (role, text); role is "user", "assistant" or "summary"."""
    manner: Manner = field(default_factory=Manner)
    sections: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Every section as it stands: (heading in lower case, lines without their dashes)."""

    def section(self, heading: str) -> tuple[str, ...]:
        """The lines of a section, or nothing."""
        return next((lines for name, lines in self.sections if name == heading.lower()), ())

    def has_section(self, heading: str) -> bool:
        """Whether the prompt has a section of this name, even an empty one."""
        return any(name == heading.lower() for name, _ in self.sections)

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories in the order of the catalogue."""
        return tuple(dict.fromkeys(product.category for product in self.products))

    def product(self, sku: str) -> Product | None:
        """The product with this SKU, or None."""
        return next((product for product in self.products if product.sku == sku), None)

    def owns(self, product: Product) -> bool:
        """Whether the customer bought it before."""
        return product.sku in self.bought

    def policy(self, pattern: str) -> str | None:
        """A sentence of the prompt that settles a matter such as returns or delivery, or None.

        House rules may stand in a section of their own or in the prose. A sentence of the prose counts only when
        it holds a number, because the rest of the prose speaks to the clerk and not to the customer.
        """
        matter = re.compile(pattern, re.IGNORECASE)
        for name, lines in self.sections:
            if name in _OWN_SECTIONS:
                continue
            matching = [line for line in lines if matter.search(line)]
            if matching or matter.search(name):
                text = " ".join((matching or list(lines))[:2])
                if text:
                    return text if text.endswith((".", "!")) else f"{text}."
        for line in self.prose:
            for sentence in re.split(r"(?<=[.!?])\s+", line):
                if matter.search(sentence) and re.search(r"\d", sentence):
                    return sentence
        return None


def read_briefing(systems: Iterable[str]) -> Briefing:
    r"""Read the system messages of a request; where two hold the same section the later one counts.

    >>> text = "You are Robin.\n# Catalogue\n- A-1 | Red Tent | Tents | $20.00 | Small tent | sleeps: 1"
    >>> read_briefing([text]).products[0].price_usd
    20.0
    """
    return _read(tuple(systems))


@lru_cache(maxsize=32)  # one prompt serves a whole call, and is read again for each answer
def _read(systems: tuple[str, ...]) -> Briefing:
    prose: list[str] = []
    sections: dict[str, list[str]] = {}
    for text in systems:
        here: list[str] = prose
        for raw in text.splitlines():
            line = raw.strip()
            if heading := _HEADING.match(line):
                here = sections[heading[1].lower()] = []
            elif line:
                here.append(re.sub(r"^[-*•]\s+", "", line))
    customer = _pairs(sections.get("customer", []))
    name = customer.get("name", "")
    bought = [_cells(line) for line in sections.get("already bought", []) if "|" in line]
    catalogue = sections.get("catalogue", sections.get("catalog", []))
    products = tuple(product for line in catalogue if (product := _product(line)))
    first_name = customer.get("first name", name.split(" ")[0])
    return Briefing(
        prose=tuple(prose),
        customer_name=name,
        first_name=first_name,
        bought=tuple(cells[0] for cells in bought),
        bought_names=tuple(cells[1] for cells in bought),
        products=products,
        history=tuple(turn for line in sections.get("conversation so far", []) if (turn := _turn(line))),
        manner=read_manner(sections.get("manner", []), prose, {"first name": first_name, "name": name}),
        sections=tuple((heading, tuple(lines)) for heading, lines in sections.items()),
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    split = (line.partition(":") for line in lines)
    return {key.strip().lower(): value.strip() for key, colon, value in split if colon}


def _turn(line: str) -> tuple[str, str] | None:
    who, colon, text = line.partition(":")
    role = {"customer": "user", "user": "user", "assistant": "assistant", "summary": "summary"}.get(who.strip().lower())
    return (role, text.strip()) if role and colon and text.strip() else None


def _product(line: str) -> Product | None:
    """Read one catalogue line; columns after the name are told apart by what they look like."""
    cells = _cells(line)
    if len(cells) < 3:
        return None
    price: float | None = None
    image, words = "", list[str]()
    facts: tuple[Fact, ...] = ()
    for cell in cells[2:]:
        if money := _PRICE.match(cell):
            price = float(money[1].replace(",", ""))
        elif _OTHER_MONEY.match(cell):
            continue  # the clerk speaks of dollars only, and would rather name no price than a wrong one
        elif cell.lower().startswith("image:"):
            image = cell[6:].strip()
        elif len(words) == 2 and ":" in cell:
            facts = tuple(Fact(key, value) for key, value in _pairs(cell.split(";")).items())
        else:
            words.append(cell)
    category, description = (words + ["", ""])[:2]
    return Product(cells[0], cells[1], category, price, description, facts, image)
