"""Tokens, limits and counts that relays share, with a real redis-server that the tests start, kill and start again."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from contoso_lab.errors import ConfigError, SessionRefused
from contoso_lab.relay.access.concurrency import RedisLeases
from contoso_lab.relay.access.limits import Limiter, Limits, redeem
from contoso_lab.relay.access.redis_link import AWAY, RedisLink
from contoso_lab.relay.access.redis_tokens import RedisTokens
from contoso_lab.relay.access.tokens import ELSEWHERE, EXPIRED, UNKNOWN, USED, Grant, digest_of

MAYA = Grant("voice", "maya", "first_call", caller="oidc:maya")


class RedisServer:
    """A redis-server of our own on a socket in a folder; it forgets everything when it is killed."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self.process = await asyncio.create_subprocess_exec(
            self.binary, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(self.folder),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async for line in self.process.stdout:
            if b"ready to accept connections" in line.lower():
                return
        raise AssertionError("redis-server ended before it was ready")

    async def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.communicate()


@pytest.fixture
async def redis(redis_server):
    # A socket's path may have 107 characters; that of tmp_path may have more.
    folder = Path(tempfile.mkdtemp(prefix="lab-redis-"))
    server = RedisServer(redis_server, folder)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder)


@pytest.fixture
async def link(redis):
    async with RedisLink(redis.url) as here:
        yield here


async def refusal(attempt) -> SessionRefused:
    with pytest.raises(SessionRefused) as refused:
        await attempt
    return refused.value


# Tokens


async def test_a_token_that_one_relay_gave_opens_one_call_at_another(redis, link):
    async with RedisLink(redis.url) as elsewhere:
        token = await RedisTokens(link).issue(MAYA)
        assert await RedisTokens(elsewhere).redeem(token, origin=None) == MAYA
        for store in (RedisTokens(link), RedisTokens(elsewhere)):
            no = await refusal(store.redeem(token, origin=None))
            assert (no.status, no.reason) == (401, USED)


async def test_of_a_hundred_who_show_the_same_token_at_once_one_is_let_in(redis, link):
    async with RedisLink(redis.url) as elsewhere:
        stores = [RedisTokens(link), RedisTokens(elsewhere)]
        token = await stores[0].issue(MAYA)
        found = await asyncio.gather(
            *(stores[number % 2].redeem(token, origin=None) for number in range(100)), return_exceptions=True
        )
    assert [grant for grant in found if isinstance(grant, Grant)] == [MAYA]
    assert {str(no.reason) for no in found if isinstance(no, SessionRefused)} == {USED}


async def test_used_expired_and_unknown_are_told_apart_and_then_forgotten(link):
    store = RedisTokens(link, lifetime_s=300)
    assert (await refusal(store.redeem("never given", origin=None))).reason == UNKNOWN
    token = await store.issue(MAYA)
    key = link.key(f"token:{digest_of(token).hex()}")
    assert 599_000 < await link.client.pttl(key) <= 600_000
    await link.client.hset(key, "expires", 1)  # as if five minutes had passed
    assert (await refusal(store.redeem(token, origin=None))).reason == EXPIRED
    await link.client.delete(key)  # as Redis does after ten
    assert (await refusal(store.redeem(token, origin=None))).reason == UNKNOWN


async def test_neither_a_token_nor_a_spent_grant_lies_in_redis(link):
    store = RedisTokens(link)
    token = await store.issue(MAYA, prefix="ek_")
    kept = [(key, await link.client.hgetall(key)) for key in await link.client.keys("*token:*")]
    assert token.startswith("ek_")
    assert token not in repr(kept)
    await store.redeem(token, origin=None)
    [(_, fields)] = [(key, await link.client.hgetall(key)) for key in await link.client.keys("*token:*")]
    assert fields.keys() == {b"expires"}


async def test_a_token_of_a_page_opens_a_call_from_there_only_and_the_attempt_spends_it(link):
    store = RedisTokens(link)
    bound = Grant("voice", "maya", origin="https://lab.example")
    assert await store.redeem(await store.issue(bound), origin="https://LAB.example") == bound
    token = await store.issue(bound)
    assert (await refusal(store.redeem(token, origin="https://evil.example"))).reason == ELSEWHERE
    assert (await refusal(store.redeem(token, origin="https://lab.example"))).reason == USED


async def test_the_number_of_tokens_is_bounded_and_a_lifetime_never_longer_than_the_store_allows(link):
    store = RedisTokens(link, lifetime_s=300, most=2)
    token = await store.issue(MAYA, lifetime_s=7200)
    assert await link.client.pttl(link.key(f"token:{digest_of(token).hex()}")) <= 600_000
    await store.issue(MAYA, lifetime_s=10)
    no = await refusal(store.issue(MAYA))
    assert (no.status, "2 tokens are out" in no.reason) == (503, True)
    assert 18 < no.retry_after_s <= 20  # until the shorter one is forgotten
    await link.client.zremrangebyrank(link.key("tokens"), 0, 0)
    await store.issue(MAYA)


async def test_when_redis_is_away_nobody_gets_a_token_and_it_goes_on_when_redis_is_back(redis, link):
    store, gate = RedisTokens(link), Limiter(link=link)
    lost = await store.issue(MAYA)
    await redis.stop()
    for attempt in (
        store.issue(MAYA), store.redeem(lost, origin=None), gate.may_issue("x"), gate.may_show("192.0.2.1"),
        redeem(store, gate, lost, origin=None, address="192.0.2.1"), RedisLeases(link).enter("x"),
    ):  # fmt: skip
        no = await refusal(attempt)
        assert (no.status, no.reason, no.retry_after_s) == (503, AWAY, 5.0)
    await redis.start()
    assert await store.redeem(await store.issue(MAYA), origin=None) == MAYA
    assert (await refusal(store.redeem(lost, origin=None))).reason == UNKNOWN  # this Redis wrote nothing to disk


async def test_a_redis_that_hangs_is_away_too(redis):
    async with RedisLink(redis.url, answer_s=0.1) as link:
        store = RedisTokens(link)
        token = await store.issue(MAYA)
        redis.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(5):
                assert (await refusal(store.redeem(token, origin=None))).status == 503
        finally:
            redis.process.send_signal(signal.SIGCONT)
        # The question that nobody waited for may have been heard: spent or not, it opens no second call.
        first = await asyncio.gather(store.redeem(token, origin=None), return_exceptions=True)
        assert first == [MAYA] or first[0].reason == USED
        assert (await refusal(store.redeem(token, origin=None))).reason == USED


def test_a_wrong_address_is_told_without_its_password():
    with pytest.raises(ConfigError, match="redis://host:6379/0") as wrong:
        RedisLink("http://user:hunter2@host")
    assert "hunter2" not in str(wrong.value)


# Limits


async def test_tokens_a_minute_and_wrong_ones_are_counted_together(redis, link):
    async with RedisLink(redis.url) as elsewhere:
        limits = Limits(tokens_per_minute=3, guesses_per_minute=2)
        gates = [Limiter(limits, link=link), Limiter(limits, link=elsewhere)]
        for number in range(3):
            await gates[number % 2].may_issue("oidc:maya")
        for gate in gates:
            no = await refusal(gate.may_issue("oidc:maya"))
            assert no.status == 429
            assert 1 <= no.retry_after_s <= 60
            await gate.may_show("192.0.2.1")
            await gate.showed_wrong("192.0.2.1")
        await gates[0].may_issue("oidc:tom")
        assert (await refusal(gates[0].may_show("192.0.2.1"))).status == 429
        await gates[1].may_show("192.0.2.2")


# Calls


async def test_calls_are_counted_over_all_relays(redis, link):
    async with RedisLink(redis.url) as elsewhere, RedisLeases(link, per_caller=2, most=3) as here:
        there = RedisLeases(elsewhere, per_caller=2, most=3)
        first, _ = await here.enter("maya"), await there.enter("maya")
        for leases in (here, there):
            no = await refusal(leases.enter("maya"))
            assert (no.status, no.reason) == (429, "you hold 2 calls, end one before you begin another")
        await there.enter("tom")
        no = await refusal(here.enter("ada"))
        assert (no.status, no.retry_after_s) == (503, 10.0)
        first.release()
        first.release()
        await here.renew()
        await there.enter("maya")


async def test_the_leases_of_a_killed_relay_end_and_those_of_a_living_one_are_renewed(redis, link):
    async with RedisLink(redis.url) as elsewhere:
        killed, living = RedisLeases(elsewhere, per_caller=1), RedisLeases(link, per_caller=1)
        await killed.enter("maya")
        lease = await living.enter("tom")
        calls = link.key("calls")
        for key in (calls, *(await link.client.keys("*calls:*"))):  # half a minute goes by
            for member in await link.client.zrange(key, 0, -1):
                await link.client.zadd(key, {member: 1})
        await living.renew()
        await living.enter("maya")
        assert (await refusal(living.enter("tom"))).status == 429
        assert await link.client.zcard(calls) == 2
        lease.release()
        await living.renew()
        assert await link.client.zcard(calls) == 1


async def test_a_redis_that_comes_back_empty_learns_of_the_open_calls(redis, link, caplog):
    caplog.set_level("INFO", "contoso_lab.relay")
    async with RedisLeases(link, per_caller=1, renew_s=3600) as leases:
        lease, over = await leases.enter("maya"), await leases.enter("tom")
        await redis.stop()
        over.release()
        for _ in range(2):
            await leases._renew_or_say()
        assert [record.message for record in caplog.records] == ["call=- event=redis_away"]
        await redis.start()
        await leases._renew_or_say()
        assert "event=redis_back" in caplog.records[-1].message
        assert await link.client.zcard(link.key("calls")) == 1
        assert (await refusal(leases.enter("maya"))).status == 429
        await leases.enter("tom")
        lease.release()


async def test_a_call_that_ends_makes_room_without_waiting_for_the_next_renewal(redis, link):
    async with RedisLeases(link, per_caller=1, renew_s=3600) as leases:
        (await leases.enter("maya")).release()
        async with asyncio.timeout(5):
            while await link.client.zcard(link.key("calls")):  # noqa: ASYNC110 - each turn asks Redis
                await asyncio.sleep(0)
    async with RedisLeases(link, per_caller=1, renew_s=3600) as leases:
        (await leases.enter("maya")).release()
    assert await link.client.zcard(link.key("calls")) == 0


async def test_what_redis_keeps_has_an_end(link):
    store = RedisTokens(link)
    await store.redeem(await store.issue(MAYA), origin=None)
    gate = Limiter(link=link, leases=RedisLeases(link))
    await gate.may_issue("x")
    await gate.showed_wrong("192.0.2.1")
    await gate.enter("x")
    keys = await link.client.keys("*")
    assert len(keys) == 6
    assert json.dumps([key.decode() for key in keys if await link.client.pttl(key) < 0]) == "[]"
