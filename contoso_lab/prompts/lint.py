"""What a careful reader would mark in a prompt file.

Everything here is legal and silent: prompty loads the file, Jinja renders it, and the model gets less than its author
meant. Each finding is one sentence with the place and the remedy.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from contoso_lab.errors import PromptError
from contoso_lab.prompts.check import ROLE_LINE
from contoso_lab.prompts.languages import detect_language, language
from contoso_lab.prompts.lint_inputs import lint_variables
from contoso_lab.prompts.lint_rules import lint_network, lint_rules, lint_secrets
from contoso_lab.prompts.load import Prompt, load
from contoso_lab.prompts.persona import Persona
from contoso_lab.prompts.persona_file import TEMPLATE, files_of
from contoso_lab.prompts.places import shown

_SURE = 0.8
"""Below this a short sentence may well be in another language than it seems."""
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

    For a persona: what is wrong in the voice prompt, then what is wrong with the persona.

    >>> from contoso_lab.prompts import load
    >>> lint(load("voice"))
    []
    """
    if prompt.persona is not None:
        return [*_of_file(load(TEMPLATE)), *_of_persona(prompt, prompt.persona)]
    return _of_file(prompt)


def _of_file(prompt: Prompt) -> list[str]:
    raw = prompt.path.read_text(encoding="utf-8")
    findings = [
        *_front(prompt),
        *_roles(prompt.body),
        *lint_variables(prompt),
        *_samples(prompt),
        *lint_secrets(raw),
        *lint_network(raw, prompt.body),
        *lint_rules(prompt.body),
    ]
    return [f"{prompt.where}: {finding}" for finding in findings]


def _of_persona(prompt: Prompt, persona: Persona) -> list[str]:
    found = []
    for path in dict.fromkeys((prompt.path, *files_of(persona.name))):
        if path.suffix == ".yaml" and path.is_file():
            found += [f"{shown(path)}: {each}" for each in lint_secrets(path.read_text(encoding="utf-8"))]
    # Without goods: what a catalogue says of "up to 8 kg" is no rule.
    told = prompt.render(**prompt.sample() | {"catalogue": [], "purchases": []})
    rules = "\n".join(str(message["content"]) for message in told)
    return [*found, *(f"{prompt.where}: {each}" for each in (*lint_rules(rules), *_spoken(persona)))]


def _spoken(persona: Persona) -> Iterator[str]:
    """Sentences that are spoken as they stand and are in another language than the persona."""
    greeting = persona.greeting
    if greeting is not None and greeting.first == greeting.returning:
        yield "greeting.returning is the same as greeting.first; tell somebody who comes back that you know it"
    said = {
        "greeting.first": greeting.first if greeting else None,
        "greeting.returning": greeting.returning if greeting else None,
        "manner.unknown": persona.manner.unknown,
        "manner.closing": persona.manner.closing,
    }
    for name, text in said.items():
        code, certainty = detect_language(re.sub(r"\{.*?\}", "", text or ""))
        if code not in (None, persona.language) and certainty > _SURE:
            spoken = language(persona.language).name
            yield f"{name} is in {language(code).name} and the persona speaks {spoken}; say it in {spoken}"


def _parses(body: str) -> bool:
    from jinja2 import Environment, TemplateSyntaxError

    try:
        Environment(autoescape=False).parse(body)
    except TemplateSyntaxError:
        return False  # said already, with its line
    return True


def _samples(prompt: Prompt) -> Iterator[str]:
    """Inputs that nobody can look at, and examples that do not fit."""
    lacking = [item.name for item in prompt.inputs.values() if item.needed and item.example is None]
    for name in lacking:
        yield f"input {name!r} has no example, so nobody can look at the prompt without a call; give one"
    for item in prompt.inputs.values():
        if item.kind == "image" and str(item.example or item.default or "").startswith(("http:", "https:")):
            yield f"input {item.name!r} shows a picture that a model would have to fetch; give a data URL"
    if not lacking and _parses(prompt.body) and not any(lint_network("", prompt.body)):
        try:
            prompt.render(**prompt.sample())
        except PromptError as problem:
            yield f"its own examples do not render: {str(problem).removeprefix(prompt.where).lstrip(': ')}"


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
