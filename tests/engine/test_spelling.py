from __future__ import annotations

import pytest

from contoso_lab.engine.spelling import spell_out


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello Maya.", "Hello Maya."),
        ("It costs $1.50.", "It costs $1.50."),  # dollars, decimals and kilograms are the voice's own business
        ("It weighs 6.1 kg.", "It weighs 6.1 kg."),
        ("TEN-02 fits.", "T E N, zero two fits."),
        ("A TEN-02, or SLE-03?", "A T E N, zero two, or S L E, zero three?"),
        ("PAC-01", "P [A](/ˈA/) C, zero one"),
        ("MY-TEN-02-X", "MY-TEN-02-X"),
        ("$59-$249", "$59 to $249"),
        ("$59–249", "$59 to $249"),
        ("279 USD", "$279"),
        ("−20 °C", "-20 °C"),
        ("900 g and 1 g", "900 grams and 1 gram"),
        ("a 45 L pack, 2 m tall", "a 45 liters pack, 2 meters tall"),
        ("210 x 130 cm", "210 by 130 cm"),
        ("$5 a night & $49/night", "$5 a night and $49 per night"),
        ("approx. 5 kg, e.g. for two", "approximately 5 kg, for example for two"),
        ("# The **Meadow Four**", "The Meadow Four"),
        ("- [the page](/products/TEN-02) and ![x](/x.svg) this", "the page and this"),
        ("🎒 Great → yes", "Great yes"),
        ("snake_case and _this_", "snake_case and this"),
    ],
)
def test_a_sentence_is_written_the_way_it_is_said(written: str, said: str) -> None:
    assert spell_out(written) == said
