"""YAML that remembers its lines, so that a fault in somebody's file can be told with the place where it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from contoso_lab.settings import HOME

Step = str | int
MOST_BYTES = 1_000_000
"""A file that a person wrote is smaller; a larger one is somebody's mistake, or an attack."""
_ENDLESS = re.compile(r"[-+]?[0-9][0-9a-fA-FxXoO_:.]{300}")
DEEPEST = 32
"""Nor does a person nest deeper than this."""


class Unreadable(Exception):
    """A file that cannot be taken; `faults` has one sentence for each fault, each with file and line.

    Never seen by users: whoever reads a file turns it into an error of the tree in `errors`.
    """

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("; and ".join(faults))


@dataclass(frozen=True, slots=True)
class Marked:
    """What a file says, and the line of each key in it."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[tuple[Step, ...], int]

    def at(self, loc: Sequence[Step]) -> str:
        """File and line of a key, or of what it is missing from; the whole file where neither is known."""
        steps = (tuple(loc[:length]) for length in range(len(loc), 0, -1))
        line = next((self.lines[step] for step in steps if step in self.lines), 0)
        return f"{shown(self.path)}:{line}" if line else shown(self.path)

    def faults(self, problem: ValidationError, model: type[BaseModel]) -> tuple[str, ...]:
        """A sentence for each of pydantic's faults, in the order of the file."""
        errors = [(self._line(error["loc"]), error) for error in problem.errors(include_url=False)]
        errors.sort(key=lambda pair: pair[0])
        return tuple(dict.fromkeys(f"{self.at(error['loc'])}: {_fault(error, model)}" for _, error in errors))

    def _line(self, loc: Sequence[Step]) -> int:
        steps = (tuple(loc[:length]) for length in range(len(loc), 0, -1))
        return next((self.lines[step] for step in steps if step in self.lines), 0)


def read_marked(path: Path) -> Marked:
    r"""Read a YAML file that holds a mapping. Aliases are refused: a few lines of them can fill a memory.

    Raises:
        Unreadable: it is not there, no YAML, no mapping, too large, or says a thing twice.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "suite.yaml")
    ...     _ = place.write_text("suite: smoke\ngates:\n- {metric: wer}\n")
    ...     read_marked(place).lines[("gates", 0, "metric")]
    3
    """
    where = shown(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unreadable(f"{where}: is larger than {MOST_BYTES // 1000} kB: this is no file that a person wrote")
        raw = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Unreadable(f"{where}: there is no such file: check the path") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise Unreadable(f"{where}: cannot be read ({problem}): save it as UTF-8 text") from problem
    data, lines = marked_text(raw, where)
    if not isinstance(data, dict):
        raise Unreadable(f"{where}: has to be a mapping of names to values")
    return Marked(path, data, lines)


def plain_yaml(raw: str, where: str) -> Any:
    """What a text in YAML says, however it was written: no aliases, no Python, not too deep, no key twice.

    Raises:
        Unreadable: it is no such YAML; `where` is how the sentence calls it.
    """
    return marked_text(raw, where)[0]


def marked_text(raw: str, where: str) -> tuple[Any, dict[tuple[Step, ...], int]]:
    """What a text in YAML says, and the line of each key in it.

    Raises:
        Unreadable: it is no YAML, is larger than people write, or says a thing twice.
    """
    import yaml

    if len(raw) > MOST_BYTES:
        raise Unreadable(f"{where}: is larger than {MOST_BYTES // 1000} kB: this is no file that a person wrote")
    lines: dict[tuple[Step, ...], int] = {}
    try:
        depth = 0
        for event in yaml.parse(raw, Loader=yaml.SafeLoader):
            number = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.AliasEvent):
                raise Unreadable(f"{where}:{number}: refers to another place (*{event.anchor}): write it out")
            if isinstance(event, yaml.ScalarEvent) and _ENDLESS.match(event.value):
                raise Unreadable(f"{where}:{number}: has a number of {len(event.value)} digits: shorten it")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise Unreadable(f"{where}:{number}: is nested more than {DEEPEST} deep: write it flat")
        node = yaml.compose(raw, Loader=yaml.SafeLoader)
        if node is not None:
            _note(node, (), lines, where)
        return yaml.safe_load(raw), lines
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise Unreadable(f"{where}{line}: is not YAML: {_flat(problem.problem)}; correct that line") from problem
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as problem:
        raise Unreadable(f"{where}: is not YAML: {_flat(problem)}; correct the file") from problem


def shown(path: Path) -> str:
    """A path as people read it: below the project without the way to it."""
    path = path.absolute()
    return path.relative_to(HOME).as_posix() if path.is_relative_to(HOME) else path.as_posix()


def close_to(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known: the nearest one, or all there are.

    >>> close_to("vioce", ["voice", "voice_brief"])
    "did you mean 'voice'?"
    >>> close_to("x", ["voice", "chat"])
    'there are voice, chat'
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names) or 'none'}"


def _note(node: Any, place: tuple[Step, ...], lines: dict[tuple[Step, ...], int], where: str) -> None:
    """Note where each key stands; YAML itself takes the last of two that are the same, without a word."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            if here in lines:
                name, line = ".".join(map(str, here)), key.start_mark.line + 1
                raise Unreadable(f"{where}:{line}: {name} stands in line {lines[here]} already: take one out")
            lines[here] = key.start_mark.line + 1
            _note(value, here, lines, where)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[(*place, number)] = value.start_mark.line + 1
            _note(value, (*place, number), lines, where)


def _fault(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    loc = list(error["loc"])
    name = "".join(f" {step + 1}" if isinstance(step, int) else f".{step}" for step in loc).removeprefix(".")
    match error["type"]:
        case "extra_forbidden":
            return f"{name} is not known here; {close_to(str(loc[-1]), _fields(model, loc[:-1]))}"
        case "missing":
            return f"{name} is missing; add it"
        case "value_error":
            said = str(error["ctx"]["error"])
            return f"{name} is wrong: {said}" if name else said
        case _:
            said = error["msg"][:1].lower() + error["msg"][1:]
            return f"{name} is wrong: {said}, not {error['input']!r}; correct it"


def _fields(model: Any, steps: Sequence[Step]) -> list[str]:
    """The keys that may stand at a place."""
    for step in steps:
        if isinstance(step, int) or step not in model.model_fields:
            continue
        model = next(_models(model.model_fields[step].annotation), model)
    return list(model.model_fields)


def _models(kind: Any) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)


def _flat(problem: object) -> str:
    return " ".join(str(problem or "it breaks off").split())
