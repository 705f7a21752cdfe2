"""Products as cards: picture, price, the reason that was given, and the grade where somebody gave one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import traitlets

from contoso_lab.recording import Recording
from contoso_lab.shop.card import picture_uri
from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.writeup import WriteUp, shown_skus, skus_in
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Shown

GRADES = ("does not suit", "suits a little", "suits well", "is what was asked for")
"""What the grades 0 to 3 of a product mean, as in `contoso_lab.recording.labels`."""

_HEADING = re.compile(r"(?m)^#{1,6}\s+(.*)$")
_NO_REASON = re.compile(r"^(?:!\[|[-*•] |\d+\. |\*\*[^*]*\d[^*]*\*\*$|\||>|#)")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One product that was suggested, and why."""

    sku: str
    reason: str = ""


class SuggestionCards(Shown):
    """What was suggested, as cards. A click on one is told: `clicked` holds its SKU, `on_click` calls you.

    Args:
        source: a write-up, a recording (its last page), a page in Markdown, or products, SKUs or `Suggestion`s.
        catalog: where the products stand; the one in use unless given.
        grades: grade by SKU, 0 to 3; of a recording the author's labels unless given.

    Raises:
        ShopError: a SKU is not in the catalogue.

    >>> cards = SuggestionCards(["TEN-02", Suggestion("SLE-02", "warm enough for autumn")], grades={"TEN-02": 3})
    >>> cards
    <SuggestionCards: Meadow Four $279.00, Autumn Night $119.00>
    """

    _esm = assemble("suggestion_cards.js")
    _css = style("results.css", "suggestion_cards.css")

    cards: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    clicked = traitlets.Unicode("", help="SKU of the card that was clicked last.").tag(sync=True)
    nothing = traitlets.Unicode("Nothing was suggested yet.", help="What stands there without cards.").tag(sync=True)

    def __init__(
        self,
        source: WriteUp | Recording | str | Iterable[str | Product | Suggestion] = (),
        *,
        catalog: Catalog | None = None,
        grades: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(label="suggestions")
        self._calls: list[Callable[[Product], object]] = []
        self.catalog = catalog if catalog is not None else Catalog.load()
        self.load(source, grades=grades)

    def load(
        self,
        source: WriteUp | Recording | str | Iterable[str | Product | Suggestion],
        *,
        grades: Mapping[str, int] | None = None,
    ) -> None:
        """Show other products; the arguments are those of the class."""
        if isinstance(source, Recording) and grades is None:
            labels = source.labels()
            # What the author did not list has grade 0; without labels nothing is known.
            grades = None if labels is None else _Zero(labels.products)
        found = suggested(source, self.catalog)
        self.set_trait("cards", [product_card(self.catalog.get(one.sku), one.reason, grades) for one in found])

    @property
    def skus(self) -> tuple[str, ...]:
        """The products that are shown, in order."""
        return tuple(card["sku"] for card in self.cards)

    def on_click(self, call: Callable[[Product], object]) -> None:
        """Call this with the product whenever a card is clicked."""
        self._calls.append(call)

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """A click; the same card can be clicked twice, which a trait alone would not tell."""
        if content.get("kind") == "click":
            product = self.catalog.get(str(content.get("sku", "")))
            self.clicked = product.sku
            for call in self._calls:
                call(product)

    def __repr__(self) -> str:
        if not self.cards:
            return "<SuggestionCards: nothing yet>"
        named = ", ".join(f"{card['name']} {card['price']}" for card in self.cards)
        return f"<SuggestionCards: {named}>"

    def _html(self) -> str:
        if not self.cards:
            return f"<i>{escape(self.nothing)}</i>"
        frame = "border:1px solid #8886;border-radius:10px;padding:10px;width:200px"
        cards = "".join(
            f'<div style="{frame}"><b>{escape(card["name"])}</b> {escape(card["price"])}<br>'
            f'<small style="opacity:.7">{escape(card["sku"])} · {escape(card["category"])}</small>'
            f"<p>{escape(card['reason'] or card['description'])}</p>"
            + ("" if card["grade"] is None else f"<small>grade {card['grade']}: {escape(card['means'])}</small>")
            + "</div>"
            for card in self.cards
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:10px">{cards}</div>'


class _Zero(dict[str, int]):
    def __missing__(self, sku: str) -> int:
        return 0


def suggested(
    source: WriteUp | Recording | str | Iterable[str | Product | Suggestion], catalog: Catalog
) -> list[Suggestion]:
    """The products of a page with the reason that stands below each; or those that are named one by one."""
    if isinstance(source, Recording):
        pages = [str(event.ev.get("text") or "") for event in source.events if event.type == "suggestion.shown"]
        source = pages[-1] if pages else ""
    if isinstance(source, WriteUp):
        source = source.text
    if isinstance(source, str):
        reasons = _reasons(source, catalog)
        return [Suggestion(sku, reasons.get(sku, "")) for sku in shown_skus(source, catalog)]
    return [
        one if isinstance(one, Suggestion) else Suggestion(one.sku if isinstance(one, Product) else one)
        for one in source
    ]


def _reasons(markdown: str, catalog: Catalog) -> dict[str, str]:
    """The first sentence-like line below the heading that names a product."""
    found: dict[str, str] = {}
    headings = list(_HEADING.finditer(markdown))
    ends = [*(heading.start() for heading in headings[1:]), len(markdown)]
    for heading, end in zip(headings, ends, strict=False):  # a page without headings has an end all the same
        body = markdown[heading.end() : end]
        lines = [line.strip() for line in body.splitlines()]
        reason = next((line for line in lines if line and not _NO_REASON.match(line)), "")
        for sku in skus_in(heading[1], catalog)[:1]:
            found.setdefault(sku, reason.replace("**", ""))
    return found


def product_card(product: Product, reason: str = "", grades: Mapping[str, int] | None = None) -> dict[str, Any]:
    """A product as the page draws it, in plain values."""
    grade = None
    if grades is not None and (isinstance(grades, _Zero) or product.sku in grades):
        grade = int(grades[product.sku])
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price": product.price,
        "description": product.description,
        "facts": product.facts_line,
        "reason": reason,
        "grade": grade,
        "means": "" if grade is None else GRADES[grade],
        "picture": picture_uri(product.image_path),
    }
