"""What a careful reader would mark in a prompt file.

Everything here is legal and silent: prompty loads the file, Jinja renders it, and the model gets less than its author
meant. Each finding is one sentence with the place and the remedy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from contoso_lab.prompts.check import ROLE_LINE
from contoso_lab.prompts.lint_rules import lint_words

if TYPE_CHECKING:
    from jinja2 import nodes

    from contoso_lab.prompts.load import Prompt

_ROLES = ("system", "user", "assistant", "developer", "tool", "function")
_KEYS = {
    place: frozenset(keys.split())
    for place, keys in {
        "the front matter": "name displayName description metadata model inputs outputs tools template",
        "model": "id provider apiType connection options",
        "model.options": "additionalProperties allowMultipleToolCalls frequencyPenalty maxOutputTokens presencePenalty "
        "reasoningEffort seed stopSequences temperature topK topP",
        "an input": "name kind description required nullable default example enumValues items properties",
    }.items()
}


def lint(prompt: Prompt) -> list[str]:
    """What is legal in a prompt and still wrong, in the order of the file.

    >>> from contoso_lab.prompts import load
    >>> lint(load("voice"))
    []
    """
    text = prompt.path.read_text(encoding="utf-8")
    findings = [*_front(prompt), *_roles(prompt.body), *_variables(prompt), *lint_words(prompt, text)]
    return [f"{prompt.where}: {finding}" for finding in findings]


def _front(prompt: Prompt) -> Iterator[str]:
    if not prompt.description:
        yield "the prompt has no description; say in one line what it is for"
    model = prompt.front.get("model")
    model = model if isinstance(model, Mapping) else {}
    yield from _unknown("the front matter", prompt.front)
    yield from _unknown("model", model)
    yield from _unknown("model.options", model.get("options"))
    for key in ("id", "provider", "connection"):
        if key in model:
            yield f"model.{key} is not used, because the target names the model and the key; take it out"
    for part in ("inputs", "outputs"):
        for item in prompt.front.get(part) or []:
            if isinstance(item, Mapping):
                yield from _unknown("an input", item, f"{part[:-1]} {item.get('name')!r}")
                if not item.get("description"):
                    yield f"{part[:-1]} {item.get('name')!r} has no description; say in one line what it is"

    for item in prompt.inputs.values():
        if item.needed and item.example is None:
            yield f"input {item.name!r} has no example, so nobody can look at the prompt without a call; give one"


def _unknown(place: str, value: Any, shown_as: str | None = None) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    for key in value:
        if key not in _KEYS[place]:
            close = difflib.get_close_matches(str(key), _KEYS[place], n=1)
            hint = f"did you mean {close[0]!r}?" if close else "take it out"
            yield f"{shown_as or place} has the key {key!r}, which prompty does not know and drops; {hint}"


def _roles(body: str) -> Iterator[str]:
    lines = body.splitlines()
    markers = [number for number, line in enumerate(lines) if ROLE_LINE.match(line)]
    if not markers:
        yield "the body has no role marker, so all of it is one system message; begin it with a line 'system:'"
    elif any(line.strip() for line in lines[: markers[0]]):
        yield "there is text before the first role marker; put a line 'system:' above it"
    for number, following in pairwise([*markers, len(lines)]):
        if not any(line.strip() for line in lines[number + 1 : following]):
            yield f"the message {lines[number].strip()!r} in line {number + 1} of the body is empty; fill it"
    for number, line in enumerate(lines, start=1):
        word = line.strip().removesuffix(":").lower()
        if not line.strip().endswith(":") or not word.isalpha() or word in _ROLES:
            continue
        close = difflib.get_close_matches(word, _ROLES, n=1, cutoff=0.75)
        if close:
            yield f"line {number} of the body, {line.strip()!r}, is not a role marker; did you mean '{close[0]}:'?"


def _variables(prompt: Prompt) -> Iterator[str]:
    from jinja2 import Environment, TemplateSyntaxError, meta, nodes

    try:
        tree = Environment(autoescape=False).parse(prompt.body)
    except TemplateSyntaxError as problem:
        yield f"line {problem.lineno} of the body is not Jinja: {problem.message}"
        return
    used = meta.find_undeclared_variables(tree)
    for name in prompt.inputs:
        if name not in used:
            yield f"input {name!r} is declared and the body never uses it; use it or take it out"
    for name in sorted(used - set(prompt.inputs)):
        close = difflib.get_close_matches(name, prompt.inputs, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "declare it as an input"
        yield f"the body uses {name!r}, which is not declared and renders as nothing; {hint}"
    for name, item in prompt.inputs.items():
        if item.kind == "thread" and not any(
            line.strip().strip("{}- ") == name and line.strip().startswith("{{") for line in prompt.body.splitlines()
        ):
            yield f"input {name!r} is a conversation and has to stand alone on its line, as {{{{ {name} }}}}"
    yield from _fields(prompt, tree, nodes)


def _fields(prompt: Prompt, tree: nodes.Template, nodes_: Any) -> Iterator[str]:
    known = {name: item.fields for name, item in prompt.inputs.items() if item.kind == "object"}
    for loop in tree.find_all(nodes_.For):
        if isinstance(loop.iter, nodes_.Name) and isinstance(loop.target, nodes_.Name):
            item = prompt.inputs.get(loop.iter.name)
            if item and item.kind == "array":
                known[loop.target.name] = item.fields
    for access in tree.find_all(nodes_.Getattr):
        owner = access.node
        fields = known.get(owner.name) if isinstance(owner, nodes_.Name) else None
        if fields and access.attr not in fields:
            close = difflib.get_close_matches(access.attr, fields, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(fields)}"
            yield f"the body uses {owner.name}.{access.attr}, which is not declared and renders as nothing; {hint}"
