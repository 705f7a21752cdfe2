"""What a voice agent can look up while it talks: the catalogue, a product, and what this customer has bought.

Pure functions over the catalogue and one customer, with small answers, because a model reads every word of them
before it goes on talking. Nothing is invented: there are no orders in our data, so `order_status` says what is
known (what was bought) and what is not (when it comes, where it is).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from contoso_lab.errors import ShopError
from contoso_lab.shop.catalog import CATEGORIES, Catalog, Product
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.search import search

MOST_FOUND = 5
"""How many products a search tells of: nobody keeps more in mind when they are read out."""

_NO_ORDERS = "When an order was placed, where it is and when it arrives I cannot see."


@dataclass(frozen=True, slots=True)
class ShopTool:
    """A tool of the shop: how a session names it, and what it does."""

    schema: Mapping[str, Any]
    """As it stands in a session's `tools`."""
    _read: Callable[[Mapping[str, Any]], Mapping[str, Any]]

    def run(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Look it up.

        Raises:
            ShopError: an argument is wrong, or there is no such product; the sentence is for the model.
        """
        return self._read(arguments)


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        """Models write null for what they leave out."""
        field = cls.model_fields[info.field_name]
        return field.default if value is None and not field.is_required() else value


class _Search(_Arguments):
    query: str = Field(max_length=200)
    category: str | None = None
    max_price: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    limit: int = Field(default=3, ge=1, le=MOST_FOUND)


class _Get(_Arguments):
    sku: str = Field(min_length=1, max_length=80)


class _Order(_Arguments):
    order: str | None = Field(default=None, max_length=80)


def shop_tools(customer: Customer, catalog: Catalog) -> dict[str, ShopTool]:
    """The tools of a call with this customer, by name.

    >>> from contoso_lab.shop import get_customer
    >>> tools = shop_tools(get_customer("maya"), Catalog.load())
    >>> found = tools["search_catalog"].run({"query": "tent for four", "max_price": 300})
    >>> found["products"][0]["name"]
    'Meadow Four'
    """
    tools = (
        ShopTool(SEARCH, lambda given: search_catalog(catalog, customer, **_checked(_Search, given))),
        ShopTool(GET, lambda given: get_product(catalog, customer, **_checked(_Get, given))),
        ShopTool(ORDER, lambda given: order_status(catalog, customer, **_checked(_Order, given))),
    )
    return {str(tool.schema["name"]): tool for tool in tools}


def search_catalog(
    catalog: Catalog,
    customer: Customer,
    query: str,
    category: str | None = None,
    max_price: float | None = None,
    limit: int = 3,
) -> dict[str, Any]:
    """The products that fit a query best, each with the words that fit it.

    What the customer has bought already is marked, and told last unless the query names it: nobody wants it
    recommended again.

    Raises:
        ShopError: there is no such category.
    """
    products: Sequence[Product] = tuple(catalog)
    if category is not None:
        products = catalog.by_category(_category(category))
    affordable = [product for product in products if max_price is None or product.price_usd <= max_price]
    hits = search(query, affordable)
    # Stable, so that among the others the best stay in front.
    hits = sorted(hits, key=lambda hit: hit.product.sku in customer.purchases and not hit.named)
    told: dict[str, Any] = {
        "products": [_row(hit.product, customer) | {"matches": list(hit.words)} for hit in hits[:limit]]
    }
    if len(hits) > limit:
        told["more"] = len(hits) - limit
    if not hits:
        dearer = search(query, products)
        told["note"] = (
            f"Nothing fits below that price; the cheapest that fits costs {_cheapest(dearer).price}."
            if dearer
            else "Nothing in the catalogue fits: say so, and do not offer what is not there."
        )
    return told


def get_product(catalog: Catalog, customer: Customer, sku: str) -> dict[str, Any]:
    """Everything that the shop knows of one product.

    Raises:
        ShopError: there is none with this SKU or name.
    """
    product = _find(catalog, sku)
    return _row(product, customer) | {
        "brand": product.brand,
        "story": product.story,
        "features": list(product.features),
        "facts": dict(product.facts),
    }


def order_status(catalog: Catalog, customer: Customer, order: str | None = None) -> dict[str, Any]:
    """What is known of the customer's orders: what was bought, and nothing else.

    Args:
        order: a product's SKU or name, or an order number, of which we know none.
    """
    bought = [catalog.get(sku) for sku in customer.purchases]
    names = " and ".join(filter(None, [", ".join(f"the {one.name}" for one in bought[:-1]), *_last(bought)]))
    told: dict[str, Any] = {
        "bought": [{"sku": product.sku, "name": product.name} for product in bought],
        "summary": f"I can see that you have bought {names or 'nothing from us yet'}. {_NO_ORDERS}",
        "note": "There is no more than this in the shop's data: do not guess dates, numbers or deliveries.",
    }
    if order is not None and order.strip():
        told["asked_for"] = order
        try:
            told["was_bought"] = _find(catalog, order) in bought
        except ShopError:
            told["was_bought"] = None  # an order number, or nothing of ours: we cannot tell
    return told


def _last(bought: Sequence[Product]) -> list[str]:
    return [f"the {product.name}" for product in bought[-1:]]


def _row(product: Product, customer: Customer) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price_usd": product.price_usd,
        "description": product.description,
        "already_bought": product.sku in customer.purchases,
    }


def _cheapest(hits: Sequence[Any]) -> Product:
    product: Product = min((hit.product for hit in hits), key=lambda product: product.price_usd)
    return product


def _category(named: str) -> str:
    """A category as the catalogue writes it; the catalogue says what is wrong with another."""
    return next((category for category in CATEGORIES if category.lower() == named.lower()), named)


def _find(catalog: Catalog, named: str) -> Product:
    """A product by its SKU, however it is spelled, or by its name."""
    plain = re.sub(r"[^a-z0-9]", "", named.lower())
    for product in catalog:
        if plain in (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (product.sku, product.name)):
            return product
    return catalog.get(named.upper())


def _checked(kind: type[_Arguments], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return kind.model_validate(dict(given)).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the arguments"
        raise ShopError(f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}") from error


def _schema(name: str, description: str, required: Sequence[str], **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        },
    }


SEARCH = _schema(
    "search_catalog",
    "Find products of this shop that fit what the customer needs. Call it before you recommend anything, and "
    "recommend only what it gives. Never recommend a product with already_bought true unless the customer asks for "
    "that very product. Prices are US dollars.",
    ["query"],
    query={
        "type": "string",
        "description": "What the customer needs, in a few plain words: 'warm sleeping bag', 'tent for four'.",
    },
    category={
        "type": "string",
        "enum": list(CATEGORIES),
        "description": "Only products of this category. Leave it out when the customer named none.",
    },
    max_price={"type": "number", "description": "The most that it may cost. Leave it out when no limit was named."},
    limit={
        "type": "integer", "minimum": 1, "maximum": MOST_FOUND,
        "description": "How many products to give; 3 when left out. Ask for few: they are read aloud.",
    },
)  # fmt: skip
GET = _schema(
    "get_product",
    "Everything that the shop knows of one product: price, features, weight, sizes, material. Call it before you "
    "state a fact that you were not given, and state only facts that it gives.",
    ["sku"],
    sku={"type": "string", "description": "The product's SKU, such as TEN-02. Its exact name works as well."},
)
ORDER = _schema(
    "order_status",
    "What this customer has bought. The shop's data hold no order numbers, dates or deliveries; the answer says so, "
    "and so must you. It is always about the customer of this call, never about anybody else.",
    [],
    order={
        "type": "string",
        "description": "The product or order number that the customer asks about. Leave it out for all purchases.",
    },
)
