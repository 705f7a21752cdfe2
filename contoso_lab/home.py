"""Where prompts, data, suites and notebooks are: in the checkout, in a folder of your own, or in the package.

| how it was installed | `HOME` | what is written |
|---|---|---|
| `pip install --editable` in a checkout | the checkout | there; recordings go to its `runs/` |
| as a wheel, below a folder that `contoso-lab new DIR` laid out | that folder | there; recordings go to its `runs/` |
| as a wheel, anywhere else | what came with the package | never there; recordings go to `runs/` where you stand |
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from contoso_lab.errors import ConfigError

SHIPPED = Path(__file__).resolve().parent / "_shipped"
"""What a wheel brings along; a checkout has no such folder. setup.py puts it there."""
FOLDERS = ("prompts", "evals", "data", "notebooks", "docs")
LEFT_OUT = ("__pycache__", ".*", "derived", "runs", "*.pyc", "*.png", "screenshots*")
"""What is made again, and what was recorded in a checkout."""
MARK = ".contoso-lab"
"""The file that tells a folder of your own; what it says is for people."""
_ABOUT = (
    "This folder was laid out by `contoso-lab new`: below it, prompts, data, suites and notebooks are read from here.\n"
)


def find_home(start: Path | None = None) -> Path:
    """Where everything is read from, for somebody who stands in the folder `start`; in this one unless given."""
    if not SHIPPED.is_dir():
        return SHIPPED.parent.parent
    try:
        here = start or Path.cwd()
    except FileNotFoundError:  # somebody has removed it meanwhile
        return SHIPPED
    own = (folder for folder in (here, *here.parents) if (folder / MARK).is_file())
    return next(own, SHIPPED)


HOME = find_home()
"""Where prompts/, data/, evals/ and notebooks/ stand."""
RUNS = Path("runs") if HOME == SHIPPED else HOME / "runs"
"""Where recordings go unless somebody says otherwise."""


def came_with_the_package(place: Path) -> bool:
    """It lies in what a wheel brought along, where nobody writes: the next version replaces it."""
    return place.absolute().is_relative_to(SHIPPED)


def may_be_written(place: Path) -> None:
    """Raise the PermissionError of a folder that cannot be written, for what came with the package."""
    if came_with_the_package(place):
        said = "it came with the package and stays as it is; `contoso-lab new DIR` lays out a folder of your own"
        raise PermissionError(errno.EACCES, said, str(place))


def own_place(place: Path) -> Path:
    """The place itself; for what lies in the package, the same path below `runs/` where you stand."""
    if not came_with_the_package(place):
        return place
    below = place.absolute().relative_to(SHIPPED).parts
    return RUNS.absolute().joinpath(*below[2:] if below[:2] == ("data", "recordings") else below)


def lay_out(folder: Path) -> Path:
    """Copy notebooks, prompts, suites and data into a folder of your own, and return it; its files are yours to change.

    Raises:
        ConfigError: there is something in the folder already, or it cannot be written.
    """
    source = SHIPPED if SHIPPED.is_dir() else SHIPPED.parent.parent
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty: name a folder that does not exist yet")
        folder.mkdir(parents=True, exist_ok=True)
        for name in FOLDERS:
            shutil.copytree(source / name, folder / name, ignore=_left_out)
        (folder / MARK).write_text(_ABOUT, encoding="utf-8")
    except (OSError, shutil.Error) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"{folder} cannot be laid out ({said}): name another folder") from error
    return folder


def _left_out(folder: str, names: list[str]) -> set[str]:
    return shutil.ignore_patterns(*LEFT_OUT)(folder, names)
