"""The agent's desk: whom it asks, what it remembers, what it sells, and who may open which thread.

A thread belongs to the token that made it. The first time a token is shown it is *admitted*: the relay's own token
store spends it, as for a call. From then on the same token opens the threads that it made, for as long as they live:
a thread keeps the token's SHA-256, never the token, so that this holds after a restart and on another relay, too.
A thread that a call began can be opened by a token that was given for it (`Visitor.thread`).

| resource | acquired | released | on failure |
|---|---|---|---|
| the memory, the catalogue | by whoever makes the agent | by the same | - |
| a token's pass | when it is admitted | an hour later, or when too many are out | it is not given |
| a thread's lane | while somebody works on the thread | when nobody does | the same |
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from contoso_lab import prompts
from contoso_lab.agent.returning import begin
from contoso_lab.errors import MemoryFault, MemoryMissing, SessionRefused
from contoso_lab.memory import Memory, Message, Thread
from contoso_lab.settings import Target
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer, get_customer
from contoso_lab.shop.thread_basket import orders_of_customer
from contoso_lab.shop.tool_arguments import with_orders

logger = logging.getLogger(__name__)

WHERE = "the agent"
NO_TOKEN = "no token was given: ask for one, and show it as Authorization: Bearer, or as ?token= with a socket"
NOBODY = "this agent lets nobody in, because nobody told it whom to admit: mount it in a relay"
NOT_YOURS = "there is no such thread for this token: begin a new one with an empty threadId"
OVER = "this thread is closed: begin a new one with an empty threadId"

PASS_S = 3600.0
MOST_PASSES = 10_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """For whom a token was given."""

    customer: str
    persona: str = "voice"
    language: str = "en"
    thread: str | None = None
    """The thread that the token opens although another one made it."""
    caller: str = ""
    """Who asked for the token, as the relay knows them: only they may have a call in its threads."""


Admit = Callable[[str, str | None, str | None], Awaitable[Visitor]]
"""Spends a token that a page of some origin showed, from some address, and says whom it was given to.

Raises:
    SessionRefused: it is unknown, used, expired, or bound to another origin (401), or the page may not come in (403),
        or too many wrong ones came from there (429).
"""


async def nobody(token: str, origin: str | None, address: str | None) -> Visitor:
    """Let nobody in: an agent that was told nothing else has no way to know who may."""
    raise SessionRefused(WHERE, NOBODY, status=401)


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """How much is too much."""

    messages_per_minute: int = 20
    """Of one token, on all its sockets."""
    requests_per_minute: int = 60
    """Of one token, for the write-up over HTTP."""
    threads_per_pass: int = 20
    """New threads that one token makes."""
    waiting: int = 3
    """Messages that wait on one socket while an earlier one is answered."""
    messages: int = 1_000
    """In one thread."""
    history_tokens: int = 4_000
    """Of what was said before, in one prompt; what is older is folded into a digest."""
    sockets: int = 1_000
    """Open at the same time."""
    first_frame_s: float = 10.0
    idle_s: float = 1_800.0
    answer_s: float = 120.0
    send_s: float = 30.0
    """How long a client may leave our words unread."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class Lane:
    """What may happen only once at a time in one thread."""

    answering: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Pass:
    visitor: Visitor
    origin: str | None
    until_s: float
    threads: int = 0


class Agent:
    """The funnel's one object.

    Args:
        target: whose chat model answers.
        memory: where threads are kept.
        catalog: what there is to sell.
        admit: spends tokens; without it nobody comes in.
        customer: finds a customer by id.
        forget: deletes everything about a customer, by id; without it what this memory holds, and no recordings.
        sees: whether the target's model looks at pictures; our own engine does not.
        clock: seconds that never run backwards.
        now: seconds since 1970, by which a call rings.
    """

    def __init__(
        self,
        target: Target,
        memory: Memory,
        catalog: Catalog | None = None,
        *,
        admit: Admit = nobody,
        customer: Callable[[str], Customer] = get_customer,
        forget: Callable[[str], object] | None = None,
        sees: bool | None = None,
        limits: AgentLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.target = target
        self.memory = memory
        self.catalog = catalog if catalog is not None else Catalog.load()
        self.admit = admit
        self.customer = customer
        self.forget = forget if forget is not None else memory.forget
        self.sees = target.kind != "local" if sees is None else sees
        self.limits = limits or AgentLimits()
        self.clock = clock
        self.now = now
        self.open_sockets = 0
        self.shorten: Callable[[str], None] = lambda thread_id: None
        """Told of each turn that has ended; the routes set it while they are served."""
        self.drawing = asyncio.Semaphore(2)
        """Pictures that are decoded at the same time: each may take 200 MB for a moment."""
        self._readying, self._is_ready = asyncio.Lock(), False
        self._passes: OrderedDict[str, _Pass] = OrderedDict()
        self._paces: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lanes: weakref.WeakValueDictionary[str, Lane] = weakref.WeakValueDictionary()
        self._admitting: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def ready(self) -> None:
        """Load what runs the prompts, once: it takes over a second, in which a loop would stand still."""
        async with self._readying:
            if not self._is_ready:
                await asyncio.to_thread(prompts.prepare, "chat", "writeup_gate", "suggestions")
                self._is_ready = True

    async def enter(self, token: str | None, *, origin: str | None, address: str | None = None) -> Visitor:
        """Who shows this token; a new one is spent.

        Args:
            address: where the visitor comes from; wrong tokens are counted by it.

        Raises:
            SessionRefused: none was given, or it does not let in (401, 403, 429).
        """
        return (await self._pass(token, origin, address)).visitor

    async def open(
        self, token: str | None, thread_id: str | None, *, origin: str | None, address: str | None = None
    ) -> Thread:
        """The thread that a visitor wants to go on with, or a new one.

        Raises:
            SessionRefused: the token does not let in (401), or the thread is not the token's or not there (404), or
                closed (410), or it makes too many threads, or too many wrong tokens came from there (429).
        """
        if not thread_id:
            return await self._new(token, origin, address)
        thread = await self.find(thread_id)
        if thread is None or not token or thread.state.get("owner") != _owner(token, origin):
            visitor = (await self._pass(token, origin, address)).visitor
            if thread is None or visitor.thread != thread.id or visitor.customer != thread.customer:
                # The same words for both, so that nobody learns which threads there are.
                raise SessionRefused(WHERE, NOT_YOURS, status=404)
        if thread.closed_at is not None:
            raise SessionRefused(WHERE, OVER, status=410)
        return thread

    async def find(self, thread_id: str) -> Thread | None:
        """The thread of this id, if there is one."""
        try:
            return await asyncio.to_thread(self.memory.get, thread_id)
        except MemoryMissing:
            return None

    async def history(self, thread_id: str) -> list[Message]:
        """What was said in a thread, in spoken order."""
        return await asyncio.to_thread(self.memory.history, thread_id)

    def buyer(self, customer_id: str) -> Customer:
        """A customer with all that they have bought: before, and in any of their conversations. Asks the memory.

        Raises:
            ShopError: there is no such customer.
        """
        return with_orders(self.customer(customer_id), orders_of_customer(self.memory, customer_id), self.catalog)

    def lane(self, thread_id: str) -> Lane:
        """Where the work of one thread queues up; hold on to it while working."""
        return self._lanes.setdefault(thread_id, Lane())

    async def may(self, what: str, token: str, *, per_minute: int) -> float | None:
        """Count one deed of a token's; None when it may, else the seconds after which it may again.

        It is counted here first, so that who floods us never reaches the memory, and then with all relays on that
        memory. While the memory is away, each relay counts for itself.
        """
        if (wait_s := self._paced(what, digest(token), per_minute)) is not None:
            return wait_s
        try:
            return await asyncio.to_thread(self.memory.pace, f"{what}/{digest(token)}", most=per_minute)
        except MemoryFault as problem:
            logger.warning("a rate is counted in this relay alone: %s", type(problem).__name__)
            return None

    def _paced(self, what: str, who: str, per_minute: int) -> float | None:
        now, key = self.clock(), (what, who)
        done = self._paces.setdefault(key, deque())
        self._paces.move_to_end(key)
        if len(self._paces) > MOST_PASSES:
            self._paces.popitem(last=False)
        while done and now - done[0] >= 60:
            done.popleft()
        if len(done) >= per_minute:
            return 60 - (now - done[0])
        done.append(now)
        return None

    async def _new(self, token: str | None, origin: str | None, address: str | None) -> Thread:
        held = await self._pass(token, origin, address)
        if held.threads >= self.limits.threads_per_pass:
            raise SessionRefused(
                WHERE, f"this token has made {held.threads} threads: go on with one of them", status=429
            )
        held.threads += 1
        who = held.visitor
        self.customer(who.customer)  # one that is not there is found now, not at the first message
        owner = _owner(token or "", origin)

        def make() -> Thread:
            return begin(
                self.memory,
                customer=who.customer,
                persona=who.persona,
                language=who.language,
                name_of=self.catalog.name_of,
                state={"owner": owner, "caller": who.caller},
            )

        return await asyncio.to_thread(make)

    async def _pass(self, token: str | None, origin: str | None, address: str | None) -> _Pass:
        if not token:
            raise SessionRefused(WHERE, NO_TOKEN, status=401)
        key = digest(token)
        # A page that opens its socket and asks over HTTP at once spends its token once.
        async with self._admitting.setdefault(key, asyncio.Lock()):
            held = self._passes.get(key)
            if held is None or held.until_s <= self.clock() or held.origin != origin:
                # Also one that turns up elsewhere: the store says what is wrong with it.
                held = _Pass(await self.admit(token, origin, address), origin, self.clock() + PASS_S)
                self._passes[key] = held
                if len(self._passes) > MOST_PASSES:
                    self._passes.popitem(last=False)
            return held


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).hexdigest()


def _owner(token: str, origin: str | None) -> Mapping[str, str | None]:
    return {"token_sha256": digest(token), "origin": origin.lower() if origin else None}
