"""The memory in a file: killed, shared, old, new, broken, and wiped."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from contoso_lab.errors import ConfigError, LabError, MemoryMissing, MemoryUnreachable
from contoso_lab.memory import Forgotten, Message, open_memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "memory.sqlite3"


def said(text: str, **more) -> Message:
    return Message(source="chat", role="user", text=text, **more)


def program(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that opened the memory named by its first argument."""
    before = "import sys\nfrom contoso_lab.memory import Message, open_memory\nmemory = open_memory(sys.argv[1])\n"
    command = [sys.executable, "-c", before + code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_only_the_owner_may_read_what_customers_said(path):
    before = os.umask(0)
    try:
        with open_memory(f"sqlite:///{path}") as memory:
            memory.create(customer="maya", persona="voice")
            files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert files == {"memory.sqlite3": 0o600, "memory.sqlite3-wal": 0o600, "memory.sqlite3-shm": 0o600}


def test_a_file_that_others_could_read_is_closed_to_them(path):
    path.parent.mkdir()
    path.touch(0o644)
    open_memory(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_killed_program_was_told_is_kept_is_there(path):
    work = (
        "id_ = memory.create(customer='maya', persona='voice').id\nprint(id_, flush=True)\n"
        "for number in range(10**9):\n"
        "    memory.append(id_, Message(source='chat', role='user', text=str(number)))\n"
        "    memory.update(id_, lambda state: {'number': number})\n"
        "    print(number, flush=True)\n"
    )
    with program(work, f"sqlite:///{path}") as killed:
        id_ = killed.stdout.readline().strip()
        for _ in range(100):
            last = int(killed.stdout.readline())
        killed.send_signal(signal.SIGKILL)
        last = max([last, *map(int, killed.stdout.read().split("\n")[:-1])])
    assert killed.returncode == -signal.SIGKILL
    with open_memory(f"sqlite:///{path}") as memory:
        texts = [message.text for message in memory.history(id_)]
        assert texts[: last + 1] == [str(number) for number in range(last + 1)]
        assert len(texts) <= last + 2
        assert memory.get(id_).state["number"] in {last, last + 1}
        memory.append(id_, said("and on"))


def test_several_programs_write_at_once_and_nothing_is_lost(path):
    with open_memory(f"sqlite:///{path}") as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        work = (
            "sys.stdin.readline()\n"
            "for number in range(25):\n"
            "    memory.update(sys.argv[2], lambda state: {'count': state.get('count', 0) + 1})\n"
            "    memory.append(sys.argv[2], Message(source='chat', role='user', text=f'{sys.argv[3]}/{number}'))\n"
        )
        others = [program(work, f"sqlite:///{path}", id_, name) for name in "abc"]
        for other in others:
            other.stdin.write("go\n")
            other.stdin.flush()
        for other in others:
            other.communicate()
            assert other.returncode == 0
        assert memory.get(id_).state == {"count": 75}
        assert len(memory.history(id_)) == 75


# Forgetting


def test_no_byte_of_a_forgotten_customer_is_left_in_the_files(path):
    """Texts of many lengths, changed and cut off, between those of somebody who stays: pages are split and joined."""
    random = Random(5)
    with open_memory(f"sqlite:///{path}") as memory:
        ids = {name: [memory.create(customer=name, persona="voice").id for _ in range(3)] for name in ("maya", "tom")}
        secrets = {"maya": "Birkenweg", "tom": "Lindenallee"}
        for number in range(600):
            name = random.choice(["maya", "tom"])
            id_ = random.choice(ids[name])
            text = f"{secrets[name]} {number} " * random.choice([1, 3, 30, 300])
            [message] = memory.append(id_, said(text, meta={"note": secrets[name]}))
            if number % 5 == 0:
                memory.replace(id_, said(text * 2, id=message.id, heard=secrets[name]))
            if number % 7 == 0:
                memory.update(id_, lambda state, text=text: state | {"digest": text})
        there = b"".join(each.read_bytes() for each in path.parent.iterdir())
        assert there.count(b"Birkenweg") > 1000
        forgotten = memory.forget("maya")
        assert forgotten.threads == 3
        assert forgotten.messages > 200
        left = {each.name: each.read_bytes() for each in path.parent.iterdir()}
        assert sum(content.count(b"Birkenweg") for content in left.values()) == 0
        assert sum(content.count(b"maya") for content in left.values()) == 0
        assert not any(id_.encode() in content for id_ in ids["maya"] for content in left.values())
        assert b"Lindenallee" in left["memory.sqlite3"]
        assert sum(len(memory.history(id_)) for id_ in ids["tom"]) + forgotten.messages == 600


def test_while_another_program_still_reads_forgetting_says_so_and_can_be_asked_again(path, monkeypatch):
    monkeypatch.setattr("contoso_lab.memory.sqlite.BUSY_MS", 50)
    with open_memory(f"sqlite:///{path}") as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        memory.append(id_, said("Birkenweg"))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM contoso_threads").fetchall()
        with pytest.raises(MemoryUnreachable, match="ask again to forget"):
            memory.forget("maya")
        with pytest.raises(MemoryMissing):
            memory.get(id_)
        reader.close()
        assert memory.forget("maya") == Forgotten(0, 0)
        assert not any(b"Birkenweg" in each.read_bytes() for each in path.parent.iterdir())


def test_forgetting_while_others_write_hurts_nobody(path):
    with open_memory(f"sqlite:///{path}") as memory:
        kept = memory.create(customer="tom", persona="voice").id
        work = (
            "sys.stdin.readline()\n"
            "for number in range(60):\n"
            "    memory.append(sys.argv[2], Message(source='chat', role='user', text=f'{sys.argv[3]}/{number}'))\n"
        )
        others = [program(work, f"sqlite:///{path}", kept, name) for name in "ab"]
        for other in others:
            other.stdin.write("go\n")
            other.stdin.flush()
        for number in range(10):
            id_ = memory.create(customer="maya", persona="voice").id
            memory.append(id_, said(f"Birkenweg {number}"))
            assert memory.forget("maya") == Forgotten(1, 1)
        for other in others:
            other.communicate()
            assert other.returncode == 0
        assert len(memory.history(kept)) == 120
        memory.forget("maya")
        assert not any(b"Birkenweg" in each.read_bytes() for each in path.parent.iterdir())


# Addresses and broken files


@pytest.mark.parametrize(
    "url",
    [
        "", "memory.sqlite3", "mysql://user:hunter2@host/db", "sqlite://hunter2/memory.sqlite3", "sqlite:///x?mode=hunter2",
        "postgresql://user:hunter2@host:port/db", "postgresql://u:hunter2@host/db?sslmode=maybe",
        "postgresql://u:hunter2@host/db?options=hunter2", "redis://:hunter2@host:port/0", "redis://:hunter2@[host/0",
        "postgresql+psycopg://u:hunter2@host/db", "redis://:hunter2@host:6379/0?socket_timeout=hunter2",
    ],
)  # fmt: skip
def test_a_wrong_address_is_told_at_once_without_its_password(url):
    with pytest.raises(ConfigError, match="address of the memory is wrong") as wrong:
        open_memory(url)
    assert "hunter2" not in str(wrong.value)
    assert wrong.value.__cause__ is None or "hunter2" not in str(wrong.value.__cause__)


def test_a_file_that_is_no_database_is_told_when_it_is_opened(path):
    path.parent.mkdir()
    path.write_bytes(b"These are notes, and nobody wants them to be overwritten.\n" * 40)
    before = path.read_bytes()
    with pytest.raises(MemoryUnreachable, match=r"memory.sqlite3 does not answer: file is not a database"):
        open_memory(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_place_where_no_file_can_be_is_told_when_it_is_opened(tmp_path):
    (tmp_path / "file").touch()
    for url in (f"sqlite:///{tmp_path}", f"sqlite:///{tmp_path}/file/memory.sqlite3"):
        with pytest.raises(MemoryUnreachable, match="cannot be opened: "):
            open_memory(url)


def test_a_file_that_lost_its_tables_gives_our_error_without_what_was_said(path):
    with open_memory(f"sqlite:///{path}") as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        with sqlite3.connect(path) as raw:
            raw.execute("DROP TABLE contoso_messages")
        raw.close()
        with pytest.raises(MemoryUnreachable, match="no such table: contoso_messages") as broken:
            memory.append(id_, said("Birkenweg"))
        assert "Birkenweg" not in f"{broken.value} {broken.value.__cause__}"
        assert isinstance(broken.value, LabError)
