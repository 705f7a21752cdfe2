from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from contoso_lab.errors import ShopError
from contoso_lab.recording import Recording
from contoso_lab.shop import Catalog, Product
from contoso_lab.widgets.catalog_browser import CatalogBrowser
from contoso_lab.widgets.suggestion_cards import Suggestion, SuggestionCards, suggested

PAGE = """## Your trip

### Meadow Four (TEN-02)

![Meadow Four](/images/TEN-02.svg)

**$279**

- **Sleeps:** 4

You said "four people": it is a **four-person** tent.

### The Autumn Night

**$119**
"""


def test_a_page_without_headings_suggests_what_it_names() -> None:
    assert suggested("", Catalog.load()) == []
    assert suggested("Take the Harbor Two (TEN-01).", Catalog.load()) == [Suggestion("TEN-01", "")]


def test_a_reason_is_the_first_sentence_below_its_heading() -> None:
    assert suggested(PAGE, Catalog.load()) == [
        Suggestion("TEN-02", 'You said "four people": it is a four-person tent.'),
        Suggestion("SLE-02", ""),
    ]


def test_a_recording_brings_its_last_page_and_the_authors_grades(two_calls: list[Recording]) -> None:
    cards = SuggestionCards(two_calls[0])
    assert cards.skus == ("TEN-02",)
    assert cards.cards[0]["grade"] == 3
    assert SuggestionCards(two_calls[1]).cards[0]["grade"] is None  # nobody labelled it
    assert SuggestionCards(two_calls[0], grades={}).cards[0]["grade"] is None


def test_clicks_are_told_each_time() -> None:
    cards = SuggestionCards(["TEN-02", "SLE-02"])
    seen: list[Product] = []
    cards.on_click(seen.append)
    for _ in range(2):
        cards._message(cards, {"kind": "click", "sku": "SLE-02"}, [])
    assert [product.name for product in seen] == ["Autumn Night"] * 2
    assert cards.clicked == "SLE-02"
    cards._message(cards, {"kind": "click", "sku": "YAK-01"}, [])
    assert "the catalogue has no product 'YAK-01'" in cards.error
    with pytest.raises(ShopError, match="did you mean"):
        SuggestionCards(["TEN-20"])


def test_text_of_a_product_stays_text() -> None:
    frame = pd.DataFrame({"name": ["<img src=x onerror=alert(1)>"], "price": [5]})
    cards = SuggestionCards(["PRD-01"], catalog=Catalog.from_frame(frame))
    assert "<img src=x" not in cards._repr_html_()
    assert "&lt;img" in cards._repr_html_()
    assert "<img src=x" not in CatalogBrowser(frame)._repr_mimebundle_()["text/html"]


def test_the_browser_searches_as_the_shop_does_and_filters() -> None:
    browser = CatalogBrowser(query="tent for four people")
    assert browser.results[0].sku == "TEN-02"
    browser.most = 200
    assert all(product.amount <= 200 for product in browser.results)
    browser.most = None
    browser.query, browser.category, browser.sort = "", "Sleeping Bags", "dearest first"
    assert [product.sku for product in browser.results] == ["SLE-03", "SLE-02", "SLE-01"]
    assert browser._cards.skus == ("SLE-03", "SLE-02", "SLE-01")
    with pytest.raises(ShopError, match="the catalogue has no category 'Yaks'"):
        browser.category = "Yaks"
    browser.category, browser.query = "all categories", "qzxv"
    assert browser.results == ()
    assert "Nothing in the catalogue fits" in browser._repr_mimebundle_()["text/html"]


def test_a_product_opens_with_its_manual_and_closes() -> None:
    browser = CatalogBrowser()
    seen: list[str] = []
    browser.on_select(lambda product: seen.append(product.sku))
    browser._cards._message(browser._cards, {"kind": "click", "sku": "TEN-02"}, [])
    assert browser.selected is not None
    assert browser.selected.name == "Meadow Four"
    assert browser._open.layout.display in ("", None)
    for words in ("User guide", "Warranty", "Questions", "6.1 kg"):
        assert words in browser._detail.value
    browser._close.click()
    assert browser.selected is None
    assert browser._open.layout.display == "none"
    assert seen == ["TEN-02"]
    with pytest.raises(ShopError):
        browser.show("YAK-01")


def test_a_catalogue_of_ones_own(tmp_path: Path) -> None:
    place = tmp_path / "boats.csv"
    place.write_text("name,price,category\nSea Kayak,899.5,Boats\nPaddle,49,Gear\n", encoding="utf-8")
    browser = CatalogBrowser(place, query="kayak")
    assert [product.name for product in browser.results] == ["Sea Kayak"]
    browser.show(browser.results[0].sku)
    assert "has no manual" in browser._detail.value
    assert repr(browser).startswith("<CatalogBrowser: 1 of 2 products, ")
