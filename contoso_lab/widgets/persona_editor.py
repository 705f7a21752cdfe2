"""Write a persona and see at once what it does: the prompt, what a careful reader would mark, and how it sounds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import traitlets

from contoso_lab import prompts
from contoso_lab.audio import Clip, read_audio
from contoso_lab.errors import EngineError, LabError, PersonaError
from contoso_lab.prompts import PromptDiff
from contoso_lab.prompts.client import client_for
from contoso_lab.prompts.lint_rules import lint_secrets
from contoso_lab.prompts.persona import Persona
from contoso_lab.prompts.persona_file import (
    FOLDER,
    persona_names,
    persona_of_text,
    read_persona,
    save_persona_text,
)
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog, get_customer, load_customers
from contoso_lab.shop.voice import instructions, who
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Shown, Sound, later

if TYPE_CHECKING:
    from contoso_lab.live import Here

_PLACED = re.compile(r"^(?P<file>\S+?\.(?:yaml|prompty))(?::(?P<line>\d+))?: (?P<said>.*)$", re.DOTALL)
_SPEECH_MODEL = "gpt-4o-mini-tts"
"""What speaks for a provider's target; the local engine speaks by itself."""


class PersonaEditor(Shown):
    """Edit a persona as YAML; beside it stand the prompt that a call gets, and the findings with their lines.

    Nothing is overwritten unasked: `save` writes a copy under a new name, and another persona's file only with
    `replace=True`. What was typed and not saved is kept while the widget lives, for each persona.

    Args:
        name: the persona to begin with.
        customer: for whom the prompt is shown.
        here: a running workbench, or a target, that speaks the sample line.

    Raises:
        PersonaError: there is no such persona.
        ShopError: there is no such customer.
    """

    _esm = assemble("persona_editor.js")
    _css = style("results.css", "persona_editor.css")

    name = traitlets.Unicode().tag(sync=True)
    names: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    customer = traitlets.Unicode().tag(sync=True)
    customers: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    text = traitlets.Unicode("", help="The persona's YAML as it stands in the editor.").tag(sync=True)
    changed = traitlets.Bool(False, read_only=True, help="Whether the text is another than that of the file.").tag(
        sync=True
    )
    findings: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    rendered = traitlets.Unicode("", read_only=True).tag(sync=True)
    difference: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    line = traitlets.Unicode("", help="What is spoken as a sample; empty is the greeting.").tag(sync=True)
    greeting = traitlets.Unicode("", read_only=True).tag(sync=True)
    can_speak = traitlets.Bool(False, read_only=True).tag(sync=True)
    spoken = traitlets.Int(0, read_only=True, help="Counts the samples that were made.").tag(sync=True)
    told = traitlets.Unicode("", read_only=True, help="What was done last.").tag(sync=True)

    def __init__(self, name: str = "voice", *, customer: str = "maya", here: Here | Target | None = None) -> None:
        read_persona(name)
        get_customer(customer)
        super().__init__(label="persona editor")
        self._target = None if here is None else here if isinstance(here, Target) else here.target
        self._drafts: dict[str, str] = {}
        self._sample: Clip | None = None
        self._persona: Persona | None = None
        self.set_trait("can_speak", self._target is not None)
        self.set_trait("names", persona_names())
        self.set_trait("customers", list(load_customers()))
        self.customer = customer
        self.name = name
        self.observe(self._named, "name")
        self.observe(self._typed, ["text", "customer"])
        self._named(None)

    @property
    def persona(self) -> Persona:
        """The persona as it stands in the editor; raises PersonaError when it is none yet."""
        return persona_of_text(self.name, self.text)

    @property
    def diff(self) -> PromptDiff:
        """What changes for the model, from the file to the editor; raises PromptError when one of them is none."""
        customer = who(get_customer(self.customer), Catalog.load())
        return prompts.diff(read_persona(self.name).prompt(), self.persona.prompt(), **customer)

    def save(self, name: str, *, replace: bool = False) -> None:
        """Save what stands in the editor, comments and all, and go on with that persona.

        Args:
            name: of the copy.
            replace: a persona of that name is overwritten.

        Raises:
            PersonaError: the text is no persona, the name is none, or it is taken and `replace` was not said.
        """
        place = save_persona_text(name, self.text, overwrite=replace)
        self._drafts.pop(self.name, None)
        self._drafts.pop(name, None)
        self.set_trait("names", persona_names())
        self.set_trait("told", f"Saved as {place.name}; a relay that runs uses it from the next call on.")
        if self.name == name:
            self._named(None)
        else:
            self.name = name

    async def hear(self, line: str | None = None) -> Clip:
        """Let the target speak a line in the persona's voice; the greeting when none is given.

        Raises:
            EngineError: there is no target, or it did not speak.
            PersonaError: what stands in the editor is no persona.
        """
        if self._target is None:
            raise EngineError(
                "nothing here can speak: give a running workbench, PersonaEditor(…, here=await lab.start())"
            )
        persona = self.persona
        said = line or self.line or _greeting(persona, self.customer)
        return await speak(self._target, said, voice=persona.voice, speed=persona.model.speed)

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """A wish to hear, to save, or to have the file's text back."""
        self.error = ""
        match content.get("kind"):
            case "hear":
                self.busy = "Speaking the line …"
                later(self._hear)
            case "save":
                self.save(str(content.get("name", "")).strip(), replace=content.get("replace") is True)
            case "revert":
                self._drafts.pop(self.name, None)
                self._named(None)

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """The sample that was spoken last."""
        return self._sample if self._sample is not None else super().sound(key, from_ms, to_ms)

    def _hear(self) -> None:
        try:
            self._sample = asyncio.run(self.hear())
            self.set_trait("spoken", self.spoken + 1)
        except LabError as error:
            self.error = str(error)
        finally:
            self.busy = ""

    def _named(self, _: object) -> None:
        if self.name not in persona_names():
            self.error = f"there is no persona {self.name!r} any more; choose another one"
            return
        text = self._drafts.get(self.name) or _file_text(self.name)
        with self.hold_sync():
            if text == self.text:
                self._typed(None)
            else:
                self.text = text

    def _typed(self, _: object) -> None:
        saved = _file_text(self.name)
        if self.text == saved:
            self._drafts.pop(self.name, None)
        else:
            self._drafts[self.name] = self.text
        with self.hold_sync():
            self.set_trait("changed", self.text != saved)
            findings, rendered, lines, greeting = self._looked_at()
            self.set_trait("findings", findings)
            self.set_trait("rendered", rendered)
            self.set_trait("difference", lines)
            self.set_trait("greeting", greeting)

    def _looked_at(self) -> tuple[list[dict[str, Any]], str, list[str], str]:
        """Findings, prompt, difference and greeting of what stands in the editor."""
        try:
            persona = self.persona
            prompt = persona.prompt()
            rendered = instructions(persona, get_customer(self.customer), Catalog.load())
            advice = [*(f"{self._file}: {each}" for each in lint_secrets(self.text)), *prompts.lint(prompt)]
            # Without the two lines that name the versions: both are this persona.
            lines = list(self.diff.lines[2:]) if self.changed else []
        except PersonaError as error:
            return [self._finding(fault, "fault") for fault in error.faults], "", [], ""
        except LabError as error:
            return [self._finding(str(error), "fault")], "", [], ""
        return (
            [self._finding(each, "advice") for each in dict.fromkeys(advice)],
            rendered,
            lines,
            _greeting(persona, self.customer),
        )

    @property
    def _file(self) -> str:
        return f"prompts/personas/{self.name}.yaml"

    def _finding(self, sentence: str, kind: str) -> dict[str, Any]:
        found = _PLACED.match(sentence)
        if found is None:
            return {"line": None, "text": sentence, "kind": kind}
        own = found["file"] == self._file
        line = int(found["line"]) if own and found["line"] else None
        return {"line": line, "text": found["said"] if own else sentence, "kind": kind}

    def __repr__(self) -> str:
        count = len(self.findings)
        state = "changed" if self.changed else "as saved"
        found = f"{count} finding{'' if count == 1 else 's'}" if count else "no findings"
        return f"<PersonaEditor: {self.name}, {state}, {found}>"

    def _html(self) -> str:
        listed = "".join(f"<li>{escape(one['text'])}</li>" for one in self.findings)
        shown = f'<pre style="white-space:pre-wrap">{escape(self.text)}</pre>'
        return f"<p>{escape(repr(self)[1:-1])}</p>{f'<ul>{listed}</ul>' if listed else ''}{shown}"


async def speak(target: Target, line: str, *, voice: str | None = None, speed: float | None = None) -> Clip:
    """Let a target say a line (`POST /audio/speech`).

    Raises:
        EngineError: it cannot be reached, or does not speak.
    """
    from openai import APIConnectionError, OpenAIError

    local = target.kind == "local"
    asked: Any = {"speed": speed} if speed is not None else {}
    try:
        async with client_for(target) as client:
            answer = await client.audio.speech.create(
                model="local" if local else _SPEECH_MODEL,
                voice=voice or ("robin" if local else "alloy"),
                input=line,
                response_format="wav",
                **asked,
            )
            return read_audio(answer.content)
    except APIConnectionError as error:
        raise EngineError(f"{target.base_url} cannot be reached, so nothing was spoken; start it again") from error
    except OpenAIError as error:
        raise EngineError(f"{target.base_url} did not speak the line: {error}") from error


def _file_text(name: str) -> str:
    try:
        return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _greeting(persona: Persona, customer: str) -> str:
    person = get_customer(customer)
    names = {"first_name": person.first_name, "name": person.name, "who": persona.who}
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), str(persona.inputs()["first"]))
