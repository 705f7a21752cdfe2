"""The memory in Redis and in Postgres: shared, away, killed, old, newer."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from sqlalchemy import inspect, text

from contoso_lab.errors import MemoryFault, MemoryMissing, MemoryUnreachable, MissingExtra
from contoso_lab.memory import Message, open_memory
from contoso_lab.memory.schema import metadata


def said(words: str, **more) -> Message:
    return Message(source="chat", role="user", text=words, **more)


@pytest.fixture
def nobody() -> Iterator[str]:
    """Host and port where nobody listens, for as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*taken.getsockname())


@pytest.fixture(params=["redis", "postgres"])
def kind(request) -> str:
    return request.param


def test_what_one_relay_keeps_the_other_one_reads_and_changes(url):
    with open_memory(url) as here, open_memory(url) as there, ThreadPoolExecutor(6) as pool:
        id_ = here.create(customer="maya", persona="voice").id
        here.append(id_, said("Hello"))
        assert [message.text for message in there.history(id_)] == ["Hello"]

        def work(relay) -> None:
            for _ in range(10):
                relay.update(id_, lambda state: state | {"count": state.get("count", 0) + 1})
                relay.append(id_, said("x"))

        list(pool.map(work, [here, there] * 3))
        assert here.get(id_).state == {"count": 60}
        assert [message.seq for message in there.history(id_)] == list(range(1, 62))


def test_several_that_open_an_empty_store_at_once_all_come_in(url):
    with ThreadPoolExecutor(6) as pool:
        memories = list(pool.map(lambda _: open_memory(url), range(6)))
    for memory in memories:
        memory.create(customer="tom", persona="voice")
    assert len(memories[0].list("tom")) == 6
    for memory in memories:
        memory.close()


def test_where_nobody_answers_it_is_told_at_once_and_without_a_password(kind, nobody):
    scheme = {"redis": "redis", "postgres": "postgresql"}[kind]
    with pytest.raises(MemoryUnreachable, match=f"the memory {scheme}://127.0.0.1:.* does not answer") as away:
        open_memory(f"{scheme}://lab:hunter2@{nobody}/0")
    told, reason = str(away.value), away.value.__cause__
    assert "hunter2" not in f"{told} {reason} {reason.__cause__} {reason.__context__}"
    assert "\n" not in told


def test_a_package_that_is_missing_is_named_with_its_remedy(monkeypatch, kind):
    scheme, package = {"redis": ("redis", "redis"), "postgres": ("postgresql", "pg8000")}[kind]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"contoso-lab\[{kind}\]"):
        open_memory(f"{scheme}://host/0")


# Redis


def test_a_redis_that_was_killed_is_away_and_the_memory_goes_on_when_it_is_back(own_redis):
    with own_redis() as server:
        memory = open_memory(own_redis.url)
        id_ = memory.create(customer="maya", persona="voice").id
        server.kill()
        server.wait()
        for attempt in (lambda: memory.get(id_), lambda: memory.append(id_, said("Birkenweg")), memory.sweep):
            with pytest.raises(MemoryUnreachable, match="redis.sock does not answer") as away:
                attempt()
            assert "Birkenweg" not in str(away.value)
    with own_redis(), memory:
        with pytest.raises(MemoryMissing):  # this Redis wrote nothing to disk
            memory.get(id_)
        memory.create(customer="maya", persona="voice")


def test_a_redis_that_hangs_is_away_too(own_redis, monkeypatch):
    monkeypatch.setattr("contoso_lab.memory.redis_store.ANSWER_S", 0.1)
    with own_redis() as server, open_memory(own_redis.url) as memory:
        server.send_signal(signal.SIGSTOP)
        with pytest.raises(MemoryUnreachable):
            memory.list()
        server.send_signal(signal.SIGCONT)
        assert memory.list() == []


def test_nothing_of_a_forgotten_or_an_expired_customer_is_left_in_redis(redis_url, clock):
    with open_memory(redis_url, clock=clock) as memory, Redis.from_url(redis_url) as raw:
        for customer in ("maya", "tom"):
            for closing in (True, False):
                id_ = memory.create(customer=customer, persona="voice").id
                memory.append(id_, said("Hello"))
                if closing:
                    memory.close_thread(id_)
        memory.forget("maya")
        left = {key: raw.dump(key) for key in raw.keys()}
        assert not any(b"maya" in key + content for key, content in left.items())
        assert len(left) == 8  # two threads and their messages, the open, the closed, tom's, and the version
        clock.pass_(days=800)
        assert memory.sweep() == 3  # one was closed and deleted, the other one deleted
        assert raw.keys() == [b"{contoso-lab}:memory:schema"]


def test_a_redis_of_a_newer_version_is_refused(redis_url):
    with Redis.from_url(redis_url) as raw:
        raw.set("{contoso-lab}:memory:schema", 2)
    with pytest.raises(MemoryFault, match="has version 2 and this contoso-lab knows versions up to 1: update"):
        open_memory(redis_url)


def test_times_keep_their_microseconds_in_redis(redis_url, clock):
    with open_memory(redis_url, clock=clock) as memory:
        clock.pass_(microseconds=1)
        id_ = memory.create(customer="maya", persona="voice").id
        begun = clock.now
        clock.pass_(days=31)
        memory.sweep()
        assert (memory.get(id_).closed_at - begun).total_seconds() == 30 * 86_400


# Postgres


VERSION_1 = """
CREATE TABLE contoso_memory_schema (version INTEGER NOT NULL);
INSERT INTO contoso_memory_schema VALUES (1);
CREATE TABLE contoso_threads (id TEXT NOT NULL PRIMARY KEY, customer TEXT NOT NULL, persona TEXT NOT NULL,
    state TEXT NOT NULL, created_at BIGINT NOT NULL, touched_at BIGINT NOT NULL, closed_at BIGINT,
    version BIGINT NOT NULL, last_seq BIGINT NOT NULL);
INSERT INTO contoso_threads VALUES ('thread_old', 'maya', 'voice', '{"cart":[]}', 1772442000000000, 1772442000000000,
    NULL, 7, 1);
CREATE TABLE contoso_messages (thread_id TEXT NOT NULL, id TEXT NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (thread_id, id));
INSERT INTO contoso_messages VALUES ('thread_old', 'q', 1,
    '{"source":"call","role":"user","text":"Hello","id":"q","at":1772442001000000}')
"""


def test_a_postgres_of_the_first_version_opens_with_all_that_is_in_it(postgres_url, postgres, clock):
    with postgres() as connection:
        for statement in VERSION_1.split(";\n"):
            connection.exec_driver_sql(statement)
    with ThreadPoolExecutor(4) as pool:
        memories = list(pool.map(lambda _: open_memory(postgres_url, clock=clock), range(4)))
    for memory in memories:
        old = memory.get("thread_old")
        assert (old.customer, old.language, old.version, old.state) == ("maya", "en", 7, {"cart": []})
        assert [message.text for message in memory.history("thread_old")] == ["Hello"]
        memory.close()


def test_the_tables_are_those_that_the_program_reads(postgres_url, postgres):
    open_memory(postgres_url).close()
    with postgres() as connection:
        there = inspect(connection)
        for table in metadata.tables.values():
            columns = {
                column["name"]: (str(column["type"]), column["nullable"]) for column in there.get_columns(table.name)
            }
            assert columns == {column.name: (str(column.type), column.nullable) for column in table.columns}
            assert there.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
            indexes = {each["name"]: (each["column_names"], each["unique"]) for each in there.get_indexes(table.name)}
            assert indexes == {str(each.name): ([c.name for c in each.columns], each.unique) for each in table.indexes}


def test_a_postgres_of_a_newer_version_is_refused(postgres_url, postgres):
    open_memory(postgres_url).close()
    with postgres() as connection:
        connection.execute(text("UPDATE contoso_memory_schema SET version = 4"))
    with pytest.raises(MemoryFault, match="has version 4 and this contoso-lab knows versions up to 3: update"):
        open_memory(postgres_url)


def test_connections_that_died_while_nobody_used_them_are_not_the_callers_trouble(postgres_url, postgres):
    with open_memory(postgres_url) as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        with postgres() as connection:
            others = (
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'contoso_lab'"
            )
            assert connection.execute(text(others)).scalars().all() == [True]
        assert memory.get(id_).id == id_


def test_a_postgres_that_ends_is_away(own_postgres):
    with own_postgres() as url:
        memory = open_memory(url)
        id_ = memory.create(customer="maya", persona="voice").id
    with memory, pytest.raises(MemoryUnreachable, match="does not answer") as away:
        memory.append(id_, said("Birkenweg"))
    assert "Birkenweg" not in f"{away.value} {away.value.__cause__}"


def test_a_postgres_without_tls_is_not_spoken_to_in_the_clear_where_tls_was_asked_for(postgres_url):
    with pytest.raises(MemoryUnreachable, match="does not answer: .*SSL"):
        open_memory(f"{postgres_url}&sslmode=require")
