"""A customer's whole visit, for notebooks and tests: a chat, a bell, a call, pages on the screen, a cart, an order.

What a page in a browser does, done by a program: it knows no more than the page would, apart from the thread, which
it reads in the memory of this machine to show it.

| resource | acquired | released | on failure |
|---|---|---|---|
| the memory | `Visit.begin` | `end` | the file stays |
| the chat's socket | for each message | when its answer is complete | `SessionClosed` |
| the call | `talk` | when everything was said and the call has come to rest | as `connect` does |
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contoso_lab.agent.bell import after_answer, bell_of, tell
from contoso_lab.agent.ringing import Accepted, Declined, Dialled, Ended, Ringing, RingingEvent, Signal
from contoso_lab.errors import SessionError
from contoso_lab.live import Here
from contoso_lab.memory import Memory, open_memory
from contoso_lab.report.visit_view import History, Screen
from contoso_lab.session import WriteUpDesk, connect
from contoso_lab.session.door import fetch_token
from contoso_lab.shop import Cart, Catalog, get_customer
from contoso_lab.shop.buying import checkout, press_buy
from contoso_lab.shop.thread_basket import ThreadBasket
from contoso_lab.wire import Turn

SETTLE_S = 60.0


@dataclass(slots=True)
class Visit:
    """One customer at the shop; made by `begin`."""

    here: Here
    customer: str
    memory: Memory = field(repr=False)  # its address may hold a password
    thread: str = ""
    """The thread of chat and call; the first message begins it."""
    score: int = 0
    """How much the chat thinks that the customer wants a call, 1 to 5."""
    pages: list[str] = field(default_factory=list)
    """What was put on the screen, as Markdown."""
    signals: list[Signal] = field(default_factory=list)
    """What the bell did."""
    _token: str = field(default="", repr=False)

    @classmethod
    async def begin(cls, here: Here, customer: str) -> Visit:
        """Open the shop's door.

        Raises:
            ShopError: there is no such customer.
            EngineError: a process of the workbench has ended.
        """
        here.check()
        get_customer(customer)
        memory = await asyncio.to_thread(open_memory, here.memory)
        return cls(here, customer, memory)

    async def end(self) -> None:
        """Leave; what was said stays in the memory."""
        await asyncio.to_thread(self.memory.close)

    async def write(self, text: str) -> str:
        """Write into the chat; the answer. Whether it rings afterwards says `ringing`.

        Raises:
            SessionError: the chat gave no answer, and says why.
        """
        from websockets.asyncio.client import connect as open_socket

        self._token = self._token or await fetch_token(self.here.relay_url, customer=self.customer)
        address = self.here.relay_url.replace("http", "ws", 1) + "/api/chat"
        head = {"Authorization": f"Bearer {self._token}"}
        async with open_socket(address, additional_headers=head, proxy=None) as socket:
            await socket.send(json.dumps({"threadId": self.thread}))
            self.thread = json.loads(await socket.recv())["payload"]["threadId"]
            await socket.send(json.dumps({"name": self.customer, "text": text}))
            answer = ""
            async for raw in socket:
                frame = json.loads(raw)
                match frame["type"]:
                    case "assistant":
                        answer += frame["payload"].get("payload") or ""
                    case "action":
                        self.score = int(json.loads(frame["payload"]["arguments"])["score"])
                        break
                    case "error":
                        raise SessionError(f"the chat gave no answer: {frame['payload']}")
        self.signals += await asyncio.to_thread(after_answer, self.memory, self.thread, self.score, now_s=time.time())
        return answer

    @property
    def ringing(self) -> Ringing:
        """Where the call stands."""
        return bell_of(self.state)

    @property
    def state(self) -> Mapping[str, Any]:
        """What the thread remembers."""
        return self.memory.get(self.thread).state

    @property
    def history(self) -> History:
        """What was said in chat and calls, in spoken order."""
        return History(self.memory.history(self.thread))

    @property
    def screen(self) -> Screen:
        """The page beside the call, as it looks."""
        return Screen(self.pages[-1] if self.pages else "")

    @property
    def cart(self) -> Cart:
        """What the customer is about to buy."""
        return Cart.of(self.state, Catalog.load())

    def press(self, button: str) -> tuple[Signal, ...]:
        """Press `accept`, `decline` or `phone`.

        Raises:
            SessionError: there is no such button.
        """
        buttons: dict[str, RingingEvent] = {"accept": Accepted(), "decline": Declined(), "phone": Dialled()}
        if button not in buttons:
            raise SessionError(f"there is no button {button!r}: press one of {', '.join(buttons)}")
        signals = tell(self.memory, self.thread, buttons[button], now_s=time.time())
        self.signals += signals
        return signals

    async def talk(self, *lines: str, on_suggestion: Callable[[str], None] | None = None) -> tuple[Turn, ...]:
        """Have the call that was picked up: the assistant greets, each line is said when it has come to rest.

        The lines are typed and not spoken, so that they are heard as they are; the assistant speaks.

        Raises:
            SessionError: nobody has picked up, or the call did not come to rest.
        """
        if self.ringing.phase != "call":
            raise SessionError("nobody has picked up: press 'accept' while it rings, or 'phone'")
        desk = WriteUpDesk(
            self.here.target, get_customer(self.customer), Catalog.load(), on_suggestion=on_suggestion, in_thread=True
        )
        await desk.prepare()
        try:
            async with connect(self.here.relay_url, thread=self.thread, after_reply=desk.after_reply) as session:
                await session.greet()
                for line in ("", *lines):
                    if line:
                        part = {"type": "input_text", "text": line}
                        item = {"type": "message", "role": "user", "content": [part]}
                        await session.send({"type": "conversation.item.create", "item": item})
                        await session.greet()
                    if not await session.settled(within_s=SETTLE_S):
                        raise SessionError(f"the call did not come to rest within {SETTLE_S:.0f} s after {line!r}")
                turns = session.conversation.turns
        finally:
            self.signals += tell(self.memory, self.thread, Ended(), now_s=time.time())
            self.pages += [page.text for page in desk.pages]
        return turns

    def buy(self) -> Mapping[str, Any]:
        """Press the button that buys what is in the cart; the total on the button is the one that is agreed to.

        Raises:
            ShopError: the cart is empty.
        """
        catalog, basket = Catalog.load(), ThreadBasket(self.memory, self.thread)
        total = press_buy(catalog, basket, self.cart.total)
        return checkout(catalog, basket, total, at=datetime.now(UTC), call_id=f"button {time.time_ns()}")
