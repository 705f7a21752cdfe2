"""The page on the customer's screen: is one wanted, what stands on it, which products does it show."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import chain

from contoso_lab import prompts
from contoso_lab.prompts import PromptRun
from contoso_lab.settings import Target
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.languages import customer_language
from contoso_lab.shop.languages import language as language_of
from contoso_lab.shop.mentions import find_mentions
from contoso_lab.shop.thread import Messages
from contoso_lab.shop.voice import who

_SKU = re.compile(r"\b[A-Z]{3}-\d{2,3}\b")
_SHOWN = re.compile(r"(?m)^#{1,6}\s.*$|!\[[^\]]*\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a page should be written now, and why."""

    requested: bool
    reason: str
    run: PromptRun


@dataclass(frozen=True, slots=True, repr=False)
class WriteUp:
    """A page for the customer's screen."""

    text: str
    """Markdown."""
    skus: tuple[str, ...]
    """The products that it shows, in order; all of them in the catalogue."""
    unknown_skus: tuple[str, ...]
    """What looks like a SKU and is none: the model made it up."""
    run: PromptRun

    def __repr__(self) -> str:
        unknown = f", made up: {', '.join(self.unknown_skus)}" if self.unknown_skus else ""
        return f"<WriteUp: {', '.join(self.skus) or 'no product'}, {len(self.text)} characters{unknown}>"

    def _repr_html_(self) -> str:
        # As text: a model wrote it. `contoso_lab.SuggestionCards` and the page of a call draw it.
        return f'<pre style="white-space:pre-wrap;max-width:48em">{escape(self.text)}</pre>'


async def decide(
    messages: Messages, target: Target, *, clock_ns: Callable[[], int] = time.monotonic_ns
) -> GateDecision:
    """Ask whether the customer wants a page now.

    Args:
        messages: the call so far, as `shop.thread.thread` gives it.

    Raises:
        PromptError: the target cannot be reached or does not keep to the schema.
    """
    run = await prompts.run("writeup_gate", target, clock_ns=clock_ns, conversation=list(messages))
    data = run.data or {}
    return GateDecision(bool(data["requested"]), str(data["reason"]), run)


async def suggest(
    messages: Messages,
    customer: Customer,
    catalog: Catalog,
    target: Target,
    on_text: Callable[[str], object] | None = None,
    *,
    most: int = 3,
    language: str | None = None,
    clock_ns: Callable[[], int] = time.monotonic_ns,
) -> WriteUp:
    """Write the page, piece by piece.

    Cancelling the task stops the writing at the target too.

    Args:
        messages: the call so far, as `shop.thread.thread` gives it.
        on_text: called with each piece as it comes.
        most: the greatest number of products.
        language: the code of the page's language; None: the one that the customer used most.

    Raises:
        PromptError: the target cannot be reached or breaks off.
    """
    # In a thread: the first text that is looked at loads the model that tells languages apart, 0.7 s.
    code: str = language if language is not None else await asyncio.to_thread(customer_language, messages)
    inputs = {
        **who(customer, catalog), "conversation": list(messages), "most": most, "language": language_of(code).name,
    }  # fmt: skip
    async with prompts.stream("suggestions", target, clock_ns=clock_ns, **inputs) as pieces:
        async for piece in pieces:
            if on_text is not None:
                on_text(piece)
    text = pieces.run.response
    return WriteUp(
        text=text,
        skus=tuple(shown_skus(text, catalog)),
        unknown_skus=tuple(sku for sku in find_skus(text) if sku not in catalog),
        run=pieces.run,
    )


def find_skus(text: str) -> list[str]:
    """Everything that looks like a SKU, once each, in the order of the text; whether or not it exists.

    >>> find_skus("TEN-02 or TEN-99, and TEN-02 again")
    ['TEN-02', 'TEN-99']
    """
    return list(dict.fromkeys(_SKU.findall(text)))


def skus_in(text: str, catalog: Catalog) -> list[str]:
    """The products that a text names, by SKU or by name, once each, in the order of the text.

    >>> skus_in("The Autumn Night goes with the Meadow Four (TEN-02).", Catalog.load())
    ['SLE-02', 'TEN-02']
    """
    return list(dict.fromkeys(mention.sku for mention in find_mentions(text, catalog)))


def shown_skus(markdown: str, catalog: Catalog) -> list[str]:
    """The products that a page presents: those in its headings and pictures, else all that it names.

    A page may say that a tent goes well with the boots that the customer owns; that does not suggest the boots.
    """
    places = [skus_in(found[0].replace("/", " "), catalog) for found in _SHOWN.finditer(markdown)]
    return list(dict.fromkeys(chain.from_iterable(places))) or skus_in(markdown, catalog)
