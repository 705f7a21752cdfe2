"""What a suite chooses: the recordings of each variant, and the scorers, also ones from the user's own file."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import ConfigError, SuiteError
from contoso_lab.evaluation.suite_file import LoadedSuite
from contoso_lab.marked_yaml import close_to
from contoso_lab.recording import list_recordings
from contoso_lab.replay.scenario import SCENARIOS, load_scenario
from contoso_lab.scoring.run import default_scorers
from contoso_lab.scoring.value import Scorer
from contoso_lab.settings import HOME

if TYPE_CHECKING:
    import pandas as pd


def chosen_recordings(loaded: LoadedSuite, variant: str | None = None) -> list[Path]:
    """The folders of the recordings that a suite looks at; of one variant where that is named; or its scenarios' files.

    A variant's persona chooses among recordings in mode `rescore` only: otherwise it is who answers anew.

    Raises:
        SuiteError: the folder does not exist, a fact is not known, or no recording fits.
    """
    suite = loaded.suite
    if suite.play.mode == "simulated":
        return chosen_scenarios(loaded)
    source = suite.recordings
    folder = Path(source.folder)
    folder = folder if folder.is_absolute() else HOME / folder
    if not folder.is_dir():
        raise SuiteError(
            (f"{loaded.at('recordings', 'folder')}: there is no folder {source.folder}: make it, or name another",)
        )
    frame = list_recordings(folder).sort_values("id")
    frame = frame[frame["problem"].fillna("") == ""]
    found = _fitting(frame, source.where, loaded, ("recordings", "where"))
    if variant is not None:
        wanted = suite.variants[variant]
        found = _fitting(found, wanted.where, loaded, ("variants", variant, "where"))
        if suite.play.mode == "rescore" and wanted.persona is not None:
            found = found[found["persona"] == wanted.persona]
    paths = [Path(path) for path in found["path"]][: source.most]
    if not paths:
        place = loaded.at("variants", variant) if variant else loaded.at("recordings")
        raise SuiteError((f"{place}: no recording in {source.folder} fits: widen 'where', or record some",))
    return paths


def chosen_scenarios(loaded: LoadedSuite) -> list[Path]:
    """The files of the simulated callers that a suite names, each once, in its order.

    Raises:
        SuiteError: there is no such scenario, or it is wrong.
    """
    found: dict[Path, None] = {}
    for number, name in enumerate(loaded.suite.scenarios):
        place = loaded.at("scenarios", number)
        if name.endswith(".yaml"):
            paths = [Path(name) if Path(name).is_absolute() else loaded.path.parent / name]
        else:
            paths = [path for path in sorted(SCENARIOS.glob("*.yaml")) if fnmatchcase(path.stem, name)]
        if not paths:
            there = close_to(name, [path.stem for path in SCENARIOS.glob("*.yaml")])
            raise SuiteError((f"{place}: there is no scenario {name!r}; {there}",))
        for path in paths:
            try:
                load_scenario(path)
            except ConfigError as problem:
                raise SuiteError((f"{place}: {problem}",)) from problem
            found[path.resolve()] = None
    return list(found)


def chosen_scorers(loaded: LoadedSuite) -> tuple[Scorer, ...]:
    """The scorers that a suite names, in its order; all of ours that need no model where it names none.

    Raises:
        SuiteError: there is no such scorer, or the file of the user's own cannot be taken.
    """
    ours = {scorer.name: scorer for scorer in default_scorers()}
    if not loaded.suite.scorers:
        chosen = list(ours.values())
    else:
        chosen = [_named(name, number, ours, loaded) for number, name in enumerate(loaded.suite.scorers)]
    known = {scorer.name for scorer in chosen}
    for number, gate in enumerate(loaded.suite.gates):
        if gate.metric not in known:
            said = f"{loaded.at('gates', number, 'metric')}: {gate.metric!r} is not scored here; "
            raise SuiteError((said + close_to(gate.metric, known),))
    return tuple(chosen)


def _fitting(
    frame: pd.DataFrame, where: Mapping[str, str | list[str]], loaded: LoadedSuite, loc: Sequence[Any]
) -> pd.DataFrame:
    for fact, wanted in where.items():
        if fact not in frame.columns:
            known = close_to(fact, map(str, frame.columns))
            raise SuiteError((f"{loaded.at(*loc, fact)}: {fact!r} is not known of a recording; {known}",))
        patterns = [wanted] if isinstance(wanted, str) else wanted
        fits = frame[fact].map(lambda value, patterns=patterns: any(fnmatchcase(str(value), each) for each in patterns))
        frame = frame[fits.astype(bool)]
    return frame


def _named(name: str, number: int, ours: Mapping[str, Scorer], loaded: LoadedSuite) -> Scorer:
    place = loaded.at("scorers", number)
    if ".py:" not in name:
        if name not in ours:
            raise SuiteError((f"{place}: there is no scorer {name!r}; {close_to(name, ours)}",))
        return ours[name]
    file, _, function = name.rpartition(":")
    path = Path(file) if Path(file).is_absolute() else loaded.path.parent / file
    found = getattr(_module(path, place), function, None)
    if not isinstance(found, Scorer):
        raise SuiteError((f"{place}: {path.name} has no scorer {function!r}: write @lab.scorer above the function",))
    return found


def _module(path: Path, place: str) -> Any:
    """The user's own file, run as it is: a suite is a program, and as trusted as one (docs/evaluations.md)."""
    if not path.is_file():
        raise SuiteError((f"{place}: there is no file {path}: the path is read from the suite's folder",))
    name = f"contoso_lab_scorers_{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SuiteError((f"{place}: {path.name} is no Python file",))
    module = importlib.util.module_from_spec(spec)
    # Registered, so that pickling finds its functions in a worker process.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as problem:  # whatever the user's file raises is told with its place
        raise SuiteError((f"{place}: {path.name} could not be run: {type(problem).__name__}: {problem}",)) from problem
    return module
