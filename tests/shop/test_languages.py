"""The five languages: their fixed sentences, and telling them apart."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts import languages
from contoso_lab.settings import HOME
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import get_customer
from contoso_lab.shop.languages import CODES, customer_language, detect_language, language, written_in
from contoso_lab.shop.writeup import suggest

SENTENCES = [
    json.loads(line)
    for line in (HOME / "data" / "languages" / "sentences.jsonl").read_text(encoding="utf-8").splitlines()
]


def said(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text} for text in texts]


def test_the_set_has_forty_different_sentences_in_each_language() -> None:
    assert Counter(row["language"] for row in SENTENCES) == dict.fromkeys(CODES, 40)
    assert len({row["text"] for row in SENTENCES}) == 200


def test_the_language_of_what_customers_say_is_found() -> None:
    found = Counter(
        "undecided" if (code := detect_language(row["text"]).code) is None else code == row["language"]
        for row in SENTENCES
    )
    # As measured; the documentation (data/languages/README.md) says these numbers.
    assert found == {True: 199, "undecided": 1}


@pytest.mark.parametrize("text", ["", "42", "OK", "…", "250 $"])
def test_what_tells_nothing_is_no_language(text: str) -> None:
    assert detect_language(text).code is None


@pytest.mark.parametrize("code", CODES)
def test_every_language_has_its_fixed_sentences_in_itself(code: str) -> None:
    one = language(code)
    for name in ("first", "returning", "unknown", "closing", "coming", "calling", "forgotten"):
        words = getattr(one, name).format(first_name="", who="")
        assert written_in(words, ["Contoso Outdoor"]).code == code, words
    assert "{first_name}" in one.first
    assert "{who}" in one.returning
    assert one.first != one.returning


def test_a_language_is_found_by_code_name_and_region() -> None:
    assert language("German") == language("de") == language("de-AT") == language("DE")
    with pytest.raises(PromptError, match="does not speak 'it'; it speaks English, German, French, Spanish, Japanese"):
        language("it")


def test_the_customers_language_is_the_one_of_most_turns() -> None:
    german, english = "Wie schwer ist das Zelt?", "How heavy is the tent?"
    assert customer_language(said(english, german, german)) == "de"
    assert customer_language(said(german, german, english, "42", "OK", "OK")) == "de"
    assert customer_language(said(german, english)) == "en", "of two that are even, the later"
    assert customer_language([{"role": "assistant", "content": german}], default="fr") == "fr"
    assert detect_language("No problem").code == "es", "two words are too few"
    assert customer_language(said("No problem")) == "en"
    picture = [{"type": "text", "text": german}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    assert customer_language([{"role": "user", "content": picture}]) == "de"


def test_a_page_is_judged_without_the_names_that_stay_english() -> None:
    page = "## Ihr Ausflug\n\n### Meadow Four (TEN-02)\n![Meadow Four](/images/TEN-02.svg)\n**$279.00**\n- Für vier"
    assert written_in(page, ["Meadow Four"]).code == "de"
    assert written_in("Meadow Four (TEN-02) $279", ["Meadow Four"]).code is None


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("- en", "has to be a mapping of codes to sentences"),
        ("en: {}", "en.calling is missing; add it"),
        ("de: {name: German}", "lacks the language 'en'; add it"),
        ("en: [", "cannot be read"),
    ],
)
def test_a_broken_file_of_sentences_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, sentence: str
) -> None:
    file = tmp_path / "languages.yaml"
    file.write_text(broken, encoding="utf-8")
    monkeypatch.setattr(languages, "FILE", file)
    with pytest.raises(PromptError, match=r"^prompts/languages\.yaml: ") as caught:
        language("en")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("turn", "asked", "name"),
    [
        ("Zeigen Sie mir bitte das Zelt.", None, "German"),
        ("テントを見せてください。", None, "Japanese"),
        ("Show me the tent, please.", None, "English"),
        ("Show me the tent, please.", "fr", "French"),
    ],
)
async def test_the_page_is_asked_for_in_the_customers_language(
    server: Any, turn: str, asked: str | None, name: str
) -> None:
    server.reply = ["## Page"]
    talk = [*said(turn), {"role": "assistant", "content": "Gladly, the Meadow Four is coming to your screen."}]
    await suggest(talk, get_customer("maya"), Catalog.load(), server.target, language=asked)
    assert f"- Write {name}, headings and labels too" in server.asked[0]["messages"][0]["content"]
