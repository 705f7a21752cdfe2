"""Reading a system prompt: its sections, its catalogue and its manner."""

from __future__ import annotations

import pytest

from contoso_lab.engine.clerk.briefing import read_briefing
from contoso_lab.engine.clerk.manner import Manner, read_manner

PROMPT = """You are Robin, the voice of Contoso Outdoor, a shop for tents.
Orders leave the house within 2 days.

# Customer
- name: Maya Chen
- first name: Maya

# Already bought
- FTW-01 | Pathfinder Boots

# Catalogue
- TEN-02 | Meadow Four | Tents | $1,279.50 | Family tent: high | weight: 6.1 kg; sleeps: 4 | image: /images/TEN-02.svg
- SLE-03 | Polar Night | Sleeping Bags | $249.00 | Winter bag | comfort: -20 °C
- a line that is no product

# Conversation so far
- summary: Maya plans a trip.
- customer: Hello.
- assistant: Hello Maya.

# Warranty
- Tents are repaired free of charge for two years.

# Manner
- Open the call with: "Hello {first name}!"
- Answer in at most two sentences.
"""


def test_every_section_is_read() -> None:
    briefing = read_briefing([PROMPT])
    assert (briefing.customer_name, briefing.first_name) == ("Maya Chen", "Maya")
    assert (briefing.bought, briefing.bought_names) == (("FTW-01",), ("Pathfinder Boots",))
    assert [turn[0] for turn in briefing.history] == ["summary", "user", "assistant"]
    assert briefing.categories == ("Tents", "Sleeping Bags")
    assert briefing.manner.opening == "Hello Maya!"
    assert (briefing.manner.clerk, briefing.manner.shop) == ("Robin", "Contoso Outdoor")


def test_a_product_is_what_its_line_says() -> None:
    tent, bag = read_briefing([PROMPT]).products
    assert (tent.sku, tent.name, tent.category, tent.price_usd) == ("TEN-02", "Meadow Four", "Tents", 1279.5)
    assert (tent.description, tent.image) == ("Family tent: high", "/images/TEN-02.svg")
    assert (tent.number("weight"), tent.number("sleeps"), tent.fact("color")) == (6.1, 4.0, None)
    assert (bag.number("comfort"), bag.image) == (-20.0, "")


def test_house_rules_are_found_wherever_they_stand() -> None:
    briefing = read_briefing([PROMPT])
    assert briefing.policy("warrant") == "Tents are repaired free of charge for two years."
    assert briefing.policy("leave the house") == "Orders leave the house within 2 days."
    assert briefing.policy("refund") is None


def test_a_later_section_replaces_an_earlier_one() -> None:
    briefing = read_briefing([PROMPT, "# Customer\n- name: Elena Rossi"])
    assert (briefing.first_name, len(briefing.products)) == ("Elena", 2)


@pytest.mark.parametrize("text", ["", "Be nice.", "# Catalogue", "# Catalogue\n- x | y", "# Manner\n- nonsense"])
def test_a_bare_prompt_is_no_error(text: str) -> None:
    briefing = read_briefing([text])
    assert briefing.products == ()
    assert briefing.manner.most_sentences == 3


RULES = [
    ("Answer in at most one sentence.", {"most_sentences": 1}),
    ("Reply in no more than 2 short sentences.", {"most_sentences": 2}),
    ("Answer in a single sentence.", {"most_sentences": 1}),
    ("Offer at most one product at a time.", {"most_products": 1}),
    ("Recommend no more than four products.", {"most_products": 4}),
    ("Always give the reason for a recommendation.", {"gives_reason": True}),
    ("Never explain the reason.", {"gives_reason": False}),
    ("Ask before you put anything on the screen.", {"asks_before_showing": True}),
    ("You may recommend what the customer already bought.", {"spares_bought": False}),
    ("Never recommend what the customer already bought.", {"spares_bought": True}),
    ("Speak German.", {"language": "German"}),
    ("Never ask questions.", {"questions": "never"}),
    ("End every answer with a question.", {"questions": "always"}),
    ("Never mention prices first.", {"says_prices": False}),
    ("No small talk.", {"small_talk": False}),
    ("Never use the customer's name.", {"name_use": "never"}),
    ('Close the call with: "Bye, {name}."', {"closing": "Bye, Maya Chen."}),
    ('Begin every answer with: "Ahoy!"', {"begin": "Ahoy!"}),
    ("Be excellent.", {}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changed"), RULES, ids=[rule for rule, _ in RULES])
def test_manner_reads_plain_english(rule: str, changed: dict[str, object]) -> None:
    manner, plain = read_manner([rule], fill={"name": "Maya Chen"}), Manner()
    differing = {key: getattr(manner, key) for key in Manner.__slots__ if getattr(manner, key) != getattr(plain, key)}
    assert differing == {key: value for key, value in changed.items() if getattr(plain, key) != value}


def test_without_a_section_the_prose_is_tried() -> None:
    assert read_manner([], ["You are Ann. Answer in at most one sentence."]).most_sentences == 1
    assert read_manner([], ["You are brisk."]).small_talk is False
