"""The estimate of tokens, held against counts that OpenAI's own tokenizer (o200k_base) gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts.tokens import (
    MESSAGE_TOKENS,
    PICTURE_TOKENS,
    check_window,
    count_tokens,
    window_of,
)

KNOWN = json.loads((Path(__file__).parent / "token_counts.json").read_text(encoding="utf-8"))
MOST = {"en": 1.45, "de": 1.4, "fr": 1.4, "es": 1.4, "ja": 1.9, "data": 1.45, "other": 3.6}
"""How far the estimate may lie above the true count, by the kind of text."""


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["name"])
def test_the_estimate_is_never_too_low_and_not_far_too_high(known: dict[str, object]) -> None:
    share = count_tokens(str(known["text"])) / float(str(known["tokens"]))
    assert 1.0 <= share <= MOST[str(known["kind"])]


def test_over_all_texts_that_it_was_not_fitted_to_it_is_a_third_too_high() -> None:
    unseen = [known for known in KNOWN if not known["seen"]]
    share = sum(count_tokens(known["text"]) for known in unseen) / sum(known["tokens"] for known in unseen)
    assert 1.2 < share < 1.4


def test_messages_cost_their_words_their_roles_and_their_pictures() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    words = {"type": "text", "text": "Is this a tent?"}
    plain = count_tokens([{"role": "user", "content": "Is this a tent?"}])
    shown = count_tokens([{"role": "user", "content": [words, picture]}])
    assert shown - plain == PICTURE_TOKENS, "a picture costs by its size on the screen, not by its bytes"
    assert count_tokens([{"role": "user", "content": [words, picture]}], "gpt-4o-mini") - plain > 25_000
    two = [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]
    assert count_tokens(two) - count_tokens(two[:1]) == MESSAGE_TOKENS


def test_odd_text_is_counted_and_no_text_costs_nothing() -> None:
    assert count_tokens("") == 0
    assert count_tokens("\x00\ud800\u200b") >= 1


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4o-mini-2024-07-18", 128_000),
        ("gpt-4o-realtime-preview", 32_000),
        ("gpt-realtime-mini", 32_000),
        ("gpt-realtime-2", 128_000),
        ("gpt-5.1", 400_000),
        ("gpt-4", 8_192),
        ("gpt-4.1-mini", 1_047_576),
        ("gpt-45", None),
        ("local", None),
        ("my-deployment", None),
    ],
)
def test_the_window_is_known_by_the_beginning_of_a_name(model: str, window: int | None) -> None:
    assert window_of(model) == window


def test_a_prompt_that_does_not_fit_is_refused_with_a_sentence() -> None:
    messages = [{"role": "user", "content": "tent " * 9000}]
    with pytest.raises(PromptError, match=r"^p: about \d+ tokens and 600 for the answer are more than the 8192 that"):
        check_window("p", messages, "gpt-4", answer_tokens=600)
    check_window("p", messages, "local")  # a model that nobody knows has no limit
    check_window("p", messages, "gpt-4o")
    check_window("p", [{"role": "user", "content": "x" * 8000}], "gpt-4")  # too long to be sure at once, and it fits
    with pytest.raises(PromptError, match="the 4000 that local"):
        check_window("p", messages, "local", window=4000)
