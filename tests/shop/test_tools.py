"""What the voice agent may look up: known answers from our own shelf, and nothing that is not there."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from openai.types.realtime import RealtimeFunctionTool

from contoso_lab.errors import ShopError
from contoso_lab.shop import Catalog, get_customer, session_config, shop_tools
from contoso_lab.shop.search import search
from contoso_lab.shop.tools import MOST_FOUND

CATALOG = Catalog.load()


def call(name: str, customer: str = "elena", **arguments: Any) -> dict[str, Any]:
    tool = shop_tools(get_customer(customer), CATALOG)[name]
    # A model that keeps to the schema is never refused, and the answer is JSON and short.
    jsonschema.validate(arguments, dict(tool.schema["parameters"]))
    told = dict(tool.run(arguments))
    assert len(json.dumps(told)) < 3000
    return told


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("tent for four", "TEN-02"),
        ("a tent for two people", "TEN-01"),
        ("group tent for eight", "TEN-04"),
        ("ultralight tent", "TEN-03"),
        ("warm sleeping bag", "SLE-02"),
        ("something for winter nights", "SLE-03"),
        ("waterproof jacket", "CLO-01"),
        ("trousers", "CLO-03"),
        ("boots for snow", "FTW-03"),
        ("hiking shoes that dry fast", "FTW-02"),
        ("backpack for a week", "PAC-03"),
        ("daypacks", "PAC-01"),
        ("table for eight", "TAB-02"),
        ("two burner stove", "STO-02"),
        ("small gas cooker", "STO-01"),
        ("TEN-02", "TEN-02"),
        ("meadow four", "TEN-02"),
    ],
)
def test_a_search_finds_what_people_mean(query: str, first: str) -> None:
    assert search(query, CATALOG)[0].product.sku == first


def test_a_shirt_is_no_jacket() -> None:
    assert [hit.product.sku for hit in search("jacket", CATALOG)] == ["CLO-01"]


def test_what_the_shop_does_not_have_is_not_found() -> None:
    told = call("search_catalog", query="bicycle")
    assert told["products"] == []
    assert "do not offer" in told["note"]


def test_a_limit_of_price_holds_and_says_what_the_cheapest_costs() -> None:
    assert [p["price_usd"] for p in call("search_catalog", query="tent", max_price=230)["products"]] == [189, 229]
    assert "$189.00" in call("search_catalog", query="tent", max_price=50)["note"]


def test_a_category_holds_however_it_is_written() -> None:
    tool = shop_tools(get_customer("elena"), CATALOG)["search_catalog"]
    assert {p["category"] for p in tool.run({"query": "warm", "category": "sleeping bags"})["products"]} == {
        "Sleeping Bags"
    }
    with pytest.raises(ShopError, match="no category 'Kayaks'"):
        tool.run({"query": "x", "category": "Kayaks"})


def test_no_more_than_asked_for_and_how_many_more_there_are() -> None:
    told = call("search_catalog", query="tent", limit=2)
    assert (len(told["products"]), told["more"]) == (2, 2)
    assert len(call("search_catalog", query="tent")["products"]) == 3


def test_what_was_bought_is_marked_and_told_last() -> None:
    told = call("search_catalog", "maya", query="hiking boots")["products"]
    assert [(p["sku"], p["already_bought"]) for p in told] == [("FTW-03", False), ("FTW-01", True)]
    assert call("search_catalog", "elena", query="hiking boots")["products"][0]["sku"] == "FTW-01"


def test_what_was_bought_is_told_first_to_who_names_it() -> None:
    [first, *_] = call("search_catalog", "maya", query="pathfinder boots")["products"]
    assert (first["sku"], first["already_bought"]) == ("FTW-01", True)


@pytest.mark.parametrize("named", ["TEN-02", "ten-02", "ten 02", "Meadow Four", "meadow four"])
def test_a_product_is_known_by_its_sku_or_name(named: str) -> None:
    told = call("get_product", "maya", sku=named)
    product = CATALOG.get("TEN-02")
    assert (told["price_usd"], told["facts"], told["already_bought"]) == (279, product.facts, False)


def test_an_unknown_product_is_told_with_a_hint() -> None:
    tool = shop_tools(get_customer("maya"), CATALOG)["get_product"]
    with pytest.raises(ShopError, match="did you mean TEN-04"):
        tool.run({"sku": "TEN-09"})


def test_orders_are_not_invented() -> None:
    told = call("order_status", "maya")
    assert [one["sku"] for one in told["bought"]] == ["FTW-01", "PAC-01"]
    assert told["summary"].startswith("I can see that you have bought the Pathfinder Boots and the Daybreak Daypack.")
    assert "cannot see" in told["summary"]
    assert "was_bought" not in told
    assert call("order_status", "maya", order="pathfinder boots")["was_bought"] is True
    assert call("order_status", "maya", order="TEN-02")["was_bought"] is False
    assert call("order_status", "maya", order="4711")["was_bought"] is None
    assert "nothing from us yet" in call("order_status", "elena")["summary"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": "tent", "limit": 0}, "limit: "),
        ({"query": "tent", "limit": "many"}, "limit: "),
        ({"query": "tent", "limit": MOST_FOUND + 1}, "limit: "),
        ({"query": "tent", "max_price": -1}, "max_price: "),
        ({"query": "tent", "color": "red"}, "color: "),
        ({}, "query: field required"),
        ({"query": None}, "query: "),
        ({"query": "x" * 300}, "query: "),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ShopError, match=f"^{said}"):
        shop_tools(get_customer("maya"), CATALOG)["search_catalog"].run(arguments)


def test_null_is_the_same_as_left_out() -> None:
    tool = shop_tools(get_customer("maya"), CATALOG)["search_catalog"]
    assert tool.run({"query": "tent", "category": None, "max_price": None, "limit": None}) == tool.run(
        {"query": "tent"}
    )


def test_the_schemas_are_realtime_tools() -> None:
    tools = shop_tools(get_customer("maya"), CATALOG)
    assert list(tools) == ["search_catalog", "get_product", "order_status"]
    for tool in tools.values():
        RealtimeFunctionTool.model_validate(dict(tool.schema))
        jsonschema.Draft202012Validator.check_schema(dict(tool.schema["parameters"]))
        assert tool.schema["parameters"]["additionalProperties"] is False


def test_a_session_offers_them_only_when_asked_to() -> None:
    maya = get_customer("maya")
    schemas = [tool.schema for tool in shop_tools(maya, CATALOG).values()]
    session = session_config("voice", maya, CATALOG, tools=schemas)
    assert [tool["name"] for tool in session["tools"]] == ["search_catalog", "get_product", "order_status"]
    assert session["tool_choice"] == "auto"
    assert "tools" not in session_config("voice", maya, CATALOG)
