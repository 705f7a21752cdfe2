"""Prompts of version 1 load as their rewritten twins do, and say once that they are old."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts import Prompt, PromptVersionWarning, load
from contoso_lab.prompts.upgrade import upgraded

OLD = """---
name: helper
description: Helps.
authors: [Somebody]
model:
  api: chat
  configuration:
    type: azure_openai
    azure_deployment: gpt-4o-mini
    api_version: 2024-07-01-preview
  parameters:
    max_tokens: 300
    temperature: 0.2
    stream: true
    response_format:
      type: json_schema
      json_schema:
        name: answer
        strict: true
        schema:
          type: object
          properties:
            response: {type: string, description: What is said.}
            call: {type: number}
          required: [response, call]
sample:
  customer: {name: Maya, age: 31}
  purchases: [{name: Boots, price: 9.5}, {name: Hat, price: 3.0, size: M}]
  question: Which tent?
  many: 3
template: jinja2
---
system:
You talk with {{ customer.name }} about {{ many }} things.
{% for item in purchases %}
- {{ item.name }} {{ item.price }}
{% endfor %}

user:
{{ question }}
"""
NEW = """---
name: helper
description: Helps.
metadata: {authors: [Somebody]}
model:
  apiType: chat
  options: {maxOutputTokens: 300, temperature: 0.2}
inputs:
  - name: customer
    kind: object
    properties: [{name: name, kind: string}, {name: age, kind: integer}]
    default: {name: Maya, age: 31}
  - name: purchases
    kind: array
    items: {kind: object, properties: [{name: name, kind: string}, {name: price, kind: float}]}
    default: [{name: Boots, price: 9.5}, {name: Hat, price: 3.0, size: M}]
  - {name: question, kind: string, default: 'Which tent?'}
  - {name: many, kind: integer, default: 3}
outputs:
  - {name: response, kind: string, description: What is said., required: true}
  - {name: call, kind: float, required: true}
template: {format: {kind: jinja2}, parser: {kind: prompty}}
---
""" + OLD.split("---\n")[2]


def written(folder: Path, text: str, name: str = "helper.prompty") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load_old(path: Path) -> Prompt:
    with pytest.warns(PromptVersionWarning):
        return load(path)


def same(one: Prompt, other: Prompt) -> bool:
    def model(prompt: Prompt) -> object:
        options = prompt.agent().model.options
        return prompt.agent().model.api_type, options and options.save()

    return (
        one.inputs == other.inputs
        and one.agent().outputs == other.agent().outputs
        and model(one) == model(other)
        and one.render() == other.render()
    )


def test_an_old_prompt_is_the_same_prompt_as_its_rewritten_twin(tmp_path: Path) -> None:
    old = load_old(written(tmp_path, OLD, "old.prompty"))
    assert same(old, load(written(tmp_path, NEW, "new.prompty")))
    assert old.render()[0]["content"].startswith("You talk with Maya about 3 things.")
    assert old.render(question="Why?")[-1] == {"role": "user", "content": "Why?"}
    assert [item.name for item in old.agent().outputs] == ["response", "call"]


def test_it_is_told_once_what_is_old_and_what_is_lost(tmp_path: Path) -> None:
    path = written(tmp_path, OLD)
    with pytest.warns(PromptVersionWarning) as told:
        load(path)
    (sentence,) = [str(warning.message) for warning in told]
    assert "helper.prompty: is written for prompty 1" in sentence
    assert "without model.configuration (the target names the model and the key)" in sentence
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(path)


def test_the_upgraded_file_loads_as_the_same_prompt_without_a_word(tmp_path: Path) -> None:
    path = written(tmp_path, OLD)
    text = upgraded(path)
    assert same(load_old(path), load(written(tmp_path, text, "newer.prompty")))
    with pytest.raises(PromptError, match="is of version 2 already"):
        upgraded(tmp_path / "newer.prompty")


def test_inputs_as_a_mapping_with_samples(tmp_path: Path) -> None:
    inputs = "inputs: {who: {type: string, sample: Maya}, count: {type: number, default: 2}, needed: {type: array}}"
    prompt = load_old(written(tmp_path, f"---\nname: x\n{inputs}\n---\nsystem:\n{{{{ who }}}} {{{{ count }}}}\n"))
    assert {name: (item.kind, item.default, item.needed) for name, item in prompt.inputs.items()} == {
        "who": ("string", "Maya", False),
        "count": ("float", 2, False),
        "needed": ("array", None, True),
    }


def test_a_sample_may_stand_in_a_file_beside_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text(json.dumps({"who": "Maya"}), encoding="utf-8")
    front = "---\nname: x\nsample: ${file:sample.json}\n---\nsystem:\nHello {{ who }}\n"
    assert load_old(written(tmp_path, front)).render() == [{"role": "system", "content": "Hello Maya"}]


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("sample: ${file:../secret.json}", "lies outside of the prompt's folder"),
        ("sample: ${file:missing.json}", "'missing.json' cannot be read as JSON"),
        ("sample: [1, 2]", "sample has to be a mapping"),
        ("model: {api: chat, parameters: 7}", "model.parameters has to be a mapping"),
        ("template: mustache", "the template 'mustache' is not known here"),
    ],
)
def test_what_cannot_be_translated_is_said(tmp_path: Path, front: str, message: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret.json").write_text("{}", encoding="utf-8")
    with pytest.raises(PromptError) as caught:
        load(written(folder, f"---\nname: x\n{front}\n---\nsystem:\nHi\n"))
    assert message in str(caught.value)
    assert "helper.prompty: " in str(caught.value)


def test_other_formats_of_an_answer_stay_options(tmp_path: Path) -> None:
    front = "---\nname: x\nmodel: {api: chat, parameters: {response_format: {type: json_object}, user: me}}\n---\n"
    options = load_old(written(tmp_path, f"{front}system:\nHi\n")).agent().model.options
    assert options.additional_properties == {"response_format": {"type": "json_object"}, "user": "me"}
