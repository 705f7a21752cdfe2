"""The catalogue: one file for the voice, the chat, the page and the truth.

The original shop had three catalogues that disagreed; here everything that speaks of a product reads this one.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contoso_lab.errors import ShopError
from contoso_lab.settings import HOME
from contoso_lab.shop import card
from contoso_lab.shop.files import place, read_json, shown

CATEGORIES = (
    "Tents",
    "Backpacks",
    "Hiking Clothing",
    "Hiking Footwear",
    "Camping Tables",
    "Camping Stoves",
    "Sleeping Bags",
)
"""The seven categories, in the order in which the shop shows them."""

# One line per product goes into the prompts, its parts divided by " | " and "; ", so no value may hold either.
Plain = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^|\n;]+$")]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}-\d{2}$")]


class Product(BaseModel):
    """One product, as the shop knows it.

    >>> tent = Catalog.load().get("TEN-02")
    >>> tent.name, tent.price, tent.facts["weight"]
    ('Meadow Four', '$279.00', '6.1 kg')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Sku
    name: Plain
    price_usd: float = Field(gt=0)
    category: Plain
    brand: Plain
    description: Plain
    """A few words for a list."""
    story: str
    """A few sentences for a page."""
    features: tuple[str, ...]
    weight_kg: float | None = Field(default=None, gt=0)
    weight_of: Plain | None = None
    """What the weight is for, when it is not one piece: "a pair"."""
    waterproof_mm: int | None = Field(default=None, gt=0)
    """Column of water that the fabric withstands."""
    waterproof: Plain | None = None
    """Whether it keeps water out, in words, where no column is measured."""
    sleeps: int | None = Field(default=None, gt=0)
    capacity_l: int | None = Field(default=None, gt=0)
    comfort_c: int | None = None
    """Temperature down to which a sleeping bag is comfortable."""
    limit_c: int | None = None
    """Temperature below which it is no longer safe."""
    packed_cm: tuple[int, int, int] | None = None
    season: Plain | None = None
    material: Plain
    details: Mapping[Plain, Plain] = Field(default_factory=dict)
    """What only this kind of product has."""
    manual: str
    """Path of the manual below `data/`."""
    image: str
    """Address of the picture as a page uses it; the file lies below `data/images/`."""

    @property
    def price(self) -> str:
        """The price as it is written: $1,049.50."""
        return f"${self.price_usd:,.2f}"

    @property
    def facts(self) -> dict[str, str]:
        """All figures with their units, in the words of the prompts and the manual."""
        weight = (
            None if self.weight_kg is None else " ".join([f"{self.weight_kg:g} kg", *filter(None, [self.weight_of])])
        )
        packed = None if self.packed_cm is None else " x ".join(map(str, self.packed_cm)) + " cm"
        known = {
            "weight": weight,
            "waterproof": f"{self.waterproof_mm} mm" if self.waterproof_mm else self.waterproof,
            "sleeps": self.sleeps,
            "capacity": None if self.capacity_l is None else f"{self.capacity_l} litres",
            "comfort": None if self.comfort_c is None else f"{self.comfort_c} °C",
            "limit": None if self.limit_c is None else f"{self.limit_c} °C",
            "packed size": packed,
            "season": self.season,
            "material": self.material,
        }
        return {key: str(value) for key, value in known.items() if value is not None} | dict(self.details)

    @property
    def facts_line(self) -> str:
        """The facts on one line, as the prompts carry them."""
        return "; ".join(f"{key}: {value}" for key, value in self.facts.items())

    @property
    def manual_path(self) -> Path:
        """Where the manual lies on disk."""
        return HOME / "data" / self.manual

    @property
    def image_path(self) -> Path:
        """Where the picture lies on disk."""
        return HOME / "data" / self.image.lstrip("/")

    def __repr__(self) -> str:
        return f"<Product {self.sku} {self.name}, {self.price}>"

    def _repr_html_(self) -> str:
        return card.product_card(self)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(ge=1, le=1)
    currency: Annotated[str, StringConstraints(pattern="^USD$")]
    products: tuple[Product, ...] = Field(min_length=1)


class Catalog:
    """All products of the shop, in the order of the file.

    >>> catalog = Catalog.load()
    >>> len(catalog), catalog.get("SLE-02").name
    (20, 'Autumn Night')
    """

    def __init__(self, products: tuple[Product, ...], *, sha256: str) -> None:
        self.products = products
        self.sha256 = sha256
        """The hash of the file's bytes: a recording keeps it."""
        self._by_sku = {product.sku: product for product in products}

    @classmethod
    def load(cls, path: Path | str | None = None) -> Catalog:
        """Read a catalogue, by default `data/catalog.json`.

        Raises:
            ShopError: the file is missing or is no catalogue, a SKU or a name stands twice, or a manual or a picture
                is missing. The message names the file and the place.
        """
        # The shop's own file is read once while it does not change: every call and every gate asks for it.
        file = Path(path) if path is not None else HOME / "data" / "catalog.json"
        try:
            stamp = file.stat().st_mtime_ns
        except OSError:
            stamp = 0
        return _load(file, stamp)

    def get(self, sku: str) -> Product:
        """The product with this SKU.

        Raises:
            ShopError: there is none.
        """
        try:
            return self._by_sku[sku]
        except KeyError:
            close = difflib.get_close_matches(sku, self._by_sku, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(self._by_sku)}"
            raise ShopError(f"the catalogue has no product {sku!r}; {hint}") from None

    def by_category(self, category: str) -> tuple[Product, ...]:
        """All products of a category.

        Raises:
            ShopError: there is no such category.
        """
        found = tuple(product for product in self.products if product.category == category)
        if not found:
            there = ", ".join(dict.fromkeys(product.category for product in self.products))
            raise ShopError(f"the catalogue has no category {category!r}; there are {there}")
        return found

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

    def _repr_html_(self) -> str:
        return card.catalog_table(self.products, self.sha256)


@functools.lru_cache(maxsize=8)
def _load(file: Path, stamp: int) -> Catalog:
    data, raw = read_json(file)
    try:
        products = _File.model_validate(data).products
    except ValidationError as problem:
        raise ShopError(f"{shown(file)}: {place(problem, data)}") from problem
    _check(file, products)
    return Catalog(products, sha256=hashlib.sha256(raw).hexdigest())


def _check(file: Path, products: tuple[Product, ...]) -> None:
    seen: dict[str, int] = {}
    for number, product in enumerate(products, start=1):
        where = f"{shown(file)}: product {number} ({product.sku})"
        for value, what in ((product.sku, "SKU"), (product.name.lower(), "name")):
            if value in seen:
                raise ShopError(
                    f"{where}: the {what} {value!r} already belongs to product {seen[value]}; give it another"
                )
            seen[value] = number
        if product.category not in CATEGORIES:
            raise ShopError(
                f"{where}: the category {product.category!r} is unknown; use one of {', '.join(CATEGORIES)}"
            )
        for path, what in ((product.manual_path, "manual"), (product.image_path, "image")):
            if not path.is_file():
                raise ShopError(f"{where}: the {what} {shown(path)} is missing; add the file or correct '{what}'")
