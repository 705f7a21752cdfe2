"""A persona as data: who speaks, how, in which language, and within which limits.

One YAML file a persona, in `prompts/personas/`, beside the prompts: what a prompt engineer edits stands in one folder,
and whoever copies `prompts/` takes the personas along. All of them are rendered through `prompts/voice.prompty`, so
that the shared rules stand once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from contoso_lab.errors import PersonaError
from contoso_lab.facts_card import facts_html
from contoso_lab.prompts.languages import Code, language

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

_COUNTS = "one two three four five six seven eight nine ten".split()
_SLOTS = frozenset({"first_name", "name", "who"})


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    if not flat:
        raise ValueError("it is empty")
    if re.match(r"#|[-*•] ", flat):
        # A line that begins like this would be a heading, or a rule of its own, in the prompt.
        raise ValueError("it begins like a heading or a list")
    return flat


def _said(text: str) -> str:
    flat = _one_line(text)
    if '"' in flat or "“" in flat:
        raise ValueError("it holds a double quote, in which the prompt puts it; use single ones")
    if unknown := [slot for slot in re.findall(r"\{(.*?)\}", flat) if slot not in _SLOTS]:
        raise ValueError(f"{{{unknown[0]}}} is not filled in; there are {{first_name}}, {{name}} and {{who}}")
    return flat


Words = Annotated[str, AfterValidator(_one_line)]
"""A text for the prompt; line breaks in it are spaces."""
Said = Annotated[str, AfterValidator(_said)]
"""Words that are spoken as they stand, with places for names."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Greeting(_Part):
    """The first words of a call."""

    first: Said
    """To somebody who has said nothing yet."""
    returning: Said
    """To somebody who was in the chat, or called before."""


class Manner(_Part):
    """How the agent talks."""

    tone: Words
    """One or two sentences to the agent: "You sound like …"."""
    most_sentences: int = Field(default=3, ge=1, le=10, strict=True)
    """In one answer."""
    gives_reason: bool = True
    """Each recommendation comes with its reason."""
    rules: tuple[Words, ...] = ()
    """More rules, one sentence each."""
    unknown: Said | None = None
    """Said when something is not known."""
    closing: Said | None = None
    """The last words of a call."""


class Limits(_Part):
    """What the agent does not do."""

    most_products: int = Field(default=2, ge=1, le=10, strict=True)
    """Offered at a time."""
    asks_before_screen: bool = True
    spares_bought: bool = True
    """What the customer already owns is never recommended."""
    never_recommend: tuple[Words, ...] = ()
    """Products or kinds."""
    most_usd: float | None = Field(default=None, gt=0)
    """Nothing dearer is recommended."""


class TurnDetection(_Part):
    """How the target notices that the customer has finished."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float | None = Field(default=None, ge=0, le=1)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=10_000)
    silence_duration_ms: int | None = Field(default=None, ge=0, le=60_000)
    eagerness: Literal["low", "medium", "high", "auto"] | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> TurnDetection:
        if self.type == "server_vad" and self.eagerness is not None:
            raise ValueError("eagerness belongs to semantic_vad; take it out or change type")
        numbers = (self.threshold, self.prefix_padding_ms, self.silence_duration_ms)
        if self.type == "semantic_vad" and any(number is not None for number in numbers):
            raise ValueError("threshold, prefix_padding_ms and silence_duration_ms belong to server_vad")
        return self

    def to_wire(self) -> dict[str, Any]:
        """As a `session.update` has it, the documented defaults filled in."""
        both = {"create_response": True, "interrupt_response": True}
        if self.type == "semantic_vad":
            return {"type": self.type, "eagerness": self.eagerness or "auto", **both}
        return {
            "type": self.type,
            "threshold": 0.5 if self.threshold is None else self.threshold,
            "prefix_padding_ms": 300 if self.prefix_padding_ms is None else self.prefix_padding_ms,
            "silence_duration_ms": 500 if self.silence_duration_ms is None else self.silence_duration_ms,
            **both,
        }


class Options(_Part):
    """What the target's model is told beside the words."""

    max_output_tokens: int | None = Field(default=None, ge=1, le=4096)
    speed: float | None = Field(default=None, ge=0.25, le=1.5)
    """1.0 is the natural pace."""


class Persona(_Part):
    """Who speaks on the phone.

    >>> from contoso_lab.prompts.persona_file import read_persona
    >>> robin = read_persona("voice")
    >>> robin.with_(manner={"most_sentences": 1}).inputs()["sentences"]
    'one sentence'
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """The name of its file."""
    description: Words
    who: Words
    """The agent's name."""
    role: Words = "the voice"
    voice: str | None = Field(default=None, pattern=r"^[\w.-]{1,64}$")
    """The target's own name of a voice; without one the target chooses."""
    language: Code = "en"
    """The language that a call begins in."""
    follows_language: bool = True
    """When the customer changes to another language, so does the agent."""
    greeting: Greeting | None = None
    """Without one, the fixed sentences of the language."""
    manner: Manner
    limits: Limits = Limits()
    turn_detection: TurnDetection = TurnDetection()
    model: Options = Options()

    def with_(self, **changes: Any) -> Persona:
        """A changed copy; a part is changed where the change names it, and stays as it is elsewhere.

        Args:
            changes: values, or mappings for the parts. A new language without a greeting takes the fixed sentences of
                that language, and forgets what was to be said in the old one.

        Raises:
            PersonaError: the change is none; one sentence for each fault.
        """
        asked = {key: value.model_dump() if isinstance(value, BaseModel) else value for key, value in changes.items()}
        data = overlaid(self.model_dump(exclude_none=True), asked)
        try:
            return Persona.model_validate(data)
        except ValidationError as problem:
            raise PersonaError(tuple(sentences(problem, f"persona {self.name!r}"))) from problem

    def in_language(self, code: str) -> Persona:
        """The same persona in another language of the shop; itself when it speaks that one."""
        return self if code == self.language else self.with_(language=code)

    def prompt(self) -> Prompt:
        """The voice prompt with this persona filled in.

        Raises:
            PromptError: the template is broken.
        """
        from contoso_lab.prompts.persona_file import bound

        return bound(self)

    def save(self, name: str | None = None, *, overwrite: bool = False) -> Path:
        """Write it to `prompts/personas/`, where relays that run see it on their next call.

        Args:
            name: of the copy; its own when nothing is said.
            overwrite: a file of that name is replaced. Its comments are lost.

        Raises:
            PersonaError: the name is none, or there is such a file and it may not be replaced.
        """
        from contoso_lab.prompts.persona_file import write_persona

        return write_persona(self if name is None else self.with_(name=name), overwrite=overwrite)

    def inputs(self) -> dict[str, Any]:
        """What `prompts/voice.prompty` takes as its input `persona`."""
        fixed = language(self.language)
        greeting = self.greeting or Greeting(first=fixed.first, returning=fixed.returning)
        english = self.language == "en"
        return {
            "who": self.who,
            "role": self.role,
            "tone": self.manner.tone,
            "first": greeting.first,
            "returning": greeting.returning,
            "sentences": _count(self.manner.most_sentences, "sentence"),
            "products": _count(self.limits.most_products, "product"),
            "gives_reason": self.manner.gives_reason,
            "asks_before_screen": self.limits.asks_before_screen,
            "spares_bought": self.limits.spares_bought,
            "never_recommend": [what.rstrip(".") for what in self.limits.never_recommend],
            "most_usd": "" if self.limits.most_usd is None else f"${self.limits.most_usd:g}",
            "rules": list(self.manner.rules),
            # In English these are left to the model; elsewhere nobody should have to translate our words.
            "unknown": self.manner.unknown or ("" if english else fixed.unknown),
            "closing": self.manner.closing or ("" if english else fixed.closing),
            "follows_language": self.follows_language,
            "language": fixed.name,
        }

    def settings(self) -> list[tuple[str, Any]]:
        """What beside the words reaches a target."""
        options = self.model.model_dump(exclude_none=True)
        return [
            ("voice", self.voice or "the target's"),
            ("turn_detection", self.turn_detection.to_wire()),
            *options.items(),
        ]

    def __repr__(self) -> str:
        return f"<Persona {self.name}: {self.who}, {language(self.language).name}; {self.description}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        told = self.inputs()
        return facts_html(
            f"{self.name}: {self.description}",
            [
                ("who", f"{self.who}, {self.role}"),
                ("language", told["language"]),
                ("first words", told["first"]),
                ("tone", self.manner.tone),
                ("at most", f"{told['sentences']}, {told['products']}"),
                *(("rule", rule) for rule in self.manner.rules),
                ("never recommends", ", ".join(self.limits.never_recommend)),
                *((name, value) for name, value in self.settings()),
            ],
        )


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A persona's data with that of another over it, part by part.

    What is spoken as it stands does not survive a change of the language.
    """
    data = {
        key: overlaid(value, above[key])
        if key in above and isinstance(value, Mapping) and isinstance(above[key], Mapping)
        else above.get(key, value)
        for key, value in below.items()
    } | {key: value for key, value in above.items() if key not in below}
    turns, own = below.get("turn_detection"), above.get("turn_detection")
    if (
        isinstance(turns, Mapping)
        and isinstance(own, Mapping)
        and own.get("type", turns.get("type")) != turns.get("type")
    ):
        data["turn_detection"] = dict(own)  # the numbers of one kind mean nothing to the other
    if above.get("language", below.get("language")) != below.get("language"):
        if "greeting" not in above:
            data.pop("greeting", None)
        manner, told = data.get("manner"), above.get("manner")
        if isinstance(manner, dict):
            kept = told if isinstance(told, Mapping) else {}
            data["manner"] = {
                key: value for key, value in manner.items() if key not in ("unknown", "closing") or key in kept
            }
    return data


def sentences(problem: ValidationError, where: str) -> list[str]:
    """Each fault as a sentence: where, what, and what to do."""
    from contoso_lab.prompts.persona_file import fault

    return [f"{where}: {fault(error)}" for error in problem.errors()]


def _count(number: int, thing: str) -> str:
    return f"{_COUNTS[number - 1]} {thing}{'' if number == 1 else 's'}"
