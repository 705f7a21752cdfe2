"""What an agent can do for a customer: fill the cart, put products on the screen, and buy.

Each tool asks for what the rules ask for: products that exist, permission before something is shown, a yes to the
total before something is bought. What is refused is said in a sentence that tells the model what to do instead.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from contoso_lab.errors import ShopError
from contoso_lab.shop.agreeing import has_agreed, with_button, without_agreement
from contoso_lab.shop.cart import MOST_OF_ONE, Basket, Cart, orders_of, place_order
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.prices import rounded, written
from contoso_lab.shop.shown import with_shown
from contoso_lab.shop.tool_arguments import Arguments, checked, find, with_orders
from contoso_lab.shop.tool_schemas import MOST_SHOWN


class _Add(Arguments):
    sku: str = Field(min_length=1, max_length=80)
    quantity: int = Field(default=1, ge=1, le=MOST_OF_ONE)


class _Show(Arguments):
    skus: list[str] = Field(min_length=1, max_length=MOST_SHOWN)


class _Checkout(Arguments):
    confirmed_total: Decimal | None = Field(default=None, gt=0, allow_inf_nan=False)


Do = Callable[[Mapping[str, Any], str], Mapping[str, Any]]


def buying_tools(
    customer: Callable[[], Customer], catalog: Catalog, basket: Basket, *, now: Callable[[], datetime]
) -> dict[str, Do]:
    """The tools that change something, by name; each takes the model's arguments and the id of its call.

    Args:
        customer: with all that they have bought by then.
    """
    return {
        "add_to_cart": lambda given, call: add_to_cart(
            catalog, customer(), basket, **checked(_Add, given), call_id=call
        ),
        "show_suggestions": lambda given, call: show_suggestions(
            catalog, customer(), basket, **checked(_Show, given), call_id=call
        ),
        "checkout": lambda given, call: checkout(catalog, basket, **checked(_Checkout, given), at=now(), call_id=call),
    }


def add_to_cart(
    catalog: Catalog, customer: Customer, basket: Basket, sku: str, quantity: int = 1, *, call_id: str = ""
) -> dict[str, Any]:
    """Put a product into the cart, once for each call.

    >>> from contoso_lab.shop import DictBasket, get_customer
    >>> add_to_cart(Catalog.load(), get_customer("maya"), DictBasket(), "meadow four", 2)["message"]
    '2 of the Meadow Four are in your cart now, $558.00 in all.'

    Raises:
        ShopError: there is no such product, or that would be too many.
    """
    product = find(catalog, sku)

    def change(state: dict[str, Any]) -> dict[str, Any]:
        return Cart.of(state, catalog).add(product.sku, quantity, call_id=call_id).into(state)

    state = basket.update(change)
    cart = Cart.of(state, catalog)
    count = cart.quantity(product.sku)
    said = f"The {product.name} is" if count == 1 else f"{count} of the {product.name} are"
    told = {"message": f"{said} in your cart now, {written(cart.total, catalog.currency)} in all.", **_told(cart)}
    if product.sku in with_orders(customer, orders_of(state), catalog).purchases:
        told["already_bought"] = True
        told["note"] = f"The customer owns the {product.name} already: say so, and ask whether they want another."
    return told


def show_suggestions(
    catalog: Catalog, customer: Customer, basket: Basket, skus: list[str], *, call_id: str = ""
) -> dict[str, Any]:
    """Put products on the customer's screen, if they allowed it; what is there already is not shown again.

    Raises:
        ShopError: they did not, there is no such product, or they own all of them.
    """
    products = list({product.sku: product for product in (find(catalog, sku) for sku in skus)}.values())

    still: list[str] = []

    def change(state: dict[str, Any]) -> dict[str, Any]:
        shown = list(state.get("shown") or ())
        still.clear()
        if call_id and any(page.get("id") == call_id for page in shown):
            return state
        if not (state.get("consent") or {}).get("screen"):
            raise ShopError("the customer has not allowed it yet: ask whether you may put it on their screen")
        owned = with_orders(customer, orders_of(state), catalog).purchases
        fresh = [product.sku for product in products if product.sku not in owned]
        if not fresh:
            names = " and ".join(product.name for product in products)
            raise ShopError(f"the customer owns the {names} already: suggest something that they do not have")
        if shown and list(shown[-1].get("skus") or ()) == fresh:
            still.extend(fresh)
            return state
        return with_shown(state, {"skus": fresh, **({"id": call_id} if call_id else {})})

    state = basket.update(change)
    mine = [page for page in state["shown"] if call_id and page.get("id") == call_id] or state["shown"][-1:]
    seen = [catalog.get(sku) for sku in mine[-1]["skus"] if sku in catalog]
    left_out = [product.name for product in products if product not in seen]
    names = [product.name for product in seen]
    there = f"The {' and the '.join(names)} {'are' if len(names) > 1 or names[0].endswith('s') else 'is'}"
    return {
        # Whoever shows things shows what stands here.
        "shown": [{"sku": product.sku, "name": product.name, "image": product.image} for product in seen if not still],
        "message": f"{there} already on your screen." if still else f"{there} on your screen now.",
        **({"left_out": left_out, "note": "The customer owns these already."} if left_out else {}),
    }


def checkout(
    catalog: Catalog,
    basket: Basket,
    confirmed_total: Decimal | None = None,
    *,
    at: datetime,
    call_id: str = "",
    new_id: Callable[[], str] = lambda: f"CO-{secrets.randbelow(10**10):010}",
) -> dict[str, Any]:
    """Buy what is in the cart: first it tells the total, then, with the total that was said yes to, it buys.

    Args:
        at: now, with its time zone.
        new_id: makes the number of an order.

    Raises:
        ShopError: the cart is empty, its total is not the one that was confirmed, or the customer has not agreed to
            it, whatever the model believes (`agreeing`).
    """
    before = basket.read()
    done = next((order for order in orders_of(before) if call_id and order.call_id == call_id), None)
    if confirmed_total is None and done is None:
        cart = Cart.of(before, catalog)
        if not cart:
            raise ShopError("the cart is empty, so there is nothing to buy; ask what the customer would like")
        total = written(cart.total, catalog.currency)
        return {
            "message": f"That comes to {total}. Shall I place the order?",
            **_told(cart),
            "note": "Nothing is bought yet. Ask. After a clear yes, call checkout with confirmed_total.",
        }
    order_id = new_id()

    def change(state: dict[str, Any]) -> dict[str, Any]:
        cart = Cart.of(state, catalog)
        placed = call_id and any(order.call_id == call_id for order in orders_of(state))
        if cart and not placed and confirmed_total is not None:
            said = rounded(confirmed_total, catalog.currency)
            if said != cart.total:
                raise ShopError(
                    f"the customer said yes to {written(said, catalog.currency)}, but the cart comes to "
                    f"{written(cart.total, catalog.currency)}: say the right total and ask again"
                )
            if not has_agreed(state, cart.total, catalog.currency):
                raise ShopError(
                    f"the customer has not been heard to agree to {written(cart.total, catalog.currency)}: say this "
                    "total, ask whether you shall place the order, and wait for a plain yes"
                )
        return without_agreement(place_order(state, catalog, order_id=order_id, at=at, call_id=call_id))

    orders = orders_of(basket.update(change))
    order = next((one for one in orders if call_id and one.call_id == call_id), orders[-1])
    total = written(order.total, order.currency)
    return {
        "message": f"Your order {order.id} over {total} is placed. Thank you!",
        "order_id": order.id,
        "total": total,
    }


def press_buy(catalog: Catalog, basket: Basket, total: Decimal) -> Decimal:
    """Note that the customer pressed the button that buys for this total; `checkout` with it buys then.

    Raises:
        ShopError: the cart is empty, or comes to another total than the button said.
    """

    def change(state: dict[str, Any]) -> dict[str, Any]:
        cart = Cart.of(state, catalog)
        if not cart:
            raise ShopError("the cart is empty, so there is nothing to buy")
        if rounded(total, catalog.currency) != cart.total:
            shown, due = written(total, catalog.currency), written(cart.total, catalog.currency)
            raise ShopError(f"the button says {shown}, but the cart comes to {due}: show the cart again")
        return with_button(state, cart.total)

    basket.update(change)
    return rounded(total, catalog.currency)


def _told(cart: Cart) -> dict[str, Any]:
    return {
        "cart": [
            {"sku": line.sku, "name": cart.catalog.get(line.sku).name, "quantity": line.quantity} for line in cart.lines
        ],
        "total": float(cart.total),
        "currency": cart.catalog.currency,
    }
