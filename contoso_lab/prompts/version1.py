"""Prompts of version 1, read as version 2.

prompty 2 loads an old file without a word and drops its model and its samples. Here the front matter is translated
first, so that an old file gives the same prompt as its rewritten twin; what has no place in version 2 is named.

| version 1 | version 2 |
|---|---|
| `model.api` | `model.apiType` |
| `model.configuration` | nothing: the target names the model and the key |
| `model.parameters` | `model.options`; a JSON schema becomes `outputs` |
| `sample`, or `inputs` as a mapping | `inputs` as a list with defaults |
| `template: jinja2` | `template: {format: …, parser: …}` |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contoso_lab.errors import PromptError
from contoso_lab.prompts.source import included

TEMPLATE = {"format": {"kind": "jinja2"}, "parser": {"kind": "prompty"}}
_OPTIONS = {
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "seed": "seed",
    "stop": "stopSequences",
}
_KINDS = {"number": "float", "bool": "boolean", "int": "integer", "str": "string", "list": "array", "dict": "object"}


@dataclass(frozen=True, slots=True)
class Converted:
    """The front matter in version 2, and what was lost on the way."""

    front: dict[str, Any]
    lost: tuple[str, ...]


def is_version_1(front: Mapping[str, Any]) -> bool:
    """Whether a front matter has anything that only version 1 has.

    >>> is_version_1({"model": {"api": "chat"}}), is_version_1({"model": {"apiType": "chat"}})
    (True, False)
    """
    model = front.get("model")
    old_model = isinstance(model, Mapping) and not {"api", "configuration", "parameters", "response"}.isdisjoint(model)
    template = front.get("template")
    old_template = isinstance(template, str) or (isinstance(template, Mapping) and "type" in template)
    return old_model or old_template or "sample" in front or isinstance(front.get("inputs"), Mapping)


def convert(front: Mapping[str, Any], *, where: str, folder: Path) -> Converted:
    """Translate a front matter of version 1.

    Args:
        where: the file as messages name it.
        folder: the file's folder; a sample in a file of its own has to lie in it.

    Raises:
        PromptError: a part is not what version 1 allows, or a sample's file cannot be read.

    >>> old = {"name": "hi", "model": {"api": "chat", "parameters": {"max_tokens": 9}}, "sample": {"who": "Maya"}}
    >>> new = convert(old, where="hi.prompty", folder=Path()).front
    >>> new["model"], new["inputs"]
    ({'apiType': 'chat', 'options': {'maxOutputTokens': 9}}, [{'name': 'who', 'kind': 'string', 'default': 'Maya'}])
    """
    lost: list[str] = []
    model, outputs = _model(_mapping(where, "model", front.get("model")), where, lost)
    new: dict[str, Any] = {key: front[key] for key in ("name", "displayName", "description") if key in front}
    metadata = {key: front[key] for key in ("authors", "tags", "version") if key in front}
    if metadata or "metadata" in front:
        new["metadata"] = {**_mapping(where, "metadata", front.get("metadata")), **metadata}
    new["model"] = model
    if inputs := _inputs(front, where, folder):
        new["inputs"] = inputs
    if outputs := outputs or list(_declared(front.get("outputs"), where, "outputs")):
        new["outputs"] = outputs
    if isinstance(front.get("tools"), list):
        new["tools"] = front["tools"]
    template = front.get("template")
    kind = template.get("type") if isinstance(template, Mapping) else template
    if kind not in (None, "jinja2", "jinja"):
        raise PromptError(f"{where}: the template {kind!r} is not known here; write it for jinja2")
    new["template"] = TEMPLATE
    known = {*new, "authors", "tags", "version", "sample", "base"}
    lost += [f"the key {key!r}" for key in front if key not in known]
    return Converted(new, tuple(lost))


def _model(model: Mapping[str, Any], where: str, lost: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    new: dict[str, Any] = {"apiType": model.get("api", "chat")}
    if "configuration" in model:
        lost.append("model.configuration (the target names the model and the key)")
    if model.get("response", "first") != "first":
        lost.append(f"model.response: {model['response']}")
    parameters = dict(_mapping(where, "model.parameters", model.get("parameters")))
    outputs = _schema(parameters.pop("response_format", None), where, parameters)
    # Whether an answer is streamed is for the caller to say.
    parameters.pop("stream", None)
    options: dict[str, Any] = {new: parameters.pop(old) for old, new in _OPTIONS.items() if old in parameters}
    if parameters:
        options["additionalProperties"] = parameters
    if options:
        new["options"] = options
    return new, outputs


def _schema(wanted: Any, where: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs that a `response_format` promises; any other format stays an option of the model."""
    if not isinstance(wanted, Mapping):
        return []
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if wanted.get("type") != "json_schema" or not isinstance(schema, Mapping):
        parameters["response_format"] = dict(wanted)
        return []
    required = schema.get("required") or []
    return [
        {"required": output["name"] in required, **output}
        for output in _declared(schema.get("properties"), where, "response_format")
    ]


def _inputs(front: Mapping[str, Any], where: str, folder: Path) -> list[dict[str, Any]]:
    inputs: dict[str, dict[str, Any]] = {
        item["name"]: item for item in _declared(front.get("inputs"), where, "inputs") if "name" in item
    }
    sample = included(front.get("sample"), where, folder)
    for name, given in _mapping(where, "sample", sample).items():
        value = included(given, where, folder)
        item = inputs.setdefault(name, {"name": name, **_shape(value)})
        item.setdefault("default", value)
    return list(inputs.values())


def _declared(part: Any, where: str, name: str) -> Iterator[dict[str, Any]]:
    """Inputs or outputs, which version 1 writes as a mapping of names."""
    if isinstance(part, list):
        yield from (dict(item) for item in part if isinstance(item, Mapping))
        return
    for key, value in _mapping(where, name, part).items():
        if not isinstance(value, Mapping):
            yield {"name": key, **_shape(value), "default": value}
            continue
        item = {"name": key, "kind": _KINDS.get(str(value.get("type")), value.get("type") or "string")}
        item |= {known: value[known] for known in ("description", "default", "required") if known in value}
        if "default" not in item and "sample" in value:
            item["default"] = value["sample"]
        if item["kind"] == "array":
            item["items"] = value.get("items") or _shape(item.get("default") or [])["items"]
        yield item


def _shape(value: Any) -> dict[str, Any]:
    """The kind of a sample, with the fields inside."""
    match value:
        case bool():
            return {"kind": "boolean"}
        case int():
            return {"kind": "integer"}
        case float():
            return {"kind": "float"}
        case Mapping():
            return {"kind": "object", "properties": [{"name": key, **_shape(inner)} for key, inner in value.items()]}
        case list():
            # The fields that all elements have: an optional one must not be asked of every element.
            if value and all(isinstance(element, Mapping) for element in value):
                common = {key: value[0][key] for key in value[0] if all(key in element for element in value)}
                return {"kind": "array", "items": _shape(common)}
            # An array has to say what it holds; nothing checks the kind of its plain elements.
            return {"kind": "array", "items": _shape(value[0]) if value else {"kind": "string"}}
        case _:
            return {"kind": "string"}


def _mapping(where: str, name: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise PromptError(f"{where}: {name} has to be a mapping of names to values, not {type(value).__name__}")
    return value
