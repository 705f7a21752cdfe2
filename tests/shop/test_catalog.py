"""The catalogue that is shipped, and catalogues that do not hold together."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from contoso_lab.errors import ShopError
from contoso_lab.settings import HOME
from contoso_lab.shop import CATEGORIES, Catalog, Product

CATALOG = Catalog.load()
RAW = json.loads((HOME / "data" / "catalog.json").read_text(encoding="utf-8"))
UNITS = r"kg|mm|litres|kW|°C"


def test_there_are_twenty_products_in_seven_categories() -> None:
    assert len(CATALOG) == 20
    assert tuple(dict.fromkeys(product.category for product in CATALOG)) == CATEGORIES
    assert {product.sku[:3] for product in CATALOG.by_category("Sleeping Bags")} == {"SLE"}


def test_the_prices_are_those_of_the_shop() -> None:
    prices = {product.sku: product.price_usd for product in CATALOG}
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


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_the_manual_says_what_the_catalogue_says(product: Product) -> None:
    text = product.manual_path.read_text(encoding="utf-8")
    assert 40 <= len(text.splitlines()) <= 80
    assert text.startswith(f"# {product.name}\n")
    assert product.sku in text
    table = re.search(r"## Figures\n\n\| what \| value \|\n\|---\|---\|\n((?:\|.*\|\n)+)", text)
    assert table is not None
    rows = dict(re.findall(r"\| (.+?) \| (.+?) \|", table[1]))
    assert rows == product.facts
    for heading in ("Features", "Use", "Care", "Warranty", "Returns", "Questions"):
        assert f"## {heading}\n" in text
    # Every figure in the prose is one of the product's own; the care of textiles has its own temperature.
    own = " ".join([*product.facts.values(), *product.features, product.story])
    prose = re.sub(r"[Ww]ash[^.]*30 °C", "", text)
    for number, unit in re.findall(rf"(-?\d+(?:\.\d+)?) ?({UNITS})\b", prose):
        assert re.search(rf"(?<![\d.]){re.escape(number)} ?{unit}", own), f"{number} {unit}"


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_the_picture_is_a_small_drawing_that_fetches_nothing(product: Product) -> None:
    assert product.image == f"/images/{product.sku}.svg"
    data = product.image_path.read_bytes()
    assert len(data) < 4096
    root = ElementTree.fromstring(data)
    assert root.get("viewBox") == "0 0 320 240"
    assert not re.search(rb"href|script|url\(|foreignObject", data)


def test_nothing_lies_about_that_no_product_uses() -> None:
    used = {path for product in CATALOG for path in (product.manual_path, product.image_path)}
    assert used == {*(HOME / "data" / "manuals").iterdir(), *(HOME / "data" / "images").iterdir()}


def test_it_shows_itself() -> None:
    tent = CATALOG.get("TEN-02")
    assert repr(tent) == "<Product TEN-02 Meadow Four, $279.00>"
    assert repr(CATALOG) == f"<Catalog of 20 products, sha256 {CATALOG.sha256[:8]}>"
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
    data = copy.deepcopy(RAW)
    data["products"][at].update(fields)
    return data


def without(field: str) -> dict[str, Any]:
    data = copy.deepcopy(RAW)
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
        (changed(manual="manuals/none.md"), r"\(TEN-02\): the manual data/manuals/none.md is missing; add the file"),
        (changed(image="/images/none.svg"), r"\(TEN-02\): the image data/images/none.svg is missing"),
        (changed(category="Kayaks"), r"\(TEN-02\): the category 'Kayaks' is unknown; use one of Tents"),
        (changed(colour="red"), r"products 2 \(TEN-02\) colour is not known here; take it out or correct its name"),
        (changed(price_usd=-1), r"products 2 \(TEN-02\) price_usd is wrong: input should be greater than 0"),
        (changed(description="a | b"), r"products 2 \(TEN-02\) description is wrong: string should match pattern"),
        (without("price_usd"), r"products 2 \(TEN-02\) price_usd is missing; add it"),
        ({"schema_version": 2, "currency": "USD", "products": RAW["products"]}, "schema_version is wrong"),
    ],
)
def test_a_bad_catalogue_is_blamed_by_file_and_place(tmp_path: Path, data: dict[str, Any], message: str) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ShopError, match=f"catalog.json: .*{message}"):
        Catalog.load(path)


def test_a_file_that_is_missing_or_no_json_is_blamed(tmp_path: Path) -> None:
    with pytest.raises(ShopError, match="none.json: cannot be read"):
        Catalog.load(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text('{"products": [\n,]}', encoding="utf-8")
    with pytest.raises(ShopError, match=r"broken.json: is not JSON \(Expecting value in line 2\); correct that line"):
        Catalog.load(tmp_path / "broken.json")
