"""Read a suite from its file: whatever is wrong with it is told with the line where it stands."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from contoso_lab.errors import SuiteError
from contoso_lab.evaluation.suite import Misfit, Suite, schema
from contoso_lab.marked_yaml import Marked, Unreadable, close_to, read_marked, shown
from contoso_lab.settings import HOME

FOLDER = HOME / "evals"
"""Where suites are looked up by name."""
SCHEMA_FILE = FOLDER / "suite.schema.json"


@dataclass(frozen=True, slots=True)
class LoadedSuite:
    """A suite and the file that it came from."""

    suite: Suite
    marked: Marked
    sha256: str

    @property
    def path(self) -> Path:
        """Its file."""
        return self.marked.path

    def at(self, *loc: str | int) -> str:
        """File and line of a part."""
        return self.marked.at(loc)


def load_suite(name: str | Path) -> LoadedSuite:
    """Read a suite by its name in `evals/`, or by the path of its file.

    Raises:
        SuiteError: it is not there, or something in it is wrong; one sentence for each fault, with its line.

    >>> load_suite("personas").suite.question
    'Is the brief persona as good as the long one, and does it answer sooner?'
    """
    path = _path(name)
    try:
        marked = read_marked(path)
        suite = Suite.model_validate(marked.data)
        suite.check()
    except Unreadable as problem:
        raise SuiteError(problem.faults) from problem
    except ValidationError as problem:
        raise SuiteError(marked.faults(problem, Suite)) from problem
    except Misfit as problem:
        known = f"; {close_to('', problem.known)}" if problem.known else ""
        said = f"{marked.at(problem.loc)}: {problem.said}{known}"
        raise SuiteError((said,)) from problem
    return LoadedSuite(suite, marked, hashlib.sha256(path.read_bytes()).hexdigest())


def suite_names() -> list[str]:
    """The suites that can be named."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def write_schema(place: Path = SCHEMA_FILE) -> Path:
    """Write the JSON Schema of a suite anew, after its fields have changed."""
    place.write_text(json.dumps(schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return place


def _path(name: str | Path) -> Path:
    given = Path(name)
    if given.suffix in (".yaml", ".yml"):
        return given if given.is_absolute() or given.is_file() else HOME / given
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise SuiteError((f"{shown(FOLDER)}: there is no suite {str(name)!r}; {close_to(str(name), suite_names())}",))
    return path
