"""Every reader of what strangers hand us, with bytes and broken samples from hypothesis.

`fuzz/run.py` does the same with atheris, for as long as you like.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
TRIES = 60


@cache
def fuzz(name: str) -> ModuleType:
    """A module of the folder `fuzz`, which is no package."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", ROOT / "fuzz" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TARGETS = list(fuzz("targets").TARGETS)


@cache
def samples(name: str) -> list[bytes]:
    return [sample for sample in fuzz("run").corpus(name) if sample] or [b"{}"]


@st.composite
def broken(draw: st.DrawFn, name: str) -> bytes:
    """A sample of which a part was cut out, doubled, or replaced by other bytes; or bytes alone."""
    sample = draw(st.sampled_from([*samples(name), b""]))
    start = draw(st.integers(0, len(sample)))
    stop = draw(st.integers(start, min(len(sample), start + 400)))
    put = draw(st.one_of(st.binary(max_size=40), st.sampled_from(WILD), st.just(sample[start:stop] * 2)))
    return sample[:start] + put + sample[stop:]


WILD = [
    b"", b"\0", b"\xff\xfe", b"null", b"-1", b"1e999", b"NaN", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"{{",
    b"{%", b"${env:HOME}", b"${file:/etc/passwd}", b"../" * 9, b"&a *a", b"!!python/name:os", b"\xf0\x9f\x8e\xaa",
    b"\r\n", b"---",
]  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_takes_bytes_or_refuses_them_with_an_error_of_ours(name: str) -> None:
    @settings(
        max_examples=TRIES, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(broken(name))
    def run(data: bytes) -> None:
        fuzz("targets").check(name, data)

    run()


@pytest.mark.parametrize("name", sorted({*TARGETS} - {"token", "import_cookbook", "import_eva", "import_tau2"}))
def test_a_reader_takes_one_of_its_samples(name: str) -> None:
    """Else the fuzzers would knock at a door that is always closed."""
    assert any(fuzz("targets").check(name, sample) for sample in samples(name))


def test_the_command_says_how_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "--help"])
    with pytest.raises(SystemExit):
        fuzz("run").main()
    assert "--minutes" in capsys.readouterr().out
