"""A suite: which customers, which variants of the agent, which scores, and what must hold. All of it is data.

The file format, by example (`evals/*.yaml`; `evals/suite.schema.json` describes it to editors):

```yaml
suite: personas
question: Does the brief persona answer sooner, and recommend as well?
recordings: {folder: data/recordings, where: {customer: [maya, daniel]}}
variants:
  voice: {persona: voice}
  brief: {persona: voice_brief}
play: {mode: rescore}                 # or cassette, fast, paced: the customers talk again with each variant
scorers: [ndcg_linear@3, voice_to_voice_ms, my_scores.py:smiles]
gates:
  - {metric: valid_sku_rate, at_least: 0.95}
  - {metric: voice_to_voice_ms, from: voice, to: brief, verdict: not worse, margin: 100}
  - {metric: ndcg_linear@3, from: baseline, to: voice, verdict: not worse, margin: 0.05}
```

In place of recordings there may be simulated callers: `scenarios: [tent_for_four]` with
`play: {mode: simulated, epochs: 3}`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Wanted = Annotated[str | list[str], Field(description="One value, or several; * stands for anything.")]
Where = Annotated[
    dict[str, Wanted], Field(description="Facts of a recording that must hold, as lab.recordings() names them.")
]
PlayMode = Literal["rescore", "cassette", "fast", "paced", "simulated"]
VerdictWanted = Literal["better", "not worse", "equivalent"]
BASELINE = "baseline"
"""In `from` of a gate: what was accepted last, in place of a variant of this run."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")


class _Part(BaseModel):
    # A misspelt key that is passed over would be a gate that cannot fail.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Source(_Part):
    """Whose calls are looked at."""

    folder: str = Field(
        default="data/recordings", description="Where the recordings are, beside the prompts unless absolute."
    )
    where: Where = Field(default_factory=dict)
    most: int | None = Field(default=None, ge=1, description="No more than so many, the first by name.")


class Vad(_Part):
    """When the engine takes a turn for finished."""

    threshold: float | None = Field(default=None, ge=0, le=1)
    silence_ms: int | None = Field(default=None, ge=0, le=10000)
    prefix_ms: int | None = Field(default=None, ge=0, le=10000)


class Variant(_Part):
    """One agent of those that are compared: what is different about it."""

    persona: str | None = Field(default=None, description="Who answers; in mode rescore, whose recordings these are.")
    voice: str | None = None
    vad: Vad | None = None
    without: list[str] = Field(default_factory=list, description="SKUs that its catalogue does not have.")
    where: Where = Field(default_factory=dict)


class Play(_Part):
    """How the customers talk with each variant."""

    mode: PlayMode = "rescore"
    epochs: int = Field(default=1, ge=1, le=100, description="How often each customer talks with each variant.")
    free_running: bool = Field(
        default=False, description="Each answer builds on the ones before, not on the recording's."
    )
    target: bool = Field(
        default=False, description="Ask the target that the environment names, in place of the local engine."
    )
    at_once: int = Field(default=4, ge=1, description="How many calls may be on their way.")
    per_minute: int | None = Field(default=None, ge=1, description="How many calls may be begun within any minute.")
    max_usd: float | None = Field(default=None, gt=0, description="What all calls together may cost.")


class Gate(_Part):
    """What must hold. Either a bound on one metric, or a verdict between two variants."""

    metric: str
    variant: str | None = Field(default=None, description="For a bound: which variant; all of them unless given.")
    at_least: float | None = None
    at_most: float | None = None
    sure: bool = Field(default=False, description="For a bound: the whole 95 % interval has to be within it.")
    from_: str | None = Field(default=None, alias="from", description=f"A variant, or {BASELINE!r}.")
    to: str | None = None
    verdict: VerdictWanted | None = None
    margin: float | None = Field(default=None, gt=0, description="The largest difference that would not matter.")
    most_errors: float = Field(default=0.02, ge=0, le=1, description="The share of scores that may have failed.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        bound = self.at_least is not None or self.at_most is not None
        between = self.from_ is not None or self.to is not None or self.verdict is not None
        if bound == between:
            raise ValueError("a gate has either at_least or at_most, or from, to and verdict")
        if between and None in (self.from_, self.to, self.verdict):
            raise ValueError("a verdict needs from, to and verdict")
        if between and self.verdict != "better" and self.margin is None:
            raise ValueError(f"'{self.verdict}' needs a margin: how large a difference would not matter")
        if bound and self.margin is not None:
            raise ValueError("a margin goes with a verdict, not with a bound")
        return self

    def __str__(self) -> str:
        if self.verdict is not None:
            margin = f" (margin {self.margin:g})" if self.margin is not None else ""
            return f"{self.metric}: {self.to} {self.verdict} than {self.from_}{margin}".replace(
                "equivalent than", "equivalent to"
            )
        bounds = [
            f"≥ {self.at_least:g}" if self.at_least is not None else "",
            f"≤ {self.at_most:g}" if self.at_most is not None else "",
        ]
        return f"{self.metric} {' and '.join(filter(None, bounds))}{', surely' if self.sure else ''}"


class Suite(_Part):
    """What is measured, on whom, and what must hold."""

    suite: str = Field(description="The name; results and baselines carry it.")
    question: str = Field(default="", description="What a reader wants to know.")
    recordings: Source = Source()
    scenarios: list[str] = Field(
        default_factory=list, description="Simulated callers: names in evals/scenarios, * for several, or files."
    )
    variants: dict[str, Variant] = Field(min_length=1)
    play: Play = Play()
    scorers: list[str] = Field(
        default_factory=list, description="Names of ours, or file.py:function; all deterministic ones unless given."
    )
    gates: list[Gate] = Field(default_factory=list)
    seed: int = 0

    @field_validator("suite")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a name has letters, digits, '-', '_' and '.', and begins with a letter or digit")
        return name

    @field_validator("variants")
    @classmethod
    def _are_names(cls, variants: dict[str, Variant]) -> dict[str, Variant]:
        for name in variants:
            if not _NAME.fullmatch(name) or name == BASELINE:
                raise ValueError(
                    f"{name!r} cannot be a variant's name: choose letters and digits, and not {BASELINE!r}"
                )
        return variants

    def check(self) -> None:
        """Raise ValueError with `(place, sentence)` when parts do not fit together."""
        if self.play.mode == "simulated" and not self.scenarios:
            raise Misfit(("play", "mode"), "simulated callers need 'scenarios'", ())
        if self.scenarios and self.play.mode != "simulated":
            raise Misfit(("scenarios",), f"the mode '{self.play.mode}' plays recordings, not scenarios", ("simulated",))
        for number, gate in enumerate(self.gates):
            for key, name in (("variant", gate.variant), ("from", gate.from_), ("to", gate.to)):
                if name is not None and name not in self.variants and not (key == "from" and name == BASELINE):
                    raise Misfit(("gates", number, key), f"there is no variant {name!r}", tuple(self.variants))


class Misfit(ValueError):
    """Two parts of a suite that do not fit together."""

    def __init__(self, loc: tuple[str | int, ...], said: str, known: tuple[str, ...]) -> None:
        self.loc = loc
        self.said = said
        self.known = known
        super().__init__(said)


def schema() -> dict[str, Any]:
    """The JSON Schema of a suite, for editors and other programs."""
    found = Suite.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "contoso-lab suite"}
