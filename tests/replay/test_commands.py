"""The commands over replays."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from contoso_lab.cli import app
from contoso_lab.recording import Recording
from contoso_lab.replay import play
from tests.replay.conftest import plain_engine


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "_opened", [plain_engine()])


def ran(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_replay(call: Recording, tmp_path: Path) -> None:
    told = ran("replay", call.path, "--mode", "cassette", "--runs", tmp_path)
    [made] = tmp_path.iterdir()
    assert str(made.name) in told
    assert Recording.open(made).manifest.mode == "cassette"


def test_fork(call: Recording, tmp_path: Path) -> None:
    told = ran("fork", call.path, "--at", "3", "--mode", "fast", "--persona", "voice_brief", "--runs", tmp_path)
    assert "<Fork of first at 3: persona 'voice_brief'; " in told


def test_fleet(call: Recording, tmp_path: Path) -> None:
    told = ran("fleet", call.path, "--run", tmp_path / "run", "--mode", "cassette")
    assert "1 of 1 units to do; no target is asked" in told
    assert "1 units, 0 failed, $0.00" in told
    assert "0 of 1 units to do, 1 done already" in ran(
        "fleet", call.path, "--run", tmp_path / "run", "--mode", "cassette"
    )


@pytest.mark.models
def test_vad(call: Recording, tmp_path: Path) -> None:
    told = ran("vad", call.path, "--plot", tmp_path / "vad.png")
    assert "an approximation over 1 recorded calls" in told
    assert (tmp_path / "vad.png").read_bytes().startswith(b"\x89PNG")
