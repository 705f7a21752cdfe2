"""Runs the tools of one call: the asyncio shell around `ToolDesk`.

| resource | acquired | released | on failure |
|---|---|---|---|
| a task per tool call | when the model asks for it | when its output is sent, or `close` | the model reads a sentence |
| a thread, for a tool that is no coroutine | by that task | when the tool returns | its result is dropped |

Cancelling: `close` cancels every task; nothing is sent after it. Who watches is told a tool's name and the kind
of error, never an argument or an output.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Any, Protocol

from contoso_lab.errors import LabError
from contoso_lab.relay.setup import Setup
from contoso_lab.relay.tooling.tool_arguments import Failure, read_arguments
from contoso_lab.relay.tooling.tool_veil import Json
from contoso_lab.relay.tooling.tools import Tool, ToolCall, ToolDesk

TIMEOUT_S = 10.0
"""How long a tool may take; a caller waits in silence meanwhile."""
AT_ONCE = 4
"""How many tools of a call run at the same time; others wait."""
MOST_WAITING = 32
"""How many calls may be open at once; a model that asks for more is told so."""


class Ran(Protocol):
    """Who wants to know that a tool ran."""

    def __call__(self, name: str, ms: float, *, error: str | None = None) -> None:
        """It took so long, and failed in this way if it did."""


class Done(Protocol):
    """Who wants to know what a tool gave."""

    def __call__(self, name: str, call_id: str, result: object) -> None:
        """It gave this, for the call of this id, which is the same in no two calls of a relay."""


class ToolRunner:
    """The tools of one call, running. It is the pump's `Tools`.

    Args:
        tools: by name.
        hidden: keep the client from seeing the calls.
        timeout_s: how long each may take.
        at_once: how many may run at the same time.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool],
        *,
        hidden: bool = True,
        timeout_s: float = TIMEOUT_S,
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = ToolDesk(tools, hidden=hidden)
        self._tools = tools
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(at_once)
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._say: Callable[[Json], None] | None = None
        self._ran: Ran | None = None
        self._done: Done | None = None
        self._before: Callable[[str], Awaitable[None]] | None = None
        # Servers number the calls of each conversation anew, and a thread outlives them.
        self._name = secrets.token_hex(4)
        self._told_ids = {name for name, tool in tools.items() if "call_id" in inspect.signature(tool.run).parameters}

    @property
    def names(self) -> Set[str]:
        """What the functions are called that run here."""
        return self._tools.keys()

    @property
    def types(self) -> Set[str]:
        """The events of a target that `from_target` has to see now; a hidden call makes them more for a while."""
        return self._desk.types

    def begin(
        self,
        say: Callable[[Json], None],
        ran: Ran | None = None,
        *,
        done: Done | None = None,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """The call begins.

        Args:
            say: sends one event to the target, now or later.
            ran: is told of each tool that ran: its name, how long it took, and the kind of error, if there was one.
            done: is told what each tool gave that did not fail.
            before: is awaited with a tool's name before it runs, within its time.
        """
        self._say, self._ran, self._done, self._before = say, ran, done, before

    def from_target(self, event: Json) -> Json | None:
        """Take an event of the target: start what it asks for, say what is due.

        Returns what the client may see of it: the same object when it is all, None when it is nothing.
        """
        seen = self._desk.from_target(event)
        for call in seen.run:
            self._start(call)
        self._say_all(seen.send)
        return seen.event

    def from_client(self, event: Json) -> None:
        """Take note of a `response.create` or a `conversation.item.create` that goes to the target."""
        self._desk.from_client(event)

    def target_lost(self) -> None:
        """The target is gone; tools that run go on, for the next one wants to know."""
        self._desk.target_lost()

    async def close(self) -> None:
        """The call is over: stop everything; returns when nothing runs any more."""
        self._say = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, call: ToolCall) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(call, crowded=len(self._tasks) >= MOST_WAITING))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, call: ToolCall, *, crowded: bool) -> None:
        began_s = self._clock()
        made = Failure("too_many", "Too many tools were asked for at once.") if crowded else await self._run(call)
        if self._ran is not None:
            failed = made.kind if isinstance(made, Failure) else None
            self._ran(call.name, 1000 * (self._clock() - began_s), error=failed)
        self._say_all(self._desk.finished(call.call_id, made.output() if isinstance(made, Failure) else made))

    def _say_all(self, events: Sequence[Json]) -> None:
        for event in events:
            if self._say is not None:
                self._say(event)

    def _id_for(self, call: ToolCall) -> dict[str, str]:
        """What a tool that changes something has to know, so that it does so once for each call."""
        return {"call_id": f"{self._name}_{call.call_id}"} if call.name in self._told_ids else {}

    async def _run(self, call: ToolCall) -> str | Failure:
        tool = self._tools[call.name]
        arguments = read_arguments(tool.schema, call.arguments)
        if isinstance(arguments, Failure):
            return arguments
        async with self._places:
            try:
                async with asyncio.timeout(self._timeout_s) as limit:
                    if self._before is not None:
                        await self._before(call.name)
                    result = await _result(tool, arguments, **self._id_for(call))
                written = _written(result)
                if self._done is not None:
                    self._done(call.name, f"{self._name}_{call.call_id}", result)
                return written
            except TimeoutError as error:
                if limit.expired():
                    return Failure("timeout", f"{call.name} did not answer in time: say so and offer to try again.")
                return _broken(call.name, error)
            except LabError as error:
                return Failure(type(error).__name__, str(error))
            except Exception as error:  # noqa: BLE001 - a tool may raise anything; the model is told, the call goes on
                return _broken(call.name, error)


def for_each_call(*, hidden: bool = True) -> Callable[[object, Setup], ToolRunner | None]:
    """Makes the runner of each call whose setup has tools."""
    return lambda _, setup: ToolRunner(setup.tools, hidden=hidden) if setup.tools else None


async def _result(tool: Tool, arguments: dict[str, Any], **ids: str) -> object:
    if inspect.iscoroutinefunction(tool.run):
        return await tool.run(arguments, **ids)
    return await asyncio.to_thread(tool.run, arguments, **ids)


def _written(result: object) -> str:
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, allow_nan=False)


def _broken(name: str, error: Exception) -> Failure:
    # A foreign exception's words could hold anything, even a key.
    return Failure(type(error).__name__, f"{name} failed for a reason of its own: say that you cannot look it up now.")
