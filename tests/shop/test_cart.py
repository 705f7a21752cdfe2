"""The cart: exact sums, bounded quantities, and nothing counted twice, whatever is done to it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.errors import ShopError
from contoso_lab.shop import Cart, Catalog, DictBasket
from contoso_lab.shop.cart import MOST_LINES, MOST_OF_ONE, Line, Order, orders_of, place_order

CATALOG = Catalog.load()
SKUS = [product.sku for product in CATALOG]
AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove"]),
        st.sampled_from([*SKUS[:4], "TEN-99"]),
        st.integers(-2, 30),
        st.sampled_from(["", "a", "b", "c", "d"]),
    ),
    max_size=40,
)
Change = tuple[str, str, int, str]


def changed(cart: Cart, change: Change) -> Cart:
    what, sku, quantity, call = change
    try:
        if what == "add":
            return cart.add(sku, quantity, call_id=call)
        return cart.remove(sku, max(1, quantity), call_id=call)
    except ShopError:
        return cart


@given(CHANGES)
def test_whatever_is_asked_the_cart_stays_possible(changes: list[Change]) -> None:
    cart = Cart(CATALOG)
    for change in changes:
        cart = changed(cart, change)
        assert all(1 <= line.quantity <= MOST_OF_ONE for line in cart.lines)
        assert len({line.sku for line in cart.lines}) == len(cart.lines) <= MOST_LINES
        assert all(line.sku in CATALOG for line in cart.lines)
        assert cart.total == sum(line.quantity * CATALOG.get(line.sku).amount for line in cart.lines)
        assert Cart.of(cart.into({}), CATALOG) == cart, "it survives being written down"


@given(CHANGES)
def test_a_call_that_comes_again_changes_nothing(changes: list[Change]) -> None:
    cart = Cart(CATALOG)
    for number, (what, sku, quantity, _) in enumerate(changes):
        once = changed(cart, (what, sku, quantity, f"call_{number}"))
        assert changed(once, (what, sku, quantity, f"call_{number}")).lines == once.lines or once is cart
        cart = once


@given(
    st.lists(st.tuples(st.decimals("0.01", "9999.99", places=2), st.integers(1, MOST_OF_ONE)), min_size=1, max_size=9)
)
def test_the_total_is_exact_to_the_cent(rows: list[tuple[Decimal, int]]) -> None:
    shop = Catalog.from_frame(
        pd.DataFrame({"name": [f"n{n}" for n in range(len(rows))], "price": [str(price) for price, _ in rows]})
    )
    cart = Cart(shop)
    for product, (_, quantity) in zip(shop, rows, strict=True):
        cart = cart.add(product.sku, quantity)
    cents = sum(int(price * 100) * quantity for price, quantity in rows)  # whole numbers cannot be inexact
    assert cart.total * 100 == cents


def test_a_tenth_added_ten_times_is_one() -> None:
    shop = Catalog.from_frame(pd.DataFrame({"name": ["peg"], "price": ["0.10"]}))
    cart = Cart(shop).add("PRD-01", 3)
    assert str(cart.total) == "0.30", "as floats it would be 0.30000000000000004"


@pytest.mark.parametrize(
    ("quantity", "said"),
    [(0, "has to be 1 to 20, not 0"), (-1, "has to be 1 to 20"), (21, "has to be 1 to 20"),
     (19, "2 of the Meadow Four are in the cart and at most 20 can be; add 18")],
)  # fmt: skip
def test_too_many_or_none_is_refused_in_a_sentence(quantity: int, said: str) -> None:
    with pytest.raises(ShopError, match=said):
        Cart(CATALOG).add("TEN-02", 2).add("TEN-02", quantity)


def test_what_is_not_there_cannot_be_added_or_taken_out() -> None:
    with pytest.raises(ShopError, match="no product 'TEN-99'"):
        Cart(CATALOG).add("TEN-99")
    with pytest.raises(ShopError, match="holds no Harbor Two"):
        Cart(CATALOG).remove("TEN-01")


def test_a_cart_shows_itself() -> None:
    cart = Cart(CATALOG).add("TEN-02").add("SLE-01", 2)
    assert repr(cart) == "<Cart: 1 x Meadow Four, 2 x Summer Night; $397.00>"
    assert repr(Cart(CATALOG)) == "<Cart: empty; $0.00>"
    assert "empty" in Cart(CATALOG)._repr_html_()
    shown = cart._repr_html_()
    assert [sums for sums in ("$279.00", "$118.00", "$397.00") if sums in shown] == ["$279.00", "$118.00", "$397.00"]
    assert shown.count("<tr") == 3
    assert "color:#" not in shown


def test_a_product_that_the_catalogue_lost_is_gone_from_the_cart() -> None:
    state = {"cart": [{"sku": "OLD-01", "quantity": 1}, {"sku": "TEN-02", "quantity": 1}]}
    assert Cart.of(state, CATALOG).lines == (Line("TEN-02", 1),)


@pytest.mark.parametrize("cart", ["x", [1], [{"sku": "TEN-02"}], [{"sku": "TEN-02", "quantity": "many"}]])
def test_a_state_that_is_no_cart_is_blamed(cart: object) -> None:
    with pytest.raises(ShopError, match="no list of"):
        Cart.of({"cart": cart}, CATALOG)


def test_an_order_keeps_its_price_and_empties_the_cart() -> None:
    state = Cart(CATALOG).add("TEN-02").into({"facts": ["likes lakes"]})
    after = place_order(state, CATALOG, order_id="CO-1", at=AT, call_id="c")
    assert after["cart"] == []
    assert after["facts"] == ["likes lakes"], "what else a thread knows stays"
    [order] = orders_of(after)
    assert order == Order("CO-1", AT, (Line("TEN-02", 1),), Decimal("279.00"), "USD", "c")
    assert Order.from_json(order.to_json()) == order
    assert place_order(after, CATALOG, order_id="CO-2", at=AT, call_id="c") == after, "once for each call"
    with pytest.raises(ShopError, match="nothing to buy"):
        place_order(after, CATALOG, order_id="CO-2", at=AT, call_id="d")


def test_an_order_that_cannot_be_read_is_blamed() -> None:
    with pytest.raises(ShopError, match="cannot be read"):
        orders_of({"orders": [{"id": "CO-1"}]})


def test_a_change_that_fails_leaves_the_basket_as_it_was() -> None:
    basket = DictBasket({"cart": [{"sku": "TEN-02", "quantity": 20}]})
    with pytest.raises(ShopError):
        basket.update(lambda state: Cart.of(state, CATALOG).add("TEN-02").into(state))
    assert basket.read() == {"cart": [{"sku": "TEN-02", "quantity": 20}]}
