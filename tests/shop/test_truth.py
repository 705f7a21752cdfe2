"""What was said about money, and whether it is so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.shop import Catalog, Product, price_claims
from contoso_lab.shop.money import find_amounts, spoken_number

CATALOG = Catalog.load()
MARKDOWN = """## Your family trip

### Meadow Four (TEN-02)
![Meadow Four](/images/TEN-02.svg)

- sleeps four
- **$279.00**

### Autumn Night (SLE-02)
![Autumn Night](/images/SLE-02.svg)

**$129.00**
"""


def claims(text: str) -> list[tuple[str | None, float, bool | None]]:
    return [(claim.sku, claim.stated_usd, claim.ok) for claim in price_claims(text, CATALOG)]


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        ("$279", [279]),
        ("279 dollars", [279]),
        ("279 bucks, or 45 USD", [279, 45]),
        ("two hundred seventy nine dollars", [279]),
        ("Two hundred and seventy-nine dollars", [279]),
        ("two seventy-nine dollars", [279]),
        ("a hundred and five dollars and fifty cents", [105.5]),
        ("279 dollars and 50 cents", [279.5]),
        ("$1,049.50.", [1049.5]),
        ("one thousand and forty-nine dollars", [1049]),
        ("twelve hundred dollars", [1200]),
        ("a 279-dollar tent", [279]),
        ("it costs two hundred and nine.", [209]),
        ("it costs two hundred and nine dollars.", [209]),
        ("it costs 4 minutes", []),
        ("nine nine dollars", []),
        ("three thousand millimetres, four people, six point one kilos", []),
    ],
)
def test_sums_of_money_are_read_in_digits_and_in_words(text: str, usd: list[float]) -> None:
    assert [amount.usd for amount in find_amounts(text)] == usd


def words_of(number: int) -> str:
    """The way a careful speaker says a number; written apart from the code that reads it."""
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    ones += "seventeen eighteen nineteen"
    tens = "_ _ twenty thirty forty fifty sixty seventy eighty ninety"
    if number < 20:
        return ones.split()[number]
    if number < 100:
        rest = f"-{ones.split()[number % 10]}" if number % 10 else ""
        return tens.split()[number // 10] + rest
    scale, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = f" and {words_of(number % scale)}" if number % scale else ""
    return f"{words_of(number // scale)} {name}{rest}"


@given(st.integers(1, 99_999))
def test_every_number_that_is_spoken_in_full_is_understood(number: int) -> None:
    words = words_of(number)
    assert spoken_number(words.replace("-", " ").split()) == number
    assert [amount.usd for amount in find_amounts(f"It costs {words} dollars today.")] == [number]


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_the_true_price_of_every_product_is_true_and_another_is_not(product: Product) -> None:
    price = int(product.price_usd)
    for text in (
        f"The {product.name} costs ${price}.",
        f"The {product.name} is {words_of(price)} dollars.",
        f"I like the {product.name}. It costs {price} dollars.",
        f"{product.sku} for {product.price}",
    ):
        assert claims(text) == [(product.sku, price, True)], text
    assert claims(f"The {product.name} costs {price + 10} dollars.") == [(product.sku, price + 10, False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Meadow Four costs $279 and the Lodge Eight $449.", [("TEN-02", 279, True), ("TEN-04", 449, True)]),
        ("For $279 take the Meadow Four, for $449 the Lodge Eight.", [("TEN-02", 279, True), ("TEN-04", 449, True)]),
        ("The Meadow Four and the Lodge Eight cost $279 and $449.", [("TEN-02", 279, True), ("TEN-04", 449, True)]),
        ("The Lodge Eight is bigger; at $279, the Meadow Four is cheaper.", [("TEN-02", 279, True)]),
        ("The Meadow Four, our most popular family tent, costs $279.", [("TEN-02", 279, True)]),
        ("Meadow is $279.", [("TEN-02", 279, True)]),
        ("The meadow tent is $279.", [("TEN-02", 279, True)]),
        ("The jacket is 119 dollars.", [("CLO-01", 119, True)]),
        ("Take the Meadow Four. It sleeps four. It costs $300.", [("TEN-02", 300, False)]),
        (
            "I suggest the Meadow Four and the Autumn Night. The tent costs $279, the bag $109.",
            [("TEN-02", 279, True), ("SLE-02", 109, False)],
        ),
        ("The Polar Night isn't $200, it is $249.", [("SLE-03", 249, True)]),
        ("Which is less than one hundred and fifty dollars? The Autumn Night, at 119.99.", []),
        ("Which is less than one hundred and fifty dollars? The Autumn Night, at $119.", [("SLE-02", 119, True)]),
    ],
)  # fmt: skip
def test_a_price_belongs_to_the_product_it_was_said_of(text: str, expected: list[tuple[str, float, bool]]) -> None:
    assert claims(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The Autumn Night is under 150 dollars.",
        "The Autumn Night costs less than one hundred and fifty dollars.",
        "Between $100 and $200 there is the Wayfarer Backpack.",
        "Between one hundred and two hundred dollars there is the Wayfarer Backpack.",
        "The Lodge Eight is $170 more than the Meadow Four.",
        "You save $60 with the Summer Night.",
        "With your $300 budget the Meadow Four is fine.",
        "Your budget of $300 is enough for the Meadow Four.",
        "The Summer Night is cheaper by 60 dollars.",
        "Sleeping bags start at $59, up to $249 for the Polar Night.",
        "The Meadow Four is $300 or less.",
        "The Meadow Four does not cost $300.",
        "The Meadow Four sleeps four, weighs 6.1 kilos and takes ten minutes.",
    ],
)
def test_limits_and_differences_are_no_prices(text: str) -> None:
    assert claims(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Together the Meadow Four and the Autumn Night cost $398.", [(None, 398, True)]),
        ("The Meadow Four and the Autumn Night come to $400 in total.", [(None, 400, False)]),
        (
            "The Meadow Four is $279 and the Autumn Night is $119. Both cost three hundred ninety-eight dollars.",
            [("TEN-02", 279, True), ("SLE-02", 119, True), (None, 398, True)],
        ),
        (
            "The Meadow Four costs $279, the Autumn Night $119, together $398.",
            [("TEN-02", 279, True), ("SLE-02", 119, True), (None, 398, True)],
        ),
        ("Four Autumn Night bags come to $476.", [(None, 476, True)]),
        (
            "Two Autumn Nights at $119 each and one Meadow Four make $517 in total.",
            [("SLE-02", 119, True), (None, 517, True)],
        ),
        ("Four Autumn Night bags cost $476.", [("SLE-02", 476, True)]),
        ("Four Autumn Night bags cost $476 each.", [("SLE-02", 476, False)]),
        ("The Meadow Four comes to $279.", [("TEN-02", 279, True)]),
        ("That makes $500 in total.", [(None, 500, None)]),
    ],
)  # fmt: skip
def test_totals_are_added_up_when_the_words_say_so(text: str, expected: list[tuple[str | None, float, bool]]) -> None:
    assert claims(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs $279.", [(None, 279, None)]),
        ("The tent is $279, and the Autumn Night is $119.", [(None, 279, None), ("SLE-02", 119, True)]),
        ("The tent is $279, as you know the Autumn Night.", [(None, 279, None)]),
        ("The Meadow Four is cheaper than the Lodge Eight: it costs $279.", [("TEN-04", 279, None)]),
        ("The Meadow Four is about 280 dollars.", [("TEN-02", 280, None)]),
        ("The Meadow Four is about 500 dollars.", [("TEN-02", 500, False)]),
        ("On a warm summer night you pay $5.", [(None, 5, None)]),
    ],
)
def test_what_cannot_be_told_is_none(text: str, expected: list[tuple[str | None, float, bool | None]]) -> None:
    assert claims(text) == expected


def test_a_page_in_markdown_is_read_by_its_headings() -> None:
    assert claims(MARKDOWN) == [("TEN-02", 279, True), ("SLE-02", 129, False)]
    wrong = price_claims(MARKDOWN, CATALOG)[1]
    assert (wrong.true_usd, wrong.quote, wrong.skus) == (119, "**$129.00**", ("SLE-02",))


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert all(claim.quote in text for claim in price_claims(text, CATALOG))
