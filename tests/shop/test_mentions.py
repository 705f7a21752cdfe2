"""Products that a text names."""

from __future__ import annotations

import pandas as pd
import pytest

from contoso_lab.shop import Catalog, Product, find_skus, skus_in
from contoso_lab.shop.mentions import _matches, _pattern, find_mentions
from contoso_lab.shop.writeup import shown_skus

CATALOG = Catalog.load()


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_every_product_is_found_by_sku_and_by_name(product: Product) -> None:
    for words in (product.sku, product.name, product.name.lower(), product.name.replace(" ", "-") + "s"):
        assert skus_in(f"Have a look at {words}, please.", CATALOG) == [product.sku], words


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("The Lodge is bigger than the Meadow.", ["TEN-04", "TEN-02"]),
        ("Lodge is bigger.", ["TEN-04"]),
        ("We slept in a lodge by the creek.", []),
        ("Summer begins in June.", []),
        ("It was a cold autumn night.", []),
        ("The autumn bag is warm.", ["SLE-02"]),
        ("A tent for four, two boots and a jacket.", []),
        ("Meadow Four (TEN-02), and again the Meadow Four", ["TEN-02"]),
        ("TEN-99 is not ours", []),
    ],
)
def test_ordinary_words_are_no_products(text: str, skus: list[str]) -> None:
    assert skus_in(text, CATALOG) == skus


def test_how_many_is_heard_too() -> None:
    found = find_mentions("two Autumn Nights, 3 x TEN-02 and one of our Harbor Two", CATALOG)
    assert [(mention.sku, mention.quantity) for mention in found] == [("SLE-02", 2), ("TEN-02", 3), ("TEN-01", 1)]


def test_what_looks_like_a_sku_is_listed_whether_or_not_it_exists() -> None:
    assert find_skus("TEN-99, then TEN-02 and TEN-99; call 555-1234") == ["TEN-99", "TEN-02"]


def test_a_page_shows_what_its_headings_and_pictures_show() -> None:
    page = "### Meadow Four (TEN-02)\n![Autumn](/images/SLE-02.svg)\nIt goes with your Pathfinder Boots."
    assert shown_skus(page, CATALOG) == ["TEN-02", "SLE-02"]
    assert shown_skus("Take the Meadow Four.", CATALOG) == ["TEN-02"]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ja"])
@pytest.mark.parametrize(
    "text",
    [
        "the Meadow Four, TEN-02/ten-04 (Lodge), xMeadow Four, Meadow-fours; É Meadow, éMeadow, 4Meadow, MEADOW FOUR.",
        "\u017fummit Solo, \u212aettle, ÜBER Familienzelt, famil\u0131enzelt, Autumn  Night autumn\nnight",
        "メドウ・フォーとTEN-02、Meadow Fourとテント。",
        "",
    ],
)
def test_looking_at_the_first_letters_loses_no_name(text: str, language: str) -> None:
    quick = [(match.span(), match.lastgroup) for match in _matches(text, CATALOG, language)]
    assert quick == [(match.span(), match.lastgroup) for match in _pattern(CATALOG, language).finditer(text)]


def test_a_name_that_may_begin_within_a_word_is_looked_for_everywhere() -> None:
    strange = Catalog.from_frame(pd.DataFrame({"name": ["山テント", "Sea Kayak"], "price": [899.5, 20.0]}))
    assert skus_in("この山テントと Sea Kayak", strange) == [product.sku for product in strange]
