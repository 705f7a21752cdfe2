"""A user's own catalogue in our place: read, blamed, and followed by prompts, tools, search and customers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from contoso_lab.errors import ShopError
from contoso_lab.settings import HOME
from contoso_lab.shop import (
    Catalog,
    DictBasket,
    catalogue_path,
    get_customer,
    in_use,
    load_customers,
    session_config,
    shop_tools,
    skus_in,
    use_catalog,
)
from contoso_lab.shop.mentions import find_mentions
from contoso_lab.shop.own_catalogue import read_price
from contoso_lab.shop.product import NEUTRAL_IMAGE

CSV = """Title;Cost;Type;Maker;Summary;Aliases_de;Hull length;Features
Fjord Double;1.899,00 €;Kayaks;Skerry;Sea kayak for two;Zweierkajak|Seekajak;5.4 m;Rudder|Two hatches
Otter Paddle;149,50 €;Paddles;Skerry;"Light; carbon | 2 parts";Paddel;;
"""


@pytest.fixture(autouse=True)
def _ours_again() -> Iterator[None]:
    yield
    use_catalog(None)


@pytest.fixture
def kayaks(tmp_path: Path) -> Catalog:
    (tmp_path / "kayaks.csv").write_text(CSV, encoding="utf-8")
    return Catalog.from_csv(tmp_path / "kayaks.csv")


def test_a_csv_becomes_a_catalogue(kayaks: Catalog) -> None:
    boat, paddle = kayaks
    assert (boat.sku, boat.name, boat.amount, boat.price) == ("PRD-01", "Fjord Double", Decimal(1899), "€1,899.00")
    assert (boat.category, boat.brand, boat.features) == ("Kayaks", "Skerry", ("Rudder", "Two hatches"))
    assert boat.names("de") == ("Fjord Double", "Zweierkajak", "Seekajak")
    assert boat.specs == {"Hull length": (5.4, "m")}
    assert (boat.image, boat.manual_path, bool(boat.manual)) == (NEUTRAL_IMAGE, None, False)
    assert paddle.description == "Light, carbon / 2 parts", "a prompt's line keeps its dividers"
    assert (kayaks.categories, kayaks.currency) == (("Kayaks", "Paddles"), "EUR")
    assert boat.image_path is not None
    assert boat.image_path.is_file(), "the neutral picture"


def test_a_data_frame_and_json_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"sku": "K1", "name": "Fjord", "price": 1899.0, "hull": "5.4 m"},
        {"sku": "K2", "name": "Otter", "price": 9},
    ]
    (tmp_path / "list.json").write_text(json.dumps(rows), encoding="utf-8")
    own = {"schema_version": 2, "currency": "USD", "products": [
        {"sku": "K1", "name": "Fjord", "price": 1899, "details": {"hull": "5.4 m"}},
        {"sku": "K2", "name": "Otter", "price": 9},
    ]}  # fmt: skip
    (tmp_path / "own.json").write_text(json.dumps(own), encoding="utf-8")
    made = [
        Catalog.from_frame(pd.DataFrame(rows)), Catalog.from_json(tmp_path / "list.json"),
        Catalog.from_json(tmp_path / "own.json"),
    ]  # fmt: skip
    assert made[0].rows() == made[1].rows() == made[2].rows()
    assert len({catalog.sha256 for catalog in made}) == 3, "a recording tells what it was made from"


def test_one_line_and_everything_follows(kayaks: Catalog) -> None:
    with use_catalog(kayaks):
        assert Catalog.load() is kayaks
        maya = get_customer("maya")
        assert maya.purchases == (), "what she bought from us is not on this shelf"
        prompt = session_config("voice", maya, Catalog.load())["instructions"]
        assert "Fjord Double" in prompt
        assert "€1,899.00" in prompt
        assert "Meadow Four" not in prompt
        tools = shop_tools(maya, Catalog.load(), DictBasket())
        assert tools["search_catalog"].schema["parameters"]["properties"]["category"]["enum"] == ["Kayaks", "Paddles"]
        assert "EUR" in tools["search_catalog"].schema["description"]
        [found] = tools["search_catalog"].run({"query": "Seekajak"})["products"]
        assert (found["name"], found["price"], found["currency"]) == ("Fjord Double", 1899.0, "EUR")
        told = tools["add_to_cart"].run({"sku": "otter paddle", "quantity": 2})
        assert told["message"] == "2 of the Otter Paddle are in your cart now, €299.00 in all."
        assert "manual" in tools["get_product"].run({"sku": "PRD-01", "section": "warranty"})["note"]
    assert Catalog.load().get("TEN-02").name == "Meadow Four"
    assert get_customer("maya").purchases == ("FTW-01", "PAC-01")


def test_the_scripted_clerk_names_no_price_in_a_currency_that_it_cannot_say(kayaks: Catalog) -> None:
    from contoso_lab.engine.clerk.briefing import read_briefing

    with use_catalog(kayaks):
        prompt = session_config("voice", get_customer("maya"), kayaks)["instructions"]
    boat, paddle = read_briefing([prompt]).products
    assert (boat.name, boat.category, boat.description, boat.price_usd) == (
        "Fjord Double", "Kayaks", "Sea kayak for two", None,
    )  # fmt: skip
    assert [(fact.key, fact.value) for fact in boat.facts] == [("hull length", "5.4 m")]
    assert paddle.description == "Light, carbon / 2 parts"


def test_the_checks_speak_of_it_too(kayaks: Catalog) -> None:
    assert skus_in("The Fjord Double goes with the Otter Paddle, not with the Meadow Four.", kayaks) == [
        "PRD-01", "PRD-02",
    ]  # fmt: skip
    german = find_mentions("Nehmen Sie das Zweierkajak!", kayaks, loose=True, language="de")
    assert [mention.sku for mention in german] == ["PRD-01"]


def test_the_setting_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kayaks.csv").write_text(CSV, encoding="utf-8")
    assert catalogue_path() == HOME / "data" / "catalog.json"
    monkeypatch.setenv("CONTOSO_LAB_CATALOG", str(tmp_path / "kayaks.csv"))
    in_use.named_in_settings.cache_clear()
    try:
        assert catalogue_path() == tmp_path / "kayaks.csv"
        assert Catalog.load().get("PRD-02").name == "Otter Paddle"
        assert Catalog.load() is Catalog.load(), "read once while it does not change"
        with use_catalog(Catalog.load(HOME / "data" / "catalog.json")):
            assert catalogue_path() is None
    finally:
        monkeypatch.delenv("CONTOSO_LAB_CATALOG")
        in_use.named_in_settings.cache_clear()


def test_ones_own_customers_have_to_fit(kayaks: Catalog, tmp_path: Path) -> None:
    with use_catalog(kayaks), pytest.raises(ShopError, match="bought FTW-01, which is not in the catalogue"):
        load_customers(HOME / "data" / "customers.json")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A-1,,5,x", "row 3, column 'name': is missing; every product needs a name"),
        ("A-1,Lamp,,x", "row 3, column 'price': is missing; every product needs a price"),
        ("A-1,Lamp,free,x", "row 3, column 'price': 'free' is no price; write a number such as 249.00"),
        ("A-1,Lamp,-5,x", "row 3, column 'price': '-5' is wrong: input should be greater than 0"),
        ("A 1!,Lamp,5,x", "row 3, column 'sku': 'A 1!' is wrong"),
        ("A-0,Lamp,5,x", "row 3, column 'sku': 'a-0' already stands in row 2; give it another"),
        ("A-1,chair,5,x", "row 3, column 'name': 'chair' already stands in row 2; give it another"),
        ("A-1,Lamp,5,none.png", "product 2 (A-1): the image"),
    ],
)
def test_a_fault_is_told_with_row_and_column(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"sku,name,price,image\nA-0,Chair,5,https://example.com/chair.png\n{row}\n", encoding="utf-8")
    if row.endswith(",x"):
        path.write_text(path.read_text(encoding="utf-8").replace(",x\n", ",\n"), encoding="utf-8")
    with pytest.raises(ShopError) as caught:
        Catalog.from_csv(path)
    assert f"shop.csv: {said}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_faults_of_all_rows_are_told_together() -> None:
    frame = pd.DataFrame(
        {"name": ["A", None, "C"], "price": ["x", 2, 3], "sleeps": [1, 2, "two"]}, index=["p", "q", "r"]
    )
    with pytest.raises(ShopError) as caught:
        Catalog.from_frame(frame)
    told = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in told] == [
        "row p, column 'price'", "row q, column 'name'", "row r, column 'sleeps'",
    ]  # fmt: skip


def test_a_hundred_faults_are_cut_short() -> None:
    with pytest.raises(ShopError, match="… and 80 more"):
        Catalog.from_frame(pd.DataFrame({"name": [f"n{n}" for n in range(100)], "price": ["?"] * 100}))


def test_two_currencies_are_refused() -> None:
    with pytest.raises(ShopError, match="prices in EUR, USD; a catalogue has one currency"):
        Catalog.from_frame(pd.DataFrame({"name": ["a", "b"], "price": [1, 2], "currency": ["EUR", "USD"]}))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "", "is a .json or a .csv file, not .txt"),
        ("a.csv", "", "is no table"),
        ("a.csv", "name,price\n", "has no products"),
        ("a.json", '{"rows": 1}', "holds no list of products"),
        ("a.json", "[", "is not JSON"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ShopError, match=said):
        Catalog.read(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("249", "249"), ("$1,249.00", "1249.00"), ("1.249,50 €", "1249.50"), ("49,9", "49.9"), ("1,249", "1249"),
        ("¥19,800", "19800"), ("EUR 5.00", "5.00"), (" 79.5 ", "79.5"),
    ],
)  # fmt: skip
def test_a_price_is_read_as_tables_have_it(text: str, amount: str) -> None:
    assert read_price(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["free", "", "1.2.3", "12 for 3", "nan", "1e5"])
def test_what_is_no_price_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        read_price(text)
