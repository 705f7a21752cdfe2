from __future__ import annotations

import time as real_time
import types

import pytest

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.access import limits as module
from contoso_lab.relay.access.concurrency import MemoryLeases
from contoso_lab.relay.access.limits import Limiter, Limits, neighbourhood, redeem
from contoso_lab.relay.access.tokens import UNKNOWN, Grant, MemoryTokens

MAYA = Grant("voice", "maya")


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time of day, as the library and we see it."""
    import limits.aio.storage.memory
    import limits.storage.memory

    now = [real_time.time()]
    stopped = types.SimpleNamespace(time=lambda: now[0])
    for place in (module, limits.aio.storage.memory, limits.storage.memory):
        monkeypatch.setattr(place, "time", stopped)
    return now


async def refused(attempt) -> SessionRefused:
    with pytest.raises(SessionRefused) as no:
        await attempt
    return no.value


async def test_a_caller_gets_so_many_tokens_within_any_minute(clock):
    gate = Limiter(Limits(tokens_per_minute=3))
    for at in (0, 20, 20):
        clock[0] += at
        await gate.may_issue("oidc:maya")
    no = await refused(gate.may_issue("oidc:maya"))
    assert (no.status, no.reason) == (429, "you asked for 3 tokens within a minute, wait a little")
    assert no.retry_after_s == 20  # when the first of them is a minute old
    await gate.may_issue("oidc:tom")
    clock[0] += 19.9
    await refused(gate.may_issue("oidc:maya"))
    clock[0] += 0.2
    await gate.may_issue("oidc:maya")
    await refused(gate.may_issue("oidc:maya"))


async def test_wrong_tokens_are_counted_for_an_address_and_right_ones_are_not(clock):
    gate, tokens = Limiter(Limits(guesses_per_minute=2)), MemoryTokens()

    async def show(token: str, address: str = "192.0.2.7") -> Grant:
        return await redeem(tokens, gate, token, origin=None, address=address)

    for _ in range(5):
        assert await show(await tokens.issue(MAYA)) == MAYA
    for _ in range(2):
        assert (await refused(show("wrong"))).reason == UNKNOWN
    right = await tokens.issue(MAYA)
    no = await refused(show(right))
    assert (no.status, no.retry_after_s) == (429, 60)
    assert "2 wrong tokens came from your address" in no.reason
    assert await show(right, "192.0.2.8") == MAYA  # it was not spent
    clock[0] += 60.1
    assert await show(await tokens.issue(MAYA)) == MAYA


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "somewhere"),
        ("", "somewhere"),
        (None, "somewhere"),
    ],
)
def test_whom_wrong_tokens_are_counted_for(address, same):
    assert neighbourhood(address) == same


async def test_calls_at_once_are_counted_for_a_caller_and_for_all():
    gate = Limiter(Limits(calls_per_caller=2, calls=3))
    first, second = await gate.enter("maya"), await gate.enter("maya")
    no = await refused(gate.enter("maya"))
    assert (no.status, no.retry_after_s, "you hold 2 calls" in no.reason) == (429, 10, True)
    third = await gate.enter("tom")
    no = await refused(gate.enter("ada"))
    assert (no.status, no.retry_after_s, "all 3 lines are taken" in no.reason) == (503, 10, True)
    first.release()
    first.release()
    await gate.enter("maya")
    second.release()
    third.release()
    assert isinstance(gate.leases, MemoryLeases)
    assert len(gate.leases) == 1


async def test_who_left_is_forgotten():
    leases = MemoryLeases()
    for number in range(100):
        (await leases.enter(f"oidc:{number}")).release()
    assert not leases._held
