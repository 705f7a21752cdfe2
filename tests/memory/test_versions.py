"""A memory file of an older version is brought up to date, one of a newer version is left alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from contoso_lab.errors import MemoryFault
from contoso_lab.memory import Message, open_memory, schema


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "memory.sqlite3"


def said(text: str) -> Message:
    return Message(source="chat", role="user", text=text)


VERSION_1 = """
CREATE TABLE contoso_memory_schema (version INTEGER NOT NULL);
INSERT INTO contoso_memory_schema VALUES (1);
CREATE TABLE contoso_threads (id TEXT NOT NULL PRIMARY KEY, customer TEXT NOT NULL, persona TEXT NOT NULL,
    state TEXT NOT NULL, created_at BIGINT NOT NULL, touched_at BIGINT NOT NULL, closed_at BIGINT,
    version BIGINT NOT NULL, last_seq BIGINT NOT NULL);
INSERT INTO contoso_threads VALUES ('thread_old', 'maya', 'voice', '{"cart":[{"sku":"TEN-02"}]}',
    1772442000000000, 1772442001000000, NULL, 7, 2);
CREATE TABLE contoso_messages (thread_id TEXT NOT NULL, id TEXT NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (thread_id, id));
INSERT INTO contoso_messages VALUES
    ('thread_old', 'a', 1, '{"source":"call","role":"assistant","text":"Hi","id":"a","after":"q",
        "at":1772442001000000}'),
    ('thread_old', 'q', 2, '{"source":"call","role":"user","text":"Hello","id":"q","at":1772442001000000}');
"""
"""A database as the first version left it."""


def of_version_1(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as raw:
        raw.executescript(VERSION_1)
    raw.close()


def layout(path: Path) -> list[tuple[str, ...]]:
    raw = sqlite3.connect(path)
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    found = [(table, *map(str, column)) for table in tables for column in raw.execute(f"PRAGMA table_info({table})")]
    found += [(name,) for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name")]
    raw.close()
    return found


def test_a_database_of_the_first_version_opens_with_all_that_is_in_it(path, tmp_path, clock):
    of_version_1(path)
    with open_memory(f"sqlite:///{path}", clock=clock) as memory:
        old = memory.get("thread_old")
        assert (old.customer, old.persona, old.language, old.version) == ("maya", "voice", "en", 7)
        assert old.state == {"cart": [{"sku": "TEN-02"}]}
        assert old.created_at.isoformat() == "2026-03-02T09:00:00+00:00"
        assert [message.text for message in memory.history("thread_old")] == ["Hello", "Hi"]
        [new] = memory.append("thread_old", said("Any tents?"))
        assert new.seq == 3
        memory.create(customer="tom", persona="voice", language="ja")
    open_memory(f"sqlite:///{tmp_path}/new.sqlite3").close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")


def test_two_programs_that_open_an_old_or_a_new_database_at_once_both_come_in(path, tmp_path):
    of_version_1(path)
    for url in (f"sqlite:///{path}", f"sqlite:///{tmp_path}/new.sqlite3"):
        code = (
            "import sys\nfrom contoso_lab.memory import open_memory\nimport contoso_lab.memory.sqlite\n"
            "print('ready', flush=True)\nsys.stdin.readline()\nmemory = open_memory(sys.argv[1])\n"
            "memory.create(customer='tom', persona='voice')\n"
        )
        command = [sys.executable, "-c", code, url]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        others = [subprocess.Popen(command, **pipes) for _ in range(4)]
        for other in others:
            assert other.stdout.readline() == "ready\n"
        for other in others:
            other.stdin.write("go\n")
            other.stdin.flush()
        for other in others:
            other.communicate()
            assert other.returncode == 0
        with open_memory(url) as memory:
            assert len(memory.list("tom")) == 4


def test_a_program_that_is_killed_while_it_migrates_leaves_the_old_version(path, monkeypatch):
    of_version_1(path)

    def dies(connection) -> None:
        schema._languages_and_indexes(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", (schema.STEPS[0], dies))
        with pytest.raises(KeyboardInterrupt):
            open_memory(f"sqlite:///{path}")
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT version FROM contoso_memory_schema").fetchall() == [(1,)]
    assert "language" not in [column[1] for column in raw.execute("PRAGMA table_info(contoso_threads)")]
    raw.close()
    with open_memory(f"sqlite:///{path}") as memory:
        assert memory.get("thread_old").language == "en"


def test_a_newer_database_is_refused_in_one_sentence(path):
    open_memory(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE contoso_memory_schema SET version = 4")
    raw.close()
    with pytest.raises(MemoryFault, match="has version 4 and this contoso-lab knows versions up to 3: update"):
        open_memory(f"sqlite:///{path}")
