"""One list of dependencies: pyproject declares, constraints pins what was tested, environment.yml points at both."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rattler import MatchSpec

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> list[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(line) for lines in lists for line in lines]


def pins() -> dict[str, str]:
    lines = [line for line in CONSTRAINTS if line and not line.startswith("#")]
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


def test_nothing_is_declared_twice() -> None:
    names = [canonical(r.name) for r in declared() if canonical(r.name) != PROJECT["name"]]
    assert sorted(names) == sorted(set(names))


NOT_FOR_ALL = {"small-lm", "azure-evaluation"}
"""100 MB for a brain that nobody needs here, and evaluators that want pandas 2; their tests say what is missing."""


def test_the_extra_all_holds_every_other_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = [Requirement(line) for line in extras["all"]]
    assert canonical(everything.name) == PROJECT["name"]
    assert everything.extras == set(extras) - {"all"} - NOT_FOR_ALL


def test_every_dependency_has_a_tested_version_that_satisfies_it() -> None:
    tested = pins()
    for requirement in declared():
        if canonical(requirement.name) == PROJECT["name"]:
            continue
        assert canonical(requirement.name) in tested, f"{requirement.name} has no pin in constraints.txt"
        assert requirement.specifier.contains(tested[canonical(requirement.name)])


def test_every_pin_can_be_installed_on_the_oldest_python() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    looked_at, too_new = 0, {}
    for name in pins():
        try:
            wanted = metadata(name).get("Requires-Python")
        except PackageNotFoundError:
            continue  # pinned for another system, or in an extra that is not here
        looked_at += 1
        if wanted and oldest not in SpecifierSet(wanted):
            too_new[name] = wanted
    assert looked_at > 100
    assert too_new == {}


def test_constraints_are_plain_pins_and_name_no_registry() -> None:
    for line in CONSTRAINTS:
        assert re.fullmatch(r"(#.*)?|[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line), line


def test_the_conda_environment_points_at_the_same_lists() -> None:
    assert set(CONDA) == {"name", "channels", "dependencies"}
    assert CONDA["name"] == PROJECT["name"]
    conda, (pip,) = (
        [d for d in CONDA["dependencies"] if isinstance(d, str)],
        [d["pip"] for d in CONDA["dependencies"] if isinstance(d, dict)],
    )
    specs = {spec.name.normalized: spec for spec in map(MatchSpec, conda)}
    assert set(specs) == {"python", "pip"}, "conda brings Python and pip; everything else is declared in pyproject.toml"
    assert str(specs["python"].version) == PROJECT["requires-python"]
    assert pip == ["--constraint constraints.txt", "--editable .[all]"]
    assert (ROOT / "constraints.txt").is_file()


def test_a_bad_conda_spec_would_be_noticed() -> None:
    with pytest.raises(Exception, match="version"):
        MatchSpec("numpy >=>2")


def test_ci_calls_the_readmes_commands_in_order() -> None:
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    assert "set -euo pipefail" in lines
    assert lines.index("make test") < lines.index("make demo")


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "lab", "help"} <= named
    assert named <= targets
