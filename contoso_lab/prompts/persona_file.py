"""A persona's file: read with the line of each fault, written at one stroke, filled into the voice prompt."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from contoso_lab.errors import PersonaError
from contoso_lab.home import may_be_written
from contoso_lab.marked_yaml import MOST_BYTES, Unreadable, marked_text
from contoso_lab.prompts import languages
from contoso_lab.prompts.persona import Persona, overlaid
from contoso_lab.prompts.places import shown
from contoso_lab.settings import HOME

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

FOLDER = HOME / "prompts" / "personas"
"""Where personas are looked up by name."""
TEMPLATE = HOME / "prompts" / "voice.prompty"
"""What all of them are filled into."""

_NAME = re.compile(r"[\w-]{1,64}")
_EXTENDS = re.compile(r"(?m)^extends:[ \t]*[\"']?([\w-]+)")
_Lines = dict[tuple[str | int, ...], int]
_Places = Mapping[tuple[str | int, ...], tuple[Path, int]]


def persona_names() -> list[str]:
    """The personas that can be named.

    >>> {"voice", "voice_brief", "voice_expert"} <= set(persona_names())
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_persona(name: str | Path) -> Persona:
    """A persona by its name in `prompts/personas/`, or by the path of its file.

    Raises:
        PersonaError: there is no such file, or something in it is wrong; one sentence for each fault, with its line.

    >>> read_persona("voice_brief").who
    'Robin'
    """
    return _read(_path(name))


def persona_of_text(name: str, text: str) -> Persona:
    r"""A persona from what its file would say, without a file: while somebody writes it.

    Raises:
        PersonaError: something in it is wrong; one sentence for each fault, with its line.

    >>> persona_of_text("kim", "extends: voice\nwho: Kim").who
    'Kim'
    """
    return _read(FOLDER / f"{name}.yaml", text)


def save_persona_text(name: str, text: str, *, overwrite: bool = False) -> Path:
    """Write a persona's file as it stands, comments and all, once it has been read without a fault.

    Args:
        name: of the persona, and of its file.
        text: what the file is to say.
        overwrite: a file of that name is replaced.

    Raises:
        PersonaError: the text is no persona, or there is such a file and it may not be replaced.
    """
    if persona_of_text(name, text).name != name:
        raise PersonaError((f"{name!r} is no name of a persona; use letters, digits, '-' and '_'",))
    return _write(name, text, overwrite=overwrite)


def _read(path: Path, text: str | None = None) -> Persona:
    """Read a file, or what it would say."""
    data, lines = _data(path, text)
    places = {place: (path, line) for place, line in lines.items()}
    if "extends" in data:
        base, at = data.pop("extends"), f"{shown(path)}:{lines[('extends',)]}"
        if not _NAME.fullmatch(str(base)):  # a path would lead out of the folder
            raise PersonaError((f"{at}: extends names a persona, and {base!r} is no name",))
        below = FOLDER / f"{base}.yaml" if path.parent == FOLDER else path.parent / f"{base}.yaml"
        if not below.is_file():
            below = FOLDER / f"{base}.yaml"
        if not below.is_file():
            raise PersonaError(
                (f"{at}: there is no persona {base!r} to extend; there are {', '.join(persona_names())}",)
            )
        base_data, base_lines = _data(below)
        if "extends" in base_data:
            raise PersonaError((f"{at}: {base!r} extends another persona itself; extend that one",))
        places = {place: (below, line) for place, line in base_lines.items()} | places
        data = overlaid(base_data, data)
    if "name" in data:
        where = _at(*_place(places, ("name",), path))
        raise PersonaError((f"{where}: name is the name of the file; take it out",))
    try:
        return Persona.model_validate({"name": path.stem, **data})
    except ValidationError as problem:
        found = sorted((_place(places, error["loc"], path), fault(error)) for error in problem.errors())
        raise PersonaError(tuple(f"{_at(*place)}: {said}" for place, said in found)) from problem


def files_of(name: str) -> tuple[Path, ...]:
    """The files that a persona is made of; whoever keeps what was made of them looks at their dates."""
    path = FOLDER / f"{name}.yaml"
    try:
        found = _EXTENDS.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        found = None  # whoever reads it says what is wrong
    base = (FOLDER / f"{found[1]}.yaml",) if found else ()
    return path, *base, TEMPLATE, languages.FILE


def bound(persona: Persona) -> Prompt:
    """The voice prompt with a persona filled in; its name is the persona's, its hash is that of both.

    Raises:
        PromptError: the template is broken, or has no input `persona`.
    """
    from contoso_lab.prompts.load import load

    inputs = persona.inputs()
    template = load(TEMPLATE)
    sha256 = hashlib.sha256(f"{template.sha256} {inputs!r} {persona.settings()!r}".encode()).hexdigest()
    path = FOLDER / f"{persona.name}.yaml"
    return template.filled(
        persona.name,
        path=path if path.is_file() else template.path,
        sha256=sha256,
        description=persona.description,
        values={"persona": inputs},
        persona=persona,
        template=template.path,
    )


def write_persona(persona: Persona, *, overwrite: bool = False) -> Path:
    """Write a persona to its file; who reads meanwhile sees the old one or the new one, and nothing in between.

    Raises:
        PersonaError: there is such a file and it may not be replaced, or the folder cannot be written.
    """
    import yaml

    data = persona.model_dump(mode="json", exclude_none=True, exclude={"name"})
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    return _write(persona.name, text, overwrite=overwrite)


def _write(name: str, text: str, *, overwrite: bool) -> Path:
    path = FOLDER / f"{name}.yaml"
    if path.exists() and not overwrite:
        raise PersonaError((f"{shown(path)}: exists already; give the copy another name, or say overwrite=True",))
    try:
        may_be_written(path)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=FOLDER, suffix=".part", delete=False) as part:
            part.write(text)
        Path(part.name).chmod(0o644)
        os.replace(part.name, path)
    except OSError as problem:
        raise PersonaError(
            (f"{shown(path)}: cannot be written: {problem.strerror}; choose another place",)
        ) from problem
    return path


def fault(error: Mapping[str, Any]) -> str:
    """One of pydantic's faults as the end of a sentence: what is wrong, and what to do."""
    loc = [step for step in error["loc"]]
    name = "".join(f" {step + 1}" if isinstance(step, int) else f".{step}" for step in loc).removeprefix(".")
    match error["type"]:
        case "extra_forbidden":
            known = _fields(loc[:-1])
            close = difflib.get_close_matches(str(loc[-1]), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            return f"{name} is not known here; {hint}"
        case "missing":
            return f"{name} is missing; add it"
        case "value_error":
            return f"{name} is wrong: {error['ctx']['error']}; correct it"
        case _:
            said = error["msg"][:1].lower() + error["msg"][1:]
            return f"{name} is wrong: {said}, not {error['input']!r}; correct it"


def _fields(steps: Sequence[str | int]) -> list[str]:
    """The keys that a part of a persona may have."""
    model: Any = Persona
    for step in steps:
        kind = model.model_fields[step].annotation
        model = next(
            (each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, BaseModel)),
            Persona,
        )
    return [key for key in model.model_fields if model is not Persona or key != "name"]


def _path(name: str | Path) -> Path:
    if isinstance(name, Path) or name.endswith((".yaml", ".yml")):
        path = Path(name)
        path = path if path.is_absolute() or path.is_file() else HOME / path
        if not path.is_file():
            raise PersonaError((f"{shown(path)}: there is no such file; personas are {', '.join(persona_names())}",))
        return path.resolve()
    if name in persona_names():
        return FOLDER / f"{name}.yaml"
    close = difflib.get_close_matches(name, persona_names(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(persona_names())}"
    raise PersonaError((f"{shown(FOLDER)}: there is no persona {name!r}; {hint}",))


def _data(path: Path, text: str | None = None) -> tuple[dict[str, Any], _Lines]:
    """What a file says, and the line of each key in it."""
    where = shown(path)
    try:
        if text is None and path.stat().st_size > MOST_BYTES:
            raise PersonaError((f"{where}: is larger than {MOST_BYTES // 1000} kB: this is no persona",))
        raw = path.read_text(encoding="utf-8") if text is None else text
        data, lines = marked_text(raw, where)
    except (OSError, UnicodeDecodeError) as problem:
        raise PersonaError((f"{where}: cannot be read: {problem}; save it as UTF-8 text",)) from problem
    except Unreadable as problem:
        raise PersonaError(problem.faults) from problem
    if not isinstance(data, dict):
        raise PersonaError(
            (f"{where}: has to be a mapping of names to values; begin with description, who and manner",)
        )
    return data, lines


def _place(places: _Places, loc: Sequence[str | int], path: Path) -> tuple[Path, int]:
    """File and line of a fault: of its key, else of what the key is missing from; line 0 is the whole file."""
    steps = (tuple(loc[:length]) for length in range(len(loc), 0, -1))
    return next((places[step] for step in steps if step in places), (path, 0))


def _at(path: Path, line: int) -> str:
    return f"{shown(path)}:{line}" if line else shown(path)
