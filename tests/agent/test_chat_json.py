"""Reading the answer's text while its JSON is on its way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.agent.partial_json import TextField
from contoso_lab.errors import PromptError

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.text(
    st.sampled_from('😀é"\\/\n\t{}[]:,u0d83 '), max_size=40
)


@st.composite
def chunked(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and its answer in any chunks: keys in any order, escapes long or short, space anywhere."""
    text = draw(TEXTS)
    answer: list[tuple[str, Any]] = [("response", text), ("context", draw(TEXTS)), ("call", draw(st.integers(1, 5)))]
    value = dict(draw(st.permutations(answer)))
    written = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2])))
    cuts = sorted(draw(st.lists(st.integers(0, len(written)), max_size=20)))
    return text, [written[one:two] for one, two in zip([0, *cuts], [*cuts, len(written)], strict=True)]


@given(chunked())
def test_any_chunking_gives_the_same_text(case: tuple[str, list[str]]) -> None:
    text, chunks = case
    field = TextField("response")
    pieces = [field.feed(chunk) for chunk in chunks]
    assert "".join(pieces) == field.text == text
    for piece in pieces:
        piece.encode()  # never half a pair of surrogates


@given(chunked())
def test_character_by_character_nothing_is_said_twice_or_taken_back(case: tuple[str, list[str]]) -> None:
    text, chunks = case
    field, said = TextField("response"), ""
    for character in "".join(chunks):
        said += field.feed(character)
        assert text.startswith(said)
    assert said == text


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        (["Hello"], "not JSON"),
        (["```json\n{"], "not JSON"),
        (["[1,", "2]"], "no object"),
        (['{"response": 5}'], "not one text"),
        (['{"response": ["a', '"]}'], "not one text"),
        (['{"response": "one", ', '"response": "two"}'], "not one text"),
        (['{"response": "\\ud83d', "x"], "not JSON"),
    ],
)
def test_what_is_no_answer_is_an_error(chunks: list[str], why: str) -> None:
    field = TextField("response")
    with pytest.raises(PromptError, match=why):
        feed_all(field, chunks)


def test_an_answer_without_end_is_cut_off() -> None:
    field = TextField("response", most_chars=1_000)
    with pytest.raises(PromptError, match="longer than 1000"):
        feed_all(field, ['{"response": "', *["aaaaaaaaaa"] * 200])
    assert len(field.text) <= 1_000


def feed_all(field: TextField, chunks: list[str]) -> None:
    for chunk in chunks:
        field.feed(chunk)
