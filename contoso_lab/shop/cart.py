"""A cart and an order: values and pure functions, exact to the cent.

Changing a cart gives another cart. A change carries the id of the call that asks for it, and the same id counts
once: a model that repeats itself, or a relay that does, buys nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from contoso_lab.errors import ShopError
from contoso_lab.facts_card import facts_html
from contoso_lab.shop import card
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.prices import rounded, written

MOST_OF_ONE = 20
"""How many of one product; who wants more talks to a person."""
MOST_LINES = 30
_CALLS_KEPT = 100
"""How many ids of calls are remembered; a repeated one comes soon or never."""

State = Mapping[str, Any]
"""What a thread remembers, as JSON."""


class Basket(Protocol):
    """Where a conversation's state is kept: a thread of the memory, or a dict in a test."""

    def read(self) -> State:
        """The state as it is now: `cart`, `orders`, `consent`, `shown` and whatever else stands there."""
        ...

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> State:
        """Change it in one step that nobody can come between, and give what came of it.

        `change` may be called again when somebody else was faster; what it raises leaves all as it was.
        """
        ...

    def earlier_orders(self) -> Sequence[Order]:
        """What the same customer has ordered in other conversations, oldest first."""
        ...


@dataclass
class DictBasket:
    """A basket in a dict: for tests and notebooks, where one conversation is alone.

    >>> DictBasket().update(lambda state: state | {"consent": {"screen": True}})
    {'consent': {'screen': True}}
    """

    state: dict[str, Any] | None = None

    def read(self) -> State:
        """The state as it is now."""
        return dict(self.state or {})

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> State:
        """Change it."""
        self.state = change(dict(self.state or {}))
        return dict(self.state)

    def earlier_orders(self) -> Sequence[Order]:
        """None: nothing is known of other conversations."""
        return ()


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, repr=False)
class Cart:
    """What a customer is about to buy.

    >>> cart = Cart(Catalog.load()).add("TEN-02").add("SLE-01", 2)
    >>> cart
    <Cart: 1 x Meadow Four, 2 x Summer Night; $397.00>
    >>> cart.add("SLE-01", 2, call_id="c1").add("SLE-01", 2, call_id="c1").lines[1].quantity
    4
    """

    catalog: Catalog
    lines: tuple[Line, ...] = ()
    calls: tuple[str, ...] = ()
    """Which calls have changed it already."""

    @classmethod
    def of(cls, state: State, catalog: Catalog) -> Cart:
        """The cart that a state holds; products that the catalogue no longer has are gone.

        Raises:
            ShopError: the state holds something that is no cart.
        """
        try:
            lines = tuple(Line(str(one["sku"]), int(one["quantity"])) for one in state.get("cart") or ())
        except (TypeError, KeyError, ValueError) as problem:
            raise ShopError("the thread's cart is no list of {sku, quantity}; empty it") from problem
        kept = tuple(line for line in lines if line.sku in catalog and 1 <= line.quantity <= MOST_OF_ONE)
        return cls(catalog, kept, tuple(state.get("cart_calls") or ()))

    def into(self, state: State) -> dict[str, Any]:
        """The state with this cart in it."""
        lines = [{"sku": line.sku, "quantity": line.quantity} for line in self.lines]
        return {**state, "cart": lines, "cart_calls": list(self.calls)}

    def add(self, sku: str, quantity: int = 1, *, call_id: str = "") -> Cart:
        """The cart with so many more of a product; the same cart when this call has been counted.

        Raises:
            ShopError: there is no such product, or that would be too many or none.
        """
        if call_id and call_id in self.calls:
            return self
        product = self.catalog.get(sku)
        here = self.quantity(sku)
        if not 1 <= quantity <= MOST_OF_ONE:
            raise ShopError(f"quantity has to be 1 to {MOST_OF_ONE}, not {quantity}; ask how many the customer wants")
        if here + quantity > MOST_OF_ONE:
            raise ShopError(
                f"{here} of the {product.name} are in the cart and at most {MOST_OF_ONE} can be; add "
                f"{MOST_OF_ONE - here} or offer that a colleague calls"
            )
        if not here and len(self.lines) >= MOST_LINES:
            raise ShopError(f"the cart holds {MOST_LINES} different products, which is the most; check out first")
        lines = {line.sku: line.quantity for line in self.lines} | {sku: here + quantity}
        return self._with(lines, call_id)

    def remove(self, sku: str, quantity: int | None = None, *, call_id: str = "") -> Cart:
        """The cart with so many fewer of a product, or without it.

        Raises:
            ShopError: it is not in the cart.
        """
        if call_id and call_id in self.calls:
            return self
        here = self.quantity(sku)
        if not here:
            raise ShopError(f"the cart holds no {self.catalog.get(sku).name}; there is nothing to take out")
        left = max(0, here - (here if quantity is None else quantity))
        return self._with({line.sku: line.quantity for line in self.lines} | {sku: left}, call_id)

    def quantity(self, sku: str) -> int:
        """How many of a product are in it."""
        return next((line.quantity for line in self.lines if line.sku == sku), 0)

    @property
    def total(self) -> Decimal:
        """What everything costs, exact."""
        whole = sum((line.quantity * self.catalog.get(line.sku).amount for line in self.lines), Decimal(0))
        return rounded(whole, self.catalog.currency)

    def _with(self, quantities: Mapping[str, int], call_id: str) -> Cart:
        calls = (*self.calls, *([call_id] if call_id else []))[-_CALLS_KEPT:]
        lines = tuple(Line(sku, quantity) for sku, quantity in quantities.items() if quantity)
        return replace(self, lines=lines, calls=calls)

    def __bool__(self) -> bool:
        return bool(self.lines)

    def __repr__(self) -> str:
        held = ", ".join(f"{line.quantity} x {self.catalog.get(line.sku).name}" for line in self.lines) or "empty"
        return f"<Cart: {held}; {written(self.total, self.catalog.currency)}>"

    def _repr_html_(self) -> str:
        held = [(self.catalog.get(line.sku), line.quantity) for line in self.lines]
        rows = [(one, count, written(count * one.amount, one.currency)) for one, count in held]
        return card.cart_table(rows, written(self.total, self.catalog.currency))


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """What was bought, at the prices of that moment."""

    id: str
    at: datetime
    lines: tuple[Line, ...]
    total: Decimal
    currency: str
    call_id: str = ""

    def __repr__(self) -> str:
        held = ", ".join(f"{line.quantity} x {line.sku}" for line in self.lines)
        return f"<Order {self.id}: {held}; {written(self.total, self.currency)}>"

    def _repr_html_(self) -> str:
        lines = [(line.sku, f"{line.quantity} ×") for line in self.lines]
        total = written(self.total, self.currency)
        return facts_html(f"order {self.id}", [("at", self.at.isoformat(timespec="minutes")), *lines, ("total", total)])

    def to_json(self) -> dict[str, Any]:
        """As a thread's state keeps it; money as text, because a float is not exact."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "lines": [{"sku": line.sku, "quantity": line.quantity} for line in self.lines],
            "total": str(self.total),
            "currency": self.currency,
            "call_id": self.call_id,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Order:
        """Read what `to_json` wrote.

        Raises:
            ShopError: it is no order.
        """
        try:
            return cls(
                str(data["id"]),
                datetime.fromisoformat(data["at"]),
                tuple(Line(str(one["sku"]), int(one["quantity"])) for one in data["lines"]),
                Decimal(data["total"]),
                str(data["currency"]),
                str(data.get("call_id", "")),
            )
        except (TypeError, KeyError, ValueError, ArithmeticError) as problem:
            raise ShopError("the thread holds an order that cannot be read; take it out") from problem


def orders_of(state: State) -> tuple[Order, ...]:
    """The orders that a state holds, oldest first."""
    return tuple(map(Order.from_json, state.get("orders") or ()))


def place_order(state: State, catalog: Catalog, *, order_id: str, at: datetime, call_id: str = "") -> dict[str, Any]:
    """The state in which the cart has become an order; unchanged when this call has placed one.

    Args:
        at: now, with its time zone.

    Raises:
        ShopError: the cart is empty.
    """
    orders = orders_of(state)
    if call_id and any(order.call_id == call_id for order in orders):
        return dict(state)
    cart = Cart.of(state, catalog)
    if not cart:
        raise ShopError("the cart is empty, so there is nothing to buy; ask what the customer would like")
    order = Order(order_id, at, cart.lines, cart.total, catalog.currency, call_id)
    return {**replace(cart, lines=()).into(state), "orders": [*(one.to_json() for one in orders), order.to_json()]}
