from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.engine.__main__ import main
from contoso_lab.errors import ConfigError, MissingExtra


def test_a_port_in_use_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"port {port} on 127.0.0.1 is in use" in err


def test_a_missing_package_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def build(progress: Any, *, brain: Any = None) -> Any:
        raise MissingExtra("The engine's ear", package="ctranslate2", extra="engine")

    monkeypatch.setattr("contoso_lab.engine.build.build_engine", build)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(["--port", "0"]) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == (
        "The engine's ear needs the package 'ctranslate2': pip install 'contoso-lab[engine]'\n"
    )


@pytest.mark.parametrize(("content", "words"), [(None, "cannot read"), ("\n", "is empty")])
def test_a_bad_key_file_is_one_sentence(
    tmp_path: Path, content: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content, "utf-8")
    assert main(["--port", "0", "--key-file", str(path)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--brain-url", "localhost"], "looks like http://127.0.0.1:11434/v1"),
        (["--brain-url", "http://127.0.0.1:1/v1"], "needs the name of a model: --brain-model NAME"),
        (["--brain-model", "qwen"], "describe the model at --brain-url"),
    ],
)
def test_half_a_brain_is_one_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_calls_at_all_make_no_engine(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--calls", "0"])
    assert "must be at least 1" in capsys.readouterr().err


def test_who_calls_while_it_starts_need_not_call_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def read(asked: Any) -> Any:
        with socket.create_connection(("127.0.0.1", port)):
            raise ConfigError("there is somebody already")

    monkeypatch.setattr("contoso_lab.engine.__main__._read_play", read)
    assert main(["--port", str(port)]) == 2
    assert capsys.readouterr().err == "there is somebody already\n"


@pytest.mark.models
async def test_it_says_when_it_is_ready_and_ends_when_told() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "contoso_lab.engine", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        lines = []
        while not lines or not lines[-1].startswith("READY http://127.0.0.1:"):
            lines.append((await process.stdout.readline()).decode().strip())
            assert lines[-1], "it ended before it was ready"
        assert all(line.startswith("… ") for line in lines[:-1])
        process.terminate()
        assert await process.wait() == 0
