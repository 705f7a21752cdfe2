"""The desk beside the phone: what it judges, when, and what it never judges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts import PromptRun
from contoso_lab.session import WriteUpDesk
from contoso_lab.session.beside import ON_SCREEN
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.shop.writeup import GateDecision, WriteUp

PAGE = "### Meadow Four (TEN-02)\n\nIt costs $279."


def run_of(prompt: str) -> PromptRun:
    return PromptRun(
        prompt=prompt, sha256="ab" * 32, messages=(), response="", data=None, usage=None, model="tiny",
        started_ns=0, first_ns=None, ended_ns=0, error=None,
    )  # fmt: skip


@dataclass
class Prompts:
    """Stands where the gate and the suggestions are: says yes where `wants` does, and keeps what it was told."""

    wants: Callable[[str], bool] = lambda said: "show me" in said.lower()
    judged: list[list[str]] = field(default_factory=list)
    written: list[list[str]] = field(default_factory=list)
    at_work: int = 0
    judging: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a page is begun."""
    may_judge: asyncio.Event = field(default_factory=asyncio.Event)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_judge.set()
        self.may_write.set()

    async def decide(self, messages: list[dict[str, Any]], target: Target, **_: Any) -> GateDecision:
        said = [message["content"] for message in messages]
        self.judged.append(said)
        self.judging.set()
        await self._alone(self.may_judge)
        asked = [message["content"] for message in messages if message["role"] == "user"]
        return GateDecision(self.wants(asked[-1]), "because", run_of("writeup_gate"))

    async def suggest(
        self, messages: Any, customer: Any, catalog: Any, target: Any, on_text: Any = None, **_: Any
    ) -> WriteUp:
        self.written.append([message["content"] for message in messages])
        self.writing.set()
        await self._alone(self.may_write)
        for piece in (PAGE[:10], PAGE[10:]):
            if on_text is not None:
                on_text(piece)
        return WriteUp(PAGE, ("TEN-02",), (), run_of("suggestions"))

    async def _alone(self, go: asyncio.Event) -> None:
        self.at_work += 1
        assert self.at_work == 1, "one at a time"
        try:
            await go.wait()
        finally:
            self.at_work -= 1


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> Prompts:
    answering = Prompts()
    monkeypatch.setattr("contoso_lab.session.beside.decide", answering.decide)
    monkeypatch.setattr("contoso_lab.session.beside.suggest", answering.suggest)
    return answering


@pytest.fixture
def desk() -> WriteUpDesk:
    return WriteUpDesk(Target.local("http://127.0.0.1:9/v1"), get_customer("maya"), Catalog.load())


pytestmark = pytest.mark.usefixtures("soon_at_rest")


async def on_screen(line) -> None:
    """What the desk says when a page is shown, and the answer to it."""
    item = (await line.expect("conversation.item.create"))["item"]
    assert item["content"] == [{"type": "input_text", "text": ON_SCREEN}]
    wire = {"id": f"system_{len(line.notes)}", "status": "completed", **item}
    await line.send("conversation.item.added", previous_item_id=None, item=wire)
    await line.expect("response.create")


async def hold(fake, desk: WriteUpDesk) -> None:
    """A call in which only the server and the desk do anything."""
    async with fake.call(after_reply=desk.after_reply) as session:
        await fake.scripted.wait()
        assert await session.settled(within_s=4)


async def test_a_page_is_written_shown_and_told(fake, desk, prompts) -> None:
    pieces: list[str] = []
    desk.on_suggestion = pieces.append

    async def script(line) -> None:
        await line.reply("a0", "Hello Maya.", sound_ms=0)
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await on_screen(line)
        await line.reply("a2", "It is on your screen.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == [["Hello Maya.", "Show me the tent.", "One moment."]]
    assert prompts.written == prompts.judged
    assert "".join(pieces) == PAGE
    assert desk.shown == 1
    notes = [note for note in fake.line.notes if note["type"] != "call.ended"]
    assert [note["type"] for note in notes] == [
        "prompt.run", "gate.decided", "suggestion.started", "prompt.run", "suggestion.shown",
    ]  # fmt: skip
    gate, started, shown = notes[1], notes[2], notes[4]
    assert (gate["requested"], gate["reason"], gate["after_item_id"]) == (True, "because", "a1")
    assert started["suggestion_id"] == shown["suggestion_id"] == "suggestion_1"
    assert (shown["text"], shown["skus"], shown["unknown_skus"]) == (PAGE, ["TEN-02"], [])
    assert gate["duration_ms"] >= 0
    assert shown["duration_ms"] >= 0


async def test_the_greeting_is_not_judged(fake, desk, prompts) -> None:
    async def script(line) -> None:
        await line.reply("a0", "Hello Maya.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == []


async def test_each_finished_reply_is_judged_until_something_is_wanted(fake, desk, prompts) -> None:
    async def script(line) -> None:
        for number in (1, 2):
            await line.customer_says(f"u{number}", f"Question {number}?")
            await line.reply(f"a{number}", f"Answer {number}.", sound_ms=0)
            while len(prompts.judged) < number:
                await line.note("gate.decided")

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == [
        ["Question 1?", "Answer 1."],
        ["Question 1?", "Answer 1.", "Question 2?", "Answer 2."],
    ]
    assert prompts.written == []


async def test_after_a_page_only_what_was_said_since_is_judged_and_all_is_written_about(fake, desk, prompts) -> None:
    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await on_screen(line)
        await line.reply("a2", "It is on your screen.", sound_ms=0)
        await line.customer_says("u2", "Now show me a bag.")
        await line.reply("a3", "Of course.", sound_ms=0)
        await on_screen(line)
        await line.reply("a4", "Have a look.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    first = ["Show me the tent.", "One moment."]
    since = ["It is on your screen.", "Now show me a bag.", "Of course."]
    assert prompts.judged == [first, since]
    assert prompts.written == [first, first + since]
    assert desk.shown == 2


async def test_a_reply_that_ends_while_a_page_is_written_is_judged_after(fake, desk, prompts) -> None:
    prompts.may_write.clear()

    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await prompts.writing.wait()
        await line.customer_says("u2", "And what does it weigh?")
        await line.reply("a2", "Six kilograms.", sound_ms=0)
        await line.customer_says("u3", "Fine.")
        await line.reply("a3", "Good.", sound_ms=0)
        prompts.may_write.set()
        await on_screen(line)
        await line.reply("a4", "It is on your screen.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged[0] == ["Show me the tent.", "One moment."]
    # Once for both that ended meanwhile, and never again for the desk's own reply.
    assert len(prompts.judged) == 2
    assert prompts.judged[1][:4] == ["And what does it weigh?", "Six kilograms.", "Fine.", "Good."]


async def test_its_own_reply_is_not_judged_even_while_it_is_still_judging(fake, desk, prompts) -> None:
    """Its reply may end while the desk judges what was said during the page: it comes up again, with nothing new."""
    prompts.may_write.clear()

    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await prompts.writing.wait()
        await line.customer_says("u2", "Thank you.")
        await line.reply("a2", "You are welcome.", sound_ms=0)
        prompts.judging.clear()
        prompts.may_judge.clear()
        prompts.may_write.set()
        await on_screen(line)
        await line.begin_reply("a3", "It is on your screen.")
        await prompts.judging.wait()
        await line.end_reply("a3", "It is on your screen.")
        await line.customer_speaks("noise")  # a sign that the client has read all that
        await line.customer_stops("noise")
        await line.written("noise", "")
        prompts.may_judge.set()

    fake.script = script
    await hold(fake, desk)
    assert len(prompts.judged) == 2
    assert prompts.judged[1][:2] == ["Thank you.", "You are welcome."]


async def test_words_that_are_written_after_the_reply_are_waited_for(fake, desk, prompts) -> None:
    """OpenAI transcribes beside the reply: a short answer ends before the question is there."""

    async def script(line) -> None:
        await line.customer_speaks("u1")
        await line.customer_stops("u1")
        await line.reply("a1", "One moment.", sound_ms=40)
        await line.note("playback.stopped")
        assert prompts.judged == []
        await line.written("u1", "Show me the tent.")
        await on_screen(line)
        await line.reply("a2", "It is on your screen.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == [["Show me the tent.", "One moment."]]


async def test_words_that_never_come_are_not_waited_for_without_end(
    fake, desk, prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contoso_lab.session.client.WORDS_PATIENCE_S", 0.1)

    async def script(line) -> None:
        await line.customer_says("u1", "Which tent?")
        await line.customer_speaks("u2")
        await line.customer_stops("u2")
        await line.reply("a1", "The Meadow Four.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == [["Which tent?", "The Meadow Four."]]


async def test_what_the_customer_is_saying_now_belongs_to_the_next_page(fake, desk, prompts) -> None:
    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.begin_reply("a1", "One moment.")
        await line.customer_speaks("u2")
        await line.end_reply("a1", "One moment.")
        assert (await line.note("gate.decided"))["after_item_id"] == "a1"
        await line.note("suggestion.shown")
        await line.customer_stops("u2")
        await line.written("u2", "And show me a bag.")
        await line.reply("a2", "Of course.", sound_ms=0)
        await on_screen(line)
        await line.reply("a3", "Here is the tent.", sound_ms=0)
        await on_screen(line)
        await line.reply("a4", "Here is the bag.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged[0] == ["Show me the tent.", "One moment."]
    assert prompts.judged[1][:2] == ["And show me a bag.", "Of course."]
    assert desk.shown == 2


async def test_a_noise_is_no_question(fake, desk, prompts) -> None:
    async def script(line) -> None:
        await line.customer_says("u1", "")
        await line.reply("a1", "Pardon?", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == []


async def test_what_was_not_heard_is_not_judged(fake, desk, prompts, clock) -> None:
    async def script(line) -> None:
        await line.customer_says("u1", "Which tent?")
        await line.begin_reply("a1", "The Meadow Four sleeps four people.", sound_ms=1000)
        await line.note("playback.started")
        clock.ms = 500
        await line.customer_speaks("u2")
        await line.expect("conversation.item.truncate")
        await line.end_reply("a1", "The Meadow Four sleeps four people.", status="cancelled")
        await line.customer_stops("u2")
        await line.written("u2", "Stop.")
        await line.reply("a2", "Yes?", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert prompts.judged == [["Which tent?", "The Meadow Four", "Stop.", "Yes?"]]


async def test_a_prompt_that_fails_ends_the_call_with_its_sentence(
    fake, desk, prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def decide(messages: Any, target: Any, **_: Any) -> GateDecision:
        raise PromptError("prompts/writeup_gate.prompty: the target did not answer")

    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)

    monkeypatch.setattr("contoso_lab.session.beside.decide", decide)
    fake.script, fake.ends = script, "silent"
    with pytest.raises(PromptError, match="the target did not answer"):
        async with fake.call(after_reply=desk.after_reply):
            await asyncio.Event().wait()


async def test_preparing_loads_its_prompts_in_a_thread(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    loaded: list[tuple[tuple[str, ...], bool]] = []

    def prepare(*names: str) -> None:
        loaded.append((names, threading.current_thread() is threading.main_thread()))

    monkeypatch.setattr("contoso_lab.prompts.prepare", prepare)
    await desk.prepare()
    assert loaded == [(("writeup_gate", "suggestions"), False)]


# -- what the rules ask of the desk ---------------------------------------------------------------------


async def test_a_page_is_given_up_when_the_customer_says_no(fake, desk, prompts) -> None:
    prompts.may_write.clear()

    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await prompts.writing.wait()
        await line.customer_says("u2", "No, never mind.")
        assert (await line.note("suggestion.cancelled"))["suggestion_id"] == "suggestion_1"
        await line.reply("a2", "As you like.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert (desk.shown, desk.pages) == (0, [])


async def test_who_asks_for_the_same_again_is_told_that_it_is_there(fake, desk, prompts) -> None:
    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await on_screen(line)
        await line.reply("a2", "It is on your screen.", sound_ms=0)
        await line.customer_says("u2", "Show me that again, please.")
        await line.reply("a3", "Of course.", sound_ms=0)
        item = (await line.expect("conversation.item.create"))["item"]
        assert "still on the customer's screen" in item["content"][0]["text"]
        await line.expect("response.create")
        await line.reply("a4", "It is still there.", sound_ms=0)

    fake.script = script
    await hold(fake, desk)
    assert len(prompts.written) == 1


async def test_a_forgiving_desk_tells_the_assistant_and_goes_on(
    fake, desk, prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.forgiving = True
    failures = [PromptError("the target did not answer")]

    async def suggest(*args: Any, **more: Any) -> WriteUp:
        if failures:
            raise failures.pop()
        return await prompts.suggest(*args, **more)

    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        item = (await line.expect("conversation.item.create"))["item"]
        assert "could not be written" in item["content"][0]["text"]
        await line.expect("response.create")
        await line.reply("a2", "I am sorry.", sound_ms=0)
        await line.customer_says("u2", "Then show me a bag.")
        await line.reply("a3", "Of course.", sound_ms=0)
        await on_screen(line)
        await line.reply("a4", "Here it is.", sound_ms=0)

    monkeypatch.setattr("contoso_lab.session.beside.suggest", suggest)
    fake.script = script
    await hold(fake, desk)
    assert desk.shown == 1


async def test_what_the_assistants_tool_asks_for_is_written_without_a_gate(fake, desk, prompts) -> None:
    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.send("lab.suggestions.requested", suggestion_id="call_1", skus=["TEN-02"])
        await line.reply("a1", "It is on your screen now.", sound_ms=0)
        assert (await line.note("suggestion.shown"))["suggestion_id"] == "call_1"

    fake.script = script
    await hold(fake, desk)
    assert (prompts.judged, len(prompts.written)) == ([], 1)


async def test_hanging_up_stops_the_writing(fake, desk, prompts) -> None:
    prompts.may_write.clear()
    stopped = asyncio.Event()
    alone = prompts._alone

    async def stoppable(go: asyncio.Event) -> None:
        try:
            await alone(go)
        except asyncio.CancelledError:
            stopped.set()
            raise

    prompts._alone = stoppable

    async def script(line) -> None:
        await line.customer_says("u1", "Show me the tent.")
        await line.reply("a1", "One moment.", sound_ms=0)
        await prompts.writing.wait()

    fake.script = script
    async with fake.call(after_reply=desk.after_reply):
        await fake.scripted.wait()
    assert stopped.is_set()
    assert desk.shown == 0
