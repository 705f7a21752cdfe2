"""A suite that is wrong says where: file, line, what, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from contoso_lab.errors import SuiteError
from contoso_lab.evaluation.suite import schema
from contoso_lab.evaluation.suite_file import SCHEMA_FILE, load_suite, suite_names

GOOD = """\
suite: smoke
recordings: {folder: data/recordings}
variants:
  voice: {persona: voice}
  brief: {persona: voice_brief}
gates:
  - {metric: wer, at_most: 0.1}
  - {metric: voice_to_voice_ms, from: voice, to: brief, verdict: not worse, margin: 100}
"""


def load(folder: Path, text: str) -> object:
    place = folder / "smoke.yaml"
    place.write_text(text, encoding="utf-8")
    return load_suite(place)


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("at_most", "at_mots"), 7, "gates 1.at_mots is not known here; did you mean 'at_most'?"),
        (("at_most: 0.1", "at_most: many"), 7, "gates 1.at_most is wrong"),
        (
            ("{metric: wer, at_most: 0.1}", "{metric: wer}"),
            7,
            "has either at_least or at_most, or from, to and verdict",
        ),
        (("to: brief", "to: brif"), 8, "there is no variant 'brif'; there are voice, brief"),
        ((", margin: 100", ""), 8, "'not worse' needs a margin"),
        (("suite: smoke", "suite: ../smoke"), 1, "a name has letters, digits"),
        (("  voice: {persona: voice}", "  baseline: {persona: voice}"), 3, "'baseline' cannot be a variant's name"),
        (("suite: smoke", "suite: smoke\nsuite: smoke"), 2, "suite stands in line 1 already"),
        (("{folder: data/recordings}", "&a {folder: x}\nx: *a"), 3, "refers to another place"),
        (("suite: smoke", "suite: [smoke"), 0, "is not YAML"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], line: int, said: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(SuiteError) as problem:
        load(tmp_path, GOOD.replace(*change, 1))
    told = str(problem.value)
    assert said in told
    assert f"smoke.yaml:{line}:" in told or line == 0


def test_all_faults_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SuiteError) as problem:
        load(
            tmp_path,
            GOOD.replace("metric: wer, at_most: 0.1", "metric: wer, at_mots: 0.1").replace(
                "persona: voice}", "person: x}"
            ),
        )
    lines = [int(fault.split(":")[1]) for fault in problem.value.faults]
    assert lines == sorted(lines)
    assert len(lines) >= 2


def test_a_file_too_large_to_be_a_suite_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no file that a person wrote"):
        load(tmp_path, GOOD + "#" * 2_000_000)


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(SuiteError, match=r"there is no suite 'persona'; did you mean 'personas'\?"):
        load_suite("persona")


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_of_ours_loads_and_fits_its_schema(name: str) -> None:
    loaded = load_suite(name)
    jsonschema.validate(loaded.marked.data, schema())
    assert loaded.suite.question, "a reader wants to know what is asked"


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json.loads(json.dumps(schema()))


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    bad = {"suite": "x", "variants": {"voice": {"person": "voice"}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema())
