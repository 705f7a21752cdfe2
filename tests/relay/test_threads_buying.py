"""A customer's yes to a total, as it was heard on the call, is what `checkout` looks for; or the button."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from contoso_lab.errors import ShopError
from contoso_lab.memory import Memory, open_memory
from contoso_lab.relay.access.limits import GUESSED
from contoso_lab.shop import Catalog, get_customer, shop_tools
from contoso_lab.shop.agreeing import AGREED
from contoso_lab.shop.thread_basket import ThreadBasket

from .fakes import dump  # noqa: TID252 - the tests are no package
from .threaded import Threaded  # noqa: TID252 - as above

QUESTION = "That comes to $279.00. Shall I place the order?"


@pytest.fixture
def memory() -> Iterator[Memory]:
    with open_memory("sqlite://") as kept:
        yield kept


def checkout(call: Threaded, total: float) -> str:
    basket = ThreadBasket(call.memory, call.thread.id)
    tools = shop_tools(get_customer("maya"), Catalog.load(), basket)
    return str(tools["checkout"].run({"confirmed_total": total}, call_id="c")["total"])


def with_a_tent(memory: Memory) -> Threaded:
    call = Threaded(memory)
    memory.update(call.thread.id, lambda state: state | {"cart": [{"sku": "TEN-02", "quantity": 1}]})
    return call


async def test_a_heard_yes_to_the_total_lets_the_agent_buy(memory):
    call = with_a_tent(memory)
    call.assistant("a1", QUESTION, after=None)
    with pytest.raises(ShopError, match="has not been heard to agree"):
        checkout(call, 279)
    call.user("u1", "Yes, please.", after="a1")
    await call.minutes.flush("checkout")
    assert call.state[AGREED] == {"asked": QUESTION}
    assert checkout(call, 279) == "$279.00"


async def test_a_question_that_was_not_heard_to_its_end_is_agreed_to_by_nobody(memory):
    call = with_a_tent(memory)
    call.assistant("a1", QUESTION, after=None, sound_ms=4000)
    call.client.says(dump("lab.local", event={"type": "playback.started", "item_id": "a1"}))
    call.client.says(
        dump("lab.local", event={"type": "playback.stopped", "item_id": "a1", "played_ms": 1000, "reason": "flushed"})
    )
    call.user("u1", "Yes, please.", after="a1")
    await call.minutes.flush("checkout")
    assert AGREED not in call.state
    with pytest.raises(ShopError, match="has not been heard to agree"):
        checkout(call, 279)


async def test_a_tool_that_needs_a_consent_waits_for_words_that_are_on_their_way(memory):
    call = with_a_tent(memory)
    call.assistant("a1", QUESTION, after=None)
    call.user("u1", None, after="a1")

    waiting = asyncio.create_task(call.minutes.flush("checkout"))
    await asyncio.sleep(0)
    assert not waiting.done()
    call.heard("u1", "Yes, please.")
    await waiting
    assert call.state[AGREED] == {"asked": QUESTION}
    call.user("u2", None, after="u1")
    await call.minutes.flush("search_catalog")  # what needs none waits for nothing


async def test_the_button_in_a_call_agrees_to_the_total_that_it_says(memory):
    call = with_a_tent(memory)
    call.client.says(dump("lab.order.agreed", total="249.00"))
    await call.pass_s()
    with pytest.raises(ShopError, match="has not been heard to agree"):
        checkout(call, 279)
    call.client.says(dump("lab.order.agreed", total="279.00"))
    await call.pass_s()
    assert checkout(call, 279) == "$279.00"


@pytest.mark.parametrize("total", [None, 279, "", "many", "1e3", "-1", "NaN", "2" * 40])
async def test_a_button_that_says_no_sum_is_refused_with_a_sentence(memory, total):
    call = with_a_tent(memory)
    call.client.says(dump("lab.order.agreed", **({} if total is None else {"total": total})))
    assert "needs a total" in call.client.events[-1]["error"]["message"]
    await call.pass_s()
    assert AGREED not in call.state


async def test_wrong_tokens_at_the_chats_door_are_counted_like_at_the_others(relay_to):

    with open_memory("sqlite://") as memory:
        async with relay_to(9, memory=memory) as relay, httpx.AsyncClient(base_url=relay.url) as client:

            async def ask(token: str) -> httpx.Response:
                body = {"messages": [{"name": "user", "text": "Hello"}]}
                return await client.post("/api/request", headers={"Authorization": f"Bearer {token}"}, json=body)

            answers = [await ask(f"guess-{number}") for number in range(35)]
            assert [answer.status_code for answer in answers] == [401] * 30 + [429] * 5
            assert GUESSED in answers[-1].json()["error"]["message"]
            assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
            token = (await client.get("/api/token?customer=maya")).json()["token"]
            assert (await ask(token)).status_code == 429, "a right one is not believed from there, and not spent"


async def test_the_button_over_http_agrees_and_a_wrong_sum_does_not(relay_to):

    with open_memory("sqlite://") as memory:
        async with relay_to(9, memory=memory) as relay, httpx.AsyncClient(base_url=relay.url) as client:
            given = (await client.get("/api/token?customer=maya&thread=new")).json()
            thread = given["thread"]
            memory.update(thread, lambda state: state | {"cart": [{"sku": "TEN-02", "quantity": 1}]})
            headers = {"Authorization": f"Bearer {given['token']}"}

            async def press(total: object) -> httpx.Response:
                return await client.post("/api/order", headers=headers, json={"threadId": thread, "total": total})

            no = await press("249.00")
            assert (no.status_code, no.json()["error"]["code"]) == (409, "not_now")
            assert "comes to $279.00" in no.json()["error"]["message"]
            assert (await press("a lot")).status_code == 422
            yes = await press("279.00")
            assert (yes.status_code, yes.json()["total"]) == (200, "$279.00")
        assert memory.get(thread).state[AGREED] == {"total": "279.00"}
