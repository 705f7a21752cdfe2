from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.errors import ConfigError
from contoso_lab.relay.calls.prices import FREE, PRICES, PriceTable, cost_usd, load_prices, price_for
from contoso_lab.settings import Target

PRICE = PRICES["gpt-realtime"]
MILLION = 1_000_000


def usage(given: dict, made: dict, *, cached: dict | None = None, **more: int) -> dict:
    details = {f"{kind}_tokens": count for kind, count in given.items()}
    if cached is not None:
        details["cached_tokens"] = sum(cached.values())
        details["cached_tokens_details"] = {f"{kind}_tokens": count for kind, count in cached.items()}
    return {
        "input_tokens": sum(given.values()), "input_token_details": details,
        "output_tokens": sum(made.values()),
        "output_token_details": {f"{kind}_tokens": count for kind, count in made.items()},
        **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("used", "usd"),
    [
        (usage({"text": MILLION}, {}), 4),
        (usage({"audio": MILLION}, {}), 32),
        (usage({"image": MILLION}, {}), 5),
        (usage({}, {"text": MILLION}), 16),
        (usage({}, {"audio": MILLION}), 64),
        (usage({"text": MILLION}, {}, cached={"text": MILLION}), 0.4),
        (usage({"audio": 2 * MILLION}, {}, cached={"audio": MILLION}), 32.4),
        (usage({"image": MILLION}, {}, cached={"image": MILLION}), 0.5),
        ({"input_tokens": MILLION, "output_tokens": MILLION}, 96),  # unexplained: the dearest
        ({"input_token_details": {"text_tokens": MILLION, "audio_tokens": MILLION, "cached_tokens": MILLION}}, 32.4),
        (None, 0),
        ({"input_tokens": "many", "output_token_details": None, "input_token_details": [1]}, 0),
        ({"input_tokens": -5, "output_tokens": True}, 0),
        (usage({"text": 10}, {}, cached={"text": MILLION}), 10 * 0.4 / MILLION),  # more cached than there was
    ],
)
def test_a_response_is_priced_by_kind_and_cached_apart(used: dict | None, usd: float) -> None:
    assert cost_usd(PRICE, used) == pytest.approx(usd)


def test_a_snapshot_costs_what_its_model_costs_unless_it_has_its_own() -> None:
    table = PriceTable()
    assert table.of("gpt-realtime-2025-08-28") == PRICES["gpt-realtime"]
    assert table.of("gpt-4o-realtime-preview-2024-10-01").audio_in == 100
    assert table.of("gpt-4o-realtime-preview-2024-12-17").audio_in == 40
    assert table.of("gpt-6-realtime") is None


def test_a_file_of_prices_wins_and_may_name_a_known_model(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(
        "read: 2026-11-22\nsource: our contract\nmodels:\n  front-desk: gpt-realtime-mini\n"
        "  gpt-realtime: {text_in: 1, cached_text_in: 1, text_out: 1, audio_in: 1, cached_audio_in: 1, audio_out: 1}\n",
        encoding="utf-8",
    )
    table = load_prices(file)
    assert (table.read, table.source) == ("2026-11-22", "our contract")
    assert table.of("front-desk") == PRICES["gpt-realtime-mini"]
    assert table.of("gpt-realtime").audio_out == 1
    assert table.of("gpt-realtime-2").audio_out == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("read: today", "source"),
        ("read: a\nsource: b\nmodels: {x: nobody}", "not known"),
        ("read: a\nsource: b\nmodels: {x: {text_in: -1}}", "text_in"),
        ("read: [", "no YAML"),
        ("read: a\nsource: b\nmodels: {}", "models"),
        ("- 1", "the file"),
    ],
)
def test_a_broken_file_of_prices_says_where(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_prices(file)
    with pytest.raises(ConfigError, match="cannot read"):
        load_prices(tmp_path / "none.yaml")


def test_the_local_engine_is_free_and_an_unknown_model_is_refused() -> None:
    assert price_for(Target.local("http://127.0.0.1:1/v1"), PriceTable()) == FREE
    known = Target("url", "http://127.0.0.1:1/v1", "gpt-realtime", "x")
    assert price_for(known, PriceTable()) == PRICE
    with pytest.raises(ConfigError, match="'our-own'.*give a file of prices"):
        price_for(Target("url", "http://127.0.0.1:1/v1", "our-own", "x"), PriceTable())
