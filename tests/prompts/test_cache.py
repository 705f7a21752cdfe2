"""Answers that are kept: when they are found again, when not, and what is never kept."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.responses import JSONResponse

from contoso_lab.errors import PromptError
from contoso_lab.prompts import collect, load, run, stream
from contoso_lab.prompts.cache import Kept, ResponseCache, cache_always, caching
from contoso_lab.prompts.tracing import Subject, concerning


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResponseCache]:
    with ResponseCache(tmp_path / "cache" / "answers.sqlite3") as made:
        yield made


def prompt_file(folder: Path, *, temperature: float = 0, metadata: str = "", words: str = "Greet {{ who }}.") -> Path:
    path = folder / "greeting.prompty"
    path.write_text(
        f"---\nname: greeting\ndescription: Greets.\nmodel: {{options: {{temperature: {temperature}}}}}\n{metadata}"
        "inputs:\n  - {name: who, kind: string, description: Whom., default: you}\n"
        f"template: {{format: {{kind: jinja2}}, parser: {{kind: prompty}}}}\n---\nsystem:\n{words}\n\nuser:\nHello.\n",
        encoding="utf-8",
    )
    return path


async def test_the_same_inputs_are_asked_once(server: Any, tmp_path: Path, cache: ResponseCache) -> None:
    prompt = load(prompt_file(tmp_path))
    with caching(cache), collect() as runs:
        first = await run(prompt, server.target, who="Maya")
        again = await run(prompt, server.target, who="Maya")
    assert len(server.asked) == 1
    assert (first.cached, again.cached) == (False, True)
    assert (again.response, again.model) == (first.response, first.model)
    assert again.usage is None, "no model was asked, so no token was used"
    assert again.messages == first.messages
    assert runs == [first, again]
    assert "from the cache" in repr(again)
    assert again.to_dict()["cached"] is True


async def test_any_difference_is_asked_anew(make_server: Any, tmp_path: Path, cache: ResponseCache) -> None:
    one, other = await make_server(), await make_server()
    prompt = load(prompt_file(tmp_path))
    with caching(cache):
        await run(prompt, one.target, who="Maya")
        await run(prompt, one.target, who="Ben")
        await run(prompt, other.target, who="Maya")
        await run(prompt, replace(one.target, chat_model="larger"), who="Maya")
        await run(load(prompt_file(tmp_path, words="Greet {{ who }}!")), one.target, who="Maya")
    assert [len(one.asked), len(other.asked), len(cache)] == [4, 1, 5]


@pytest.mark.parametrize(
    ("temperature", "metadata", "argument", "asked"),
    [
        (0, "", None, 1),
        (0.3, "", None, 2),
        (0.3, "metadata: {cache: true}\n", None, 1),
        (0, "metadata: {cache: false}\n", None, 2),
        (0.3, "", True, 1),
        (0, "", False, 2),
    ],
)
async def test_who_allows_it(
    server: Any, tmp_path: Path, cache: ResponseCache, temperature: float, metadata: str, argument: Any, asked: int
) -> None:
    prompt = load(prompt_file(tmp_path, temperature=temperature, metadata=metadata))
    with caching(cache):
        for _ in range(2):
            await run(prompt, server.target, cache=argument)
    assert len(server.asked) == asked


async def test_without_a_cache_every_run_is_asked(server: Any, tmp_path: Path) -> None:
    prompt = load(prompt_file(tmp_path))
    for _ in range(2):
        await run(prompt, server.target, cache=True)
    assert len(server.asked) == 2


async def test_a_stream_and_a_run_share_an_answer(server: Any, tmp_path: Path, cache: ResponseCache) -> None:
    server.reply = ["Good ", "day."]
    prompt = load(prompt_file(tmp_path))
    cache_always(cache)
    try:
        pieces = stream(prompt, server.target)
        assert [piece async for piece in pieces] == ["Good ", "day."]
        again = stream(prompt, server.target)
        assert [piece async for piece in again] == ["Good day."]
        assert (await run(prompt, server.target)).cached
    finally:
        cache_always(None)
    assert len(server.asked) == 1


@pytest.mark.parametrize("why", ["refused", "cut", "no JSON", "stopped"])
async def test_an_error_is_never_kept(server: Any, cache: ResponseCache, tmp_path: Path, why: str) -> None:
    prompt = load("writeup_gate") if why == "no JSON" else load(prompt_file(tmp_path))
    inputs: dict[str, Any] = {"conversation": [{"role": "user", "content": "Hi."}]} if why == "no JSON" else {}
    match why:
        case "refused":
            server.reply = JSONResponse({"error": {"message": "no room"}}, status_code=429)
        case "cut":
            server.finish = "length"
        case _:
            server.reply = ["one", "two"]
    with caching(cache):
        if why == "stopped":
            async with stream(prompt, server.target, **inputs) as pieces:
                async for _ in pieces:
                    break
        else:
            with pytest.raises(PromptError):
                await run(prompt, server.target, **inputs)
    assert len(cache) == 0


async def test_a_cached_answer_is_held_to_its_outputs(server: Any, cache: ResponseCache) -> None:
    server.reply = json.dumps({"requested": True, "reason": "Asked."})
    talk = [{"role": "user", "content": "Show me."}]
    with caching(cache):
        first = await run("writeup_gate", server.target, conversation=talk)
        again = await run("writeup_gate", server.target, conversation=talk)
    assert again.cached
    assert first.data == again.data == {"requested": True, "reason": "Asked."}


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    seconds = iter(range(100))
    with ResponseCache(tmp_path / "c", most_bytes=400, now=lambda: float(next(seconds))) as cache:
        for key in "abc":
            cache.put(key, Kept(key * 60, "m"))
        assert cache.get("a") is not None
        cache.put("d", Kept("d" * 60, "m"))
        assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
        cache.put("huge", Kept("h" * 500, "m"))
        assert cache.get("huge") is None
        assert len(cache) == 3, "what can never fit drives nothing else out"


def _fill(path: Path, start: int) -> None:
    with ResponseCache(path) as cache:
        for number in range(start, start + 50):
            cache.put(f"k{number}", Kept(f"answer {number}", "m"))


def test_processes_share_it(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_fill, args=(path, start)) for start in (0, 25)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    with ResponseCache(path) as cache:
        assert [cache.get(f"k{number}") for number in (0, 40, 74)] == [
            Kept(f"answer {number}", "m") for number in (0, 40, 74)
        ]
        assert len(cache) == 75


async def test_a_customer_is_forgotten_for_good(server: Any, tmp_path: Path, cache: ResponseCache) -> None:
    prompt = load(prompt_file(tmp_path))
    server.reply = lambda body: body["messages"][0]["content"]
    with caching(cache):
        with concerning("maya", "thread_1"):
            await run(prompt, server.target, who="somebody with a zebra tent")
        with concerning("ben"):
            await run(prompt, server.target, who="Ben")
            await run(prompt, server.target, who="the friend of Maya Chen")
        await run(prompt, server.target, who="a stranger")
    assert cache.holds("zebra") == 1
    assert cache.forget("maya", words=["Maya Chen"]) == 3, "hers, one that names her, and one of which nobody knows"
    assert (len(cache), cache.holds("maya"), cache.holds("Ben")) == (1, 0, 1)
    left = b"".join(path.read_bytes() for path in (tmp_path / "cache").iterdir())
    assert b"zebra" not in left
    assert b"Maya Chen" not in left


def test_no_copy_of_an_answer_stays_behind_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    with ResponseCache(path) as cache:
        for number in range(400):  # keys in no order, and bodies of all lengths, so that pages are split
            whose = "maya" if number % 3 else "ben"
            words = f"zebra-{number} " * (1 + number % 97) if whose == "maya" else f"horse-{number} " * 40
            cache.put(f"{(number * 7919) % 1009:04}", Kept(words, "m"), Subject(whose))
        assert cache.forget("maya") == 266
        assert len(cache) == 134
        left = b"".join(place.read_bytes() for place in tmp_path.iterdir())
        assert b"zebra" not in left
        assert b"horse-399" in left


def test_a_file_that_another_process_reads_is_not_said_to_be_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contoso_lab.prompts.cache.BUSY_S", 0.0)
    path = tmp_path / "c.sqlite3"
    with ResponseCache(path) as cache:
        cache.put("k", Kept("words", "m"), Subject("maya"))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT * FROM answers").fetchall()
        with pytest.raises(PromptError, match="because another process uses it; ask again"):
            cache.forget("maya")
        other.close()
        assert cache.forget("maya") == 0


def test_a_file_that_is_no_cache_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("These are notes and no database at all, much longer than a head.", encoding="utf-8")
    with pytest.raises(PromptError, match=r"notes: cannot be used as a cache \(.*\); delete it or name another"):
        ResponseCache(path)


async def test_a_broken_cache_costs_a_question_and_no_answer(
    server: Any, tmp_path: Path, cache: ResponseCache, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(cache.path) as other:
        other.execute("DROP TABLE answers")
    other.close()
    with caching(cache), caplog.at_level(logging.WARNING):
        result = await run(load(prompt_file(tmp_path)), server.target)
    assert (result.response, result.error) == ("Hello.", None)
    assert [record.getMessage().split(" (")[0].split()[-2:] for record in caplog.records if "cache" in record.message]


async def test_many_at_the_same_time(server: Any, tmp_path: Path, cache: ResponseCache) -> None:
    prompt = load(prompt_file(tmp_path))
    with caching(cache):
        results = await asyncio.gather(*(run(prompt, server.target, who=f"guest {n % 4}") for n in range(20)))
        await asyncio.gather(*(run(prompt, server.target, who=f"guest {n % 4}") for n in range(20)))
    assert len(results) == 20
    assert len(cache) == 4
    assert len(server.asked) <= 20


def test_a_subject_is_kept_with_its_answer(cache: ResponseCache) -> None:
    cache.put("k", Kept("words", "m"), Subject("ben", "thread_9"))
    assert cache.holds("thread_9") == 1
    assert cache.forget("maya", words=["thread_9"]) == 1
