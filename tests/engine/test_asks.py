"""Understanding one line: numbers, names, needs and acts, as a recogniser writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.engine.clerk.asks import understand
from contoso_lab.engine.clerk.briefing import read_briefing
from contoso_lab.engine.clerk.fit import read_needs
from contoso_lab.engine.clerk.listening import clauses, plain
from contoso_lab.engine.clerk.shelf import find

PRODUCTS = read_briefing([(Path(__file__).parent / "clerk_prompt.txt").read_text(encoding="utf-8")]).products


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("less than one hundred and fifty dollars", "less than $150"),
        ("under two seventy nine", "under 279"),
        ("two thousand dollars", "$2000"),
        ("between one hundred and two hundred bucks", "between 100 and $200"),
        ("a for person ten", "a 4 person tent"),
        ("the ten", "the tent"),
        ("ten dollars", "$10"),
        ("a ten dollars off", "a $10 off"),
        ("which one", "which one"),
        ("one hundred percent", "100 percent"),
        ("-20°C", "minus 20 degrees celsius"),
        ("ten below zero", "minus 10 degrees"),
        ("two and a half kilos", "2.5 kilos"),
        ("three point five", "3.5"),
        ("how much does it way", "how much does it weigh"),
        ("how much does the meadow for way", "how much does the meadow for weigh"),
        ("which way is it", "which way is it"),
        ("a back pack and a sleeping back", "a backpack and a sleeping bag"),
        ("water proof", "waterproof"),
        ("on my scream", "on my screen"),
        ("I'd like a couple of them", "i would like 2 of them"),
        ("$1,200.50!", "$1200.50"),
    ],
)
def test_lines_are_made_plain(heard: str, meant: str) -> None:
    assert plain(heard) == meant


def test_two_questions_are_two_clauses() -> None:
    assert len(clauses("How much does it weigh, and is it waterproof?")) == 2
    assert clauses("It costs 3.5 dollars.") == ["It costs 3.5 dollars"]


@pytest.mark.parametrize(
    ("heard", "names"),
    [
        ("the meadow for", ["Meadow Four"]),
        ("autumn knight", ["Autumn Night"]),
        ("polar nite please", ["Polar Night"]),
        ("the pole are night", ["Polar Night"]),
        ("harbour to", ["Harbor Two"]),
        ("lodge ate tent", ["Lodge Eight"]),
        ("way farer back pack", ["Wayfarer Backpack"]),
        ("wafer backpack", ["Wayfarer Backpack"]),
        ("the path finder boots", ["Pathfinder Boots"]),
        ("glazier boots", ["Glacier Boots"]),
        ("the heart stove or the spark stove", ["Hearth Stove", "Spark Stove"]),
        ("the summer one", ["Summer Night"]),
        ("the polar", ["Polar Night"]),
        ("a sleeping bag for autumn nights", []),
        ("warm bags for cold nights", []),
        ("we camp in the meadow", []),
        ("boots for the summit", []),
        ("a table for a picnic", []),
        ("a four person tent", []),
        ("Alpine Explorer", []),
    ],
)
def test_names_are_found_as_they_are_heard(heard: str, names: list[str]) -> None:
    assert [product.name for product in find(heard, PRODUCTS).named] == names


@pytest.mark.parametrize(
    ("heard", "need", "value"),
    [
        ("a tent for four people", "people", 4),
        ("two adults and two kids", "people", 4),
        ("a family of five", "people", 5),
        ("my wife and I", "people", 2),
        ("we have two kids", "people", None),
        ("under five pounds", "most_usd", None),
        ("under five pounds", "most_kg", pytest.approx(2.268, abs=0.001)),
        ("less than 150 dollars", "most_usd", 150),
        ("my budget is two hundred", "most_usd", 200),
        ("a tent for no more than $100", "least_usd", None),
        ("I will not pay more than $90", "most_usd", 90),
        ("I don't want to spend more than two hundred dollars", "least_usd", None),
        ("nothing above 120 dollars", "most_usd", 120),
        ("it is not for kids and costs more than $50", "least_usd", 50),
        ("I can spend $130 dollars", "most_usd", 130),
        ("keep it to $75", "most_usd", 75),
        ("between one hundred and two hundred dollars", "least_usd", 100),
        ("for less than 3 nights", "most_usd", None),
        ("below zero", "degrees_c", 0),
        ("minus ten degrees", "degrees_c", -10),
        ("14 degrees fahrenheit", "degrees_c", pytest.approx(-10)),
        ("warm sleeping bags", "cold", "cold"),
        ("deep snow", "cold", "frost"),
        ("more than 40 liters", "least_liters", 40),
        ("in the rain", "rain", True),
        ("a light one", "light", True),
    ],
)
def test_needs_are_read(heard: str, need: str, value: object) -> None:
    assert getattr(read_needs(plain(heard)), need) == value


@pytest.mark.parametrize(
    ("heard", "has", "lacks"),
    [
        ("Please show me the tent on my screen", "show", "find"),
        ("Can you send me a picture of it?", "show", "find"),
        ("Could you write that up for me?", "show", ""),
        ("I see.", "", "show"),
        ("Show me your tents", "find", "show"),
        ("please don't show me anything", "hide", "show"),
        ("I'll take it", "add", "find"),
        ("I want to buy a tent", "find", "add"),
        ("cancel that", "drop", ""),
        ("cancel my order", "", "drop"),
        ("Thank you, that is all for today.", "bye", "show"),
        ("That sounds good. We also need sleeping bags.", "find", "bye"),
        ("what's the difference between them", "compare", "find"),
        ("this is ridiculous", "upset", ""),
        ("please call me", "call", ""),
        ("no thanks", "no", "yes"),
        ("yes please", "yes", "no"),
    ],
)
def test_acts_are_recognised(heard: str, has: str, lacks: str) -> None:
    ask = understand(heard, PRODUCTS)
    assert not has or ask.has(has), ask.acts
    assert not lacks or not ask.has(lacks), ask.acts


@pytest.mark.parametrize(
    ("heard", "topics"),
    [
        ("How much does it weigh, and is it waterproof?", ("weight", "waterproof")),
        ("what does it cost", ("price",)),
        ("I need a waterproof tent", ()),
        ("how many liters does it hold", ("capacity",)),
        ("how long does it take to set up", ("setup time",)),
        ("what is its breathability", ("breathability",)),
    ],
)
def test_topics_are_found(heard: str, topics: tuple[str, ...]) -> None:
    assert understand(heard, PRODUCTS).topics == topics


@pytest.mark.parametrize(
    ("heard", "quantity"),
    [
        ("how much for two of them", 2),
        ("we need four warm sleeping bags", 4),
        ("a tent for four people", None),
        ("what would three cost", 3),
        ("two autumn nights please", 2),
        ("I have 2 dogs", None),
        ("the summit solo and the breeze shirt", None),
    ],
)
def test_quantities_are_not_people(heard: str, quantity: int | None) -> None:
    assert understand(heard, PRODUCTS).quantity == quantity


@pytest.mark.parametrize(
    ("heard", "unknown"),
    [
        ("Do you sell kayaks?", "kayaks"),
        ("I'd like a headlamp", "headlamp"),
        ("How much is the Alpine Explorer tent?", "Alpine Explorer"),
        ("I need some help", ""),
        ("do you have Sleeping Bags", ""),
        ("I would like a recommendation", ""),
        ("how much is the Summit Breeze jacket", "Summit Breeze"),
        ("How much is the Trail Master tent", "Trail Master"),
        ("does the Polar Bear sleeping bag keep me warm", "Polar Bear"),
        ("We leave on Monday for the Rockies", ""),
        ("I want to go to Yosemite with my brother John", ""),
        ("Compare the Meadow Four and the Lodge Eight", ""),
    ],
)
def test_unknown_things_are_noticed(heard: str, unknown: str) -> None:
    assert understand(heard, PRODUCTS).unknown == unknown
