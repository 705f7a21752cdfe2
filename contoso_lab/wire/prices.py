"""What a response costs: a dated table of prices per model, and the arithmetic.

Prices are US dollars for a million tokens, read on 2026-11-22 from stored public copies of OpenAI's model pages,
https://developers.openai.com/api/docs/models/<model> (for gpt-realtime and gpt-realtime-mini these copies give the
text prices only; sound and pictures are what their successors gpt-realtime-1.5 and gpt-realtime-2.1-mini cost, and
what public price tables of 2026 say). The first preview of October 2024 had dearer sound:
https://community.openai.com/t/1060242 and the announcement of 2024-10-01. Prices change: give a file of your own.

```yaml
read: 2026-11-22
source: our contract
models:
  my-deployment: {text_in: 4, cached_text_in: 0.4, text_out: 16, audio_in: 32, cached_audio_in: 0.4, audio_out: 64}
  another: gpt-realtime-mini          # costs what that one costs
```

Not counted: the transcription of the caller's words, which is a model of its own with a bill of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contoso_lab.errors import ConfigError

READ = "2026-11-22"
"""The day on which the built-in table was read."""

_Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """US dollars for a million tokens of each kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text_in: _Usd
    cached_text_in: _Usd
    text_out: _Usd
    audio_in: _Usd
    cached_audio_in: _Usd
    audio_out: _Usd
    image_in: _Usd = 0.0
    cached_image_in: _Usd = 0.0


def _price(text: str, audio: str = "0 0 0", image: str = "0 0") -> Price:
    """In, cached in, out; as the model pages list them."""
    text_in, cached_text_in, text_out = map(float, text.split())
    audio_in, cached_audio_in, audio_out = map(float, audio.split())
    image_in, cached_image_in = map(float, image.split())
    return Price(
        text_in=text_in, cached_text_in=cached_text_in, text_out=text_out,
        audio_in=audio_in, cached_audio_in=cached_audio_in, audio_out=audio_out,
        image_in=image_in, cached_image_in=cached_image_in,
    )  # fmt: skip


FREE = _price("0 0 0")
"""The local engine's."""

PRICES: Mapping[str, Price] = {
    "gpt-realtime": _price("4 0.4 16", "32 0.4 64", "5 0.5"),
    "gpt-realtime-1.5": _price("4 0.4 16", "32 0.4 64", "5 0.5"),
    "gpt-realtime-2": _price("4 0.4 24", "32 0.4 64", "5 0.5"),
    "gpt-realtime-2.1": _price("4 0.4 24", "32 0.4 64", "5 0.5"),
    "gpt-realtime-mini": _price("0.6 0.06 2.4", "10 0.3 20", "0.8 0.08"),
    "gpt-realtime-2.1-mini": _price("0.6 0.06 2.4", "10 0.3 20", "0.8 0.08"),
    "gpt-4o-realtime-preview": _price("5 2.5 20", "40 2.5 80"),
    "gpt-4o-realtime-preview-2024-10-01": _price("5 2.5 20", "100 20 200"),
    "gpt-4o-mini-realtime-preview": _price("0.6 0.3 2.4", "10 0.3 20"),
}
"""The built-in table; a dated snapshot (`gpt-realtime-2025-08-28`) costs what its model costs."""

CHAT_PRICES: Mapping[str, Price] = {
    "gpt-4o": _price("2.5 1.25 10"),
    "gpt-4o-mini": _price("0.15 0.075 0.6"),
    "gpt-4.1": _price("2 0.5 8"),
    "gpt-4.1-mini": _price("0.4 0.1 1.6"),
    "gpt-4.1-nano": _price("0.1 0.025 0.4"),
    "gpt-5": _price("1.25 0.125 10"),
    "gpt-5-mini": _price("0.25 0.025 2"),
    "gpt-5-nano": _price("0.05 0.005 0.4"),
    "gpt-5.4": _price("2.5 0.25 15"),
    "gpt-5.4-mini": _price("0.75 0.075 4.5"),
}
"""Chat models, which take and give text only; read on 2026-11-30 from a stored public copy of OpenAI's page of prices,
those of gpt-5.4 from GitHub's table of models (github/docs, data/tables/copilot/models-and-pricing.yml) and from the
library adk-model (src/openai/pricing.rs)."""

_MOST_TOKENS = 10**12
"""What a count of tokens is taken for that is too large for arithmetic."""
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices per model.

    >>> PriceTable().of("gpt-realtime-mini-2025-12-15").audio_out
    20.0
    >>> PriceTable().of("my-deployment") is None
    True
    """

    own: Mapping[str, Price] | None = None
    """The user's: they win over the built-in ones."""
    read: str = READ
    source: str = "the model pages at developers.openai.com/api/docs/models"

    def of(self, model: str) -> Price | None:
        """The price of a realtime model, or None when nobody knows it."""
        return self._found(model, PRICES)

    def of_chat(self, model: str) -> Price | None:
        """The price of a chat model, or None when nobody knows it."""
        return self._found(model, CHAT_PRICES)

    def _found(self, model: str, built_in: Mapping[str, Price]) -> Price | None:
        for name in (model, _SNAPSHOT.sub("", model)):
            for table in (self.own or {}, built_in):
                if name in table:
                    return table[name]
        return None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    read: str
    source: str
    models: dict[str, Price | str] = Field(min_length=1)


def load_prices(path: Path | None = None) -> PriceTable:
    """The built-in table, or that with a file's prices before it.

    Raises:
        ConfigError: the file cannot be read or is no table of prices; says where and what to do.
    """
    if path is None:
        return PriceTable()
    try:
        value = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)  # makes texts only, so a date stays one
        table = _File.model_validate(value)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the prices in {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"the prices in {path} are no YAML: see the example in contoso_lab/wire/prices.py") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"the prices in {path}, at {where}: {first['msg']}") from error
    own: dict[str, Price] = {}
    for model, price in table.models.items():
        known = PRICES.get(price) if isinstance(price, str) else price
        if known is None:
            raise ConfigError(f"the prices in {path}: {model!r} shall cost what {price!r} costs, and that is not known")
        own[model] = known
    return PriceTable(own, table.read, table.source)


def cost_usd(price: Price, usage: Mapping[str, Any] | None) -> float:
    """What a response cost, by the `usage` of its `response.done`.

    Cached tokens are a part of the input tokens and priced apart. What a server leaves unexplained is taken for the
    dearest that it can be: a ceiling shall not be passed for want of a detail.

    >>> told = {"input_tokens": 1200, "input_token_details": {"text_tokens": 1000, "audio_tokens": 200,
    ...     "cached_tokens": 900, "cached_tokens_details": {"text_tokens": 900, "audio_tokens": 0}},
    ...     "output_tokens": 100, "output_token_details": {"text_tokens": 20, "audio_tokens": 80}}
    >>> round(1e6 * cost_usd(PRICES["gpt-realtime"], told))
    12600
    """
    millionths = 0.0
    for kind, count in tokens_by_kind(usage).items():
        millionths += count * float(getattr(price, kind))
    return millionths / 1e6


def chat_cost_usd(price: Price, usage: Mapping[str, Any] | None) -> float:
    """What an answer of a chat model cost, by the `usage` of a chat completion or of the Responses API.

    >>> told = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 600}}
    >>> round(1e6 * chat_cost_usd(CHAT_PRICES["gpt-4.1"], told))
    1900
    """
    if not isinstance(usage, Mapping):
        return 0.0
    given = _count(usage, "prompt_tokens") or _count(usage, "input_tokens")
    details = _part(usage, "prompt_tokens_details") or _part(usage, "input_tokens_details")
    cached = min(_count(details, "cached_tokens"), given)
    made = _count(usage, "completion_tokens") or _count(usage, "output_tokens")
    return ((given - cached) * price.text_in + cached * price.cached_text_in + made * price.text_out) / 1e6


def tokens_by_kind(usage: Mapping[str, Any] | None) -> dict[str, int]:
    """The tokens of a response by the names that their prices have, as `cost_usd` takes them."""
    if not isinstance(usage, Mapping):
        return {}
    given, made = _part(usage, "input_token_details"), _part(usage, "output_token_details")
    cached = _part(given, "cached_tokens_details")
    text, audio, image = _count(given, "text_tokens"), _count(given, "audio_tokens"), _count(given, "image_tokens")
    audio += max(0, _count(usage, "input_tokens") - text - audio - image)
    # A cached total without details saves least when it is text, then pictures, then sound.
    old_text, old_audio, old_image = (_count(cached, f"{kind}_tokens") for kind in ("text", "audio", "image"))
    rest = max(0, _count(given, "cached_tokens") - old_text - old_audio - old_image)
    old_text, rest = _fill(old_text, rest, text)
    old_image, rest = _fill(old_image, rest, image)
    old_audio, rest = _fill(old_audio, rest, audio)
    text_out, audio_out = _count(made, "text_tokens"), _count(made, "audio_tokens")
    audio_out += max(0, _count(usage, "output_tokens") - text_out - audio_out)
    return {
        "text_in": text - old_text, "cached_text_in": old_text,
        "audio_in": audio - old_audio, "cached_audio_in": old_audio,
        "image_in": image - old_image, "cached_image_in": old_image,
        "text_out": text_out, "audio_out": audio_out,
    }  # fmt: skip


def _fill(have: int, rest: int, most: int) -> tuple[int, int]:
    """Lay as much of the rest onto a kind as there is room for; what it holds then, and what is left."""
    have = min(have, most)
    more = min(rest, most - have)
    return have + more, rest - more


def _part(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = value.get(key)
    return part if isinstance(part, Mapping) else {}


def _count(value: Mapping[str, Any], key: str) -> int:
    count = value.get(key)
    if not isinstance(count, int) or isinstance(count, bool):
        return 0
    return min(max(count, 0), _MOST_TOKENS)
