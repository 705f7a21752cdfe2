"""Who may go on with a thread, what the agent is then told, and the chat beside the calls."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from starlette.testclient import TestClient
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contoso_lab.errors import MemoryUnreachable, SessionRefused
from contoso_lab.memory import Memory, Message, Thread, open_memory
from contoso_lab.recording import Recorder
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.app import create_app
from contoso_lab.relay.setup import shop_setup
from contoso_lab.relay.threads import binding
from contoso_lab.relay.threads.ledger import Ledger
from contoso_lab.session import connect
from contoso_lab.settings import Target

LOCAL = Target.local("http://127.0.0.1:9/v1")
SECRET = "a-secret-of-some-length"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with open_memory(f"sqlite:///{tmp_path / 'memory.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def thread(memory: Memory) -> Thread:
    made = memory.create(customer="daniel", persona="voice_brief")
    memory.append(
        made.id,
        Message("chat", "user", "Is the Meadow Four waterproof?"),
        Message("chat", "assistant", "It is. Shall I call you?", heard="It is."),
    )
    return memory.update(
        made.id,
        lambda state: state | {"summaries": ["Plans a rainy week."], "cart": [{"sku": "TEN-02", "quantity": 1}]},
    )


def web(memory: Memory | None, **options: Any) -> TestClient:
    given = {"runs": None, "setup": shop_setup}
    return TestClient(create_app(LOCAL, memory=memory, **given | options), base_url="http://relay.example")


def grant_of(web: TestClient, token: str) -> Grant:
    return asyncio.run(web.app.state.desk.tokens.redeem(token, origin=None))


# Binding


def test_a_token_for_a_thread_is_for_its_customer_and_its_persona(memory, thread):
    there = web(memory)
    answer = there.get(f"/api/token?thread={thread.id}").json()
    assert answer["thread"] == thread.id
    assert grant_of(there, answer["token"]) == Grant("voice_brief", "daniel", thread=thread.id)
    answer = there.get(f"/api/token?thread={thread.id}&persona=voice").json()
    assert grant_of(there, answer["token"]).persona == "voice"


def test_a_client_secret_may_name_it_in_the_body(memory, thread):
    there = web(memory)
    body = {"session": {"type": "realtime", "metadata": {"thread": thread.id}}}
    answer = there.post("/v1/realtime/client_secrets", json=body).json()
    assert answer["session"]["metadata"] == {"thread": thread.id}
    assert grant_of(there, answer["value"]).thread == thread.id


@pytest.mark.parametrize("path", ["/api/token", "/v1/realtime/client_secrets"])
def test_who_cannot_go_on_with_a_thread_hears_why_before_the_call(memory, thread, path):
    there = web(memory)

    def ask(query: str) -> tuple[int, str]:
        answer = there.request("GET" if "api" in path else "POST", f"{path}?{query}")
        return answer.status_code, answer.json()["error"]["message"]

    assert ask("thread=thread_never") == (404, binding.NOT_THERE)
    assert ask(f"thread={thread.id}&customer=maya") == (
        403, "this thread is not maya's: ask as the customer whose it is",
    )  # fmt: skip
    memory.close_thread(thread.id)
    assert ask(f"thread={thread.id}") == (404, binding.OVER)
    status, sentence = ask("thread=../x")
    assert status == 422
    assert "is no name" in sentence


@pytest.mark.parametrize(
    ("begun_for", "asks", "may"),
    [
        ("oidc:ada", "oidc:ada", True),
        ("oidc:ada", "oidc:bob", False),
        ("oidc:ada", "secret:192.0.2.7", False),
        ("secret:192.0.2.7", "secret:192.0.2.8", True),  # the secret is one for all who have it
        (None, "oidc:bob", True),  # the operator's own, and its id cannot be guessed
    ],
)
async def test_a_thread_is_for_the_caller_for_whom_it_was_begun(memory, thread, begun_for, asks, may):
    if begun_for is not None:
        memory.update(thread.id, lambda state: state | {"caller": begun_for})
    if may:
        assert (await binding.recall(Ledger(memory), thread.id, caller=asks)).thread.id == thread.id
        return
    with pytest.raises(SessionRefused) as refused:
        await binding.recall(Ledger(memory), thread.id, caller=asks)
    assert (refused.value.status, refused.value.reason) == (404, binding.NOT_THERE)


def test_without_a_memory_there_are_no_threads():
    there = web(None)
    no = there.get("/api/token?thread=thread_x")
    assert (no.status_code, no.json()["error"]["message"]) == (404, binding.NO_MEMORY)
    assert there.get("/asyncapi.json").status_code == 404


def test_a_memory_that_is_away_says_so_and_only_to_who_needs_it(memory, thread):
    there = web(memory)

    async def away(_: Any) -> Any:
        raise MemoryUnreachable("password=hunter2")

    there.app.state.desk.ledger.ask = away
    no = there.get(f"/api/token?thread={thread.id}")
    assert (no.status_code, no.headers["retry-after"]) == (503, "5")
    assert no.json()["error"]["message"] == binding.AWAY
    assert there.get("/api/token").status_code == 200
    page = there.app.state.desk.observer.metrics.page().decode()
    assert 'contoso_relay_tokens_not_issued_total{reason="memory"} 1.0' in page
    assert 'contoso_relay_errors_total{kind="memory"} 1.0' in page


def test_a_thread_can_be_begun_with_a_token(memory):
    there = web(memory, secret=SECRET)
    asked = there.get("/api/token?thread=new&customer=priya", headers={"Authorization": f"Bearer {SECRET}"}).json()
    made = memory.get(asked["thread"])
    assert (made.customer, made.persona, made.state["caller"].partition(":")[0]) == ("priya", "voice", "secret")
    assert grant_of(there, asked["token"]).thread == made.id


def test_who_comes_back_is_known_from_last_time(memory):
    last = memory.create(customer="priya", persona="voice")
    memory.update(last.id, lambda state: {**state, "summaries": ["Plans a week in the Alps."]})
    begun = web(memory).get("/api/token?thread=new&customer=priya").json()["thread"]
    assert "Plans a week in the Alps." in memory.get(begun).state["welcome"]


def test_no_thread_is_begun_for_a_customer_who_is_not_there(memory):
    assert web(memory).get("/api/token?thread=new&customer=nobody").status_code == 422
    assert memory.list() == []


# The setup


def test_the_agent_is_told_what_was_said_as_it_was_heard_and_what_the_chat_noted(memory, thread):
    past = binding.Past(memory.get(thread.id), memory.history(thread.id), memory)
    told = shop_setup(Grant("voice", "daniel", thread=thread.id), past=past).session["instructions"]
    assert "Is the Meadow Four waterproof?" in told
    assert "Plans a rainy week." in told
    assert "Shall I call you?" not in told
    assert "Meadow Four" in told
    assert told != shop_setup(Grant("voice", "daniel")).session["instructions"]


def test_a_thread_in_another_language_is_gone_on_with_in_it(memory):
    made = memory.create(customer="maya", persona="voice", language="de")
    past = binding.Past(made, (), memory)
    session = shop_setup(Grant("voice", "maya", thread=made.id), past=past).session
    assert session["audio"]["input"]["transcription"]["language"] == "de"


def test_on_a_call_with_a_thread_the_tools_fill_its_cart(memory):
    made = memory.create(customer="maya", persona="voice")
    past = binding.Past(made, (), memory)
    setup = shop_setup(Grant("voice", "maya", thread=made.id), past=past, tools=True)
    named = {tool["name"] for tool in setup.session["tools"]}
    assert {"add_to_cart", "show_suggestions"} <= named == setup.tools.keys()
    setup.tools["add_to_cart"].run({"sku": "TEN-02"})
    assert memory.get(made.id).state["cart"] == [{"sku": "TEN-02", "quantity": 1}]
    assert "add_to_cart" not in shop_setup(Grant("voice", "maya"), tools=True).tools


# Calls


async def test_a_call_is_told_of_the_thread_and_writes_into_it(relay_to, target, memory, thread):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        async with connect(relay.url, thread=thread.id) as session:
            await session.send({"type": "test.say", "raw": _item("u1", "user", "And how heavy is it?")})
            await session.send({"type": "test.say", "raw": _item("a1", "assistant", "Six kilos.", after="u1")})
            await session.until(lambda: len(session.conversation.turns) == 2)
        assert "Is the Meadow Four waterproof?" in target.events[0]["session"]["instructions"]
    said = [(message.source, message.as_heard) for message in memory.history(thread.id)]
    assert said[-2:] == [("call", "And how heavy is it?"), ("call", "Six kilos.")]


async def test_the_official_client_goes_on_with_a_thread(relay_to, target, memory, thread):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        async with AsyncOpenAI(api_key="none-needed", base_url=f"{relay.url}/v1") as asker:
            secret = await asker.realtime.client_secrets.create(extra_query={"thread": thread.id})
        async with AsyncOpenAI(api_key=secret.value, base_url=f"{relay.url}/v1") as caller:
            async with caller.realtime.connect(model="any") as call:
                assert (await call.recv()).type == "session.created"
                await call.send({"type": "test.say", "raw": _item("u1", "user", "Hello again.")})
                while (await call.recv()).type != "conversation.item.done":
                    pass
        await asyncio.gather(*(pump.finished.wait() for pump in tuple(relay.desk.pumps)))
    assert memory.history(thread.id)[-1].text == "Hello again."


async def test_a_thread_that_ends_between_token_and_call_ends_the_call_with_a_word(relay_to, target, memory, thread):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        grant = Grant("voice", "daniel", thread=thread.id)
        for_page, for_program = [await relay.desk.tokens.issue(grant) for _ in range(2)]
        memory.close_thread(thread.id)
        async with relay.call(for_page) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert (socket.close_code, socket.close_reason) == (4404, binding.OVER)
        with pytest.raises(InvalidStatus) as refused:
            await dial(
                f"{relay.ws_url}/v1/realtime", additional_headers={"Authorization": f"Bearer {for_program}"}
            ).__aenter__()
        assert refused.value.response.status_code == 404
    assert target.received == []


async def test_a_call_goes_on_when_the_memory_breaks_under_it(relay_to, target, memory, thread, tmp_path):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        token = await relay.desk.tokens.issue(Grant("voice", "daniel", thread=thread.id))
        async with relay.call(token) as socket:
            await socket.recv()
            with sqlite3.connect(tmp_path / "memory.sqlite3") as other:
                for (table,) in other.execute("select name from sqlite_master where type = 'table'").fetchall():
                    if not table.startswith("sqlite_"):
                        other.execute(f'drop table "{table}"')
            other.close()
            await socket.send(json.dumps({"type": "test.say", "raw": _item("u1", "user", "Are you there?")}))
            await socket.send(json.dumps({"type": "response.create"}))
            while json.loads(await socket.recv())["type"] != "response.done":
                pass
        await asyncio.gather(*(pump.finished.wait() for pump in tuple(relay.desk.pumps)))
        page = relay.desk.observer.metrics.page().decode()
    assert 'contoso_relay_errors_total{kind="memory"} 1.0' in page


# The chat beside the calls


async def test_a_token_opens_a_chat_and_its_caller_then_a_call_on_the_same_thread(relay_to, target, memory):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        token = await relay.desk.tokens.issue(Grant("voice", "maya"))
        async with dial(f"{relay.ws_url}/api/chat?token={token}") as chat:
            await chat.send(json.dumps({"threadId": ""}))
            thread_id = json.loads(await chat.recv())["payload"]["threadId"]
        assert memory.get(thread_id).state["caller"] == "loopback"
        async with connect(relay.url, thread=thread_id) as session:
            await session.send({"type": "test.say", "raw": _item("u1", "user", "It is me.")})
            await session.until(lambda: len(session.conversation.turns) == 1)
    assert [message.text for message in memory.history(thread_id)] == ["It is me."]


async def test_who_asks_to_be_forgotten_is_forgotten_with_recordings(relay_to, target, memory):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        hers = [make_recording(relay.desk.runs, customer=who) for who in ("maya", "maya", "daniel")]
        token = await relay.desk.tokens.issue(Grant("voice", "maya"))
        async with dial(f"{relay.ws_url}/api/chat?token={token}") as chat:
            await chat.send(json.dumps({"threadId": ""}))
            for words in ("Please forget me.", "Yes, please."):
                await chat.send(json.dumps({"name": "Maya", "text": words}))
                while json.loads(await chat.recv())["type"] != "action":
                    pass
    assert [path.exists() for path in hers] == [False, False, True]
    assert memory.list("maya", include_closed=True) == []


async def test_nobody_chats_without_a_token_or_from_a_page_that_may_not(relay_to, target, memory):
    async with relay_to(target.port, memory=memory, setup=shop_setup) as relay:
        async with dial(f"{relay.ws_url}/api/chat") as chat:
            with pytest.raises(ConnectionClosed):
                await chat.recv()
        assert chat.close_code == 4401
        token = await relay.desk.tokens.issue(Grant("voice", "maya"))
        with pytest.raises(InvalidStatus) as refused:
            await dial(f"{relay.ws_url}/api/chat?token={token}", origin="https://evil.example").__aenter__()
        assert refused.value.response.status_code == 403
        async with dial(f"{relay.ws_url}/api/chat?token={token}") as chat:  # and the token was not spent by it
            await chat.send(json.dumps({"threadId": ""}))
            assert json.loads(await chat.recv())["type"] == "thread"


def make_recording(runs: Path, *, customer: str) -> Path:
    with Recorder.start(runs, customer=customer) as recorder:
        return recorder.path


def _item(item_id: str, role: str, text: str, *, after: str | None = None) -> str:
    kind = "output_text" if role == "assistant" else "input_text"
    item = {"id": item_id, "type": "message", "role": role, "status": "completed"}
    item |= {"content": [{"type": kind, "text": text}]}
    return json.dumps({"type": "conversation.item.done", "event_id": f"e_{item_id}", "previous_item_id": after,
                       "item": item})  # fmt: skip
