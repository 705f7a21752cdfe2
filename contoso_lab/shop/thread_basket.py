"""The cart of a conversation that the memory keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from contoso_lab.memory import Memory
from contoso_lab.shop.cart import Order, State, orders_of


@dataclass(frozen=True, slots=True)
class ThreadBasket:
    """A `Basket` in a thread's state: it lives through a restart, and chat and call share it.

    >>> from contoso_lab.memory import open_memory
    >>> from contoso_lab.shop import Cart, Catalog, get_customer, shop_tools
    >>> with open_memory("sqlite://") as memory:
    ...     basket = ThreadBasket(memory, memory.create(customer="maya", persona="voice", language="en").id)
    ...     tools = shop_tools(get_customer("maya"), Catalog.load(), basket)
    ...     _ = tools["add_to_cart"].run({"sku": "TEN-02"}, call_id="call_1")
    ...     Cart.of(basket.read(), Catalog.load())
    <Cart: 1 x Meadow Four; $279.00>
    """

    memory: Memory
    thread_id: str

    def read(self) -> State:
        """The state as it is now.

        Raises:
            MemoryMissing: there is no such thread, any more.
        """
        return self.memory.get(self.thread_id).state

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> State:
        """Change it; tried again when another relay was faster."""
        return self.memory.update(self.thread_id, change).state

    def earlier_orders(self) -> Sequence[Order]:
        """What the thread's customer has ordered in other threads, oldest first."""
        return orders_of_customer(self.memory, self.memory.get(self.thread_id).customer, but=self.thread_id)


def orders_of_customer(memory: Memory, customer: str, *, but: str | None = None) -> tuple[Order, ...]:
    """What a customer has ordered in all their threads, oldest first; open or closed, until they are forgotten.

    Args:
        but: a thread that is left out.
    """
    threads = memory.list(customer, include_closed=True)
    found = [order for thread in threads if thread.id != but for order in orders_of(thread.state)]
    return tuple(sorted(found, key=lambda order: order.at))
