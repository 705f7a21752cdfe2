"""The whole funnel against the local engine: from a first message to a page on the screen and an order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contoso_lab.agent.ringing import Connect, HangUp, Ring, StopRinging
from contoso_lab.errors import SessionError, ShopError
from contoso_lab.live import Here, play, serve
from contoso_lab.session import load_caller
from contoso_lab.visit import Visit

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="function")]

LOST = "I am totally lost with all these numbers. Please call me!"


@pytest.fixture
async def visit(here: Here) -> AsyncIterator[Visit]:
    visit = await Visit.begin(here, "maya")
    yield visit
    await visit.end()


@pytest.fixture(params=["gate"])
async def here(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Here]:
    """A workbench whose pages come from the gate, or from the agent's own tools."""
    async with serve(runs=tmp_path / "runs", tools=request.param == "tools") as running:
        yield running


@pytest.mark.parametrize("here", ["tools"], indirect=True)
async def test_from_a_first_message_to_an_order(visit: Visit) -> None:
    answer = await visit.write("Hi, I need a tent for four people for a family trip.")
    assert "Meadow Four" in answer
    assert (visit.score < 5, visit.ringing.phase) == (True, "idle")
    with pytest.raises(SessionError, match="nobody has picked up"):
        await visit.talk("Hello?")

    await visit.write(LOST)
    assert visit.score == 5
    assert visit.signals == [Ring(1)]
    assert visit.press("accept") == (StopRinging(1, "accepted"), Connect(1))
    turns = await visit.talk(
        "Which tent would you take for four people?",
        "Please show me the Meadow Four on my screen.",
        "Thank you. Please put the Meadow Four into my cart.",
    )
    assert visit.signals[-1] == HangUp(1, "ended")

    # The assistant speaks first, knows what was said in the chat, and is heard.
    assert turns[0].role == "assistant"
    assert turns[0].audio_ms > 500
    assert "from where we were" in turns[0].heard
    # The customer asked once, with words, and one page came, of what was talked about.
    [page] = visit.pages
    assert "### Meadow Four (TEN-02)" in page
    assert "![Meadow Four](/images/TEN-02.svg)" in page
    assert [shown["skus"] for shown in visit.state["shown"]] == [["TEN-02"]]
    assert visit.state["consent"] == {"call": True, "screen": True}

    assert [(line.sku, line.quantity) for line in visit.cart.lines] == [("TEN-02", 1)]
    ordered = visit.buy()
    assert ordered["total"] == "$279.00"
    assert not visit.cart.lines
    with pytest.raises(ShopError):
        visit.buy()

    # One history of both, in spoken order, and the chat knows what was said on the phone.
    told = [(message.source, message.role) for message in visit.history.messages]
    assert told[:4] == [("chat", "user"), ("chat", "assistant")] * 2
    assert set(told[4:]) == {("call", "user"), ("call", "assistant")}
    assert "cart" in visit.history.messages[-1].as_heard
    await visit.write("Thanks for the call. Which tent did we talk about?")
    assert "Meadow Four" in visit.history.messages[-1].text


@pytest.mark.slow  # the order above goes the whole way, and so does notebook 03
async def test_a_page_by_the_gate_and_a_customer_who_declines_first(visit: Visit) -> None:
    await visit.write(LOST)
    assert visit.signals == [Ring(1)]
    assert visit.press("decline") == (StopRinging(1, "declined"),)
    await visit.write("How much is the Meadow Four?")
    assert visit.ringing.phase == "idle"
    # Only a new wish rings again.
    await visit.write("All right, please call me now.")
    assert visit.signals[2:] == [Ring(2)]
    visit.press("accept")
    pieces: list[str] = []
    turns = await visit.talk("Please show me the Meadow Four on my screen.", "Thank you.", on_suggestion=pieces.append)
    [page] = visit.pages
    assert "".join(pieces) == page
    assert len(pieces) > 3
    # Told once, by the relay; the answer to it and the thanks brought no second page.
    assert [turn.text for turn in turns if turn.role == "system"] == [
        "The suggestions are now on the customer's screen."
    ]
    [shown] = visit.state["shown"]
    assert (shown["skus"], shown["text"]) == (["TEN-02"], page)


async def test_a_recorded_customer_speaks_and_the_chat_knows_what_was_said(here: Here) -> None:
    caller, labels = load_caller("short_call")
    visit = await Visit.begin(here, caller.customer)
    try:
        await visit.write("Hello, what is the warranty on the Summit Solo?")
        assert visit.press("phone") == (Connect(1),)
        recording = await play(here, caller, persona="voice", labels=labels, thread=visit.thread)
        shown = [event for event in recording.events if event.type == "suggestion.shown"]
        assert [event.ev["skus"] for event in shown] == [["TEN-01"]]
        said = [message for message in visit.history.messages if message.source == "call"]
        assert [message.role for message in said][:4] == ["assistant", "user", "assistant", "user"]
        assert "tent for two people" in said[1].text
        assert "show it on my screen" in said[3].text
        await visit.write("Which tent did you show me?")
        assert "Harbor Two" in visit.history.messages[-1].text
    finally:
        await visit.end()
