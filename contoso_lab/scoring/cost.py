"""What a call cost, by kind of token, from the usage that the target told and a dated table of prices.

Cached tokens are a part of the input tokens and priced apart, so they are never counted twice; responses that failed or
were cancelled are paid for too. Not in it: the transcription of the caller's words, and prompts beside the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contoso_lab.scoring.features import Features, features, once
from contoso_lab.scoring.value import Score, Scorer, scorer
from contoso_lab.wire.prices import FREE, Price, PriceTable, cost_usd, tokens_by_kind

if TYPE_CHECKING:
    import pandas as pd

    from contoso_lab.recording.bundle import Recording

KINDS = (
    *("text_in", "cached_text_in", "audio_in", "cached_audio_in", "image_in", "cached_image_in"),
    *("text_out", "audio_out"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost."""

    model: str
    price: Price | None
    """None when nobody knows what this model costs."""
    tokens: Mapping[str, int]
    """By kind; input tokens that were not cached, and apart from them those that were."""
    usd: float | None
    responses: int
    """How many responses told what they used."""
    silent: int
    """How many told nothing: their cost is missing here."""

    @property
    def usd_by_kind(self) -> dict[str, float]:
        """The sum, split by kind of token; empty without a price."""
        if self.price is None:
            return {}
        return {kind: count * getattr(self.price, kind) / 1e6 for kind, count in self.tokens.items()}


def cost_of(recording: Recording, table: PriceTable | None = None) -> Cost:
    """Count and price the tokens of a call.

    Args:
        recording: The call.
        table: The prices; the built-in ones unless given (`contoso_lab.wire.prices.load_prices`).
    """
    found = features(recording)
    return _cost(found, table) if table is not None else _usual_cost(found)


@once
def _usual_cost(found: Features) -> Cost:
    return _cost(found, PriceTable())


def _cost(found: Features, table: PriceTable) -> Cost:
    target = found.recording.manifest.target
    price = FREE if target.kind == "local" else table.of(target.model)
    tokens = dict.fromkeys(KINDS, 0)
    usd, told, silent = 0.0, 0, 0
    for response in found.responses_done.values():
        usage = response.get("usage")
        if not isinstance(usage, Mapping):
            silent += 1
            continue
        told += 1
        for kind, count in split(usage).items():
            tokens[kind] += count
        usd += cost_usd(price, usage) if price is not None else 0.0
    return Cost(target.model, price, tokens, usd if price is not None else None, told, silent)


def split(usage: Mapping[str, Any]) -> dict[str, int]:
    """The tokens of one response by kind.

    What is told without its kind is taken for sound, and a cached total without details for text first, as the price's
    own arithmetic does.

    >>> told = {"input_tokens": 1200, "input_token_details": {"text_tokens": 1000, "audio_tokens": 200,
    ...     "cached_tokens": 900, "cached_tokens_details": {"text_tokens": 900, "audio_tokens": 0}},
    ...     "output_tokens": 100, "output_token_details": {"text_tokens": 20, "audio_tokens": 80}}
    >>> {kind: count for kind, count in split(told).items() if count}
    {'text_in': 100, 'cached_text_in': 900, 'audio_in': 200, 'text_out': 20, 'audio_out': 80}
    """
    return tokens_by_kind(usage)


def costs(recordings: list[Recording], table: PriceTable | None = None) -> pd.DataFrame:
    """One row for each call: tokens and dollars by kind."""
    import pandas as pd

    rows = []
    for recording in recordings:
        cost = cost_of(recording, table)
        row: dict[str, object] = {"recording": recording.id, "model": cost.model, "usd": cost.usd}
        row |= {f"{kind}_tokens": count for kind, count in cost.tokens.items()}
        row |= {f"{kind}_usd": usd for kind, usd in cost.usd_by_kind.items()}
        rows.append(row)
    return pd.DataFrame(rows)


@scorer(unit="USD", lower_is_better=True)
def usd_per_call(recording: Recording) -> Score:
    """What the call cost, from the usage of its responses, each kind of token at its price, cached ones at theirs."""
    cost = cost_of(recording)
    if not cost.responses:
        return Score.missing("no response told what it used")
    if cost.usd is None:
        return Score.missing(f"nobody knows what the model {cost.model!r} costs; give a file of prices")
    parts = ", ".join(f"{kind} {usd:.4f}" for kind, usd in cost.usd_by_kind.items() if usd)
    missing = f"; {cost.silent} responses told nothing" if cost.silent else ""
    return Score(cost.usd, n=cost.responses, reason=(parts or "the model is free") + missing)


@scorer(unit="tokens", lower_is_better=True, judged=False)
def audio_tokens(recording: Recording) -> Score:
    """Tokens of sound, in and out, cached ones included."""
    return _tokens(recording, "audio")


@scorer(unit="tokens", lower_is_better=True, judged=False)
def text_tokens(recording: Recording) -> Score:
    """Tokens of text, in and out, cached ones included."""
    return _tokens(recording, "text")


@scorer(unit="share", aggregate="ratio", judged=False)
def cached_share(recording: Recording) -> Score:
    """Share of the input tokens that came from the target's cache."""
    tokens = cost_of(recording).tokens
    given = sum(count for kind, count in tokens.items() if kind.endswith("_in"))
    if not given:
        return Score.missing("no response told what it used")
    cached = sum(count for kind, count in tokens.items() if kind.startswith("cached_"))
    return Score(cached / given, n=given, reason=f"{cached} of {given} tokens")


def _tokens(recording: Recording, what: str) -> Score:
    cost = cost_of(recording)
    if not cost.responses:
        return Score.missing("no response told what it used")
    return Score(float(sum(count for kind, count in cost.tokens.items() if what in kind)), n=cost.responses)


SCORERS: tuple[Scorer, ...] = (usd_per_call, audio_tokens, text_tokens, cached_share)
