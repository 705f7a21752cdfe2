"""The manuals that are shipped, and manuals that lack something."""

from __future__ import annotations

import re

import pytest

from contoso_lab.errors import ShopError
from contoso_lab.shop import Catalog, Product
from contoso_lab.shop.manual import SECTIONS, parse_manual

CATALOG = Catalog.load()
UNITS = r"kg|mm|litres|kW|°C"
GOOD = """# Lamp

A lamp.

## Features

- Bright

## Technical specs

| what | value |
|---|---|
| weight | 0.2 kg |

## User guide

Turn it on.

## Cautions

- It gets hot.

## Warranty

For 4 years.

## Returns

Within 14 days.

## FAQ

**Does it float?** No.

**Is it
red?** Yes.
"""


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_the_manual_says_what_the_catalogue_says(product: Product) -> None:
    manual = product.manual
    assert manual.title == product.name
    assert product.sku in manual.about
    assert list(manual.sections) == [name.lower() for name in SECTIONS]
    assert manual.features == product.features
    assert dict(manual.specs) == product.specs
    assert len(manual.cautions) >= 3
    assert len(manual.faq) >= 4
    assert manual.warranty_years in range(2, 6)
    assert manual.returns_days == 60
    assert len(set(manual.cautions)) == len(manual.cautions)
    assert all(len(text) < 2000 for text in manual.sections.values()), "a model reads every word of a section"


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_every_figure_in_the_prose_is_one_of_the_product(product: Product) -> None:
    assert product.manual_path is not None
    own = " ".join([*product.facts.values(), *product.features, product.story])
    # The care of textiles has its own temperature.
    prose = re.sub(r"[Ww]ash[^.]*30 °C", "", product.manual_path.read_text(encoding="utf-8"))
    for number, unit in re.findall(rf"(-?\d+(?:\.\d+)?) ?({UNITS})\b", prose):
        assert re.search(rf"(?<![\d.]){re.escape(number)} ?{unit}", own), f"{number} {unit}"


def test_a_manual_is_typed() -> None:
    manual = parse_manual(GOOD)
    assert (manual.title, manual.about, manual.features) == ("Lamp", "A lamp.", ("Bright",))
    assert dict(manual.specs) == {"weight": (0.2, "kg")}
    assert [(one.question, one.answer) for one in manual.faq] == [("Does it float?", "No."), ("Is it\nred?", "Yes.")]
    assert (manual.warranty_years, manual.returns_days, bool(manual)) == (4, 14, True)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("# Lamp", "Lamp", "does not begin with '# '"),
        ("## Warranty", "## Guarantee", "has no section '## Warranty'; add it"),
        ("## Warranty", "## Guarantee", "'## Guarantee', which is none of a manual's"),
        ("For 4 years.", "", "the section '## Warranty' is empty; write it"),
        ("## Returns", "## Warranty", "the section '## Warranty' stands twice"),
        ("| weight | 0.2 kg |", "", "has no table"),
        ("**Does it float?** No.", "Does it float? No.", "question 1 of '## FAQ' is not"),
        ("- It gets hot.", "It gets hot.", "'## Cautions' has no lines that begin with '- '"),
    ],
)
def test_each_fault_has_its_sentence(was: str, now: str, said: str) -> None:
    with pytest.raises(ShopError, match=re.escape(said)):
        parse_manual(GOOD.replace(was, now), "lamp.md")


def test_several_faults_are_told_together() -> None:
    with pytest.raises(ShopError) as caught:
        parse_manual("", "lamp.md")
    assert len(str(caught.value).splitlines()) == 1 + len(SECTIONS)
    assert all(line.startswith("lamp.md: ") for line in str(caught.value).splitlines())
