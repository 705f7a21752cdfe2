"""A prompt from a file: what it is called, what it needs, what it will say."""

from __future__ import annotations

import copy
import difflib
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import PromptError
from contoso_lab.prompts.check import check_inputs
from contoso_lab.settings import HOME

if TYPE_CHECKING:
    from prompty.model import Agent

FOLDER = HOME / "prompts"
"""Where prompts are looked up by name."""

_VERSION_1 = {
    "configuration": "model.configuration is now model.connection",
    "parameters": "model.parameters is now model.options",
    "api": "model.api is now model.apiType",
    "response": "model.response is gone",
}


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
            messages: list[Any] = prompty.prepare(self.agent(), values)
        except (ValueError, jinja2.TemplateError) as problem:
            raise PromptError(f"{self.where}: cannot be rendered: {problem}") from problem
        return messages

    def render(self, **inputs: Any) -> list[dict[str, Any]]:
        """The messages that a model would get; needs no network.

        Raises:
            PromptError: an input is unknown, missing, of the wrong kind, or holds a role marker.
        """
        return to_wire(self.prepared(inputs))

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


def shown(path: Path) -> str:
    """A path the way a message shows it."""
    return path.relative_to(HOME).as_posix() if path.is_relative_to(HOME) else path.as_posix()


def to_wire(messages: list[Any]) -> list[dict[str, Any]]:
    """Messages of prompty as the chat API has them."""
    wire = []
    for message in messages:
        content = message.to_text_content()
        if not isinstance(content, str):  # parts, when a picture is among them
            content = [
                {"type": "text", "text": part.value}
                if part.kind == "text"
                else {"type": "image_url", "image_url": {"url": part.source}}
                for part in message.parts
            ]
        wire.append({"role": message.role, "content": content})
    return wire


def names() -> list[str]:
    """The prompts that can be loaded by name.

    >>> "voice" in names()
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.prompty"))


def load(name: str | Path) -> Prompt:
    """Load a prompt by its name in `prompts/`, or by the path of a `.prompty` file.

    Raises:
        PromptError: there is no such file, or it is not a prompt of version 2.

    >>> load("voice").name
    'voice'
    """
    import prompty
    import yaml
    from prompty.core.utils import load_prompty

    path = _find(name)
    where = shown(path)
    try:
        data = path.read_bytes()
        parsed = load_prompty(path)
    except (OSError, UnicodeDecodeError) as problem:
        raise PromptError(f"{where}: cannot be read: {problem}") from problem
    except (yaml.YAMLError, ValueError) as problem:
        raise PromptError(f"{where}: the part between the --- lines is not YAML: {_flat(problem)}") from problem
    front = dict(parsed) if isinstance(parsed, Mapping) else {}
    body = str(front.pop("instructions", "") or "")
    if not front:
        raise PromptError(f"{where}: has no front matter; begin the file with ---, name, inputs and a second ---")
    _refuse_version_1(where, front)
    try:
        agent = prompty.load(path)
    except (ValueError, TypeError, KeyError, OSError) as problem:
        raise PromptError(f"{where}: {_flat(problem)}; correct the front matter") from problem
    return Prompt(
        name=agent.name or path.stem,
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        description=agent.description or "",
        inputs={item.name: _input(item) for item in agent.inputs or []},
        outputs=tuple(item.name for item in agent.outputs or []),
        body=body,
        front=front,
        _agent=agent,
    )


def _find(name: str | Path) -> Path:
    if isinstance(name, Path) or name.endswith(".prompty"):
        path = Path(name)
        if not path.is_file() and not path.is_absolute():
            path = HOME / path
        if not path.is_file():
            raise PromptError(f"{shown(path)}: there is no such file; prompts by name are {', '.join(names())}")
        return path.resolve()
    if name in names():
        return FOLDER / f"{name}.prompty"
    close = difflib.get_close_matches(name, names(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names())}"
    raise PromptError(f"{shown(FOLDER)}: there is no prompt {name!r}; {hint}")


def _refuse_version_1(where: str, front: Mapping[str, Any]) -> None:
    """Stop at a file of version 1: prompty 2 would load it and drop its model and its samples."""
    model = front.get("model")
    changes = [change for key, change in _VERSION_1.items() if isinstance(model, Mapping) and key in model]
    if "sample" in front:
        changes.append("sample is now a default in each input")
    if isinstance(front.get("inputs"), Mapping):
        changes.append("inputs is now a list of name, kind and description")
    if isinstance(front.get("template"), str):
        changes.append("template is now {format: {kind: jinja2}, parser: {kind: prompty}}")
    if changes:
        raise PromptError(f"{where}: is written for prompty 1; rewrite it for version 2: {'; '.join(changes)}")


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
    )


def _flat(problem: BaseException) -> str:
    return " ".join(str(problem).split())
