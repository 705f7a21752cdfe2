"""docs/relay.md and the code name the same things."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from contoso_lab.relay import admission
from contoso_lab.relay.app import create_app
from contoso_lab.relay.calls import closing
from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.wires import doors
from contoso_lab.relay.wires.credentials import Credentials, Entra
from contoso_lab.settings import Settings, Target

from .relay_document import DOCUMENT, NONE, ROOT, SOURCES, program, rows, words  # noqa: TID252 - the tests are no package


@cache
def trees() -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def strings(pattern: str, *, where: str | None = None) -> set[str]:
    """The strings of the relay's code that are, as a whole, like this."""
    found = {
        node.value
        for name, tree in trees().items()
        if where in (None, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in found if re.fullmatch(pattern, text)}


def written(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, int | float):
        return f"{default:g}"
    return default.name if isinstance(default, Path) else default if isinstance(default, str) else NONE


# -- names -----------------------------------------------------------------------------------------


def flags() -> dict[str, str]:
    command: Any = typer.main.get_command(program())
    parameters = command.get_params(command.make_context("relay", []))
    return {name: written(one.default) for one in parameters for name in (*one.opts, *one.secondary_opts)}


def test_every_flag_is_in_the_table_with_its_default() -> None:
    told = {name: cells[1] for cells in rows("flag") for name in words(cells[0])}
    assert told == {name: default for name, default in flags().items() if name.startswith("--")}


def test_no_flag_is_named_that_is_not_there() -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", DOCUMENT)) <= flags().keys()


def variables() -> dict[str, str]:
    prefix = Settings.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name.upper()}"): written(field.default)
        for name, field in Settings.model_fields.items()
    }


def test_every_variable_is_in_the_table_with_its_default() -> None:
    assert {words(cells[0])[0]: cells[1] for cells in rows("variable")} == variables()


def test_the_variables_that_libraries_read_are_named_too() -> None:
    like = r"(?:CONTOSO_LAB|OPENAI|AZURE|OTEL)_[A-Z_]+"
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert set(re.findall(rf"\b{like}\b", DOCUMENT)) == set(re.findall(rf"\b{like}\b", source)) | variables().keys()


def test_every_event_of_ours_is_named_and_no_other() -> None:
    like = r"lab\.[a-z]+(?:\.[a-z]+)*"
    code = strings(like) - {"lab.example"}
    assert set(re.findall(rf"(?<![\w/.-]){like}", DOCUMENT)) == code
    taken, given = DOCUMENT.split("From the client to the relay:")[1].split("From the relay to the client:")
    from_client = {words(line)[0] for line in taken.splitlines() if line.startswith("| `lab.")}
    from_relay = {words(line)[0] for line in given.splitlines() if line.startswith("| `lab.")}
    assert from_client | from_relay == code
    for name in code:
        answer = str(Call({}).from_client(json.dumps({"type": name, "event": {"type": "x"}, "received": 1}).encode()))
        assert ("unknown_lab_event" not in answer) == (name in from_client), name


def test_every_close_code_is_named_and_no_other() -> None:
    ours = {value for name, value in vars(closing).items() if name.isupper() and isinstance(value, int)}
    code = {value for value in ours if value >= 1000} | closing._UNWANTED_OF_A_SERVER
    assert {int(found) for found in re.findall(r"\b(?:10[01]\d|4\d{3})\b", DOCUMENT)} == code


def test_the_statuses_are_those_of_the_code() -> None:
    plain = {(int(cells[0]), words(cells[1])[0]) for cells in rows("status", "`code`")}
    by_socket = [(int(cells[0]), int(cells[1]), words(cells[2])[0]) for cells in rows("status", "close code")]
    assert plain | {(status, code) for status, _, code in by_socket} == set(doors._CODES.items())
    closes = admission._CLOSES | {500: closing.FAILED}
    told = {(status, close) for status, close, _ in by_socket}
    assert told == set(closes.items()) | {(503, admission.CLOSING.code)}


def test_the_codes_of_our_errors_are_those_of_the_code() -> None:
    calls = [node for node in ast.walk(trees()["call"]) if isinstance(node, ast.Call)]
    code = {_text(node.args[0]) for node in calls if getattr(node.func, "attr", "") == "_error"}
    assert {words(cells[0])[0] for cells in rows("`error.code`")} == code


def test_the_log_lines_are_those_of_the_code() -> None:
    told = DOCUMENT.partition("The log goes to standard error")[2].partition("It never holds")[0]
    code = set()
    for tree in trees().values():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            at = {"line": 1, "say": 1, "_say": 0}.get(name)
            if at is not None and len(node.args) > at and isinstance(node.args[at], ast.Constant):
                code.add(_text(node.args[at]))
    assert set(words(told)) - {"call"} == code


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)
    return str(node.value)


def test_every_metric_is_named_with_its_labels_and_no_other() -> None:
    target = Target("azure", "https://target.example/openai/v1", "m", "m")
    app = create_app(target, runs=None, redis="redis://127.0.0.1:1/0")
    observer = app.state.desk.observer
    observer.watch_credentials(Credentials(target, Entra(target.scope)))
    metrics = observer.metrics
    code: dict[str, dict[str, set[str]]] = {name: {} for name in metrics.calls.gauges}
    for family in metrics.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = code.setdefault(name, {})
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le":
                    labels.setdefault(label, set()).add(value)
    code = {name: labels for name, labels in code.items() if name.startswith("contoso_relay_")}
    by_tool = {"contoso_relay_tool_calls_total": {"tool", "outcome"}, "contoso_relay_tool_seconds": {"tool"}}
    told = {words(cells[0])[0]: words(cells[1]) for cells in rows("metric")}
    assert set(re.findall(r"contoso_relay_\w+", DOCUMENT)) == told.keys() == code.keys()
    for name, labels in code.items():
        said = {label for label in told[name][:1]} if name not in by_tool else set(told[name])
        assert said == labels.keys() | by_tool.get(name, set()), name
        if name not in by_tool:
            assert {*told[name][1:]} == set().union(*labels.values()), name


# -- sentences and numbers -------------------------------------------------------------------------


@cache
def sentences() -> list[re.Pattern[str]]:
    """All sentences of the relay and of what it asks, with room for what is put into them."""
    found = []
    for path in [*SOURCES, *(ROOT / "contoso_lab" / "shop").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            literal = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            if sum(len(text) for text in literal if isinstance(text, str)) >= 20:
                found.append("".join(re.escape(text) if isinstance(text, str) else ".*" for text in literal))
    return [re.compile(pattern, re.DOTALL) for pattern in found]


@pytest.mark.parametrize(
    "sentence",
    [
        *(cells[-1] for cells in rows("status") if not cells[-1].startswith("(")),
        *(text.replace("\n", " ").strip() for text in re.findall(r"(?<!\*)\*([a-z][^*]{30,}?)\*(?!\*)", DOCUMENT)),
    ],
)
def test_a_sentence_is_one_of_the_code(sentence: str) -> None:
    assert any(pattern.fullmatch(" ".join(sentence.split())) for pattern in sentences())


@pytest.mark.parametrize("cells", rows("what", "how much", "name"), ids=lambda cells: cells[-1])
def test_a_fixed_limit_is_that_of_the_code(cells: list[str]) -> None:
    number, _, unit = cells[1].partition(" ")
    module, _, name = words(cells[2])[0].rpartition(".")
    value = getattr(import_module(f"contoso_lab.relay.{module}"), name)
    assert value == int(number) * {"": 1, "s": 1, "KiB": 2**10, "MiB": 2**20}[unit]


def test_what_is_pointed_at_is_there() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in re.findall(r"^## (.+)$", DOCUMENT, re.M)
    }
    for where in re.findall(r"\]\(([^)]+)\)", DOCUMENT):
        assert where[1:] in anchors if where.startswith("#") else (ROOT / "docs" / where).exists(), where
    for path in re.findall(r"`((?:deploy|contoso_lab|prompts)/[\w./-]+)`", DOCUMENT):
        assert (ROOT / path).exists(), path
