"""Look through a catalogue: search as the assistant searches, filter, and open a product with its manual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from contoso_lab.shop import Catalog, Product
from contoso_lab.widgets.shown import ipywidgets
from contoso_lab.widgets.suggestion_cards import SuggestionCards

if TYPE_CHECKING:
    from pandas import DataFrame

ALL = "all categories"
SORTS = ("best first", "cheapest first", "dearest first", "by name")
_FOLDED = ("user_guide", "cautions", "warranty", "returns")
_MOST_CARDS = 60


class CatalogBrowser(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """A catalogue to look through; `selected` is the product that is open, `results` what the search found.

    Args:
        catalog: a catalogue, or what `Catalog.read` takes: a file, a data frame; the one in use unless given.
        query: what to search for first.

    Raises:
        ShopError: the source is no catalogue; a sentence for each fault.

    >>> browser = CatalogBrowser(query="two burner stove")
    >>> [product.name for product in browser.results]
    ['Hearth Stove', 'Spark Stove']
    """

    query = traitlets.Unicode("")
    category = traitlets.Unicode(ALL)
    most = traitlets.Float(None, allow_none=True, help="The most that one may cost.")
    sort = traitlets.Enum(SORTS, SORTS[0])
    sku = traitlets.Unicode("", help="SKU of the product that is open; empty when none is.")

    def __init__(self, catalog: Catalog | Path | str | DataFrame | None = None, *, query: str = "") -> None:
        self.catalog = (
            catalog if isinstance(catalog, Catalog) else Catalog.load() if catalog is None else Catalog.read(catalog)
        )
        self._calls: list[Callable[[Product], object]] = []
        self._results: tuple[Product, ...] = ()
        dearest = float(max(product.amount for product in self.catalog))
        wide = {"layout": {"width": "auto"}, "style": {"description_width": "initial"}}
        self._query = ipywidgets.Text(
            placeholder="a tent for four, under $300 …", description="Search", continuous_update=True, **wide
        )
        self._query.layout.flex = "1 1 240px"
        self._category = ipywidgets.Dropdown(options=[ALL, *self.catalog.categories], description="Category", **wide)
        self._most = ipywidgets.FloatSlider(
            value=dearest, min=0, max=dearest, step=max(1.0, round(dearest / 200)),
            description=f"At most ({self.catalog.currency})", readout_format=".0f", continuous_update=False, **wide,
        )  # fmt: skip
        self._most.layout.width = "260px"
        self._sort = ipywidgets.Dropdown(options=SORTS, description="Order", **wide)
        self._count = ipywidgets.HTML()
        self._cards = SuggestionCards(catalog=self.catalog)
        self._cards.nothing = "Nothing in the catalogue fits; use fewer words or a higher price."
        self._close = ipywidgets.Button(
            description="Close",
            icon="times",
            tooltip="close the product",
            layout={"width": "auto", "align_self": "flex-start", "margin": "10px 2px 16px"},
        )
        self._detail = ipywidgets.HTML()
        self._open = ipywidgets.VBox([self._detail, self._close], layout={"display": "none"})
        bar = ipywidgets.HBox(
            [self._query, self._category, self._most, self._sort],
            layout={"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 10px"},
        )
        super().__init__([bar, self._count, self._open, self._cards])
        self._dearest = dearest
        for box, name in ((self._query, "query"), (self._category, "category"), (self._sort, "sort")):
            traitlets.link((box, "value"), (self, name))
        self._most.observe(self._slid, "value")
        self._cards.on_click(self._clicked)
        self._close.on_click(lambda _: self.close_product())
        self.observe(self._search, ["query", "category", "most", "sort"])
        self.observe(self._opened, "sku")
        self.query = query
        self._search(None)

    @property
    def results(self) -> tuple[Product, ...]:
        """The products that fit, in the order in which they are shown."""
        return self._results

    @property
    def selected(self) -> Product | None:
        """The product that is open; None when none is."""
        return self.catalog.get(self.sku) if self.sku else None

    def on_select(self, call: Callable[[Product], object]) -> None:
        """Call this with each product that is opened."""
        self._calls.append(call)

    def show(self, sku: str) -> None:
        """Open a product; raises ShopError when there is none."""
        self.sku = self.catalog.get(sku).sku

    def close_product(self) -> None:
        """Close the product that is open."""
        self.sku = ""

    @traitlets.validate("category")
    def _known(self, proposal: Mapping[str, Any]) -> str:
        wanted = str(proposal["value"])
        if wanted != ALL:
            self.catalog.by_category(wanted)  # raises with the categories that there are
        return wanted

    def _slid(self, change: Mapping[str, Any]) -> None:
        self.most = None if change["new"] >= self._dearest else change["new"]

    def _clicked(self, product: Product) -> None:
        self.sku = product.sku

    def _search(self, _: object) -> None:
        fits = None if self.category == ALL else (lambda product: product.category == self.category)
        found = [hit.product for hit in self.catalog.search(self.query, fits, most=self.most)]
        if self.sort == "by name":
            found.sort(key=lambda product: product.name)
        elif self.sort != SORTS[0]:
            found.sort(key=lambda product: product.amount, reverse=self.sort == "dearest first")
        self._results = tuple(found)
        more = f", the first {_MOST_CARDS} are shown" if len(found) > _MOST_CARDS else ""
        self._count.value = f"<span role='status'>{len(found)} of {len(self.catalog)} products{more}</span>"
        self._cards.load(found[:_MOST_CARDS])

    def _opened(self, _: object) -> None:
        product = self.selected
        self._open.layout.display = "none" if product is None else ""
        self._cards.clicked = self.sku
        self._detail.value = "" if product is None else product_page(product)
        if product is not None:
            for call in self._calls:
                call(product)

    def __repr__(self) -> str:
        shown = f", {self.sku} is open" if self.sku else ""
        return f"<CatalogBrowser: {len(self._results)} of {len(self.catalog)} products{shown}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            # Without pictures: those of all products would make a saved notebook large.
            bundle["text/html"] = self._cards._repr_html_()
        return bundle


def product_page(product: Product) -> str:
    """A product with its manual, as HTML."""
    manual = product.manual
    parts = [product._repr_html_()]
    if manual.features:
        parts.append(f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in manual.features)}</ul>")
    for name in _FOLDED:
        told = getattr(manual, name)
        if told:
            body = told if isinstance(told, str) else "\n".join(f"• {one}" for one in told)
            parts.append(
                f"<details><summary>{name.replace('_', ' ').capitalize()}</summary>"
                f'<div style="white-space:pre-wrap;max-width:48em">{escape(body)}</div></details>'
            )
    if manual.faq:
        asked = "".join(f"<dt><b>{escape(one.question)}</b></dt><dd>{escape(one.answer)}</dd>" for one in manual.faq)
        parts.append(f"<details><summary>Questions</summary><dl style='max-width:48em'>{asked}</dl></details>")
    if not manual:
        parts.append("<p><i>This product has no manual.</i></p>")
    # An HTML of ipywidgets has lines as high as its buttons.
    return f'<div style="line-height:1.45">{"".join(parts)}</div>'
