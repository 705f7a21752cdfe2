"""Who can answer the phone: the shop's personas, to look at, to change and to talk with.

What a persona is stands in `contoso_lab.prompts.persona`; its files stand in `prompts/personas/`.

>>> brisk = persona("voice").with_(manner={"most_sentences": 1, "gives_reason": False})
>>> brisk.inputs()["sentences"]
'one sentence'
"""

from __future__ import annotations

from pathlib import Path

from contoso_lab import prompts
from contoso_lab.errors import PromptError
from contoso_lab.prompts import Prompt
from contoso_lab.prompts.persona import Persona
from contoso_lab.prompts.persona_file import files_of, persona_names, read_persona
from contoso_lab.prompts.places import FOLDER

__all__ = ["Persona", "persona", "persona_files", "personas", "voice_prompt"]


def personas() -> list[str]:
    """The names of the personas.

    >>> "voice_expert" in personas()
    True
    """
    return persona_names()


def persona(name: str | Path) -> Persona:
    """A persona by its name, or by the path of its YAML file.

    Raises:
        PersonaError: there is none, or something in its file is wrong; says file and line.
    """
    return read_persona(name)


def persona_files(name: str) -> tuple[Path, ...]:
    """The files whose change is heard in the next call; some of them may not exist.

    Those of a persona that is data, or the one file of a whole prompt.

    >>> [path.name for path in persona_files("voice_de")]
    ['voice_de.yaml', 'voice.yaml', 'voice.prompty', 'languages.yaml']
    """
    made_of = files_of(name)
    # Without data of this name a whole prompt is meant; the missing file is watched, because it may come.
    return made_of if made_of[0].is_file() else (made_of[0], FOLDER / f"{name}.prompty")


def voice_prompt(who: str | Persona, *, language: str | None = None) -> Prompt:
    """The prompt that a persona speaks by: its data in the voice prompt, or a whole prompt of somebody's own.

    Args:
        language: the code of another language to begin in, when the persona is data.

    Raises:
        PromptError: there is no such persona, or it is broken; or another language is asked of a whole prompt.
    """
    if isinstance(who, str):
        prompt = prompts.load(who)
        if language is None or (prompt.persona is not None and prompt.persona.language == language):
            return prompt
        if prompt.persona is None:
            raise PromptError(
                f"{prompt.where}: a whole prompt has no language to change; write it there, or make it a persona"
            )
        who = prompt.persona
    return (who if language is None else who.in_language(language)).prompt()
