"""The products' pictures: drawings of ours that a page may show without a second thought."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contoso_lab.settings import HOME
from contoso_lab.shop import Catalog

PICTURES = sorted((HOME / "data" / "images").iterdir())
NAMES = {product.sku: product.name for product in Catalog.load()}
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{name}" for name in ("svg", "title", "g", "path", "rect", "circle", "ellipse")}


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_a_small_drawing_that_fetches_and_runs_nothing(path: Path) -> None:
    data = path.read_bytes()
    assert path.suffix == ".svg"
    assert len(data) < 20_000
    root = ElementTree.fromstring(data)
    assert root.get("viewBox") == "0 0 320 240"
    assert {element.tag for element in root.iter()} <= DRAWN, "only shapes: no script, no style, no foreign object"
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), "no handlers"
            assert not re.search(r"href|url\(|javascript:|data:", f"{name}={value}", re.IGNORECASE)
    assert b"<!DOCTYPE" not in data
    assert b"<!ENTITY" not in data


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_says_what_it_shows(path: Path) -> None:
    root = ElementTree.fromstring(path.read_bytes())
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text
    assert list(root)[0] is title, "screen readers look for it first"
    assert root.get("role") == "img"
    assert root.get("aria-label") == title.text
    assert NAMES.get(path.stem, "without a picture") in title.text
