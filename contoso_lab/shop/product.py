"""One product, as the shop knows it: what it costs, what it is called in which language, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints

from contoso_lab.settings import HOME
from contoso_lab.shop import card
from contoso_lab.shop.manual import Manual, read_manual
from contoso_lab.shop.prices import written
from contoso_lab.shop.specs import Spec, parse_spec

NEUTRAL_IMAGE = "/images/neutral.svg"
NEUTRAL_PATH = HOME / "data" / NEUTRAL_IMAGE.lstrip("/")
"""What stands for a product that has no picture of its own."""

# One line per product goes into the prompts, its parts divided by " | " and "; ", so no value may hold either.
Plain = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^|\n;]+$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^|\n;]*$")]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Aliases = Mapping[Language, tuple[Plain, ...]]
"""Further names, by language: `{"de": ["Wiesenzelt"]}`."""


class Product(BaseModel):
    """One product, as the shop knows it.

    >>> from contoso_lab.shop import Catalog
    >>> tent = Catalog.load().get("TEN-02")
    >>> tent.name, tent.price, tent.facts["weight"], tent.specs["weight"].value
    ('Meadow Four', '$279.00', '6.1 kg', 6.1)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Sku
    name: Plain
    amount: Decimal = Field(gt=0, max_digits=12, decimal_places=2, validation_alias=AliasChoices("price", "price_usd"))
    """What one costs, in `currency`, exact."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    """As ISO 4217 calls it; a catalogue has one for all."""
    category: Plain = "Products"
    brand: Line = ""
    description: Line = ""
    """A few words for a list."""
    aliases: Aliases = Field(default_factory=dict)
    story: str = ""
    """A few sentences for a page."""
    features: tuple[str, ...] = ()
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
    material: Plain | None = None
    details: Mapping[Plain, Plain] = Field(default_factory=dict)
    """What only this kind of product has."""
    manual_file: str | None = Field(default=None, validation_alias="manual")
    """Path of the manual, from the folder of the catalogue."""
    image: Line = NEUTRAL_IMAGE
    """Address of the picture as a page uses it; one that begins with `/` lies below the folder of the catalogue."""

    _folder: Path = PrivateAttr(default=HOME / "data")

    @property
    def price(self) -> str:
        """The price as it is written: $1,049.50."""
        return written(self.amount, self.currency)

    @property
    def price_usd(self) -> float:
        """The amount as a float, in the catalogue's own currency whatever the name says; `amount` is exact."""
        return float(self.amount)

    def names(self, language: str | None = None) -> tuple[str, ...]:
        """What it is called: its name first, then the aliases of a language, or of all.

        >>> from contoso_lab.shop import Catalog
        >>> Catalog.load().get("TEN-02").names("de")[:2]
        ('Meadow Four', 'Familienzelt')
        """
        groups = self.aliases.values() if language is None else [self.aliases.get(language, ())]
        return tuple(dict.fromkeys([self.name, *(alias for group in groups for alias in group)]))

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
    def specs(self) -> dict[str, Spec]:
        """The facts and what else the manual's table says, as numbers with units."""
        return dict(self.manual.specs) | {key: parse_spec(value) for key, value in self.facts.items()}

    @property
    def manual(self) -> Manual:
        """The manual, read; an empty one where the product has none.

        Raises:
            ShopError: the file is there and is no manual.
        """
        return Manual() if self.manual_path is None else read_manual(self.manual_path)

    @property
    def folder(self) -> Path:
        """The folder of the catalogue, below which its manual and its picture lie."""
        return self._folder

    @property
    def manual_path(self) -> Path | None:
        """Where the manual lies on disk."""
        return None if self.manual_file is None else self._folder / self.manual_file

    @property
    def image_path(self) -> Path | None:
        """Where the picture lies on disk; None when it is an address elsewhere."""
        if self.image == NEUTRAL_IMAGE:
            return NEUTRAL_PATH
        return self._folder / self.image.lstrip("/") if "://" not in self.image else None

    def at_home(self, folder: Path, currency: str) -> Product:
        """The same product in a catalogue of this folder and currency."""
        moved = self.model_copy(update={"currency": currency})
        moved._folder = folder
        return moved

    def __str__(self) -> str:
        return "\n".join([f"{self!r} {self.category}", *(f"  {key}: {value}" for key, value in self.facts.items())])

    def __repr__(self) -> str:
        return f"<Product {self.sku} {self.name}, {self.price}>"

    def _repr_html_(self) -> str:
        return card.product_card(self)
