"""The chat over its socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect

from contoso_lab.agent.desk import Agent, AgentLimits
from contoso_lab.memory import Memory, Message
from contoso_lab.shop import Catalog

pytestmark = pytest.mark.timeout(60)


def answer(response: str = "Maya, the Meadow Four.", context: str = "Wants a tent.", call: int = 1) -> list[str]:
    """As a model streams it: in pieces that know nothing of escapes."""
    written = json.dumps({"response": response, "context": context, "call": call})
    return [written[at : at + 5] for at in range(0, len(written), 5)]


async def test_a_turn_is_start_stream_complete_context_action(house: Any, server: Any, pieces_of: Any) -> None:
    server.reply = answer("Maya, das Zelt „Wiese“ 😀 – 279 $.", call=3)
    async with house.chat() as chat:
        attached = await chat.attach()
        frames = await chat.ask("Which tent?")
    assert attached == {"type": "thread", "payload": {"threadId": chat.thread, "returning": False}}
    states = [(f["type"], f["payload"].get("state")) for f in frames]
    assert states[0] == ("assistant", "start")
    assert states[-3:] == [("assistant", "complete"), ("context", None), ("action", None)]
    assert set(states[1:-3]) == {("assistant", "stream")}
    assert len(pieces_of(frames)) > 3
    assert "".join(pieces_of(frames)) == "Maya, das Zelt „Wiese“ 😀 – 279 $."
    assert frames[-2]["payload"] == {"type": "user", "payload": "Wants a tent."}
    assert frames[-1]["payload"] == {"name": "call", "arguments": '{"score":3}'}
    assert len({f["payload"]["id"] for f in frames[:-2]}) == 1


async def test_turns_and_context_go_into_the_thread(house: Any, server: Any, memory: Memory) -> None:
    server.reply = answer(call=5)
    async with house.chat() as chat:
        await chat.attach()
        frames = await chat.ask("Which tent?")
    thread, history = memory.get(chat.thread), memory.history(chat.thread)
    assert [(m.source, m.role, m.text, m.heard) for m in history] == [
        ("chat", "user", "Which tent?", None),
        ("chat", "assistant", "Maya, the Meadow Four.", None),
    ]
    assert history[1].id == frames[0]["payload"]["id"]
    assert history[1].after == history[0].id
    assert (thread.state["summaries"], thread.state["call_score"]) == (["Wants a tent."], 5)


async def test_a_reconnect_goes_on_in_the_same_thread(house: Any, server: Any, tokens: Any) -> None:
    token = tokens.give()
    server.reply = answer()
    async with house.chat(token) as chat:
        await chat.attach(None)
        await chat.ask("Which tent?")
    async with house.chat(token) as again:
        attached = await again.attach(chat.thread)
        await again.ask("How heavy is it?")
    assert attached["payload"] == {"threadId": chat.thread, "returning": True}
    messages = server.asked[1]["messages"]
    assert [m["content"] for m in messages[1:]] == ["Which tent?", "Maya, the Meadow Four.", "How heavy is it?"]
    assert "# Conversation so far\n- summary: Wants a tent." in messages[0]["content"]


async def test_a_thread_survives_a_restart_of_the_server(serve: Any, server: Any, memory: Memory, tokens: Any) -> None:
    token = tokens.give()
    server.reply = answer()
    async with serve(Agent(server.target, memory, admit=tokens.admit)) as house, house.chat(token) as chat:
        await chat.attach()
        await chat.ask("Which tent?")
    async with serve(Agent(server.target, memory, admit=tokens.admit)) as house, house.chat(token) as again:
        assert (await again.attach(chat.thread))["payload"]["returning"]


async def test_the_chat_knows_what_was_heard_on_the_call_and_not_what_was_only_meant(
    house: Any, server: Any, memory: Memory
) -> None:
    server.reply = answer()
    async with house.chat() as chat:
        await chat.attach()
        memory.append(
            chat.thread,
            Message(source="call", role="user", text="What does it weigh?", id="u1"),
            Message(source="call", role="assistant", text="Six kilos, and it is sold out.", heard="Six kilos", id="a1"),
            Message(source="call", role="assistant", text="Never heard.", heard="", id="a2"),
        )
        await chat.ask("Thanks.")
    said = [m["content"] for m in server.asked[0]["messages"][1:]]
    assert said[0] == "What does it weigh?"
    assert said[1].startswith("Six kilos")
    assert "sold out" not in " ".join(said)
    assert len(said) == 3
    assert said[1] == "Six kilos —"


async def test_transcripts_appended_in_arrival_order_was_a_defect(house: Any, server: Any, memory: Memory) -> None:
    """A transcript that comes late stands where it was spoken, also for the chat."""
    server.reply = answer()
    async with house.chat() as chat:
        await chat.attach()
        memory.append(chat.thread, Message(source="call", role="user", text="First.", id="u1"))
        memory.append(chat.thread, Message(source="call", role="assistant", text="Third.", id="a1", after="u2"))
        memory.append(chat.thread, Message(source="call", role="user", text="Second.", id="u2", after="u1"))
        await chat.ask("Fourth.")
    assert [m["content"] for m in server.asked[0]["messages"][1:]] == ["First.", "Second.", "Third.", "Fourth."]


async def test_chat_recommended_products_it_was_never_shown_was_a_defect(house: Any, server: Any) -> None:
    """The catalogue that the prompt declares is really in the request: each product, with price, facts and picture."""
    server.reply = answer()
    async with house.chat() as chat:
        await chat.attach()
        await chat.ask("Which tent?")
    prompt = server.asked[0]["messages"][0]["content"]
    for row in Catalog.load().rows():
        parts = (row["sku"], row["name"], row["category"], row["price"], row["description"], row["facts"])
        assert f"- {' | '.join(parts)} | image: {row['image']}" in prompt


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (["Hello, ", "I am no JSON."], "not JSON"),
        (['{"response": "Hi", ', '"context": "x"}'], "lacks 'call'"),
        (answer(call=6), "1 to 5, not 6"),
        (answer(call=0), "1 to 5, not 0"),
        (['{"response": "Hi", "context": "x", "call": "5"}'], "call"),
        (['{"response": "Hi", "context": "x", "call": 1, "mood": "good"}'], "nobody asked for"),
        (answer(response="  "), "empty"),
        (['{"response": "Hi", ', '"response": "Ho", "context": "x", "call": 1}'], "not one text"),
        (['{"response": "Hi", "context": "\\ud83d", "call": 1}'], "not JSON"),
        ([], "not JSON"),
    ],
)
async def test_an_answer_that_breaks_the_shape_is_one_error_and_never_an_answer(
    house: Any, server: Any, memory: Memory, reply: list[str], why: str
) -> None:
    server.reply = reply
    async with house.chat() as chat:
        await chat.attach()
        frames = await chat.ask("Which tent?")
        assert [f["type"] for f in frames].count("error") == 1
        assert frames[-1]["payload"]["code"] == "answer"
        assert why in frames[-1]["payload"]["message"]
        assert frames[-1]["payload"]["id"] == frames[0]["payload"]["id"]
        assert [m.role for m in memory.history(chat.thread)] == ["user"]
        assert "summaries" not in memory.get(chat.thread).state
        server.reply = answer()
        assert (await chat.ask("Which tent?"))[-1]["type"] == "action"
    assert [m.role for m in memory.history(chat.thread)] == ["user", "assistant"]


async def test_a_target_that_is_away_is_an_error_with_a_sentence(serve: Any, memory: Memory, tokens: Any) -> None:
    from contoso_lab.settings import Target

    agent = Agent(Target.local("http://127.0.0.1:9/v1"), memory, admit=tokens.admit)
    async with serve(agent) as house, house.chat() as chat:
        await chat.attach()
        frames = await chat.ask("Hello?")
    assert "cannot be reached" in frames[-1]["payload"]["message"]


async def test_leaving_in_the_middle_stops_the_model_and_keeps_no_answer(
    house: Any, server: Any, memory: Memory, hanging: Any
) -> None:
    server.reply = model = hanging('{"response": "The Meadow')
    async with house.chat() as chat:
        await chat.attach()
        await chat.write("Which tent?")
        assert (await chat.frame())["payload"]["state"] == "start"
        assert (await chat.frame())["payload"]["payload"] == "The Meadow"
    async with asyncio.timeout(10):
        await model.gone.wait()
    assert not model.go_on.is_set()
    assert [(m.role, m.text) for m in memory.history(chat.thread)] == [("user", "Which tent?")]
    assert "summaries" not in memory.get(chat.thread).state


async def test_two_sockets_on_one_thread_do_not_mix_their_answers(
    house: Any, server: Any, memory: Memory, tokens: Any, hanging: Any
) -> None:
    token = tokens.give()
    model = hanging('{"response": "One')
    model.rest = ', two.", "context": "", "call": 1}'
    replies = iter([model, lambda body: answer("Three.")])
    server.reply = lambda body: next(replies)(body)
    async with house.chat(token) as first, house.chat(token) as second:
        await first.attach()
        await second.attach(first.thread)
        await first.write("Question one")
        await model.begun.wait()
        await second.write("Question two")
        await second.send("this is read while the other one is answered")
        assert (await second.frame())["payload"]["code"] == "unreadable"
        assert len(server.asked) == 1
        model.go_on.set()
        one, two = await first.turn(), await second.turn()
    assert [f["payload"]["payload"] for f in one[1:-3]] == ["One", ", two."]
    assert [m.text for m in memory.history(first.thread)] == ["Question one", "One, two.", "Question two", "Three."]
    assert two[-1]["type"] == "action"


async def test_two_relays_on_one_memory_do_not_answer_one_thread_at_once(
    serve: Any, server: Any, tokens: Any, hanging: Any, shared: Any
) -> None:
    token = tokens.give()
    model = hanging('{"response": "One')
    model.rest = ', two.", "context": "", "call": 1}'
    replies = iter([model, lambda body: answer("Three.")])
    server.reply = lambda body: next(replies)(body)
    here, there = shared
    async with (
        serve(Agent(server.target, here, admit=tokens.admit)) as one,
        serve(Agent(server.target, there, admit=tokens.admit)) as other,
        one.chat(token) as first,
        other.chat(token) as second,
    ):
        await first.attach()
        await second.attach(first.thread)
        await first.write("Question one")
        await model.begun.wait()
        await second.write("Question two")
        for _ in range(3):  # it reads on while it waits for its turn
            await second.send("rubbish")
            assert (await second.frame())["payload"]["code"] == "unreadable"
        await asyncio.sleep(0.6)  # longer than it takes to look for a free turn twice
        assert len(server.asked) == 1
        model.go_on.set()
        one_turn, two_turn = await first.turn(), await second.turn()
    assert [f["payload"]["payload"] for f in one_turn[1:-3]] == ["One", ", two."]
    assert two_turn[-1]["type"] == "action"
    assert [m.text for m in here.history(first.thread)] == ["Question one", "One, two.", "Question two", "Three."]


async def test_a_relay_that_was_killed_in_an_answer_holds_its_thread_up_no_longer_than_its_lease(
    serve: Any, server: Any, tokens: Any, shared: Any
) -> None:
    server.reply, token = answer(), tokens.give()
    here, there = shared
    async with serve(Agent(server.target, there, admit=tokens.admit)) as other, other.chat(token) as chat:
        await chat.attach()
        here.lease(f"answer/{chat.thread}", for_s=1.0)  # and then it is killed
        assert (await chat.ask("Hello"))[-1]["type"] == "action"


async def test_a_rate_is_one_for_all_relays_on_a_memory(serve: Any, server: Any, tokens: Any, shared: Any) -> None:
    server.reply, token, limits = answer(), tokens.give(), AgentLimits(messages_per_minute=2)
    here, there = (Agent(server.target, memory, admit=tokens.admit, limits=limits) for memory in shared)
    async with serve(here) as one, serve(there) as other, one.chat(token) as first, other.chat(token) as second:
        await first.attach()
        await second.attach(first.thread)
        assert (await first.ask("Hello"))[-1]["type"] == "action"
        assert (await second.ask("Hello"))[-1]["type"] == "action"
        assert (await first.ask("Hello"))[-1]["payload"]["code"] == "too_fast"
        assert (await second.ask("Hello"))[-1]["payload"]["code"] == "too_fast"


async def test_messages_of_one_socket_are_answered_one_after_the_other(house: Any, server: Any) -> None:
    server.reply = lambda body: answer(f"You said {body['messages'][-1]['content']}.")
    async with house.chat() as chat:
        await chat.attach()
        for word in ("one", "two", "three"):
            await chat.write(word)
        said = ["".join(f["payload"].get("payload", "") for f in (await chat.turn())[1:-3]) for _ in range(3)]
    assert said == ["You said one.", "You said two.", "You said three."]


# -- who may come in ------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "made-up"])
async def test_no_auth_on_either_socket_was_a_defect(house: Any, token: str) -> None:
    async with house.chat(token) as chat:
        if token:
            await chat.send({"threadId": ""})
        code, reason = await chat.goodbye()
    assert code == 4401
    assert "token" in reason


async def test_an_agent_that_was_not_told_whom_to_admit_lets_nobody_in(serve: Any, server: Any, memory: Memory) -> None:
    async with serve(Agent(server.target, memory)) as house, house.chat() as chat:
        await chat.send({"threadId": ""})
        code, reason = await chat.goodbye()
    assert (code, "lets nobody in" in reason) == (4401, True)
    assert memory.list() == []


async def test_a_thread_belongs_to_the_token_that_made_it(house: Any, server: Any, tokens: Any) -> None:
    async with house.chat() as mine:
        await mine.attach()
    for name in (mine.thread, "thread_that_never_was_there_at_all"):
        async with house.chat(tokens.give("maya")) as other:
            await other.send({"threadId": name})
            assert await other.goodbye() == (
                4404, "there is no such thread for this token: begin a new one with an empty threadId"
            )  # fmt: skip


async def test_a_token_that_was_given_for_a_thread_opens_it(house: Any, tokens: Any, memory: Memory) -> None:
    thread = memory.create(customer="maya", persona="voice")
    async with house.chat(tokens.give("maya", thread=thread.id)) as chat:
        assert (await chat.attach(thread.id))["payload"]["returning"]
    async with house.chat(tokens.give("jonas", thread=thread.id)) as chat:
        await chat.send({"threadId": thread.id})
        assert (await chat.goodbye())[0] == 4404


async def test_wildcard_cors_with_credentials_was_a_defect(house: Any, tokens: Any) -> None:
    """A token of one page is of no use to another, also in a thread that it made; and nothing lets pages read."""
    token = tokens.give(origin="https://shop.example")
    async with house.chat(token, origin="https://shop.example") as chat:
        await chat.attach()
    for name in (chat.thread, ""):
        async with house.chat(token, origin="https://evil.example") as other:
            await other.send({"threadId": name})
            assert (await other.goodbye())[0] == 4401
    async with house.http(token) as client:
        got = await client.post(
            "/api/request", json={"threadId": chat.thread}, headers={"Origin": "https://evil.example"}
        )
    assert got.status_code == 401
    assert not [name for name in got.headers if name.startswith("access-control")]


async def test_the_token_may_come_in_a_header(house: Any, tokens: Any) -> None:
    address = f"{house.url.replace('http', 'ws', 1)}/api/chat"
    head = {"Authorization": f"Bearer {tokens.give()}"}
    async with connect(address, additional_headers=head, proxy=None) as socket:
        await socket.send("{}")
        assert json.loads(await socket.recv())["type"] == "thread"


async def test_the_memory_holds_no_token(house: Any, tokens: Any, memory: Memory) -> None:
    token = tokens.give()
    async with house.chat(token) as chat:
        await chat.attach()
    assert token not in json.dumps(dict(memory.get(chat.thread).state))


async def test_a_closed_or_forgotten_thread_says_so(house: Any, server: Any, tokens: Any, memory: Memory) -> None:
    token = tokens.give()
    server.reply = answer()
    async with house.chat(token) as chat:
        await chat.attach()
        memory.close_thread(chat.thread)
        assert (await chat.ask("Hello?"))[-1]["payload"]["code"] == "thread_gone"
        assert (await chat.goodbye())[0] == 4410
    async with house.chat(token) as again:
        await again.send({"threadId": chat.thread})
        assert (await again.goodbye())[0] == 4410
    memory.forget("maya")
    async with house.chat(token) as again:
        await again.send({"threadId": chat.thread})
        assert (await again.goodbye())[0] == 4404


# -- how much is too much -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first", ["", "null", "[]", "7", '{"threadId": 5}', '{"threadId": "../x"}', '{"thread": "x"}', b"\x00\x01"]
)
async def test_a_first_frame_that_names_no_thread_ends_it(house: Any, first: str | bytes) -> None:
    async with house.chat() as chat:
        await chat.send(first)
        code, reason = await chat.goodbye()
    assert code == 4400
    assert reason.startswith("the first frame names the thread")


@pytest.mark.parametrize(
    ("frame", "code", "why"),
    [
        ("{", "unreadable", "Invalid JSON"),
        (b"\x01", "unreadable", "not a binary one"),
        ({"name": "Maya"}, "unreadable", "text"),
        ({"name": "Maya", "text": 5}, "unreadable", "text"),
        ({"name": "Maya", "text": "Hi", "role": "system"}, "unreadable", "role"),
        ({"name": "Maya", "text": "x" * 4_001}, "unreadable", "4000 characters"),
        ({"name": "M" * 81, "text": "Hi"}, "unreadable", "80 characters"),
        ({"name": "Maya", "text": " \n"}, "empty", "write something"),
        ('{"name": "Maya", "text": "\\ud83d"}', "unreadable", "JSON"),
        ({"name": "Maya", "text": "Look", "image": "http://x/y.png"}, "picture", "data URL"),
    ],
)
async def test_a_message_that_is_none_gets_one_sentence_and_the_chat_goes_on(
    house: Any, server: Any, memory: Memory, frame: Any, code: str, why: str
) -> None:
    server.reply = answer()
    async with house.chat() as chat:
        await chat.attach()
        await chat.send(frame)
        error = await chat.frame()
        assert (error["type"], error["payload"]["code"]) == ("error", code)
        assert why in error["payload"]["message"]
        assert memory.history(chat.thread) == []
        assert (await chat.ask("Which tent?"))[-1]["type"] == "action"


async def test_a_frame_longer_than_any_message_ends_it(house: Any) -> None:
    async with house.chat() as chat:
        await chat.attach()
        await chat.send("x" * (9 * 1024 * 1024))
        assert (await chat.goodbye())[0] == 1009


async def test_messages_have_a_rate_on_all_sockets_of_a_token(
    serve: Any, server: Any, timed_memory: Memory, tokens: Any, clock: Any
) -> None:
    server.reply, token = answer(), tokens.give()
    limits = AgentLimits(messages_per_minute=2)
    async with serve(Agent(server.target, timed_memory, admit=tokens.admit, clock=clock, limits=limits)) as house:
        async with house.chat(token) as chat:
            await chat.attach()
            assert [(await chat.ask("Hello"))[-1]["type"] for _ in range(2)] == ["action", "action"]
        async with house.chat(token) as chat:
            await chat.attach()
            clock.now_s = 20
            assert (await chat.ask("Hello"))[-1]["payload"] == {
                "code": "too_fast", "message": "2 messages a minute are the most: wait 40 seconds"
            }  # fmt: skip
            clock.now_s = 60
            assert (await chat.ask("Hello"))[-1]["type"] == "action"


async def test_only_so_many_messages_wait(house: Any, server: Any, hanging: Any) -> None:
    server.reply = model = hanging('{"response": "One')
    async with house.chat() as chat:
        await chat.attach()
        await chat.write("now")
        await model.begun.wait()
        for _ in range(3):
            await chat.write("later")
        await chat.write("too many")
        frames = [await chat.frame() for _ in range(3)]
    assert frames[-1]["payload"]["message"] == "3 messages wait for their answer: wait for them, too"


async def test_a_thread_is_full_at_last(serve: Any, server: Any, memory: Memory, tokens: Any) -> None:
    server.reply = answer()
    agent = Agent(server.target, memory, admit=tokens.admit, limits=AgentLimits(messages=4))
    async with serve(agent) as house, house.chat() as chat:
        await chat.attach()
        kinds = [(await chat.ask(f"Question {n}"))[-1] for n in range(3)]
    assert [kind["type"] for kind in kinds] == ["action", "action", "error"]
    assert kinds[-1]["payload"]["code"] == "thread_full"


async def test_rubbish_without_end_ends_it(house: Any) -> None:
    async with house.chat() as chat:
        await chat.attach()
        for _ in range(101):
            await chat.send("rubbish")
        assert (await chat.goodbye())[0] == 4429


async def test_silence_ends_it(serve: Any, server: Any, memory: Memory, tokens: Any) -> None:
    limits = AgentLimits(first_frame_s=0.01, idle_s=0.01)
    async with serve(Agent(server.target, memory, admit=tokens.admit, limits=limits)) as house, house.chat() as chat:
        assert (await chat.goodbye())[0] == 4408
    limits = AgentLimits(idle_s=0.01)
    async with serve(Agent(server.target, memory, admit=tokens.admit, limits=limits)) as house, house.chat() as chat:
        await chat.attach()
        assert (await chat.goodbye())[0] == 4408


async def test_only_so_many_chats_are_open(serve: Any, server: Any, memory: Memory, tokens: Any) -> None:
    agent = Agent(server.target, memory, admit=tokens.admit, limits=AgentLimits(sockets=1))
    async with serve(agent) as house:
        async with house.chat() as chat:
            await chat.attach()
            async with house.chat() as other:
                assert (await other.goodbye())[0] == 4503
    assert agent.open_sockets == 0


async def test_one_token_makes_only_so_many_threads(serve: Any, server: Any, memory: Memory, tokens: Any) -> None:
    token = tokens.give()
    agent = Agent(server.target, memory, admit=tokens.admit, limits=AgentLimits(threads_per_pass=2))
    async with serve(agent) as house:
        for _ in range(2):
            async with house.chat(token) as chat:
                await chat.attach()
        async with house.chat(token) as chat:
            await chat.send("{}")
            assert (await chat.goodbye())[0] == 4429
    assert len(memory.list()) == 2


# -- what the memory adds -------------------------------------------------------------------------


async def test_a_customer_can_ask_to_be_forgotten_and_is_asked_once_whether_they_mean_it(
    house: Any, server: Any, memory: Memory, pieces_of: Any
) -> None:
    server.reply = answer()
    async with house.chat() as chat:
        await chat.attach()
        await chat.ask("Which tent?")
        asked = await chat.ask("Please delete all my data.")
        assert "cannot be undone" in "".join(pieces_of(asked))
        kept = await chat.ask("No, wait.")
        assert "nothing is deleted" in "".join(pieces_of(kept))
        assert len(memory.history(chat.thread)) == 6
        await chat.ask("Please delete all my data.")
        done = await chat.ask("Yes, please.")
        assert memory.list("maya", include_closed=True) == []
        assert "deleted" in "".join(pieces_of(done))
        assert (await chat.ask("Hello?"))[-1]["payload"]["code"] == "thread_gone"
        assert (await chat.goodbye())[0] == 4410
    assert len(server.asked) == 1  # such questions are no model's to answer


async def test_forgetting_goes_as_far_as_the_agent_was_told(
    serve: Any, server: Any, memory: Memory, tokens: Any
) -> None:
    forgotten: list[str] = []
    agent = Agent(server.target, memory, admit=tokens.admit, forget=forgotten.append)
    async with serve(agent) as house, house.chat() as chat:
        await chat.attach()
        await chat.ask("Forget me, please.")
        await chat.ask("Yes.")
    assert forgotten == ["maya"]


async def test_a_customer_who_comes_back_is_known(house: Any, server: Any, tokens: Any) -> None:
    server.reply = answer(context="Maya plans a week in the Alps.")
    for _ in range(2):
        async with house.chat() as chat:
            await chat.attach()
            await chat.ask("Which tent?")
    first, second = (body["messages"][0]["content"] for body in server.asked)
    assert "Alps" not in first
    assert "a week in the Alps" in second


async def test_a_long_chat_keeps_to_its_budget_and_loses_no_fact_of_the_cart(
    serve: Any, server: Any, memory: Memory, tokens: Any
) -> None:
    def reply(body: dict[str, Any]) -> list[str]:
        chatting = body["messages"][0]["content"].startswith("You are Robin")
        return answer("word " * 60) if chatting else ['{"digest": "Talked."}']

    server.reply = reply
    agent = Agent(server.target, memory, admit=tokens.admit, limits=AgentLimits(history_tokens=800))
    async with serve(agent) as house, house.chat() as chat:
        await chat.attach()
        memory.update(chat.thread, lambda state: {**state, "cart": [{"sku": "TEN-02", "quantity": 2}]})
        for number in range(16):
            await chat.ask(f"Question {number}: {'please tell me more ' * 10}")
    chats = [body["messages"] for body in server.asked if body["messages"][0]["content"].startswith("You are Robin")]
    assert all("2 x Meadow Four" in messages[0]["content"] for messages in chats)
    assert max(map(len, chats)) < 20
    assert memory.get(chat.thread).state.get("digest")


@pytest.mark.parametrize(
    ("asked", "reply", "kind"),
    [
        ("What does the Meadow Four cost?", "The Meadow Four costs $250.", "price"),
        ("Boots?", "I recommend the Pathfinder Boots.", "again"),
        ("A tent?", "Das Meadow Four ist ein gutes Zelt für vier Personen.", "language"),
        ("A tent?", "I have put the Meadow Four on your screen.", "permission"),
        ("A hammock?", "Take the Osprey Atmos for it.", "not_carried"),
    ],
)
async def test_an_answer_that_breaks_a_rule_is_told_to_who_asks_for_it_and_kept_in_the_thread(
    house: Any, server: Any, memory: Memory, asked: str, reply: str, kind: str
) -> None:
    server.reply = answer(reply)
    async with house.chat() as chat:
        await chat.send(json.dumps({"threadId": "", "findings": True}))
        thread = (await chat.frame())["payload"]["threadId"]
        assert (await chat.ask(asked))[-1]["type"] == "action"
        finding = await chat.frame()
        assert (finding["type"], finding["payload"]["kind"]) == ("finding", kind)
        said = memory.history(thread)[-1]
        assert (said.id, said.text) == (finding["payload"]["id"], reply)
        assert [one["kind"] for one in said.meta["findings"]] == [kind]
        assert said.meta["call"] == 1, "what stood there before stays"


async def test_a_client_that_does_not_ask_for_findings_gets_none_and_a_good_answer_has_none(
    house: Any, server: Any, memory: Memory
) -> None:
    replies = iter(["The Meadow Four costs $250.", "The Meadow Four costs $279."])
    server.reply = lambda body: answer(next(replies))
    async with house.chat() as chat:
        await chat.attach()
        for _ in range(2):
            assert (await chat.ask("What does it cost?"))[-1]["type"] == "action"
        assert (await chat.ask(""))[-1]["type"] == "error", "nothing came in between"
        kept = [message.meta.get("findings") for message in memory.history(chat.thread)]
    assert [found is not None for found in kept] == [False, True, False, False]


async def test_the_chat_knows_what_was_ordered_in_an_earlier_thread(house: Any, server: Any, memory: Memory) -> None:
    earlier = memory.create(customer="maya", persona="voice")
    order = {"id": "CO-1", "at": "2026-05-01T09:30:00+00:00", "total": "279.00", "currency": "USD", "call_id": ""}
    order["lines"] = [{"sku": "TEN-02", "quantity": 1}]
    memory.update(earlier.id, lambda state: state | {"orders": [order]})
    memory.close_thread(earlier.id)
    server.reply = answer()
    async with house.chat() as chat:
        await chat.attach()
        await chat.ask("Hello")
    prompt = json.dumps(server.asked[-1]["messages"])
    assert "TEN-02" in prompt.split("# Already bought")[1].split("# Catalogue")[0]
