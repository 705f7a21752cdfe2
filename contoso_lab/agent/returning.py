"""A customer who comes back: what matters from last time, in a sentence or two for the prompts.

It is made of what the memory still holds, so what was forgotten cannot come up again. A prompt that is given it as
its context opens as with somebody it knows: with a persona's `returning` words in place of its `first` ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contoso_lab.agent.facts import SAID
from contoso_lab.memory import Memory, Thread
from contoso_lab.shop.thread import one_line

MOST_CHARACTERS = 240
"""Of a plan in somebody's words."""
MOST_PRODUCTS = 3


@dataclass(frozen=True, slots=True)
class Welcome:
    """What is known from last time; false when that is nothing."""

    text: str = ""
    """For the context of a prompt."""
    thread: str | None = None
    """The thread that it comes from."""

    def __bool__(self) -> bool:
        return bool(self.text)


def welcome(
    memory: Memory, customer: str, *, thread: str | None = None, name_of: Callable[[str], str] = str
) -> Welcome:
    """What matters from the customer's last conversation that left anything behind.

    The date, the plan, an open cart, an order, else what was shown; and the customer's newest limit.

    Args:
        customer: their id.
        thread: the one that begins now: it is not "last time".
        name_of: a product's name for its SKU.

    >>> from contoso_lab.memory import open_memory
    >>> with open_memory("sqlite://") as memory:
    ...     last = memory.create(customer="maya", persona="voice")
    ...     _ = memory.update(last.id, lambda _: {"summaries": ["Maya plans a week in the Alps."]})
    ...     welcome(memory, "maya").text.split(": ", 1)[1], bool(welcome(memory, "ben"))
    ('Maya plans a week in the Alps.', False)
    """
    for last in memory.list(customer, include_closed=True):
        if last.id == thread or last.state.get("to_be_forgotten"):
            continue
        if told := _told(last, name_of):
            return Welcome(f"Last time, on {last.touched_at:%d %B %Y}: {' '.join(told)}", last.id)
    return Welcome()


def greet(memory: Memory, thread: Thread, *, name_of: Callable[[str], str] = str) -> Thread:
    """Note in a thread that begins what matters from last time; prompts are then told of it.

    Raises:
        MemoryMissing, MemoryClosed: the thread is not open.
    """
    told = welcome(memory, thread.customer, thread=thread.id, name_of=name_of)
    return memory.update(thread.id, lambda state: {**state, "welcome": told.text}) if told else thread


def begin(
    memory: Memory,
    *,
    customer: str,
    persona: str,
    language: str = "en",
    name_of: Callable[[str], str] = str,
    state: Mapping[str, Any],
) -> Thread:
    """A new thread for somebody, who is known from last time.

    Args:
        state: what stands in it besides.

    >>> from contoso_lab.memory import open_memory
    >>> with open_memory("sqlite://") as memory:
    ...     begin(memory, customer="maya", persona="voice", state={"caller": "loopback"}).state["caller"]
    'loopback'
    """
    made = greet(memory, memory.create(customer=customer, persona=persona, language=language), name_of=name_of)
    return memory.update(made.id, lambda before: {**before, **state})


def _told(last: Thread, name_of: Callable[[str], str]) -> list[str]:
    state = last.state
    told = [_short(text) for text in [_plan(state)] if text]
    said = [str(fact) for fact in state.get("facts") or [] if str(fact).startswith(SAID)]
    told += [one_line(fact) for fact in said[-1:]]
    cart = [str(line["sku"]) for line in state.get("cart") or []]
    ordered = [str(line["sku"]) for order in (state.get("orders") or [])[-1:] for line in order.get("lines", [])]
    shown = [str(sku) for page in (state.get("shown") or [])[-1:] for sku in page.get("skus", [])]
    if ordered:
        told.append(f"The customer bought {_names(ordered, name_of)}.")
    if cart:
        told.append(f"The cart of that time still holds {_names(cart, name_of)}.")
    elif shown and not ordered:
        told.append(f"A page with {_names(shown, name_of)} was on the screen.")
    return told


def _plan(state: object) -> str:
    """The latest summary that says something; else the digest of the older turns."""
    if not isinstance(state, dict):
        return ""
    summaries = [one_line(str(summary)) for summary in state.get("summaries") or []]
    return next((text for text in reversed(summaries) if text), one_line(str(state.get("digest") or "")))


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS].rsplit(' ', 1)[0]} …"


def _names(skus: list[str], name_of: Callable[[str], str]) -> str:
    names = list(dict.fromkeys(name_of(sku) for sku in skus))
    more = f" and {len(names) - MOST_PRODUCTS} more" if len(names) > MOST_PRODUCTS else ""
    return ", ".join(names[:MOST_PRODUCTS]) + more
