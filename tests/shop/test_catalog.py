"""The catalogue that is shipped, and catalogues that do not hold together."""

from __future__ import annotations

import copy
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import ShopError
from contoso_lab.settings import HOME
from contoso_lab.shop import CATEGORIES, Catalog
from contoso_lab.shop.prices import written
from contoso_lab.shop.product import NEUTRAL_IMAGE
from contoso_lab.shop.specs import parse_spec

CATALOG = Catalog.load()
RAW = json.loads((HOME / "data" / "catalog.json").read_text(encoding="utf-8"))


def test_there_are_twenty_products_in_seven_categories() -> None:
    assert len(CATALOG) == 20
    assert tuple(dict.fromkeys(product.category for product in CATALOG)) == CATEGORIES
    assert {product.sku[:3] for product in CATALOG.by_category("Sleeping Bags")} == {"SLE"}


def test_the_prices_are_those_of_the_shop() -> None:
    prices = {product.sku: product.amount for product in CATALOG}
    assert prices == {
        "TEN-01": 189, "TEN-02": 279, "TEN-03": 229, "TEN-04": 449, "PAC-01": 69, "PAC-02": 139, "PAC-03": 199,
        "CLO-01": 119, "CLO-02": 45, "CLO-03": 79, "FTW-01": 149, "FTW-02": 99, "FTW-03": 219, "TAB-01": 59,
        "TAB-02": 109, "STO-01": 49, "STO-02": 129, "SLE-01": 59, "SLE-02": 119, "SLE-03": 249,
    }  # fmt: skip


def test_a_line_for_a_prompt_has_no_divider_inside_its_parts() -> None:
    for row in CATALOG.rows():
        assert list(row) == ["sku", "name", "category", "price", "description", "facts", "image"]
        assert not any("|" in value or "\n" in value for value in row.values())
        assert all(part.count(": ") == 1 for part in row["facts"].split("; ")), row["facts"]


def test_nothing_lies_about_that_no_product_uses() -> None:
    used = {path for product in CATALOG for path in (product.manual_path, product.image_path)}
    there = {*(HOME / "data" / "manuals").iterdir(), *(HOME / "data" / "images").iterdir()}
    assert used | {HOME / "data" / NEUTRAL_IMAGE.lstrip("/")} == there


def test_every_product_and_category_has_a_name_in_five_languages() -> None:
    for product in CATALOG:
        assert list(product.aliases) == ["en", "de", "fr", "es", "ja"], product
        assert product.names("ja")[0] == product.name
        assert len(product.names("ja")) > 1
    for category in CATEGORIES:
        for language in ("en", "de", "fr", "es", "ja"):
            assert CATALOG.category_names(category, language), (category, language)
    # What a product is called in one language, no other product is called in any: a name has to mean one thing.
    names = [alias for product in CATALOG for alias in set(product.names())]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("6.1 kg", 6.1, "kg"),
        ("1.68 kg a pair", 1.68, "kg"),
        ("up to 22 kg", 22.0, "kg"),
        ("10000 g/m² per day", 10000.0, "g/m² per day"),
        ("-20 °C", -20.0, "°C"),
        ("−20 °C", -20.0, "°C"),
        ("UPF 40", 40.0, "UPF"),
        ("2", 2.0, ""),
        ("2,5 m", 2.5, "m"),
        ("2 x 3.0 kW", "2 x 3.0", "kW"),
        ("68D recycled polyester fly, aluminium poles", "68D recycled polyester fly, aluminium poles", ""),
        ("no, rain cover included", "no, rain cover included", ""),
    ],
)
def test_a_fact_is_a_number_with_its_unit(text: str, value: float | str, unit: str) -> None:
    assert parse_spec(text) == (value, unit)


def test_a_spec_gives_all_its_numbers() -> None:
    specs = CATALOG.get("TEN-02").specs
    assert specs["packed size"].numbers == (60, 22, 22)
    assert specs["season"].numbers == ()
    assert parse_spec("36 to 48").numbers == (36, 48)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1049.5", "USD", "$1,049.50"),
        ("0.005", "USD", "$0.01"),
        ("19800", "JPY", "¥19,800"),
        ("249", "EUR", "€249.00"),
        ("12.5", "CHF", "CHF 12.50"),
        ("-3", "GBP", "-£3.00"),
    ],
)
def test_a_price_is_written_as_the_shop_does(amount: str, currency: str, text: str) -> None:
    assert written(Decimal(amount), currency) == text


def test_it_shows_itself() -> None:
    tent = CATALOG.get("TEN-02")
    assert repr(tent) == "<Product TEN-02 Meadow Four, $279.00>"
    assert repr(CATALOG) == f"<Catalog of 20 products, sha256 {CATALOG.sha256[:8]}>"
    assert str(CATALOG).splitlines()[2] == "TEN-02   Meadow Four        $279.00  Tents"
    for shown in (tent._repr_html_(), CATALOG._repr_html_()):
        assert "Meadow Four" in shown
        assert "data:image/svg+xml;base64," in shown
        assert not re.search(r"(?:background|[;\"]color):\s*(?:#|white|black)", shown), "would break in dark or light"


def test_an_unknown_sku_or_category_names_the_close_one() -> None:
    with pytest.raises(ShopError, match=r"no product 'TEN-2'; did you mean TEN-0"):
        CATALOG.get("TEN-2")
    with pytest.raises(ShopError, match="no category 'Kayaks'; there are Tents, Backpacks"):
        CATALOG.by_category("Kayaks")


def changed(at: int = 1, **fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = copy.deepcopy(RAW)
    data["products"][at].update(fields)
    return data


def without(field: str) -> dict[str, Any]:
    data: dict[str, Any] = copy.deepcopy(RAW)
    del data["products"][1][field]
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            changed(sku="TEN-01"),
            r"product 2 \(TEN-01\): the SKU 'TEN-01' already belongs to product 1; give it another",
        ),
        (changed(name="harbor two"), r"product 2 \(TEN-02\): the name 'harbor two' already belongs to product 1"),
        (changed(manual="manuals/none.md"), r"\(TEN-02\): the manual .*manuals/none.md is missing; add the file"),
        (changed(image="/images/none.svg"), r"\(TEN-02\): the image .*/images/none.svg is missing"),
        (changed(category="Kayaks"), r"\(TEN-02\): the category 'Kayaks' is unknown; use one of Tents"),
        (changed(colour="red"), r"products 2 \(TEN-02\) colour is not known here; take it out or correct its name"),
        (changed(price=-1), r"products 2 \(TEN-02\) price is wrong: input should be greater than 0"),
        (changed(price="2.999"), r"price is wrong: decimal input should have no more than 2 decimal places"),
        (changed(aliases={"deutsch": ["Zelt"]}), r"products 2 \(TEN-02\) aliases deutsch .*is wrong"),
        (changed(sku="a b"), r"products 2 \(a b\) sku is wrong"),
        (without("manual"), r"product 2 \(TEN-02\): manual is missing; add it"),
        (changed(description="a | b"), r"products 2 \(TEN-02\) description is wrong: string should match pattern"),
        (without("price"), r"products 2 \(TEN-02\) price is missing; add it"),
        ({"schema_version": 3, "currency": "USD", "products": RAW["products"]}, "schema_version is wrong"),
    ],
)
def test_a_bad_catalogue_is_blamed_by_file_and_place(tmp_path: Path, data: dict[str, Any], message: str) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ShopError, match=f"catalog.json: .*{message}"):
        Catalog.load(path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    data = changed(price=-1, brand="a|b")
    data["products"][3]["sleeps"] = "many"
    (tmp_path / "catalog.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ShopError) as caught:
        Catalog.load(tmp_path / "catalog.json")
    lines = str(caught.value).splitlines()
    assert [re.findall(r"products (\d) \(.*?\) (\w+)", line) for line in lines] == [
        [("2", "price")], [("2", "brand")], [("4", "sleeps")],
    ]  # fmt: skip
    assert all("catalog.json: " in line for line in lines)


def test_the_old_format_is_still_read(tmp_path: Path) -> None:
    row = {"sku": "A-1", "name": "Old", "price_usd": 5, "category": "Tents", "manual": "m.md", "image": "/i.svg"}
    (tmp_path / "m.md").write_text(CATALOG.get("TEN-02").manual_path.read_text(encoding="utf-8"), encoding="utf-8")  # type: ignore[union-attr]
    (tmp_path / "i.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps({"schema_version": 1, "currency": "USD", "products": [row]}))
    assert repr(Catalog.load(tmp_path / "c.json").get("A-1")) == "<Product A-1 Old, $5.00>"


def test_a_file_that_is_missing_or_no_json_is_blamed(tmp_path: Path) -> None:
    with pytest.raises(ShopError, match="none.json: cannot be read"):
        Catalog.load(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text('{"products": [\n,]}', encoding="utf-8")
    with pytest.raises(ShopError, match=r"broken.json: is not JSON \(Expecting value in line 2\); correct that line"):
        Catalog.load(tmp_path / "broken.json")
