"""What stands in a catalogue's file, and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contoso_lab.errors import ShopError
from contoso_lab.shop.files import blamed, place, shown
from contoso_lab.shop.manual import read_manual
from contoso_lab.shop.product import NEUTRAL_PATH, Aliases, Plain, Product


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(ge=1, le=2)
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    categories: Mapping[Plain, Aliases] = Field(default_factory=dict)
    products: tuple[Product, ...] = Field(min_length=1)


class Parsed(NamedTuple):
    """What a file holds."""

    products: tuple[Product, ...]
    categories: Mapping[str, Aliases]


def parse(data: Any, file: Path, *, strict: bool) -> Parsed:
    """Read what a file says.

    Args:
        file: is blamed for faults, and its folder holds manuals and pictures.
        strict: every product has to have a manual, as in our own shop.

    Raises:
        ShopError: a sentence for each fault.
    """
    try:
        read = _File.model_validate(data)
    except ValidationError as problem:
        raise blamed(file, place(problem, data)) from problem
    products = tuple(product.at_home(file.parent, read.currency) for product in read.products)
    faults = _faults(products, read.categories, strict=strict)
    if faults:
        raise blamed(file, "\n".join(faults))
    return Parsed(products, read.categories)


def _faults(products: tuple[Product, ...], categories: Mapping[str, Aliases], *, strict: bool) -> list[str]:
    found: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    for number, product in enumerate(products, start=1):
        where = f"product {number} ({product.sku})"
        for value, what in ((product.sku.lower(), "SKU"), (product.name.lower(), "name")):
            if (what, value) in seen:
                first = seen[what, value]
                shown_as = product.sku if what == "SKU" else value
                found.append(f"{where}: the {what} {shown_as!r} already belongs to product {first}; give it another")
            seen.setdefault((what, value), number)
        if categories and product.category not in categories:
            found.append(
                f"{where}: the category {product.category!r} is unknown; use one of {', '.join(categories)}, "
                "or name it in 'categories'"
            )
        found += [f"{where}: {fault}" for fault in _missing(product, strict=strict)]
    return found


def _within(path: Path, folder: Path) -> bool:
    """A catalogue may come from a stranger: what it names is read, shown, and given out by the relay."""
    return path == NEUTRAL_PATH or path.resolve().is_relative_to(folder.resolve())


def _missing(product: Product, *, strict: bool) -> list[str]:
    found = []
    if strict and product.manual_file is None:
        found.append("manual is missing; add it")
    for path, what in ((product.manual_path, "manual"), (product.image_path, "image")):
        if path is not None and not _within(path, product.folder):
            found.append(f"the {what} {path.name} lies outside of the catalogue's folder; move it beside the catalogue")
        elif path is not None and not path.is_file():
            found.append(f"the {what} {shown(path)} is missing; add the file or correct '{what}'")
        elif path is not None and what == "manual":
            try:
                read_manual(path)
            except ShopError as problem:
                found += str(problem).splitlines()
    return found
