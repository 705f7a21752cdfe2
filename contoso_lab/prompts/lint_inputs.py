"""Marks in the inputs of a prompt: declared and never rendered, rendered and never declared."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import nodes

    from contoso_lab.prompts.load import Prompt


def lint_variables(prompt: Prompt) -> Iterator[str]:
    """What the front matter and the body of a prompt do not agree on."""
    from jinja2 import Environment, TemplateSyntaxError, meta

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
    yield from _fields(prompt, tree, used)


def _fields(prompt: Prompt, tree: nodes.Template, used: set[str]) -> Iterator[str]:
    """Fields inside the objects: those that are not declared, then those that are never rendered."""
    from jinja2 import nodes

    owners = {name: name for name, item in prompt.inputs.items() if item.kind == "object"}
    whole: set[str] = set()
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Name) and isinstance(loop.target, nodes.Name):
            item = prompt.inputs.get(loop.iter.name)
            if item and item.kind == "array":
                owners[loop.target.name] = item.name
    rendered: set[tuple[str, str]] = set()
    mistaken: set[str] = set()
    for access in tree.find_all(nodes.Getattr):
        if not isinstance(access.node, nodes.Name) or access.node.name not in owners:
            continue
        owner = owners[access.node.name]
        fields = prompt.inputs[owner].fields
        rendered.add((owner, access.attr))
        if fields and access.attr not in fields:
            close = difflib.get_close_matches(access.attr, fields, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(fields)}"
            name = access.node.name
            mistaken.add(owner)
            yield f"the body uses {name}.{access.attr}, which is not declared and renders as nothing; {hint}"
    # An object that is rendered as a whole, as JSON or by its keys, renders all of its fields.
    inside = {id(access.node) for access in tree.find_all(nodes.Getattr)}
    inside |= {id(test.node) for test in tree.find_all(nodes.Test)}
    loops = {id(loop.iter) for loop in tree.find_all(nodes.For)}
    for bare in tree.find_all(nodes.Name):
        if bare.ctx == "load" and bare.name in owners and id(bare) not in inside and id(bare) not in loops:
            whole.add(owners[bare.name])
    looped = {owners[name] for name in owners}
    for key, item in prompt.inputs.items():
        # Where a name is mistaken, the field that was meant looks unused: one finding is enough.
        if key in used and key in looped and key not in whole | mistaken:
            for field in item.fields:
                if (key, field) not in rendered:
                    yield f"input {key!r} declares {field!r}, which the body never uses; use it or take it out"
