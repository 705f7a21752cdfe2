"""What the checker finds in a text, and where in the sound it was."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contoso_lab.engine.rehearsal import rehearse_script
from contoso_lab.engine.script import Script
from contoso_lab.recording import Recorder, Recording
from contoso_lab.settings import HOME
from contoso_lab.shop import Catalog, Product, get_customer
from contoso_lab.shop.mentions import find_mentions
from contoso_lab.shop.truth import KINDS, Finding, check, check_recording, check_turns
from contoso_lab.shop.truth.facts import facts_of
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.numbers import find_numbers
from contoso_lab.shop.truth.sentences import read
from contoso_lab.shop.truth.surface import language_of
from contoso_lab.shop.truth.units import find_quantities
from contoso_lab.wire import Turn
from contoso_lab.wire.heard import WordTime

CATALOG = Catalog.load()
MAYA = get_customer("maya")


def found(text: str, *, language: str | None = None, earlier: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    findings = check(text, CATALOG, MAYA, language=language, earlier=earlier)
    return [(f.kind, f.words, f.verdict) for f in findings if f.kind != "product"]


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("six point one, 1,049.50 and minus twenty", "en", [6.1, 1049.5, -20]),
        ("one hundred and two hundred", "en", [100, 200]),
        ("six and a half kilos, twenty below", "en", [6.5, -20]),
        ("zweihundertfünfzig, 1.049,50 und anderthalb", "de", [250, 1049.5, 1.5]),
        ("deux cent soixante-dix-neuf, 6,1 et moins vingt", "fr", [279, 6.1, -20]),
        ("- 210 cm, and -5 °C", "en", [210, -5]),
        ("ciento diecinueve y 1.049", "es", [119, 1049]),
        ("二百七十九ドル、マイナス20度、六点一キロ", "ja", [279, -20, 6.1]),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, language: str, values: list[float]) -> None:
    assert [number.value for number in find_numbers(text, language)] == values


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        # Known from outside: 1 lb = 0.45359237 kg, 1 in = 2.54 cm, 1 ft = 30.48 cm, °C = (°F - 32) / 1.8
        ("ten pounds", "kg", 4.5359237),
        ("16 oz", "kg", 0.453592368),
        ("10 inches", "m", 0.254),
        ("6 feet", "m", 1.8288),
        ("10 gallons", "litres", 37.85411784),
        ("5 °F", "celsius", -15.0),
        ("100 square feet", "m2", 9.290304),
        ("90 seconds", "minutes", 1.5),
        ("two hours", "minutes", 120.0),
        ("two burners", "burners", 2.0),
        ("sleeps four", "persons", 4.0),
        ("250 bucks", "usd", 250.0),
    ],
)
def test_units_become_one(text: str, dimension: str, value: float) -> None:
    (quantity,) = find_quantities(text)
    assert quantity.dimension == dimension
    assert quantity.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("It costs $279.", True),
        ("Does it cost $279?", False),
        ("It costs $279, doesn't it?", True),
        ("It costs $279, shall I show it?", True),
        ("It does not cost $279.", False),
        ("I think it costs $279.", False),
        ("If it were $279, I would take it.", False),
        ("If you like it, it is $279.", True),
        ("You said $279.", False),
        ("You said 250, but it is $279.", True),
        ("It used to be $279.", False),
        ("“It costs $279”, you wrote.", False),
        ("Es kostet nicht $279.", False),
        ("Vielleicht kostet es $279.", False),
        ("Ça ne coûte pas $279.", False),
        ("Si costara $279, lo compraría.", False),
        ("$279ではありません。", False),
    ],
)
def test_only_what_is_said_as_a_fact_is_a_claim(text: str, claims: bool) -> None:
    (sentence,) = read(text, CATALOG).sentences
    amount = next(amount for amount in sentence.amounts if amount.usd == 279)
    assert is_claim(sentence, amount, sentence.amounts) is claims


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_every_product_is_called_by_its_own_figures_and_prices(product: Product) -> None:
    assert found(f"The {product.name} costs {product.price}.") == [("price", product.price.rstrip("."), "true")]
    if product.weight_kg is not None:
        pounds = product.weight_kg / 0.45359237
        for weight in (f"{product.weight_kg:g} kilos", f"{product.weight_kg * 1000:.0f} grams", f"{pounds:.2f} pounds"):
            assert found(f"The {product.name} weighs {weight}.") == [("spec", weight, "true")]
        wrong = f"{product.weight_kg * 1.3:.2f} kg"
        assert found(f"The {product.name} weighs {wrong}.") == [("spec", wrong, "false")]
    cheapest = min(CATALOG.by_category(product.category), key=lambda one: one.price_usd) is product
    (ranked,) = found(f"The {product.name} is the cheapest in {product.category}.")
    assert ranked[2] == ("true" if cheapest else "false")


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.sku)
def test_the_figures_of_a_product_are_read_from_its_own_words(product: Product) -> None:
    facts = facts_of(product)
    assert all(fact.text for fact in facts)
    if product.weight_kg is not None:
        assert ("weight", "kg", (product.weight_kg,)) in [(f.aspect, f.dimension, f.values) for f in facts]
    if product.comfort_c is not None:
        assert ("comfort", (product.comfort_c,)) in [(f.aspect, f.values) for f in facts]


@pytest.mark.parametrize(
    ("heard", "sku"),
    [
        ("the summit so low is light", "TEN-03"),
        ("take the harbour two", "TEN-01"),
        ("the day break day pack", "PAC-01"),
        ("the glacia boots", "FTW-03"),
        ("the polar knight", "SLE-03"),
    ],
)
def test_names_are_found_as_they_are_heard(heard: str, sku: str) -> None:
    assert [mention.sku for mention in find_mentions(heard, CATALOG, heard=True)] == [sku]
    assert find_mentions(heard, CATALOG) == []


@pytest.mark.parametrize("heard", ["we slept in a cold autumn night", "the boots are granite grey", "good night"])
def test_ordinary_talk_is_no_name_when_heard(heard: str) -> None:
    assert find_mentions(heard, CATALOG, heard=True) == []


def test_what_the_speaker_corrects_in_one_breath_is_corrected() -> None:
    assert found("It is $250, sorry, $279.", earlier=("TEN-02",)) == [("price", "$279", "true")]
    assert found("It is $250. I am very sorry about that, by the way.", earlier=("TEN-02",)) == [
        ("price", "$250", "false")
    ]


def test_a_catalogue_of_somebody_else_is_the_truth_as_well() -> None:
    changed = CATALOG.get("TEN-02").model_copy(update={"amount": 300, "name": "Alpine Cube"})
    other = Catalog((changed, *(p for p in CATALOG if p.sku != "TEN-02")), sha256="0" * 64)
    said = {f.kind: f.verdict for f in check("The Alpine Cube costs $300.", other)}
    assert said == {"product": "true", "price": "true"}


def test_the_language_of_a_text_is_known_by_its_words() -> None:
    assert language_of("Das Zelt ist für vier Personen.") == "de"
    assert language_of("テントは軽いです。") == "ja"
    assert language_of("Meadow Four, $279") is None


@pytest.mark.parametrize(
    "text",
    [
        "For six people I would take the Banquet Table.",
        "With four people you want the Lodge Eight.",
        "A night at minus ten degrees needs the Polar Night.",
        "Six kilos is a lot, so take the Harbor Two.",
        "The Meadow Four sleeps four, so two of them sleep eight.",
    ],
)
def test_what_the_trip_needs_is_no_figure_of_the_product(text: str) -> None:
    assert "false" not in [verdict for _, _, verdict in found(text)]


TEXT = "I like the Meadow Four. It costs 250 dollars."


def turn(text: str = TEXT, *, heard: str | None = None, audio_ms: float = 4500.0) -> Turn:
    return Turn(
        "item_1", "assistant", text, text if heard is None else heard, "done", 10_000.0, 14_500.0, audio_ms=audio_ms
    )


def wrong(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict == "false"]


def test_a_finding_has_its_turn_and_its_second() -> None:
    (price,) = wrong(check_turns([turn()], CATALOG))
    # The price stands after 33 of 45 letters, in 4.5 seconds that begin at 10 s.
    assert (price.turn_id, price.at_s, price.timing) == ("item_1", 13.3, "interpolated")


def test_with_the_times_of_the_words_the_second_is_exact() -> None:
    times = [WordTime(word, 400.0 * number) for number, word in enumerate(TEXT.split(), start=1)]
    (price,) = wrong(check_turns([turn()], CATALOG, words={"item_1": times}))
    assert TEXT.split().index("250") == 7
    assert (price.at_s, price.timing) == (12.8, "words")


def test_a_turn_without_sound_has_no_second() -> None:
    (price,) = wrong(check_turns([turn(audio_ms=0.0)], CATALOG))
    assert (price.at_s, price.timing) == (None, None)


def test_only_what_was_heard_counts() -> None:
    assert wrong(check_turns([turn(heard="I like the Meadow Four.")], CATALOG)) == []


def test_it_is_what_was_named_in_the_turn_before() -> None:
    first, second = turn("I like the Lodge Eight."), turn("It costs 449 dollars.")
    assert [(f.kind, f.sku) for f in check_turns([first, second], CATALOG)][-1] == ("price", "TEN-04")


def test_a_recording_is_checked_on_its_own_clock(tmp_path: Path) -> None:
    script = Script.model_validate({
        "parts": "plain",
        "brain": [{"say": "I like the Meadow Four.", "after_ms": 2000}, {"say": "It costs 250 dollars."}],
        "ear": [],
        "call": [{"send": {"type": "response.create"}}, {"hear": "reply"}] * 2,
    })  # fmt: skip
    rehearse_script(script, record=lambda clock: Recorder.start(tmp_path, id="call", clock_ns=clock))
    recording = Recording.open(tmp_path / "call")
    (price,) = wrong(check_recording(recording, CATALOG))
    item = next(item for item in recording.timeline().items if item.item_id == price.turn_id)
    assert (price.kind, price.sku, price.timing) == ("price", "TEN-02", "interpolated")
    assert price.at_s is not None
    # "It costs " is 9 of 21 letters.
    assert price.at_s == pytest.approx((item.started_ms + 9 / 21 * item.received_ms) / 1000, abs=0.05)
    assert item.started_ms > 2000


@given(st.text(max_size=120))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_checked(text: str) -> None:
    for medium in ("text", "speech", "page"):
        for finding in check(text, CATALOG, MAYA, medium=medium, language="en"):
            assert finding.kind in KINDS
            assert 0 <= finding.start <= finding.end <= len(text)


def test_the_example_of_the_documentation_prints_what_it_says() -> None:
    text = (HOME / "docs" / "truth.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.DOTALL)
    assert example is not None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(example[1], {})
    assert printed.getvalue() == example[2]


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("The Meadow Four costs 279 euros.", "en", "279 euros"),
        ("The Meadow Four is £250.", "en", "£250"),
        ("The Meadow Four is two hundred ten pounds sterling.", "en", "two hundred ten pounds sterling"),
        ("Das Meadow Four kostet 279 Euro.", "de", "279 Euro"),
        ("La Meadow Four coûte 279 €.", "fr", "279 €"),
        ("La Meadow Four cuesta 279 euros.", "es", "279 euros"),
        ("Meadow Fourは27900円です。", "ja", "27900円"),
    ],
)  # fmt: skip
def test_a_price_in_other_money_than_the_catalogues_is_found(text: str, language: str, words: str) -> None:
    found = [one for one in check(text, CATALOG, language=language) if one.kind in ("price", "total", "currency")]
    assert [(one.kind, one.verdict, one.words, one.sku) for one in found] == [
        ("currency", "unsupported", words, "TEN-02")
    ]
    assert "$279.00" in found[0].catalogue


@pytest.mark.parametrize(
    "text",
    [
        "The Meadow Four costs $279, which is under 300 euros.", "You said that you had 200 euros to spend.",
        "Would 279 euros for the Meadow Four be too much?", "A night on the campsite is 20 euros.",
        "The Meadow Four is not 279 euros.", "The Lodge Eight weighs 20 pounds.",
    ],
)  # fmt: skip
def test_what_is_no_price_of_ours_in_other_money_is_no_finding(text: str) -> None:
    assert [one for one in check(text, CATALOG) if one.kind == "currency"] == []


def test_a_catalogue_in_euros_is_held_to_euros() -> None:
    rows = [{"name": "Sea Kayak", "price": 899.5}, {"name": "River Canoe", "price": 1200.0}]
    euros = Catalog.from_frame(pd.DataFrame(rows), currency="EUR")

    def said(text: str) -> list[tuple[str, str]]:
        return [(one.kind, one.verdict) for one in check(text, euros) if one.kind != "product"]

    assert said("The Sea Kayak costs 899.50 euros.") == [("price", "true")]
    assert said("The Sea Kayak costs €900.") == [("price", "false")]
    assert said("The Sea Kayak costs $899.50.") == [("currency", "unsupported")]
    assert said("The Sea Kayak and the River Canoe come to 2,099.50 euros together.") == [("total", "true")]
    assert check("The Sea Kayak costs €900.", euros)[-1].catalogue == "Sea Kayak: €899.50"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Apart from the Summit Solo, the Harbor Two is the lightest tent I have.", "true"),
        ("The lightest tent, not counting the Summit Solo, is the Meadow Four.", "false"),
        ("The Harbor Two is the lightest tent I have.", "false"),
    ],
)
def test_what_is_left_out_of_a_ranking_does_not_count(text: str, verdict: str) -> None:
    assert [one.verdict for one in check(text, CATALOG) if one.kind == "superlative"] == [verdict]
