"""A call that reaches a ceiling: the client is told, and then it is over on both sides."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed

from contoso_lab.errors import ConfigError
from contoso_lab.relay.calls.ceilings import CallLimits, for_each_call
from contoso_lab.relay.calls.prices import PriceTable
from contoso_lab.settings import Target

PRICED = Target("url", "http://127.0.0.1:1/v1", "gpt-realtime", "x")


def done(audio_tokens: int) -> str:
    usage = {"output_tokens": audio_tokens, "output_token_details": {"audio_tokens": audio_tokens}}
    response = {"id": "r1", "object": "realtime.response", "status": "completed", "output": [], "usage": usage}
    return json.dumps({"type": "test.say", "raw": json.dumps({"type": "response.done", "response": response})})


async def hear_all(socket) -> tuple[list[dict], ConnectionClosed]:
    heard: list[dict] = []
    while True:
        try:
            heard.append(json.loads(await socket.recv()))
        except ConnectionClosed as over:
            return heard, over


async def test_what_a_call_may_cost_is_announced_and_kept(relay_to, target) -> None:
    ceilings = for_each_call(PRICED, CallLimits(spend_usd=1), PriceTable())
    async with relay_to(target.port, ceilings=ceilings) as relay, relay.call() as socket:
        await socket.send(done(12_000))  # 77 cents in a minute: half a minute more is too much
        await socket.send(done(5_000))
        heard, over = await hear_all(socket)
    assert [event for event in heard if event["type"] == "lab.ending"] == [
        {"type": "lab.ending", "reason": "spend", "in_s": 30.0}
    ]
    assert heard[-1]["type"] == "response.done", "what was paid for is still heard"
    assert (over.rcvd.code, "$1" in over.rcvd.reason) == (4408, True)
    assert (await target.closed.get())[0] == 1000


async def test_a_call_that_may_last_no_longer_is_told_at_once(relay_to, target) -> None:
    ceilings = for_each_call(PRICED, CallLimits(wall_s=20), PriceTable())
    async with relay_to(target.port, ceilings=ceilings) as relay, relay.call() as socket:
        while (event := json.loads(await socket.recv()))["type"] != "lab.ending":
            pass
    assert (event["reason"], event["in_s"] <= 20) == ("time", True)


def test_a_spend_ceiling_on_an_unknown_model_is_refused_before_the_relay_starts() -> None:
    unknown = Target("url", "http://127.0.0.1:1/v1", "nobody", "x")
    with pytest.raises(ConfigError, match="'nobody' is not known"):
        for_each_call(unknown, CallLimits(spend_usd=1), PriceTable())
    assert for_each_call(unknown, CallLimits(wall_s=60), PriceTable()) is not None
    assert for_each_call(unknown, CallLimits(), PriceTable()) is None
