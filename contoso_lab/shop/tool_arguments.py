"""What a model gives a tool: read, checked, and found in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from contoso_lab.errors import ShopError
from contoso_lab.shop.cart import Order
from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.customers import Customer


class Arguments(BaseModel):
    """What a model may give a tool; null is the same as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        """Models write null for what they leave out."""
        field = cls.model_fields[info.field_name]
        return field.default if value is None and not field.is_required() else value


def checked(kind: type[Arguments], given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the right shape.

    Raises:
        ShopError: they are not; the sentence names the first that is wrong.
    """
    try:
        return kind.model_validate(dict(given)).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the arguments"
        raise ShopError(f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}") from error


def find(catalog: Catalog, named: str) -> Product:
    """A product by its SKU, however it is spelled, or by its name or an alias that no other has.

    Raises:
        ShopError: there is none.
    """
    plain = bare(named)
    for product in catalog:
        if plain in (bare(product.sku), bare(product.name)):
            return product
    called = [product for product in catalog if plain in map(bare, product.names())]
    return called[0] if plain and len(called) == 1 else catalog.get(named.strip().upper())


def with_orders(customer: Customer, orders: Sequence[Order], catalog: Catalog) -> Customer:
    """The customer as somebody who owns what they have ordered."""
    skus = [line.sku for order in orders for line in order.lines if line.sku in catalog]
    return customer.model_copy(update={"purchases": tuple(dict.fromkeys([*customer.purchases, *skus]))})


def bare(text: str) -> str:
    """Letters and digits alone, in small letters.

    >>> bare("TEN-02 ")
    'ten02'
    """
    return "".join(sign for sign in text.casefold() if sign.isalnum())
