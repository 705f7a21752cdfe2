"""A customer who says in a call that they want to be forgotten is asked, and is; the running call goes as well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from contoso_lab.agent.forget_me import ASK, KEEP
from contoso_lab.errors import RecordingError
from contoso_lab.memory import Memory, Message, open_memory
from contoso_lab.recording import Recorder
from contoso_lab.relay.threads import forget_me
from contoso_lab.relay.threads.forget_me import BUSY, FAILED, ForgetMe
from contoso_lab.relay.threads.forgetter import Forgetter

from .fakes import Held, dump, settle  # noqa: TID252 - the tests are no package
from .test_threads_shopping import in_writing  # noqa: TID252 - as above
from .test_tool_calls import ask, engine  # noqa: TID252 - as above


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with open_memory(f"sqlite:///{tmp_path / 'memory.sqlite3'}") as opened:
        yield opened


class Call:
    """A call of Maya's in memory, with what her relay keeps of her."""

    def __init__(self, memory: Memory, runs: Path, deed: Any = None) -> None:
        self.memory = memory
        self.thread = memory.create(customer="maya", persona="voice")
        memory.append(self.thread.id, Message("chat", "user", "Do you have tents?"))
        self.deed = deed or Forgetter(memory, runs)
        own = frozenset({self.thread.id})
        self.held = Held(forgets=ForgetMe("maya", self.deed, own, "c1"))
        self.numbers = 0

    def says(self, text: str) -> None:
        self.numbers += 1
        content = [{"type": "input_audio", "transcript": text}]
        item = {"id": f"u{self.numbers}", "type": "message", "role": "user", "content": content}
        self.held.target.says(dump("conversation.item.added", previous_item_id=None, item=item))

    def told(self) -> list[str]:
        """What the agent was told to say."""
        items = [event["item"] for event in self.held.target.named("conversation.item.create")]
        return [item["content"][0]["text"] for item in items if item["role"] == "system"]

    async def hears(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for events of the relay to the client: the deed is done in a thread."""
        task = self.held.pump.beside.forgets._task
        if task is not None:
            await asyncio.wait([task], timeout=60)
        found = self.held.client.named(name)
        assert len(found) == count
        return found


def exactly(words: str) -> str:
    return f'Say exactly this to the customer now: "{words}"'


async def test_the_customer_is_asked_and_a_plain_yes_deletes_everything_and_ends_the_call(memory, tmp_path):
    call = Call(memory, tmp_path / "runs")
    other = memory.create(customer="daniel", persona="voice")
    call.says("Please forget me.")
    assert call.held.client.named("lab.forget") == [{"type": "lab.forget", "step": "ask", "say": ASK["en"]}]
    assert call.told() == [exactly(ASK["en"])]
    assert call.held.target.types[-1] == "response.create"
    assert len(memory.list("maya")) == 1, "nothing is deleted before the yes"
    call.says("Yes, please do.")
    [receipt] = await call.hears("lab.forgotten")
    assert (receipt["threads"], receipt["messages"], receipt["left"]) == (1, 1, 0)
    assert memory.list("maya", include_closed=True) == []
    assert [thread.id for thread in memory.list()] == [other.id]
    assert call.told()[-1] == exactly(receipt["say"])
    assert call.held.tape.discarded == "the customer asked to be forgotten"
    assert call.held.client.named("lab.recording.failed"), "the client knows that it is recorded no more"
    assert call.held.client.closed_with is None, "the agent may say so first"
    await call.held.clock.pass_s(forget_me.GOODBYE_S)
    await call.held.pump.finished.wait()
    assert call.held.client.closed_with.code == 1000
    assert call.held.pump.hang_up.why == "the customer asked to be forgotten, and is"


async def test_the_agent_does_not_cut_in_on_anybody_with_the_question(memory, tmp_path):
    call = Call(memory, tmp_path / "runs")
    call.held.target.says(dump("response.created", response={"id": "r1"}))
    call.says("Please delete all my data.")
    assert call.held.target.types[-1] == "conversation.item.create"
    call.held.target.says(dump("response.done", response={"id": "r1", "status": "completed", "output": []}))
    assert call.held.target.types[-1] == "response.create"


@pytest.mark.parametrize("answer", ["No.", "Which tent is lighter?", "Yes, but later."])
async def test_anything_but_a_plain_yes_keeps_everything(memory, tmp_path, answer):
    call = Call(memory, tmp_path / "runs")
    call.says("Please forget me.")
    call.says(answer)
    assert call.told()[-1] == exactly(KEEP["en"])
    call.says("Yes.")
    await settle()
    assert len(call.told()) == 2, "a later yes is one to something else"
    assert len(memory.list("maya")) == 1


@pytest.mark.parametrize("text", ["Forget the tent.", "Do not forget me!", "I always forget my tent pegs."])
async def test_other_words_are_about_other_things(memory, tmp_path, text):
    call = Call(memory, tmp_path / "runs")
    call.says(text)
    call.says("Yes.")
    await settle()
    assert call.told() == []
    assert len(memory.list("maya")) == 1


async def test_it_is_asked_and_answered_in_the_customers_language(memory, tmp_path):
    call = Call(memory, tmp_path / "runs")
    call.says("Bitte löschen Sie alle meine Daten.")
    assert call.told() == [exactly(ASK["de"])]
    call.says("Ja.")
    [receipt] = await call.hears("lab.forgotten")
    assert "gelöscht" in receipt["say"]


async def test_while_another_call_of_theirs_goes_on_nothing_is_deleted_and_they_are_told(memory, tmp_path):
    call = Call(memory, tmp_path / "runs")
    other = memory.create(customer="maya", persona="voice")
    memory.update(other.id, lambda state: state | {"call": {"phase": "call"}})
    call.says("Please forget me.")
    call.says("Yes.")
    await call.hears("lab.forget", 2)
    assert call.told()[-1] == exactly(BUSY["en"])
    assert len(memory.list("maya")) == 2
    assert call.held.tape.discarded is None, "and the recording goes on"
    memory.update(other.id, lambda state: state | {"call": {"phase": "idle"}})
    call.says("Then forget me now.")
    call.says("Yes.")
    await call.hears("lab.forgotten")
    assert memory.list("maya") == []


async def test_what_cannot_be_deleted_is_said_and_can_be_asked_again(memory, tmp_path):
    class Stuck(Forgetter):
        tried = 0

        def __call__(self, customer: str, *, own: Any = ()) -> Any:
            Stuck.tried += 1
            if Stuck.tried == 1:
                raise RecordingError("runs/x cannot be deleted")
            return super().__call__(customer, own=own)

    call = Call(memory, tmp_path / "runs", Stuck(memory, tmp_path / "runs"))
    call.says("Please forget me.")
    call.says("Yes.")
    await call.hears("lab.forget", 2)
    assert call.told()[-1] == exactly(FAILED["en"])
    call.says("Please forget me.")
    call.says("Yes.")
    await call.hears("lab.forgotten")
    assert memory.list("maya") == []


async def test_a_client_that_hangs_up_after_the_yes_is_forgotten_all_the_same(memory, tmp_path):
    call = Call(memory, tmp_path / "runs")
    call.says("Please forget me.")
    call.says("Yes.")
    call.held.client.breaks(1000)
    await call.held.pump.finished.wait()
    assert memory.list("maya") == []


async def test_recordings_go_the_running_one_included(relay_to, monkeypatch):
    monkeypatch.setattr(forget_me, "GOODBYE_S", 0.2)
    with open_memory("sqlite://") as memory:
        thread = memory.create(customer="priya", persona="voice")
        async with (
            engine("One moment.", ASK["en"], "One moment.", "It is deleted.", "Goodbye.") as port,
            relay_to(port, setup=in_writing, memory=memory) as relay,
        ):
            for customer in ("priya", "daniel"):
                with Recorder.start(relay.runs, persona="voice", customer=customer):
                    pass
            async with AsyncOpenAI(api_key="none-needed", base_url=f"{relay.url}/v1") as asker:
                secret = await asker.realtime.client_secrets.create(extra_query={"thread": thread.id})
            async with (
                AsyncOpenAI(api_key=secret.value, base_url=f"{relay.url}/v1") as client,
                client.realtime.connect(model="the relay decides") as connection,
            ):
                await ask(connection, "Please forget me.", responses=2)
                assert len(_customers(relay.runs)) == 3
                seen = await ask(connection, "Yes, please do.", responses=1)
                seen += [event async for event in connection]  # until the relay hangs up
            await asyncio.gather(*(pump.finished.wait() for pump in tuple(relay.desk.pumps)))
            assert _customers(relay.runs) == ["daniel"]
        [receipt] = [event for event in seen if event.type == "lab.forgotten"]
        assert (receipt.recordings, receipt.left) == (2, 0)
        assert memory.list("priya", include_closed=True) == []


def _customers(runs: Path) -> list[str]:
    pages = [json.loads(page.read_text(encoding="utf-8")) for page in runs.glob("*/manifest.json")]
    return sorted(page["customer"] for page in pages)
