"""How the engine opens other people's models: one thread each, and one sentence when something is missing.

Two CPU cores serve several conversations. A runtime that starts a pool of threads for every model, or that
spins while it waits, would take both cores for nothing; parallel work is the business of the engine's
workers.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from contoso_lab.errors import EngineError, MissingExtra


def need(module: str, *, package: str, what: str, extra: str = "engine") -> Any:
    """Import a module of an extra.

    Args:
        module: the name to import.
        package: the name to install.
        what: who needs it, as the start of the error's sentence.
        extra: what brings the package.

    Raises:
        MissingExtra: the package, or something that it needs itself, is not installed.

    >>> need("math", package="math", what="counting").sqrt(4)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        # A package can be there while one of its own parts is not: name that one, it is the one to install.
        missing = error.name.partition(".")[0] if error.name else module.partition(".")[0]
        ours = missing == module.partition(".")[0]
        raise MissingExtra(what, package=package if ours else missing, extra=extra) from error


def package_file(module: Any, *parts: str, what: str) -> Path:
    """Find a file that a package carries, such as its weights.

    Raises:
        EngineError: the package is there and the file is not.
    """
    path = Path(module.__file__).parent.joinpath(*parts)
    if not path.exists():
        raise EngineError(
            f"{what} needs {'/'.join(parts)} of the package '{module.__name__}', which does not carry it: "
            "install the version that constraints.txt names"
        )
    return path


def open_onnx(path: Path, *, what: str) -> Any:
    """Open an ONNX model as a session with one thread that sleeps while it waits.

    Sessions may be shared: `run` is safe to call from several threads.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        EngineError: the file is no model that this ONNX Runtime can open.
    """
    ort = need("onnxruntime", package="onnxruntime", what=what)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    state = ort.capi.onnxruntime_pybind11_state
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile) as error:
        raise EngineError(
            f"{what} cannot open {path.name}, ONNX Runtime {ort.__version__} says {str(error)!r}: "
            "install the versions that constraints.txt names"
        ) from error
