"""Where prompts and data are read from, and where nothing is ever written."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import contoso_lab as lab
from contoso_lab import home
from contoso_lab.errors import ConfigError, PersonaError, RecordingError
from contoso_lab.prompts import persona_file
from contoso_lab.recording.index import write_beside
from contoso_lab.recording.ratings import Rating, add_rating

ROOT = Path(__file__).resolve().parents[2]


def kept(folder: str) -> set[str]:
    """The files of a folder that git keeps, as far as people read them."""
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    return {name for name in names if not Path(name).name.startswith(".") and "screenshots" not in name}


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What came with the package, as if it had been installed from a wheel."""
    place = tmp_path / "site-packages" / "contoso_lab" / "_shipped"
    place.mkdir(parents=True)
    monkeypatch.setattr(home, "SHIPPED", place)
    return place


def test_a_checkout_is_its_own_home() -> None:
    assert home.find_home(Path("/")) == ROOT
    assert home.HOME == ROOT
    assert home.RUNS == ROOT / "runs"


def test_a_folder_of_your_own_is_found_from_below(wheel: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    (own / "notebooks").mkdir(parents=True)
    assert home.find_home(own / "notebooks") == wheel
    (own / home.MARK).touch()
    assert home.find_home(own / "notebooks") == own
    assert home.find_home(tmp_path) == wheel


def test_what_came_with_the_package_is_written_nowhere(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = wheel / "data" / "recordings" / "call"
    with pytest.raises(PermissionError, match="contoso-lab new DIR"):
        write_beside(place / "derived" / "turns.parquet", None)
    with pytest.raises(RecordingError, match="came with the package"):
        add_rating(place / "labels" / "kim.jsonl", Rating("call/page-1", "grade", 1, "kim", policy_version="1"))
    voice = lab.persona("voice")
    monkeypatch.setattr(persona_file, "FOLDER", wheel / "prompts" / "personas")
    with pytest.raises(PersonaError, match="contoso-lab new DIR"):
        persona_file.write_persona(voice, overwrite=True)
    assert list(wheel.iterdir()) == []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(home, "RUNS", Path("runs"))
    assert home.own_place(place / "report") == tmp_path / "runs" / "call" / "report"
    assert home.own_place(tmp_path / "x") == tmp_path / "x"


def test_a_folder_of_your_own_holds_all_that_git_keeps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Forty-seven megabytes of sound are copied by the test of the wheel, which takes its time.
    monkeypatch.setattr(home, "FOLDERS", tuple(name for name in home.FOLDERS if name != "data"))
    own = home.lay_out(tmp_path / "mine")
    laid_out = {path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file()}
    wanted = {name for folder in home.FOLDERS for name in kept(folder) if not name.endswith(".png")}
    assert wanted - laid_out == set()
    assert (own / home.MARK).is_file()
    with pytest.raises(ConfigError, match="is not empty"):
        home.lay_out(own)


def test_everything_that_home_names_lies_in_a_folder_that_is_shipped() -> None:
    """Code that reads `HOME / "x"` for an x that no wheel holds would work in the checkout alone."""
    said = [path.read_text(encoding="utf-8") for path in (ROOT / "contoso_lab").rglob("*.py")]
    named = {name for text in said for name in re.findall(r"\bHOME / [\"']([\w.]+)", text)}
    assert named >= {"prompts", "data", "evals", "notebooks"}
    assert named <= {*home.FOLDERS, "runs", "pyproject.toml"}


def test_setup_ships_what_home_reads() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    said = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    assert set(ast.literal_eval(said["SHIPPED"])) == {*home.FOLDERS, "constraints.txt"}
    junk = ["__pycache__", ".index", "derived", "runs", "x.pyc", "a.png", "screenshots.py"]
    assert home._left_out("", [*junk, "a.md"]) == set(junk)
    assert set(ast.literal_eval(said["LEFT_OUT"])) == set(home.LEFT_OUT)


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert importlib.metadata.version("contoso-lab") == lab.__version__
