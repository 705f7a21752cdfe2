"""The tools that change something: cart, screen and order, each with its rule, over a dict and over the memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from openai.types.realtime import RealtimeFunctionTool

from contoso_lab.errors import ShopError
from contoso_lab.memory import open_memory
from contoso_lab.shop import Basket, Cart, Catalog, DictBasket, get_customer, shop_tools
from contoso_lab.shop.agreeing import with_words
from contoso_lab.shop.buying import press_buy
from contoso_lab.shop.thread_basket import ThreadBasket

CATALOG = Catalog.load()
AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(params=["dict", "memory"])
def basket(request: pytest.FixtureRequest) -> Iterator[Basket]:
    if request.param == "dict":
        yield DictBasket()
        return
    with open_memory("sqlite://") as memory:
        yield ThreadBasket(memory, memory.create(customer="maya", persona="voice", language="en").id)


def allow(basket: Basket) -> None:
    basket.update(lambda state: state | {"consent": {"screen": True}})


def agree(basket: Basket, total: str, said: str = "Yes, please.") -> None:
    """The customer says yes to a total, as the relay's minutes write it down."""
    basket.update(lambda state: with_words(state, said=said, asked=f"That comes to {total}. Shall I place the order?"))


def call(basket: Basket, name: str, /, customer: str = "maya", call_id: str = "", **arguments: Any) -> dict[str, Any]:
    tool = shop_tools(get_customer(customer), CATALOG, basket, now=lambda: AT)[name]
    jsonschema.validate(arguments, dict(tool.schema["parameters"]))
    told = dict(tool.run(arguments, call_id=call_id))
    assert len(json.dumps(told, allow_nan=False)) < 3000
    return told


def test_with_a_basket_there_are_six_tools() -> None:
    tools = shop_tools(get_customer("maya"), CATALOG, DictBasket())
    assert list(tools) == [
        "search_catalog", "get_product", "order_status", "add_to_cart", "show_suggestions", "checkout",
    ]  # fmt: skip
    for name, tool in tools.items():
        assert RealtimeFunctionTool.model_validate(dict(tool.schema)).name == name
        jsonschema.Draft202012Validator.check_schema(dict(tool.schema["parameters"]))
        assert tool.schema["parameters"]["additionalProperties"] is False


def test_from_the_first_wish_to_an_order(basket: Basket) -> None:
    assert call(basket, "add_to_cart", sku="TEN-02", call_id="1")["total"] == 279
    told = call(basket, "add_to_cart", sku="summer night", quantity=2, call_id="2")
    assert told["cart"] == [
        {"sku": "TEN-02", "name": "Meadow Four", "quantity": 1},
        {"sku": "SLE-01", "name": "Summer Night", "quantity": 2},
    ]
    asked = call(basket, "checkout", call_id="3")
    assert asked["message"] == "That comes to $397.00. Shall I place the order?"
    assert "orders" not in basket.read(), "nothing is bought before the customer says yes"
    agree(basket, "$397.00")
    bought = call(basket, "checkout", confirmed_total=397, call_id="4")
    number = bought["order_id"]
    assert bought["message"] == f"Your order {number} over $397.00 is placed. Thank you!"
    assert not Cart.of(basket.read(), CATALOG)
    status = call(basket, "order_status", order=number.lower())
    assert (status["was_bought"], status["order"]["total"], status["order"]["placed"]) == (
        True, "$397.00", "2026-05-01T09:30+00:00",
    )  # fmt: skip
    assert f"Order {number} over $397.00 has been placed." in status["summary"]
    assert call(basket, "order_status", order="Meadow Four")["was_bought"] is True
    assert call(basket, "order_status", order="Lodge Eight")["was_bought"] is False
    # What was ordered a minute ago is not recommended again.
    assert call(basket, "get_product", sku="TEN-02")["already_bought"] is True


def test_the_same_call_counts_once(basket: Basket) -> None:
    for _ in range(3):
        told = call(basket, "add_to_cart", sku="TEN-02", quantity=2, call_id="same")
        assert told["message"] == "2 of the Meadow Four are in your cart now, $558.00 in all."
    agree(basket, "five hundred fifty-eight dollars")
    first = call(basket, "checkout", confirmed_total=558, call_id="buy")
    assert call(basket, "checkout", confirmed_total=558, call_id="buy") == first
    assert len(basket.read()["orders"]) == 1
    with pytest.raises(ShopError, match="the cart is empty"):
        call(basket, "checkout", confirmed_total=558, call_id="another")


def test_a_total_that_nobody_said_yes_to_is_not_charged(basket: Basket) -> None:
    call(basket, "add_to_cart", sku="TEN-02", call_id="1")
    with pytest.raises(ShopError, match=r"said yes to \$297.00, but the cart comes to \$279.00: say the right total"):
        call(basket, "checkout", confirmed_total=297)
    assert "orders" not in basket.read()
    with pytest.raises(ShopError, match="the cart is empty"):
        call(DictBasket(), "checkout")


def test_a_models_yes_buys_nothing(basket: Basket) -> None:
    call(basket, "add_to_cart", sku="TEN-02", call_id="1")
    call(basket, "checkout", call_id="2")
    heard = "has not been heard to agree to \\$279.00: say this total, ask whether"
    for said, asked in (
        (None, ""),
        ("Yes, please.", "Shall I show it to you?"),  # a yes to another question
        ("Yes, please.", "That comes to $558.00. Shall I place the order?"),  # to another total
        ("Yes, but later.", "That comes to $279.00. Shall I place the order?"),
        ("Is it waterproof?", "That comes to $279.00. Shall I place the order?"),
        ("What would I pay for it?", "It is $279.00."),
    ):
        if said is not None:
            basket.update(lambda state, s=said, a=asked: with_words(state, said=s, asked=a))
        with pytest.raises(ShopError, match=heard):
            call(basket, "checkout", confirmed_total=279, call_id="3")
    assert "orders" not in basket.read()


def test_a_yes_holds_for_the_cart_that_it_was_said_of_and_once(basket: Basket) -> None:
    call(basket, "add_to_cart", sku="TEN-02", call_id="1")
    agree(basket, "$279.00")
    call(basket, "add_to_cart", sku="SLE-01", call_id="2")
    with pytest.raises(ShopError, match="has not been heard to agree"):
        call(basket, "checkout", confirmed_total=338, call_id="3")
    agree(basket, "$338.00", "Okay, order it.")
    agree(basket, "$338.00", "No, wait.")
    with pytest.raises(ShopError, match="has not been heard to agree"):
        call(basket, "checkout", confirmed_total=338, call_id="4")
    agree(basket, "$338.00")
    call(basket, "checkout", confirmed_total=338, call_id="5")
    call(basket, "add_to_cart", sku="SLE-01", call_id="6")
    call(basket, "add_to_cart", sku="TEN-02", call_id="7")
    with pytest.raises(ShopError, match="has not been heard to agree"):
        call(basket, "checkout", confirmed_total=338, call_id="8")


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Ja, bitte.", "Das macht zweihundertneunundsiebzig Dollar. Soll ich bestellen?"),
        ("Oui, bien sûr.", "Cela fait 279 dollars. Puis-je passer la commande ?"),
        ("Sí, adelante.", "Son 279 dólares. ¿Hago el pedido?"),
        ("はい、お願いします。", "279ドルです。ご注文なさいますか。"),
        ("I'll buy it.", "The Meadow Four costs 279 dollars."),
        ("Great, go ahead.", "It is $279 with everything. Do you want to buy it?"),
    ],
)
def test_a_yes_in_five_languages_buys(basket: Basket, said: str, asked: str) -> None:
    call(basket, "add_to_cart", sku="TEN-02", call_id="1")
    basket.update(lambda state: with_words(state, said=said, asked=asked))
    assert call(basket, "checkout", confirmed_total=279, call_id="2")["total"] == "$279.00"


def test_the_button_with_the_total_buys(basket: Basket) -> None:
    with pytest.raises(ShopError, match="the cart is empty"):
        press_buy(CATALOG, basket, Decimal("279"))
    call(basket, "add_to_cart", sku="TEN-02", call_id="1")
    with pytest.raises(ShopError, match=r"the button says \$249.00, but the cart comes to \$279.00"):
        press_buy(CATALOG, basket, Decimal("249"))
    assert press_buy(CATALOG, basket, Decimal("279")) == Decimal("279.00")
    assert call(basket, "checkout", confirmed_total=279, call_id="2")["total"] == "$279.00"


def test_orders_of_earlier_threads_are_the_customers(basket: Basket) -> None:
    if not isinstance(basket, ThreadBasket):
        pytest.skip("a dict knows one conversation")
    call(basket, "add_to_cart", sku="TEN-02", call_id="1")
    agree(basket, "$279.00")
    number = call(basket, "checkout", confirmed_total=279, call_id="2")["order_id"]
    memory = basket.memory
    memory.close_thread(basket.thread_id)
    later = ThreadBasket(memory, memory.create(customer="maya", persona="voice").id)
    other = ThreadBasket(memory, memory.create(customer="daniel", persona="voice").id)
    status = call(later, "order_status", order=number)
    assert (status["was_bought"], status["order"]["total"]) == (True, "$279.00")
    assert call(later, "get_product", sku="TEN-02")["already_bought"] is True
    assert call(later, "add_to_cart", sku="TEN-02")["already_bought"] is True
    assert "orders" not in call(other, "order_status", customer="daniel", order=number)
    assert call(other, "order_status", customer="daniel", order=number)["was_bought"] is None
    memory.forget("maya")
    again = ThreadBasket(memory, memory.create(customer="maya", persona="voice").id)
    assert "orders" not in call(again, "order_status", order=number)


def test_what_is_owned_already_is_said(basket: Basket) -> None:
    told = call(basket, "add_to_cart", sku="FTW-01")
    assert told["already_bought"] is True
    assert "ask whether they want another" in told["note"]
    assert "already_bought" not in call(basket, "add_to_cart", sku="FTW-02")


def test_nothing_is_shown_without_permission(basket: Basket) -> None:
    with pytest.raises(ShopError, match="ask whether you may put it on their screen"):
        call(basket, "show_suggestions", skus=["TEN-02"])
    assert "shown" not in basket.read()
    basket.update(lambda state: state | {"consent": {"screen": False, "call": True}})
    with pytest.raises(ShopError, match="has not allowed it"):
        call(basket, "show_suggestions", skus=["TEN-02"])
    allow(basket)
    told = call(basket, "show_suggestions", skus=["TEN-02", "sle-01", "TEN-02"])
    assert [one["sku"] for one in told["shown"]] == ["TEN-02", "SLE-01"]
    assert told["shown"][0]["image"] == "/images/TEN-02.svg"
    assert told["message"] == "The Meadow Four and the Summer Night are on your screen now."
    assert basket.read()["shown"][-1]["skus"] == ["TEN-02", "SLE-01"]


def test_nothing_is_shown_that_is_owned_or_stands_there(basket: Basket) -> None:
    allow(basket)
    with pytest.raises(ShopError, match="owns the Pathfinder Boots already"):
        call(basket, "show_suggestions", skus=["FTW-01"])
    told = call(basket, "show_suggestions", skus=["FTW-01", "FTW-03"], call_id="1")
    assert ([one["sku"] for one in told["shown"]], told["left_out"]) == (["FTW-03"], ["Pathfinder Boots"])
    assert call(basket, "show_suggestions", skus=["FTW-01", "FTW-03"], call_id="1") == told, "the same call again"
    again = call(basket, "show_suggestions", skus=["FTW-03"], call_id="2")
    assert (again["shown"], again["message"]) == ([], "The Glacier Boots are already on your screen.")
    call(basket, "show_suggestions", skus=["TEN-01"], call_id="3")
    call(basket, "show_suggestions", skus=["FTW-03"], call_id="4")
    assert [page["skus"] for page in basket.read()["shown"]] == [["FTW-03"], ["TEN-01"], ["FTW-03"]]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("add_to_cart", {}, "sku: field required"),
        ("add_to_cart", {"sku": "YAK-01"}, "the catalogue has no product 'YAK-01'"),
        ("add_to_cart", {"sku": "TEN-02", "quantity": 0}, "quantity: "),
        ("add_to_cart", {"sku": "TEN-02", "quantity": 21}, "quantity: "),
        ("add_to_cart", {"sku": "TEN-02", "quantity": 1.5}, "quantity: "),
        ("add_to_cart", {"sku": "TEN-02", "price": 1}, "price: "),
        ("show_suggestions", {"skus": []}, "skus: "),
        ("show_suggestions", {"skus": "TEN-02"}, "skus: "),
        ("show_suggestions", {"skus": ["TEN-01", "TEN-02", "TEN-03", "TEN-04"]}, "skus: "),
        ("show_suggestions", {"skus": ["TEN-02", "YAK-01"]}, "the catalogue has no product 'YAK-01'"),
        ("checkout", {"confirmed_total": "yes"}, "confirmed_total: "),
        ("checkout", {"confirmed_total": -1}, "confirmed_total: "),
        ("checkout", {"confirmed_total": float("nan")}, "confirmed_total: "),
        ("get_product", {"sku": "TEN-02", "section": "reviews"}, "section: "),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence_and_change_nothing(
    name: str, arguments: dict[str, Any], said: str
) -> None:
    basket = DictBasket({"consent": {"screen": True}, "cart": [{"sku": "TEN-01", "quantity": 1}]})
    before = json.dumps(basket.read())
    with pytest.raises(ShopError, match=f"^{said}"):
        shop_tools(get_customer("maya"), CATALOG, basket)[name].run(arguments)
    assert json.dumps(basket.read()) == before


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("warranty", "within 3 years"),
        ("returns", "within 60 days"),
        ("technical_specs", "standing height: 185 cm"),
        ("cautions", "Never cook inside the tent"),
        ("faq", "Does it fit four grown people?"),
        ("user_guide", "Lay the tent out"),
        ("features", "Two doors and a porch"),
    ],
)
def test_a_section_of_the_manual_comes_alone_and_without_markup(section: str, said: str) -> None:
    told = call(DictBasket(), "get_product", sku="TEN-02", section=section)
    assert list(told) == ["sku", "name", "section", "text"]
    assert said in told["text"]
    assert not any(mark in told["text"] for mark in ("**", "##", "|", "\n\n"))
    assert len(told["text"]) < 2000


def test_an_alias_that_one_product_has_names_it() -> None:
    assert call(DictBasket(), "get_product", sku="Familienzelt")["sku"] == "TEN-02"
    with pytest.raises(ShopError, match="no product"):
        call(DictBasket(), "get_product", sku="登山靴")  # any footwear, and so no product


def test_two_threads_do_not_share_a_cart() -> None:
    with open_memory("sqlite://") as memory:
        one, two = (
            ThreadBasket(memory, memory.create(customer="maya", persona="voice", language="en").id) for _ in range(2)
        )
        call(one, "add_to_cart", sku="TEN-02")
        assert not Cart.of(two.read(), CATALOG)
