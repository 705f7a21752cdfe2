"""Answers of chat models on a cassette: recorded once, played without a model, and never what failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts import load, run, stream
from contoso_lab.prompts.cassette import cassette
from contoso_lab.settings import Target
from tests.prompts.test_cache import prompt_file

NOBODY = Target.local("http://127.0.0.1:9/v1")


async def test_recorded_once_it_plays_without_a_model(server: Any, tmp_path: Path) -> None:
    prompt = load(prompt_file(tmp_path, temperature=1))  # a cache would not keep it: a cassette is asked for by name
    with cassette(tmp_path / "tape") as tape:
        first = await run(prompt, server.target, who="Maya")
        again = await run(prompt, server.target, who="Maya")
    assert (len(server.asked), len(tape), first.cached, again.cached) == (1, 1, False, True)
    with cassette(tmp_path / "tape", mode="replay"):
        elsewhere = await run(prompt, NOBODY, who="Maya")
        async with stream(prompt, NOBODY, who="Maya") as pieces:
            assert "".join([piece async for piece in pieces]) == first.response
    assert (elsewhere.response, elsewhere.model, elsewhere.cached) == (first.response, first.model, True)
    assert elsewhere.usage is None
    [place] = (tmp_path / "tape").glob("*/*.json")
    page = json.loads(place.read_text("utf-8"))
    assert page["answer"]["usage"] == first.usage
    assert page["answer"]["duration_ms"] > 0
    assert page["asked"]["prompt_sha256"] == prompt.sha256
    assert page["asked"]["parameters"] == {"temperature": 1}


async def test_what_is_missing_is_an_error_and_nobody_is_asked(server: Any, tmp_path: Path) -> None:
    prompt = load(prompt_file(tmp_path))
    with cassette(tmp_path / "tape", mode="replay"), pytest.raises(PromptError, match="holds no answer of greeting"):
        await run(prompt, server.target, who="Ben")
    assert server.asked == []


async def test_record_asks_always_off_never_keeps_and_epochs_are_told_apart(server: Any, tmp_path: Path) -> None:
    prompt = load(prompt_file(tmp_path))
    for mode, asked, kept in (("record", 1, 1), ("record", 2, 1), ("auto", 2, 1), ("off", 3, 1)):
        with cassette(tmp_path / "tape", mode=mode) as tape:  # type: ignore[arg-type]
            await run(prompt, server.target, who="Maya")
        assert (len(server.asked), len(tape)) == (asked, kept)
    with cassette(tmp_path / "tape", epoch=1) as tape:
        await run(prompt, server.target, who="Maya")
    assert (len(server.asked), len(tape)) == (4, 2)


async def test_what_failed_is_never_kept(tmp_path: Path) -> None:
    prompt = load(prompt_file(tmp_path))
    with cassette(tmp_path / "tape") as tape:
        with pytest.raises(PromptError):
            await run(prompt, NOBODY, who="Maya")
    assert len(tape) == 0


async def test_a_damaged_file_is_named(server: Any, tmp_path: Path) -> None:
    prompt = load(prompt_file(tmp_path))
    with cassette(tmp_path / "tape"):
        await run(prompt, server.target, who="Maya")
    [place] = (tmp_path / "tape").glob("*/*.json")
    place.write_text("{")
    with cassette(tmp_path / "tape"), pytest.raises(PromptError, match="is no answer of a cassette"):
        await run(prompt, server.target, who="Maya")
