"""The catalogue: one object for the voice, the chat, the page, the tools and the truth.

The original shop had three catalogues that disagreed; here everything that speaks of a product asks this one. Which
one that is: the one that `use_catalog` put in place, else the one that `CONTOSO_LAB_CATALOG` names, else
`data/catalog.json`.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import ShopError
from contoso_lab.shop import card, in_use
from contoso_lab.shop.catalog_file import parse
from contoso_lab.shop.files import read_json
from contoso_lab.shop.in_use import catalogue_path, use_catalog
from contoso_lab.shop.prices import written
from contoso_lab.shop.product import Aliases, Plain, Product, Sku

if TYPE_CHECKING:
    from pandas import DataFrame

    from contoso_lab.shop.search import Hit, Index

__all__ = ["CATEGORIES", "Catalog", "Plain", "Product", "Sku", "catalogue_path", "use_catalog"]

CATEGORIES = (
    "Tents", "Backpacks", "Hiking Clothing", "Hiking Footwear", "Camping Tables", "Camping Stoves", "Sleeping Bags",
)  # fmt: skip
"""The seven categories of our own shop, in its order; those of any catalogue are `Catalog.categories`."""


class Catalog:
    """All products of a shop, in the order of its file.

    >>> catalog = Catalog.load()
    >>> len(catalog), catalog.get("SLE-02").name, catalog.categories[0], catalog.currency
    (20, 'Autumn Night', 'Tents', 'USD')
    """

    def __init__(
        self, products: tuple[Product, ...], *, sha256: str, categories: Mapping[str, Aliases] | None = None
    ) -> None:
        self.products = products
        self.sha256 = sha256
        """The hash of what it was made from: a recording keeps it."""
        self._by_sku = {product.sku: product for product in products}
        self._category_names = dict(categories or {})

    @classmethod
    def load(cls, path: Path | str | None = None) -> Catalog:
        """Read a catalogue in the shop's own format; without a path the one that is in use.

        Raises:
            ShopError: the file is missing or is no catalogue, a SKU or a name stands twice, or a manual or a picture
                is missing or wrong. The message names the file and the place, a sentence for each fault.
        """
        if path is None:
            if (chosen := in_use.chosen()) is not None:
                return chosen
            if (named := in_use.named_in_settings()) is not None:
                return _read_named(named, _stamp(named))
        file = in_use.OURS if path is None else Path(path)
        # Read once while it does not change: every call and every gate asks for it.
        return _load(file, _stamp(file))

    @classmethod
    def read(cls, source: Path | str | DataFrame) -> Catalog:
        """Read a catalogue from a file that ends in .json or .csv, or from a data frame."""
        from contoso_lab.shop import own_catalogue

        return own_catalogue.read(source)

    @classmethod
    def from_json(cls, path: Path | str) -> Catalog:
        """Read a user's catalogue from JSON: the shop's own format, or a plain list of products.

        Raises:
            ShopError: a sentence for each fault, with the product and the field.
        """
        from contoso_lab.shop import own_catalogue

        return own_catalogue.from_json(Path(path))

    @classmethod
    def from_csv(cls, path: Path | str, *, currency: str | None = None) -> Catalog:
        """Read a user's catalogue from CSV, a product a row; `docs/catalogue.md` tells the columns.

        Raises:
            ShopError: a sentence for each fault, with the row and the column.
        """
        from contoso_lab.shop import own_catalogue

        return own_catalogue.from_csv(Path(path), currency=currency)

    @classmethod
    def from_frame(cls, frame: DataFrame, *, currency: str | None = None) -> Catalog:
        """Make a catalogue from a data frame, a product a row; `docs/catalogue.md` tells the columns.

        >>> import pandas as pd
        >>> Catalog.from_frame(pd.DataFrame({"name": ["Sea Kayak"], "price": [899.5]}), currency="EUR").get("PRD-01")
        <Product PRD-01 Sea Kayak, €899.50>

        Raises:
            ShopError: a sentence for each fault, with the row's label and the column.
        """
        from contoso_lab.shop import own_catalogue

        return own_catalogue.from_frame(frame, currency=currency)

    @property
    def currency(self) -> str:
        """The currency of all prices, as ISO 4217 calls it."""
        return self.products[0].currency

    @functools.cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories that have products, in the order in which the shop shows them."""
        return tuple(dict.fromkeys(product.category for product in self.products))

    def category_names(self, category: str, language: str | None = None) -> tuple[str, ...]:
        """What people call the things of a category, in a language or in all.

        Where a catalogue does not say, it is the category's own name and that name without its plural.

        >>> Catalog.load().category_names("Sleeping Bags", "de")
        ('Schlafsack', 'Schlafsäcke')
        """
        groups = self._category_names.get(category, {})
        if not groups:
            plain = category.lower()
            return tuple(dict.fromkeys([plain.removesuffix("s"), plain]))
        chosen = groups.values() if language is None else [groups.get(language, ())]
        return tuple(dict.fromkeys(name for names in chosen for name in names))

    def get(self, sku: str) -> Product:
        """The product with this SKU.

        Raises:
            ShopError: there is none.
        """
        try:
            return self._by_sku[sku]
        except KeyError:
            close = difflib.get_close_matches(sku, self._by_sku, n=1)
            some = ", ".join([*self._by_sku][:30]) + (", …" if len(self) > 30 else "")
            hint = f"did you mean {close[0]}?" if close else f"there are {some}"
            raise ShopError(f"the catalogue has no product {sku!r}; {hint}") from None

    def name_of(self, sku: str) -> str:
        """A product's name; one that is not here, or not any more, keeps its SKU.

        >>> Catalog.load().name_of("SLE-02"), Catalog.load().name_of("SLE-99")
        ('Autumn Night', 'SLE-99')
        """
        product = self._by_sku.get(sku)
        return product.name if product is not None else sku

    def by_category(self, category: str) -> tuple[Product, ...]:
        """All products of a category, however it is spelled.

        Raises:
            ShopError: there is no such category.
        """
        found = tuple(product for product in self.products if product.category.lower() == category.lower())
        if not found:
            raise ShopError(f"the catalogue has no category {category!r}; there are {', '.join(self.categories)}")
        return found

    def without(self, *skus: str) -> Catalog:
        """The same catalogue without some products.

        Raises:
            ShopError: it has no such product.

        >>> len(Catalog.load().without("TEN-02"))
        19
        """
        gone = {self.get(sku).sku for sku in skus}
        if not gone:
            return self
        sha = hashlib.sha256(f"{self.sha256} without {' '.join(sorted(gone))}".encode()).hexdigest()
        left = tuple(product for product in self.products if product.sku not in gone)
        return Catalog(left, sha256=sha, categories=self._category_names)

    def search(
        self, query: str, keep: Callable[[Product], bool] | None = None, *, most: float | None = None
    ) -> list[Hit]:
        """The products that fit a query, the best first, each with the words that fit.

        Args:
            keep: only products of which this is true.
            most: the most that one may cost, beside what the query says of it.

        >>> [hit.product.name for hit in Catalog.load().search("two burner stove")]
        ['Hearth Stove', 'Spark Stove']
        """
        return self.index.find(query, keep, most=most)

    @functools.cached_property
    def index(self) -> Index:
        """What a search looks into; made once."""
        from contoso_lab.shop.search import Index

        return Index(self)

    def rows(self) -> list[dict[str, str]]:
        """The products as the prompts take them."""
        return [
            {
                "sku": product.sku,
                "name": product.name,
                "category": product.category,
                "price": product.price,
                "description": product.description,
                "facts": product.facts_line,
                "image": product.image,
            }
            for product in self.products
        ]

    def __contains__(self, sku: object) -> bool:
        return sku in self._by_sku

    def __iter__(self) -> Iterator[Product]:
        return iter(self.products)

    def __len__(self) -> int:
        return len(self.products)

    def __repr__(self) -> str:
        return f"<Catalog of {len(self)} products, sha256 {self.sha256[:8]}>"

    def __str__(self) -> str:
        wide = max(len(product.name) for product in self)
        amounts = [written(product.amount, product.currency) for product in self]
        lines = [
            f"{product.sku:<8} {product.name:<{wide}} {amount:>{max(map(len, amounts))}}  {product.category}"
            for product, amount in zip(self, amounts, strict=True)
        ]
        return "\n".join([repr(self), *lines])

    def _repr_html_(self) -> str:
        return card.catalog_table(self.products, self.sha256)


def is_ours(catalog: Catalog) -> bool:
    """Whether it is the shop's own catalogue, whose customers, pictures and examples we know."""
    try:
        return catalog.sha256 == _load(in_use.OURS, _stamp(in_use.OURS)).sha256
    except ShopError:
        return False  # somebody works on our file; whatever is in use is another one


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=2)
def _read_named(file: Path, stamp: int) -> Catalog:
    return Catalog.read(file)


@functools.lru_cache(maxsize=8)
def _load(file: Path, stamp: int) -> Catalog:
    return read_file(file, strict=True)


def read_file(file: Path, *, strict: bool) -> Catalog:
    """Read a file in the shop's own format.

    Args:
        strict: every product has to have a manual and a picture, as in our own shop.
    """
    data, raw = read_json(file)
    return from_data(data, raw, file, strict=strict)


def from_data(data: Any, raw: bytes, file: Path, *, strict: bool) -> Catalog:
    """Make a catalogue of what a file says; `file` is blamed for faults, and its folder holds manuals and pictures."""
    products, categories = parse(data, file, strict=strict)
    return Catalog(products, sha256=hashlib.sha256(raw).hexdigest(), categories=categories)
