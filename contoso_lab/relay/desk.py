"""The desk: takes each call from the knock on the door to the goodbye, and knows which are open.

It knows no library of sockets. A door (`picows_door`, `starlette_door`) reads a handshake, asks `Desk.admit`,
answers the handshake by what it says, and hands over a leg.

| resource | acquired | released | on failure |
|---|---|---|---|
| the place among the calls | `admit` | when the call is over | `abandon`, or when a later step says no |
| the target's connection | `admit` | by the pump | `abandon`, or at once when `admit` is cancelled |
| the recording, the pump | `begin` | by the pump, before the sockets | the pump closes it with a reason |
| the task that sees the call end | `begin` | when the pump has finished | it lasts as long as the call |
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.errors import LabError, SessionRefused
from contoso_lab.relay.access.limits import Gate, Limiter, redeem
from contoso_lab.relay.access.origins import OriginPolicy, is_loopback
from contoso_lab.relay.access.tokens import NONE_GIVEN, WHERE, Grant, MemoryTokens, TokenStore
from contoso_lab.relay.admission import CLOSING, CLOSING_RETRY_S, GONE, Admitted, Refused
from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.closing import FAILED, Close
from contoso_lab.relay.calls.door_dialect import BetaDoor
from contoso_lab.relay.calls.pump import Pump
from contoso_lab.relay.calls.tape import Tape
from contoso_lab.relay.setup import Setup, SetupSource
from contoso_lab.relay.threads.binding import Past, recall
from contoso_lab.relay.threads.findings import Check, Findings
from contoso_lab.relay.threads.forget_me import ForgetMe
from contoso_lab.relay.threads.forgetter import Forgetter
from contoso_lab.relay.threads.ledger import Ledger
from contoso_lab.relay.threads.minutes import Minutes
from contoso_lab.relay.watching.observer import Observer
from contoso_lab.relay.wires.dial import DIAL_S, Dialled, dial
from contoso_lab.relay.wires.doors import PROGRAM_DOOR, knock
from contoso_lab.relay.wires.handshake import Handshake
from contoso_lab.relay.wires.sockets import Line, Patience
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from contoso_lab.relay.calls.ceilings import Ceilings
    from contoso_lab.relay.tooling.tool_runner import ToolRunner


@dataclass(eq=False)
class Desk:
    """Everything that the calls of one relay share."""

    target: Target
    runs: Path | None
    """Where recordings go; `None` records nothing."""
    setup: SetupSource
    origins: OriginPolicy
    clock: Callable[[], float] = time.monotonic
    """Seconds that never run backwards."""
    client_may_instruct: bool = False
    dial_s: float = DIAL_S
    tokens: TokenStore = field(default_factory=MemoryTokens)
    gate: Gate = field(default_factory=Limiter)
    """Says no to too much."""
    observer: Observer = field(default_factory=Observer)
    patience: Patience = field(default_factory=Patience)
    headers: Callable[[], Awaitable[Mapping[str, str]]] | None = None
    """The headers that open the target's door, when they change with time; asked for at each dialling."""
    ceilings: Callable[[Grant], Ceilings | None] | None = None
    tools: Callable[[Grant, Setup], ToolRunner | None] | None = None
    ledger: Ledger | None = None
    """Where threads are kept; `None` when the relay keeps no memory."""
    forgetter: Forgetter | None = None
    """Deletes what there is of a customer who asks for it; None when nothing is kept here."""
    rules: Callable[[Grant], Check] | None = None
    """What the agent says is held against, while it speaks; None checks nothing."""
    reconnects: bool = True
    """Dial again when a call loses its target."""
    portable: bool = False
    """Dial without picows even where it is installed."""
    closing: bool = False
    pumps: set[Pump] = field(default_factory=set)
    """The calls that are open."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def prepare(self, grant: Grant, past: Past | None = None) -> Setup:
        """The configuration of a call; in a thread, for it reads files while other calls talk."""
        if past is None:
            return await asyncio.to_thread(self.setup, grant)
        return await asyncio.to_thread(self.setup, grant, past=past)

    async def recall(self, thread_id: str | None, *, caller: str, customer: str | None = None) -> Past | None:
        """What is known of the thread that a call goes on with; nothing when it goes on with none.

        Raises:
            SessionRefused: the caller cannot go on with this one; see `threads.binding.recall`.
        """
        if thread_id is None:
            return None
        return await recall(self.ledger, thread_id, caller=caller, customer=customer)

    async def dial(self) -> Dialled:
        """Dial the target, for a new call or for one that has lost it."""
        headers = await self.headers() if self.headers is not None else None
        return await dial(
            self.target, timeout_s=self.dial_s, patience=self.patience, headers=headers, portable=self.portable
        )

    async def admit(self, handshake: Handshake) -> Refused | Admitted:
        """Decide about one caller: origin, token, place, configuration, target; only then may it come in.

        The token is spent by the attempt, also when the target then is not there. Cancelling it (the caller
        has left) leaves nothing open.
        """
        call_id = secrets.token_hex(4)
        knocked = knock(handshake, for_programs=handshake.path.endswith(PROGRAM_DOOR))
        nearby = is_loopback(handshake.client_host) and not handshake.forwarded
        watch = self.observer.call(call_id, door=knocked.carrier)
        admitted = Admitted(self, knocked, watch, call_id, nearby)
        try:
            self._check_origin(handshake)
            if knocked.resume is not None:
                # Also while the relay drains: its call goes on, and so may its client.
                await self._welcome_back(admitted, handshake)
                return admitted
            elif self.closing:
                no = Refused(knocked, 503, CLOSING.reason, CLOSING, retry_after_s=CLOSING_RETRY_S)
            else:
                await self._get_ready(admitted, handshake)
                return admitted
        except SessionRefused as error:
            no = Refused.because(knocked, error)
        except LabError as error:
            no = Refused(knocked, 500, str(error), Close(FAILED, str(error)))
        except asyncio.CancelledError:
            watch.left()
            raise
        no.tell(watch)
        return no

    def begin(self, admitted: Admitted, line: Line) -> Pump:
        """Start the call of a caller whose handshake is answered."""
        grant, setup, dialled, watch = admitted.grant, admitted.setup, admitted.dialled, admitted.watch
        assert grant is not None
        assert setup is not None
        assert dialled is not None
        tape = Tape()
        if self.runs is not None:
            tape = Tape.start(self.runs, grant=grant, target=self.target, setup=setup)
        minutes = None
        if grant.thread is not None and self.ledger is not None:
            minutes = Minutes(self.ledger, grant.thread, admitted.call_id, recording=tape.id, watch=watch)
        forgets = None
        if self.forgetter is not None:
            own = frozenset(name for name in (grant.thread, tape.id) if name)
            forgets = ForgetMe(grant.customer, self.forgetter, own, admitted.call_id)
        pump = Pump(
            admitted.call_id,
            Call(setup.session, client_may_instruct=self.client_may_instruct, for_page=admitted.knocked.is_page),
            tape=tape,
            redial=self.dial if self.reconnects else None,
            ceilings=self.ceilings(grant) if self.ceilings else None,
            tools=self.tools(grant, setup) if self.tools else None,
            minutes=minutes,
            forgets=forgets,
            findings=Findings(self.rules(grant), call_id=admitted.call_id) if self.rules else None,
            door=BetaDoor() if admitted.knocked.beta else None,
            resumable=admitted.knocked.resumable,
            watch=watch,
            clock=self.clock,
        )
        watch.opened(
            persona=grant.persona,
            customer=grant.customer,
            scenario=grant.scenario,
            target=self.target.kind,
            recording=tape.id,
        )  # fmt: skip
        self.pumps.add(pump)
        self.keep(self._see_off(pump, admitted))
        line.ear = pump
        pump.take(line)
        pump.begin(dialled, show_path=admitted.nearby)
        return pump

    async def close_all(self) -> None:
        """End every call with 1001 and finish its recording; new callers are turned away."""
        self.closing = True
        await asyncio.gather(*(pump.stop() for pump in tuple(self.pumps)))
        while self._tasks:
            await asyncio.gather(*tuple(self._tasks), return_exceptions=True)

    async def drain(self, grace_s: float) -> None:
        """Turn new callers away and let the calls that are open go on, for so long; then end them."""
        self.closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self.pumps:
                    await asyncio.gather(*(pump.finished.wait() for pump in tuple(self.pumps)))
                    await asyncio.sleep(0)  # who sees them off takes them from the list
        await self.close_all()

    def keep(self, work: Coroutine[None, None, None]) -> None:
        """Do something whose end nobody waits for, except `close_all`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_origin(self, handshake: Handshake) -> None:
        headers = handshake.headers
        no = self.origins.refusal(
            headers.get("origin"), host=headers.get("host"), called_at=handshake.server_host
        )  # fmt: skip
        if no is not None:
            raise SessionRefused(WHERE, no, status=403)

    async def _welcome_back(self, admitted: Admitted, handshake: Handshake) -> None:
        """Find the call that a caller comes back to. Guessing a resume token is guessing a token."""
        shown = (admitted.knocked.resume or "").encode("utf-8", errors="surrogatepass")
        await self.gate.may_show(handshake.client_host)
        for pump in self.pumps:
            token = pump.resume_token
            if token is not None and hmac.compare_digest(token.encode(), shown):
                admitted.pump = pump
                return
        await self.gate.showed_wrong(handshake.client_host)
        raise SessionRefused(WHERE, GONE, status=410)

    async def _get_ready(self, admitted: Admitted, handshake: Handshake) -> None:
        """Spend the token and get everything that the call needs."""
        token, watch = admitted.knocked.token, admitted.watch
        if token is None:
            raise SessionRefused(WHERE, NONE_GIVEN, status=401)
        origin, address = handshake.headers.get("origin"), handshake.client_host
        admitted.grant = await redeem(self.tokens, self.gate, token, origin=origin, address=address)
        admitted.lease = await self.gate.enter(admitted.grant.caller)
        try:
            grant = admitted.grant
            # Again: between the token and the call a customer may have asked to be forgotten.
            past = await self.recall(grant.thread, caller=grant.caller, customer=grant.customer)
            admitted.setup = await self.prepare(grant, past)
            watch.dialling()
            try:
                admitted.dialled = await self.dial()
            except SessionRefused:
                watch.dial_failed()
                raise
            watch.dialled()
        except BaseException:
            admitted.release()
            raise

    async def _see_off(self, pump: Pump, admitted: Admitted) -> None:
        await pump.finished.wait()
        self.pumps.discard(pump)
        admitted.release()
        if (hang_up := pump.hang_up) is not None:
            admitted.watch.closed(
                hang_up.why, client_code=hang_up.client.code, target_code=hang_up.target.code
            )  # fmt: skip
