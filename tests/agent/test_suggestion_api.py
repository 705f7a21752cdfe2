"""Pages over HTTP: judged once, written once, one at a time, and never in a loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from contoso_lab.agent.desk import Agent, AgentLimits
from contoso_lab.agent.page_talk import Verdict
from contoso_lab.agent.pages import WRITING, Pages
from contoso_lab.errors import PromptError
from contoso_lab.memory import Memory, Message
from contoso_lab.prompts import PromptRun
from contoso_lab.shop.writeup import WriteUp

pytestmark = pytest.mark.timeout(60)

ASKED = [{"name": "user", "text": "Show me the Meadow Four."}, {"name": "assistant", "text": "It is coming."}]
RUN = PromptRun("suggestions", "", (), "", None, None, "tiny", 0, None, 0)


class Press:
    """A gate and a writer that do what a test says, and count."""

    def __init__(self) -> None:
        self.judged: list[list[dict[str, str]]] = []
        self.written: list[list[dict[str, str]]] = []
        self.requested = True
        self.pieces = ["## Camping\n", "![Meadow Four](/images/TEN-02.svg)\n\r\n", " 😀"]
        self.skus: tuple[str, ...] = ("TEN-02",)
        self.unknown: tuple[str, ...] = ()
        self.open, self.begun, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.judging = asyncio.Event()
        self.open.set()
        self.judging.set()
        self.problem: Exception | None = None

    async def gate(self, messages: Any, target: Any) -> Verdict:
        self.judged.append([dict(message) for message in messages])
        self.begun.set()
        await self.judging.wait()
        if self.problem:
            raise self.problem
        return Verdict(self.requested, "the test says so")

    async def writer(
        self, messages: Any, customer: Any, catalog: Any, target: Any, on_text: Callable[[str], object]
    ) -> WriteUp:
        self.written.append([dict(message) for message in messages])
        try:
            on_text(self.pieces[0])
            self.begun.set()
            await self.open.wait()
            if self.problem:
                raise self.problem
            for piece in self.pieces[1:]:
                on_text(piece)
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        return WriteUp("".join(self.pieces), self.skus, self.unknown, RUN)


@pytest.fixture
def press() -> Press:
    return Press()


@pytest.fixture
def shop(serve: Any, agent: Agent, press: Press) -> Any:
    """`async with shop(token) as (client, house)`."""

    @asynccontextmanager
    async def start(token: str | None, agent: Agent = agent) -> Any:
        pages = Pages(agent, gate=press.gate, writer=press.writer)
        async with serve(agent, pages=pages) as house, house.http(token) as client:
            yield client, house

    return start


def events(answer: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """The events of a page, read as the standard says."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


async def talked(house: Any, memory: Memory, *turns: str) -> str:
    """A thread of the token's, with turns of a call: the customer's and the assistant's in turn."""
    async with house.chat(house.tokens.spent[-1] if house.tokens.spent else next(iter(house.tokens.out))) as chat:
        await chat.attach()
    say(memory, chat.thread, *turns)
    return str(chat.thread)


def say(memory: Memory, thread: str, *turns: str) -> None:
    for number, text in enumerate(turns):
        memory.append(thread, Message(source="call", role="assistant" if number % 2 else "user", text=text))


async def test_a_page_that_breaks_a_rule_says_so(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    press.pieces = ["## Camping\n### Spark Stove (STO-01)\n", "![Spark Stove](/images/STO-01.svg)\n**$1.00**\n"]
    press.skus = ("STO-01",)
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming to your screen.")
        await client.post("/api/request", json={"threadId": thread})
        told = events(await client.post("/api/suggestion", json={"threadId": thread, "customer": "maya"}))
    assert {one["kind"] for one in told[-1][1]["broken"]} == {"price", "unspoken"}
    assert "$" in next(one["says"] for one in told[-1][1]["broken"] if one["kind"] == "price")


async def test_a_page_is_start_text_done(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming to your screen.")
        assert (await client.post("/api/request", json={"threadId": thread})).json() == {
            "requested": True, "reason": "the test says so"
        }  # fmt: skip
        answer = await client.post("/api/suggestion", json={"threadId": thread, "customer": "maya"})
    told = events(answer)
    assert [kind for kind, _ in told] == ["start", "text", "text", "text", "done"]
    assert "".join(data["text"] for kind, data in told if kind == "text") == "".join(press.pieces)
    page = told[0][1]["id"]
    assert told[-1][1] == {"id": page, "skus": ["TEN-02"], "shown": True, "broken": []}
    lines = answer.text.split("\n")
    assert [line for line in lines if line.startswith("id:")] == [f"id: {page}:{number}" for number in range(5)]
    assert [line for line in lines if line.startswith("retry:")] == ["retry: 3000"]
    assert memory.get(thread).state["shown"][0]["skus"] == ["TEN-02"]
    assert press.written[0][0] == {"role": "user", "content": "Show me the Meadow Four."}


async def test_the_gate_judges_what_was_heard(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the tent.")
        gladly = Message(source="call", role="assistant", text="Gladly, it is coming.", heard="Gladly", id="a1")
        memory.append(thread, gladly)
        say(memory, thread, "Go on.", "It is coming.")
        await client.post("/api/request", json={"threadId": thread})
    assert [message["content"] for message in press.judged[0]] == [
        "Show me the tent.",
        "Gladly",
        "Go on.",
        "It is coming.",
    ]


async def test_request_called_per_assistant_turn_and_racing_was_a_defect(
    shop: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    """However often and however much at once the same turns are asked about: one question to the model."""
    press.requested = False
    press.judging.clear()
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "How heavy is it?", "Six kilos.")
        asking = [asyncio.create_task(client.post("/api/request", json={"threadId": thread})) for _ in range(8)]
        await press.begun.wait()
        press.judging.set()
        answers = [(await one).json() for one in asking]
        assert len(press.judged) == 1
        assert answers == [{"requested": False, "reason": "the test says so"}] * 8
        say(memory, thread, "And the bag?", "One kilo.")
        await client.post("/api/request", json={"threadId": thread})
    assert len(press.judged) == 2


async def test_two_pages_for_the_same_yes_are_one(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        press.begun.clear()
        press.open.clear()
        body = {"threadId": thread, "customer": "maya"}
        first = asyncio.create_task(client.post("/api/suggestion", json=body))
        await press.begun.wait()
        second = await client.post("/api/suggestion", json=body)
        press.open.set()
        assert events(await first)[-1][0] == "done"
        third = await client.post("/api/suggestion", json=body)
    assert (second.status_code, second.json()["error"]["message"]) == (
        409, "a page is being written for this thread: wait for it"
    )  # fmt: skip
    assert (third.status_code, third.json()["error"]["message"]) == (
        409, "a page was written for this turn already: it is on the screen"
    )  # fmt: skip
    assert len(press.written) == 1


async def test_a_page_is_no_reason_for_the_next(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    """The original could write for ever: its page led to a turn, the turn to a question, and the question to a page."""
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        body = {"threadId": thread, "customer": "maya"}
        for _ in range(5):
            if (await client.post("/api/request", json={"threadId": thread})).json()["requested"]:
                await client.post("/api/suggestion", json=body)
            memory.append(thread, Message(source="call", role="assistant", text="It is on your screen now."))
        last = await client.post("/api/suggestion", json=body)
    assert (len(press.judged), len(press.written)) == (1, 1)
    assert last.status_code == 409


async def test_window_content_never_cleared_between_pages_was_a_defect(
    shop: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    """Each page has an id of its own and begins with `start`, which empties the window."""
    ids = []
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        for wish in ("Show me a sleeping bag, please.", None):
            told = events(await client.post("/api/suggestion", json={"threadId": thread, "customer": "maya"}))
            assert told[0][0] == "start"
            assert {data["id"] for kind, data in told if kind != "text"} == {told[0][1]["id"]}
            ids.append(told[0][1]["id"])
            press.skus = ("SLE-02",)
            if wish:
                say(memory, thread, wish, "It is coming.")
    assert len(set(ids)) == 2
    assert [shown["id"] for shown in memory.get(thread).state["shown"]] == ids


async def test_another_relay_on_the_same_memory_does_not_write_it_again(
    serve: Any, agent: Agent, server: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    token = tokens.give()
    other = Agent(server.target, memory, admit=tokens.admit)
    async with (
        serve(agent, pages=Pages(agent, gate=press.gate, writer=press.writer)) as here,
        serve(other, pages=Pages(other, gate=press.gate, writer=press.writer)) as there,
        here.http(token) as one,
        there.http(token) as two,
    ):
        thread = await talked(here, memory, "Show me the Meadow Four.", "It is coming.")
        body = {"threadId": thread, "customer": "maya"}
        assert events(await one.post("/api/suggestion", json=body))[-1][0] == "done"
        refused = await two.post("/api/suggestion", json=body)
    assert (refused.status_code, len(press.written)) == (409, 1)


async def test_two_relays_do_not_write_on_one_screen_at_once(
    serve: Any, agent: Agent, server: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    token = tokens.give()
    async with (
        serve(agent, pages=Pages(agent, gate=press.gate, writer=press.writer)) as here,
        here.http(token) as one,
    ):
        thread = await talked(here, memory, "Show me the Meadow Four.", "It is coming.")
        body = {"threadId": thread, "customer": "maya"}
        theirs = memory.lease(f"page/{thread}", for_s=60)  # another relay writes
        assert theirs is not None
        refused = await one.post("/api/suggestion", json=body)
        assert (refused.status_code, refused.json()["error"]["message"]) == (409, WRITING)
        theirs.release()
        assert events(await one.post("/api/suggestion", json=body))[-1][0] == "done"
        await asyncio.sleep(0)
        say(memory, thread, "Now show me the Summit Solo.", "It is coming.")
        assert events(await one.post("/api/suggestion", json=body))[-1][0] == "done"


async def test_a_client_that_leaves_stops_the_model_and_may_ask_again(
    shop: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        press.open.clear()
        body = {"threadId": thread, "customer": "maya"}
        async with client.stream("POST", "/api/suggestion", json=body) as answer:
            async for line in answer.aiter_lines():
                if line == "event: text":
                    break
        async with asyncio.timeout(10):
            await press.stopped.wait()
        assert "shown" not in memory.get(thread).state
        press.open.set()
        say(memory, thread, "Show me the Meadow Four, please.", "It is coming.")
        assert events(await client.post("/api/suggestion", json=body))[-1][0] == "done"


async def test_a_page_that_fails_ends_with_an_error(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    press.problem = PromptError("the target broke off")
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        told = events(await client.post("/api/suggestion", json={"threadId": thread, "customer": "maya"}))
    assert [kind for kind, _ in told] == ["start", "text", "error"]
    assert told[-1][1] == {"id": told[0][1]["id"], "message": "the target broke off"}
    assert "shown" not in memory.get(thread).state


async def test_a_page_with_an_invented_product_is_taken_back(
    shop: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    press.unknown = ("TEN-99",)
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        told = events(await client.post("/api/suggestion", json={"threadId": thread, "customer": "maya"}))
    assert told[-1][0] == "error"
    assert "TEN-99 is not in the catalogue" in told[-1][1]["message"]
    assert "shown" not in memory.get(thread).state


async def test_a_page_for_a_customer_who_has_moved_on_is_taken_back(
    shop: Any, press: Press, tokens: Any, memory: Memory
) -> None:
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the Meadow Four.", "It is coming.")
        press.open.clear()
        writing = asyncio.create_task(client.post("/api/suggestion", json={"threadId": thread, "customer": "maya"}))
        await press.begun.wait()
        say(memory, thread, "No, never mind.", "As you like.")
        verdict = (await client.post("/api/request", json={"threadId": thread})).json()
        told = events(await writing)
    assert verdict["requested"] is False
    assert (told[-1][0], press.stopped.is_set()) == ("error", True)
    assert "said no" in told[-1][1]["message"]


async def test_a_gate_that_fails_is_a_502(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    press.problem = PromptError("the target cannot be reached")
    async with shop(tokens.give()) as (client, house):
        thread = await talked(house, memory, "Show me the tent.", "It is coming.")
        answer = await client.post("/api/request", json={"threadId": thread})
    assert (answer.status_code, answer.json()["error"]["message"]) == (502, "the target cannot be reached")


async def test_a_client_may_send_the_turns_itself(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    async with shop(tokens.give()) as (client, _):
        wanted = [(await client.post("/api/request", json={"messages": ASKED})).json()["requested"] for _ in range(2)]
        page = await client.post("/api/suggestion", json={"messages": ASKED, "customer": "maya"})
        again = await client.post("/api/suggestion", json={"messages": ASKED, "customer": "maya"})
        after = (await client.post("/api/request", json={"messages": ASKED})).json()["requested"]
    assert (wanted, len(press.judged)) == ([True, True], 1)
    assert events(page)[-1][0] == "done"
    assert (again.status_code, after, len(press.written)) == (409, False, 1)
    assert memory.list() == []


@pytest.mark.parametrize("path", ["/api/request", "/api/suggestion"])
async def test_nobody_without_a_token_costs_a_model_call(shop: Any, press: Press, tokens: Any, path: str) -> None:
    body = {"messages": ASKED, "customer": "maya"} if path.endswith("suggestion") else {"messages": ASKED}
    for token in (None, "made-up"):
        async with shop(token) as (client, _):
            answer = await client.post(path, json=body)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["error"]["type"] == "agent_error"
    assert press.judged == press.written == []


async def test_a_thread_and_a_customer_of_somebody_else(shop: Any, press: Press, tokens: Any, memory: Memory) -> None:
    other = memory.create(customer="maya", persona="voice").id
    async with shop(tokens.give("maya")) as (client, house):
        mine = await talked(house, memory, "Show me the tent.", "It is coming.")
        answers = [
            await client.post("/api/request", json={"threadId": other}),
            await client.post("/api/suggestion", json={"threadId": mine, "customer": "jonas"}),
            await client.post("/api/suggestion", json={"messages": ASKED, "customer": "jonas"}),
        ]
        memory.close_thread(mine)
        answers.append(await client.post("/api/request", json={"threadId": mine}))
    assert [answer.status_code for answer in answers] == [404, 403, 403, 410]
    assert press.judged == press.written == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", {}, {"threadId": "t", "messages": ASKED}, {"threadId": ""}, {"threadId": "../x"},
        {"messages": []}, {"messages": [{"name": "system", "text": "x"}]}, {"messages": ASKED, "more": 1},
        {"messages": [{"name": "user", "text": "x" * 4_001}]}, {"messages": ASKED * 101},
    ],
)  # fmt: skip
async def test_a_body_that_is_none_is_a_422_with_a_sentence(shop: Any, tokens: Any, body: Any) -> None:
    async with shop(tokens.give()) as (client, _):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await client.post("/api/request", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "malformed")


async def test_a_body_that_is_no_text_is_a_400(shop: Any, tokens: Any) -> None:
    async with shop(tokens.give()) as (client, _):
        answer = await client.post("/api/request", content=b"\xff{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unreadable")


async def test_requests_have_a_rate(
    shop: Any, server: Any, press: Press, tokens: Any, timed_memory: Memory, clock: Any
) -> None:
    limits = AgentLimits(requests_per_minute=2)
    agent = Agent(server.target, timed_memory, admit=tokens.admit, clock=clock, limits=limits)
    async with shop(tokens.give(), agent=agent) as (client, _):
        answers = [await client.post("/api/request", json={"messages": ASKED}) for _ in range(3)]
        clock.now_s = 60
        answers.append(await client.post("/api/request", json={"messages": ASKED}))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert answers[2].headers["retry-after"] == "60"
