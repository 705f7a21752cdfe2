"""The wheel, built and installed where there is no checkout: minutes, and the package index for the build."""

from __future__ import annotations

import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("data", "evals", "notebooks", "prompts", "docs")
LEFT_OUT = ("derived", "runs")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("git", "clone", "--quiet", ROOT, folder / "source", cwd=folder)  # what is committed, and nothing else
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ".", cwd=folder / "source")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with the packages of this one, but not with this checkout."""
    place = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    python = place / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel, cwd=place)
    # A line of a .pth adds a folder and reads no .pth in it: the editable install of this checkout stays out.
    packages = next((place / "venv" / "lib").glob("python*/site-packages"))
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    return place


def test_it_holds_all_that_git_keeps_of_what_is_read(wheel: Path) -> None:
    shipped = {name.partition("_shipped/")[2] for name in zipfile.ZipFile(wheel).namelist() if "_shipped/" in name}
    listed = run("git", "ls-tree", "-r", "--name-only", "HEAD", *FOLDERS, cwd=ROOT).splitlines()
    wanted = {
        name for name in listed
        if not Path(name).name.startswith(".") and not name.endswith(".png") and "screenshots" not in name
    }  # fmt: skip
    assert wanted - shipped == set()
    assert shipped - wanted <= {"constraints.txt"}
    assert wheel.stat().st_size < 100_000_000, "the package index takes no larger one"


def test_it_works_where_there_is_no_checkout(installed: Path) -> None:
    lab, here = installed / "venv" / "bin" / "contoso-lab", installed / "elsewhere"
    here.mkdir()
    assert "✗" not in run(lab, "doctor", cwd=here)
    assert "voice" in run(lab, "prompts", "list", cwd=here)
    assert "personas" in run(lab, "eval", "list", cwd=here)
    program = (
        "import contoso_lab as lab; from contoso_lab.widgets.esm import STATIC; call = lab.example_calls()[0];"
        "print(len(lab.recordings(call.path.parent)), call.page(), (STATIC / 'clip_player.js').is_file())"
    )
    assert str(here / "runs") in (told := run(installed / "venv" / "bin" / "python", "-c", program, cwd=here))
    assert told.split()[-1] == "True"
    demo = run(lab, "demo", "--customer", "short_call", cwd=here)
    assert "call.html" in demo
    assert list((here / "runs").glob("*/manifest.json"))


def test_a_folder_of_your_own_is_read_from_below_and_the_package_stays_as_it_was(installed: Path) -> None:
    lab, python = installed / "venv" / "bin" / "contoso-lab", installed / "venv" / "bin" / "python"
    run(lab, "new", "mine", cwd=installed)
    own = installed / "mine"
    said = run(python, "-c", "import contoso_lab.home as h; print(h.HOME, h.RUNS)", cwd=own / "notebooks")
    assert said.split() == [str(own), str(own / "runs")]
    assert (installed / "venv" / "etc/jupyter/jupyter_server_config.d/contoso_lab.json").is_file()
    assert (installed / "venv" / "share/jupyter/voila/templates/contoso/index.html.j2").is_file()
    package = next((installed / "venv" / "lib").glob("python*/site-packages/contoso_lab/_shipped"))
    assert not list(package.rglob("derived"))
    assert not list(package.rglob(".index"))
