"""The flat, lazy door: what a notebook sees as `lab.…`."""

from __future__ import annotations

import subprocess
import sys

import contoso_lab as lab

HEAVY = ("matplotlib", "openai", "pandas", "prompty", "scipy", "soundfile", "ctranslate2", "onnxruntime", "fastapi")


def test_every_name_behind_the_door_opens() -> None:
    for name in lab.__all__:
        assert getattr(lab, name) is not None


def test_opening_the_door_loads_nothing_heavy() -> None:
    program = f"import sys, contoso_lab; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_not_there_says_so() -> None:
    assert not hasattr(lab, "nothing_of_the_kind")
