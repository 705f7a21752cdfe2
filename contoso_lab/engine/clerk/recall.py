"""What a conversation has come to: recomputed from its messages for every reply, so that nothing is hidden.

The clerk keeps no state between requests. Whoever sends the same messages gets the same memory, whatever was
cut off, edited or replayed in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from contoso_lab.engine.clerk.asks import Ask, understand
from contoso_lab.engine.clerk.briefing import Briefing, Product
from contoso_lab.engine.clerk.fit import Needs, rating_c, room
from contoso_lab.engine.clerk.listening import plain
from contoso_lab.engine.clerk.shelf import find
from contoso_lab.engine.seams import ChatMessage

Question = Literal["", "show", "people", "continue", "more"]

ON_SCREEN = re.compile(r"\bon (?:the|your|their|his|her|my|\w+'s)(?: \w+'s)? screen\b", re.IGNORECASE)
_NOW = re.compile(r"\b(?:is|are|now|ready|appeared?|shown|arrived)\b", re.IGNORECASE)
_TRIP = re.compile(
    r"\b((?:(?:family|camping|hiking|backpacking|road|ski|winter|summer|autumn|spring|weekend|fishing|canoe|mountain|"
    r"school|birthday|first|big) )*(?:trip|vacation|holiday|tour|trek|weekend|expedition|hike|outing))\b"
)


@dataclass(frozen=True, slots=True)
class Memory:
    """The state of a conversation before the line that is to be answered."""

    turn: int = 0
    """How many lines the customer has said."""
    focus: Product | None = None
    """What "it" means."""
    offered: tuple[Product, ...] = ()
    """What the assistant named together last: "the first one", "both", "the cheaper one"."""
    chosen: Mapping[str, Product] = field(default_factory=dict)
    """What "the tent" means: by category, the product talked about last."""
    asked: tuple[str, ...] = ()
    """Categories that the customer spoke of."""
    talked: tuple[Product, ...] = ()
    """Everything named by either side, in order."""
    category: str = ""
    kind: str = ""
    needs: Needs = Needs()
    trip: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many pieces the customer spoke of, by SKU or by category."""
    last_reply: str = ""
    topics: tuple[str, ...] = ()
    """What the customer's last line asked about: "and the other one?" asks the same."""
    question: Question = ""
    """What the assistant asked at the end of its last reply."""
    promised: tuple[Product, ...] = ()
    """What the assistant last said it would put on the screen."""
    lines: tuple[str, ...] = ()
    """The customer's lines, word for word."""

    @property
    def wanted(self) -> tuple[Product, ...]:
        """One product of each kind that the customer spoke of: what would go into the basket."""
        return tuple(self.chosen[category] for category in self.asked if category in self.chosen)


def recall(briefing: Briefing, messages: Iterable[ChatMessage]) -> Memory:
    """Fold what was said before the call and in it into one memory."""
    memory = Memory()
    for role, text in briefing.history:
        memory = _summarised(memory, text, briefing) if role == "summary" else _heard(memory, role, text, briefing)
    memory = replace(memory, turn=0)
    for message in messages:
        memory = after(memory, message, briefing)
    return memory


def after(memory: Memory, message: ChatMessage, briefing: Briefing) -> Memory:
    """The memory after one more message."""
    return _heard(memory, message.role, message.content, briefing)


def is_shown(message: ChatMessage) -> bool:
    """Whether a message tells the assistant that the page has reached the screen.

    >>> is_shown(ChatMessage("system", "The suggestions are now on the customer's screen."))
    True
    """
    told = message.role in ("system", "developer") and "# " not in message.content
    return told and bool(ON_SCREEN.search(message.content)) and bool(_NOW.search(message.content))


def meant(ask: Ask, memory: Memory) -> tuple[Product, ...]:
    """The products that a line speaks of, by name or by reference; nothing when that cannot be told."""
    if ask.named:
        return ask.named
    by_mention = []
    for mention in ask.mentions:
        options = [p for p in reversed(memory.talked) if p.category == mention.category and is_kind(p, mention.kind)]
        chosen = memory.chosen.get(mention.category)
        if chosen and is_kind(chosen, mention.kind):
            by_mention.append(chosen)
        elif options:
            by_mention.append(options[0])
    if ask.mentions:
        return tuple(dict.fromkeys(by_mention))
    if ask.place is not None and -1 <= ask.place < len(memory.offered):
        return (memory.offered[ask.place],)
    if ask.other and memory.focus:
        return tuple(product for product in memory.offered if product != memory.focus)[:1]
    if ask.order and not ask.has("find") and len(memory.offered) > 1:
        return extremes(memory.offered, ask.order.measure, ask.order.direction)[:1]
    if ask.plural and ask.quantity is None and len(memory.offered) > 1:
        return memory.offered
    return (memory.focus,) if memory.focus else ()


def measure(product: Product, name: str) -> float | None:
    """A product's price in dollars, weight in kilograms, temperature in Celsius or room."""
    if name == "price":
        return product.price_usd
    if name == "temperature":
        return rating_c(product)
    if name == "room":
        space = room(product)
        return product.number("capacity") if space is None else space
    return product.number(name)


def extremes(products: Iterable[Product], name: str, direction: int) -> tuple[Product, ...]:
    """Products that have the measure, the one furthest in the direction (-1 down, 1 up) first."""
    known = [(value, product) for product in products if (value := measure(product, name)) is not None]
    return tuple(product for _, product in sorted(known, key=lambda pair: -direction * pair[0]))


def is_kind(product: Product, kind: str) -> bool:
    """Whether a product is of a narrower kind, such as "boots"; every product is of the kind ""."""
    return not kind or product.name.lower().endswith(kind)


def _heard(memory: Memory, role: str, text: str, briefing: Briefing) -> Memory:
    if role == "assistant":
        # An assistant that only called a tool has said nothing: its last words still count.
        return _said(memory, text, briefing) if text else memory
    return listen(memory, understand(text, briefing.products)) if role == "user" else memory


def listen(memory: Memory, ask: Ask) -> Memory:
    """The memory after a customer's line."""
    products = meant(ask, memory)
    category, kind, needs = memory.category, memory.kind, memory.needs
    place = ask.mentions[-1] if ask.mentions else None
    if ask.named:
        category, kind = ask.named[0].category, ""
    elif place:
        category, kind = place.category, place.kind
    if category != memory.category:
        needs = needs.lasting()
    if not ask.topics or ask.which or ask.has("find", "plan"):  # "is it waterproof?" is no wish for rain gear
        needs = needs.then(ask.needs)
    else:  # but who asks whether five fit in, or whether it is good at minus ten, tells a need
        needs = needs.then(Needs(people=ask.needs.people, degrees_c=ask.needs.degrees_c))
    if memory.question == "people" and ask.needs.people is None and (found := re.search(r"\b(\d+)\b", ask.masked)):
        needs = replace(needs, people=int(found[1]))
    counts = dict(memory.counts) | dict(ask.quantities)
    counts |= {mention.category: mention.quantity for mention in ask.mentions if mention.quantity}
    if ask.quantity and len(products) == 1:
        counts[products[0].sku] = ask.quantity
    trip = _TRIP.search(plain(ask.text))
    return replace(
        _about(memory, products) if not ask.has("find") or ask.named else memory,
        turn=memory.turn + 1,
        category=category,
        kind=kind,
        needs=needs,
        topics=ask.topics,
        asked=tuple(
            dict.fromkeys((*memory.asked, *(m.category for m in ask.mentions), *(p.category for p in ask.named)))
        ),
        counts=counts,
        trip=trip[1] if trip else memory.trip,
        lines=(*memory.lines, ask.text) if ask.text else memory.lines,
    )


def _about(memory: Memory, products: tuple[Product, ...]) -> Memory:
    if not products:
        return memory
    chosen = dict(memory.chosen)
    for product in reversed(products):
        chosen[product.category] = product
    return replace(memory, focus=products[0], chosen=chosen, talked=tuple(dict.fromkeys(memory.talked + products)))


def _said(memory: Memory, text: str, briefing: Briefing) -> Memory:
    """The memory after an assistant's reply, whoever gave it."""
    named = find(text, briefing.products).named
    named = tuple(sorted(named, key=briefing.owns))  # what is owned was named in passing
    after = _about(memory, named)
    if len(named) > 1 or (named and named[0] not in memory.offered):
        after = replace(after, offered=named)
    if named:
        after = replace(after, category=named[0].category)
    promised = named if named and promises(text) else memory.promised
    return replace(after, last_reply=text, question=_question(text), promised=promised)


def promises(text: str) -> bool:
    """Whether an assistant's words say that something goes to the customer's screen.

    >>> promises("They are coming to your screen now."), promises("Shall I put it on your screen?")
    (True, False)
    """
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        low = sentence.lower()
        if low.rstrip().endswith("?") or re.search(r"\b(?:cannot|can't|unable|if you like|could)\b", low):
            continue
        if re.search(r"\bscreen\b|\bwrite[- ]?up\b|\bpictures?\b", low) and re.search(
            r"\b(?:will|i'll|am|i'm|are|is|here|now|coming|sending|putting|showing|let me|right away|on its way)\b", low
        ):
            return True
    return False


def offers_to_show(text: str) -> bool:
    """Whether an assistant's words end in the offer to show something."""
    last = re.split(r"(?<=[.!?])\s+", text.strip())[-1].lower() if text.strip() else ""
    asks = re.search(r"\b(?:shall|should|may|can|want me|would you like|do you want|like me)\b", last)
    shows = re.search(r"\b(?:screen|show|see|picture|pictures|page|write[- ]?up|send)\b", last)
    return last.endswith("?") and bool(asks) and bool(shows)


def _question(text: str) -> Question:
    last = re.split(r"(?<=[.!?])\s+", text.strip())[-1].lower() if text.strip() else ""
    if not last.endswith("?"):
        return ""
    if offers_to_show(text):
        return "show"
    if re.search(r"how many (?:people|of you|will|are)", last):
        return "people"
    if "from where we were" in last or "where we left" in last:
        return "continue"
    return "more" if re.search(r"\btell you more\b|\bhear more\b", last) else ""


def _summarised(memory: Memory, text: str, briefing: Briefing) -> Memory:
    """A colleague's summary holds wishes and names, but it is nobody's line."""
    ask = understand(text, briefing.products)
    after = listen(memory, replace(ask, topics=(), quantities=(), quantity=None))
    return replace(after, lines=memory.lines)
