"""A prompt from a file: what it is called, what it needs, what it will say."""

from __future__ import annotations

import copy
import hashlib
import html
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import PromptError
from contoso_lab.prompts.check import check_inputs
from contoso_lab.prompts.messages import to_wire as to_wire
from contoso_lab.prompts.places import find, shown
from contoso_lab.prompts.source import from_its_folder, front_and_body
from contoso_lab.prompts.template_rules import check_kinds, check_template
from contoso_lab.prompts.version1 import convert, is_version_1

if TYPE_CHECKING:
    from prompty.model import Agent

    from contoso_lab.prompts.persona import Persona

_told: set[tuple[Path, str]] = set()


class PromptVersionWarning(UserWarning):
    """A prompt is written for version 1 of the format."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input that a prompt declares."""

    name: str
    kind: str
    description: str
    needed: bool
    """True when there is no default, so that the caller has to give it."""
    default: Any = None
    fields: tuple[str, ...] = ()
    """The names inside an object, or inside each object of an array."""
    example: Any = None
    """A value to show the prompt with; a caller never gets it unasked."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that is loaded and can be rendered or run.

    >>> prompt = load("chat")
    >>> prompt.outputs
    ('response', 'context', 'call')
    """

    name: str
    path: Path
    sha256: str
    """The hash of the file's bytes."""
    description: str
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    """The keys of the JSON answer; empty when the answer is text."""
    body: str = field(repr=False)
    front: Mapping[str, Any] = field(repr=False)
    _agent: Agent = field(repr=False, compare=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Inputs that are filled in already, such as the persona."""
    persona: Persona | None = field(default=None, repr=False)
    """Whose prompt it is, when it was made from a persona."""
    template: Path | None = field(default=None, repr=False)
    """The file that the words stand in, where that is not `path`."""

    def filled(self, name: str, *, values: Mapping[str, Any], **changes: Any) -> Prompt:
        """The same prompt under another name, with some of its inputs filled in.

        Args:
            values: the inputs, which a caller can then no longer give.
            changes: other fields of the prompt.

        Raises:
            PromptError: there is no such input, or the value is of another kind.
        """
        for given in values:
            if given not in self.inputs:
                raise PromptError(f"{self.where}: there is no input {given!r}; declare it")
        declared = {key: item for key, item in self.inputs.items() if key in values}
        checked = check_inputs(self.where, declared, values)
        left = {key: item for key, item in self.inputs.items() if key not in values}
        return replace(self, name=name, inputs=left, values={**self.values, **checked}, **changes)

    @property
    def where(self) -> str:
        """The path as a message shows it: from the checkout if it lies there."""
        return shown(self.path)

    def agent(self) -> Agent:
        """Give prompty's own object, a fresh copy that the caller may change."""
        return copy.deepcopy(self._agent)

    def prepared(self, inputs: Mapping[str, Any]) -> list[Any]:
        """The messages as prompty's own objects, after all inputs were checked.

        Raises:
            PromptError: an input is unknown, missing, of the wrong kind, or holds a role marker.
        """
        import jinja2
        import prompty

        values = check_inputs(self.where, self.inputs, inputs)
        try:
            # prepare() and not prepare_async(): the async one leaves the thread's markers in a place that
            # another task can empty before they are read.
            messages: list[Any] = prompty.prepare(self.agent(), {**values, **self.values})
        except (ValueError, ArithmeticError, TypeError, MemoryError, RecursionError, jinja2.TemplateError) as problem:
            where = shown(self.template) if self.template is not None else self.where
            line = f"line {problem.lineno} of the body " if isinstance(problem, jinja2.TemplateSyntaxError) else ""
            raise PromptError(f"{where}: {line}cannot be rendered: {problem}; correct it") from problem
        return messages

    def render(self, **inputs: Any) -> list[dict[str, Any]]:
        """The messages that a model would get; needs no network.

        Raises:
            PromptError: an input is unknown, missing, of the wrong kind, or holds a role marker.
        """
        return to_wire(self.prepared(inputs))

    def sample(self) -> dict[str, Any]:
        """The examples of the inputs: enough to render the prompt, and to compare it with another.

        >>> load("voice").render(**load("voice").sample())[0]["role"]
        'system'
        """
        return {name: item.example for name, item in self.inputs.items() if item.example is not None}

    def lint(self) -> list[str]:
        """What a careful reader would mark in the file, one sentence each."""
        from contoso_lab.prompts.lint import lint

        return lint(self)

    def __repr__(self) -> str:
        return f"<Prompt {self.name}: {', '.join(self.inputs) or 'no inputs'}; sha256 {self.sha256[:8]}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(i.name)}</code></td><td>{html.escape(i.kind)}</td>"
            f"<td>{'needed' if i.needed else 'has a default'}</td>"
            f"<td style='text-align:left'>{html.escape(i.description)}</td></tr>"
            for i in self.inputs.values()
        )
        return (
            f"<div><b>{html.escape(self.name)}</b> · {html.escape(self.description)}<br>"
            f"<small>{html.escape(self.where)} · sha256 {self.sha256[:8]}</small>"
            f"<table style='color:inherit;font:inherit'>"
            f"<tr><th>input</th><th>kind</th><th></th><th>what it is</th></tr>{rows}</table></div>"
        )


def load(name: str | Path) -> Prompt:
    """Load a prompt by its name in `prompts/`, or by the path of a `.prompty` file.

    The name or the `.yaml` file of a persona gives the voice prompt with the persona filled in. Where a persona and a
    prompt have the same name the persona is meant.

    Raises:
        PromptError: there is no such file, or it is not a prompt.
        PersonaError: something in the persona is wrong.

    Warns:
        PromptVersionWarning: the file is written for prompty 1 and was translated; once for each file.

    >>> load("voice").name
    'voice'
    """
    import prompty

    from contoso_lab.prompts.persona_file import persona_names, read_persona

    if str(name).endswith((".yaml", ".yml")) or (isinstance(name, str) and name in persona_names()):
        return read_persona(name).prompt()
    path = find(name)
    where = shown(path)
    front, body = front_and_body(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    old = is_version_1(front)
    if old:
        front = _version_2(where, path, front, sha256)
    check_template(body, where)
    address = _address(front)
    if address and not old:
        raise PromptError(f"{where}: names the address {address!r}, which the target does: take model.connection out")
    context = prompty.LoadContext() if old else prompty.LoadContext(pre_process=from_its_folder(where, path.parent))
    try:
        agent = prompty.Agent.load({**_without_connection(front), "instructions": body}, context)
        agent.metadata = {**(agent.metadata or {}), "__source_path": str(path)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise PromptError(f"{where}: {_flat(problem)}; correct the front matter") from problem
    check_kinds(agent.template, where)
    return Prompt(
        name=agent.name or path.stem,
        path=path,
        sha256=sha256,
        description=agent.description or "",
        inputs={item.name: _input(item) for item in agent.inputs or []},
        outputs=tuple(item.name for item in agent.outputs or []),
        body=body,
        front=front,
        _agent=agent,
    )


def _without_connection(front: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that names no address and no key: the target does, whatever a file says."""
    data = copy.deepcopy(dict(front))
    if isinstance(data.get("model"), dict):
        data["model"].pop("connection", None)
    return data


def _address(front: Mapping[str, Any]) -> str:
    """Whereto a file would have its words sent, when it says so itself."""
    model = front.get("model")
    connection = model.get("connection") if isinstance(model, Mapping) else None
    endpoint = str(connection.get("endpoint") or "") if isinstance(connection, Mapping) else ""
    return "" if endpoint.startswith("${") else endpoint


def _version_2(where: str, path: Path, front: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """The front matter of a file of version 1, translated; its author is told once."""
    converted = convert(front, where=where, folder=path.parent)
    if (path, sha256) not in _told:
        _told.add((path, sha256))
        lost = f"; without {', '.join(converted.lost)}" if converted.lost else ""
        warnings.warn(
            f"{where}: is written for prompty 1 and was read as version 2{lost}: "
            f"rewrite it with contoso-lab prompts upgrade {where}",
            PromptVersionWarning,
            stacklevel=3,
        )
    return converted.front


def _input(item: Any) -> Input:
    inner = getattr(item, "items", None) or item
    return Input(
        name=item.name,
        kind=item.kind,
        description=item.description or "",
        # `required: false` alone would put nothing into the text without a word; only a default makes optional.
        needed=item.default is None,
        default=item.default,
        fields=tuple(each.name for each in getattr(inner, "properties", None) or []),
        example=item.example,
    )


def _flat(problem: BaseException) -> str:
    return " ".join(str(problem).split())
