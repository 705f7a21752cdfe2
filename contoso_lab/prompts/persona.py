"""A persona as data: who speaks, how, in which language, and within which limits.

One YAML file a persona, in `prompts/personas/`, beside the prompts: what a prompt engineer edits stands in one folder,
and whoever copies `prompts/` takes the personas along. All of them are rendered through `prompts/voice.prompty`, so
that the shared rules stand once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from contoso_lab.errors import PersonaError
from contoso_lab.facts_card import facts_html
from contoso_lab.prompts.languages import Code, language
from contoso_lab.prompts.persona_parts import Greeting, Limits, Manner, Options, Part, TurnDetection, Words

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

_COUNTS = "one two three four five six seven eight nine ten".split()


class Persona(Part):
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
