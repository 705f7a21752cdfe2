"""What an agent can look up while it talks: the catalogue, a product or its manual, and what this customer has bought.

Pure functions over the catalogue and one customer, with small answers, because a model reads every word of them
before it goes on talking. Nothing is invented: `order_status` says what is known (what was bought) and what is not
(when it comes, where it is). What changes something (the cart, the screen, an order) is in `buying`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from contoso_lab.errors import ShopError
from contoso_lab.shop.buying import buying_tools
from contoso_lab.shop.cart import Basket, Order, orders_of
from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.prices import written
from contoso_lab.shop.search import Hit
from contoso_lab.shop.tool_arguments import Arguments, bare, checked, find, with_orders
from contoso_lab.shop.tool_schemas import MOST_FOUND, schemas

_NO_ORDERS = "Where an order is and when it arrives I cannot see."

Section = Literal["features", "technical_specs", "user_guide", "cautions", "warranty", "returns", "faq"]


@dataclass(frozen=True, slots=True)
class ShopTool:
    """A tool of the shop: how a session names it, and what it does."""

    schema: Mapping[str, Any]
    """As it stands in a session's `tools`."""
    _do: Callable[[Mapping[str, Any], str], Mapping[str, Any]]

    def run(self, arguments: Mapping[str, Any], *, call_id: str = "") -> Mapping[str, Any]:
        """Look it up, or do it.

        Args:
            call_id: the id that the model's call carries; what changes something is done once for each.

        Raises:
            ShopError: an argument is wrong, or there is no such product; the sentence is for the model.
        """
        return self._do(arguments, call_id)


class _Search(Arguments):
    query: str = Field(max_length=200)
    category: str | None = None
    max_price: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    limit: int = Field(default=3, ge=1, le=MOST_FOUND)


class _Get(Arguments):
    sku: str = Field(min_length=1, max_length=80)
    section: Section | None = None


class _Order(Arguments):
    order: str | None = Field(default=None, max_length=80)


def shop_tools(
    customer: Customer,
    catalog: Catalog,
    basket: Basket | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, ShopTool]:
    """The tools of a conversation with this customer, by name.

    Args:
        basket: where the conversation's cart and orders are kept; without one there is nothing to put things into,
            and the agent can only look things up.
        now: the clock.

    >>> from contoso_lab.shop import get_customer
    >>> tools = shop_tools(get_customer("maya"), Catalog.load())
    >>> found = tools["search_catalog"].run({"query": "tent for four", "max_price": 300})
    >>> found["products"][0]["name"]
    'Meadow Four'
    """
    known = schemas(catalog)
    _ = catalog.index  # made before the call begins, not while somebody waits for an answer

    def orders() -> tuple[Order, ...]:
        """The customer's, of this conversation and of all before it."""
        return () if basket is None else (*basket.earlier_orders(), *orders_of(basket.read()))

    def bought() -> Customer:
        """The customer, with what they have ordered since."""
        return with_orders(customer, orders(), catalog)

    tools = {
        "search_catalog": lambda given, _: search_catalog(catalog, bought(), **checked(_Search, given)),
        "get_product": lambda given, _: get_product(catalog, bought(), **checked(_Get, given)),
        "order_status": lambda given, _: order_status(catalog, customer, **checked(_Order, given), orders=orders()),
        **({} if basket is None else buying_tools(bought, catalog, basket, now=now)),
    }
    return {name: ShopTool(known[name], do) for name, do in tools.items()}


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
    there = {product.sku for product in catalog.by_category(category)} if category is not None else set()

    def open_to(product: Product) -> bool:
        return category is None or product.sku in there

    hits = catalog.search(query, open_to, most=max_price)
    # Stable, so that among the others the best stay in front.
    hits = sorted(hits, key=lambda hit: hit.product.sku in customer.purchases and not hit.named)
    told: dict[str, Any] = {
        "products": [row(hit.product, customer) | {"matches": list(hit.words)} for hit in hits[:limit]]
    }
    if len(hits) > limit:
        told["more"] = len(hits) - limit
    if not hits:
        dearer = catalog.search(query, open_to)
        told["note"] = (
            f"Nothing fits below that price; the cheapest that fits costs {_cheapest(dearer).price}."
            if dearer
            else "Nothing in the catalogue fits: say so, and do not offer what is not there."
        )
    return told


def get_product(catalog: Catalog, customer: Customer, sku: str, section: Section | None = None) -> dict[str, Any]:
    """Everything that the shop knows of one product, or a section of its manual.

    Raises:
        ShopError: there is none with this SKU or name.
    """
    product = find(catalog, sku)
    if section is not None:
        text = product.manual.sections.get(section.replace("_", " "))
        told: dict[str, Any] = {"sku": product.sku, "name": product.name, "section": section.replace("_", " ")}
        if text is None:
            return told | {"note": "The shop has no manual of this product: say that you do not know."}
        return told | {"text": _plain(text)}
    return row(product, customer) | {
        "brand": product.brand,
        "story": product.story,
        "features": list(product.features),
        "facts": dict(product.facts),
        "manual": list(product.manual.sections),
    }


def order_status(
    catalog: Catalog, customer: Customer, order: str | None = None, orders: Sequence[Order] = ()
) -> dict[str, Any]:
    """What is known of the customer's purchases and orders, and nothing else.

    Args:
        order: a product's SKU or name, or the number of an order.
        orders: those that were placed with us, in this conversation or an earlier one.
    """
    bought = [catalog.get(sku) for sku in customer.purchases]
    names = _listing([f"the {one.name}" for one in bought])
    placed = [_order_row(one, catalog) for one in orders]
    said = f"I can see that you have bought {names or 'nothing from us yet'}."
    for one, told_as in zip(orders, placed, strict=True):
        said += f" Order {one.id} over {told_as['total']} has been placed."
    told: dict[str, Any] = {
        "bought": [{"sku": product.sku, "name": product.name} for product in bought],
        **({"orders": placed} if placed else {}),
        "summary": f"{said} {_NO_ORDERS}",
        "note": "There is no more than this in the shop's data: do not guess dates, numbers or deliveries.",
    }
    if order is not None and order.strip():
        told["asked_for"] = order
        asked = [one for one in orders if bare(one.id) == bare(order)]
        if asked:
            told |= {"was_bought": True, "order": _order_row(asked[0], catalog)}
            return told
        try:
            product = find(catalog, order)
        except ShopError:
            told["was_bought"] = None  # an order number, or nothing of ours: we cannot tell
        else:
            told["was_bought"] = product in bought or any(
                line.sku == product.sku for one in orders for line in one.lines
            )
    return told


def row(product: Product, customer: Customer) -> dict[str, Any]:
    """A product as an answer tells of it."""
    price = {"price_usd": float(product.amount)} if product.currency == "USD" else {
        "price": float(product.amount), "currency": product.currency,
    }  # fmt: skip
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        **price,
        "description": product.description,
        "already_bought": product.sku in customer.purchases,
    }


def _order_row(order: Order, catalog: Catalog) -> dict[str, Any]:
    return {
        "id": order.id,
        "placed": order.at.isoformat(timespec="minutes"),
        "lines": [
            {"sku": line.sku, "name": catalog.name_of(line.sku), "quantity": line.quantity}
            for line in order.lines
        ],
        "total": written(order.total, order.currency),
        "status": "placed",
    }  # fmt: skip


def _cheapest(hits: Sequence[Hit]) -> Product:
    return min((hit.product for hit in hits), key=lambda product: product.amount)


def _listing(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _plain(text: str) -> str:
    """A section for somebody who will say it: no headings, no stars, no lines of a table's frame."""
    text = re.sub(r"(?m)^\|[-|\s]+\|$\n?|^\| what \| value \|$\n?", "", text)
    text = re.sub(r"(?m)^\|\s*(.+?)\s*\|\s*(.+?)\s*\|$", r"\1: \2", text)
    return re.sub(r"\n{2,}", "\n", re.sub(r"(?m)^#+ +|\*\*", "", text)).strip()
