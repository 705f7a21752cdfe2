"""Runs the tools of one call: the asyncio shell around `ToolDesk`.

| resource | acquired | released | on failure |
|---|---|---|---|
| a task per tool call | when the model asks for it | when its output is sent, or `close` | the model reads a sentence |
| a thread, for a tool that is no coroutine | by that task | when the tool returns | its result is dropped |

Cancelling: `close` cancels every task; nothing is sent after it. The log gets a tool's name and the kind of
error, never an argument or an output.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contoso_lab.errors import LabError
from contoso_lab.relay.journal import line, logger
from contoso_lab.relay.tool_arguments import Failure, read_arguments
from contoso_lab.relay.tool_veil import Json
from contoso_lab.relay.tools import Seen, Tool, ToolCall, ToolDesk

TIMEOUT_S = 10.0
"""How long a tool may take; a caller waits in silence meanwhile."""
AT_ONCE = 4
"""How many tools of a call run at the same time; others wait."""
MOST_WAITING = 32
"""How many calls may be open at once; a model that asks for more is told so."""


class ToolRunner:
    """The tools of one call, running.

    Args:
        tools: by name.
        hidden: keep the client from seeing the calls.
        timeout_s: how long each may take.
        on_ran: is told of each tool that ran: its name, the seconds it took, and the kind of error, if one.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool],
        *,
        hidden: bool = True,
        timeout_s: float = TIMEOUT_S,
        at_once: int = AT_ONCE,
        on_ran: Callable[[str, float, str | None], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.desk = ToolDesk(tools, hidden=hidden)
        self._tools = tools
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(at_once)
        self._on_ran = on_ran
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._call_id = ""
        self._send: Callable[[Json], None] | None = None

    def begin(self, call_id: str, send: Callable[[Json], None]) -> None:
        """The call begins.

        Args:
            call_id: for the log.
            send: sends one event to the target; called whenever a tool has finished.
        """
        self._call_id = call_id
        self._send = send

    @property
    def shifts(self) -> bool:
        """Even sound has to pass through `from_target` now; seldom true."""
        return self.desk.shifts

    def from_target(self, event: Json) -> Seen:
        """Take an event of the target, and start the tools that it asks for (`run` is done by then)."""
        seen = self.desk.from_target(event)
        for call in seen.run:
            self._start(call)
        return seen

    def from_client(self, event: Json) -> Json | None:
        """Take an event of the client; what goes on to the target, or None."""
        return self.desk.from_client(event)

    def target_lost(self) -> None:
        """The target is gone; tools that run go on, for the next one may want to know."""
        self.desk.target_lost()

    def close(self) -> None:
        """The call is over: stop everything. May be called twice."""
        self._send = None
        for task in self._tasks:
            task.cancel()

    async def closed(self) -> None:
        """Return when nothing of it runs any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, call: ToolCall) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(call, crowded=len(self._tasks) >= MOST_WAITING))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, call: ToolCall, *, crowded: bool) -> None:
        began_s = self._clock()
        made = Failure("too_many", "Too many tools were asked for at once.") if crowded else await self._run(call)
        took_s = self._clock() - began_s
        failed = made.kind if isinstance(made, Failure) else None
        logger.info(line(self._call_id, "tool", name=call.name, ms=round(1000 * took_s), error=failed))
        if self._on_ran is not None:
            self._on_ran(call.name, took_s, failed)
        self._finish(call.call_id, made.output() if isinstance(made, Failure) else made)

    def _finish(self, call_id: str, output: str) -> None:
        events: Sequence[Json] = self.desk.finished(call_id, output)
        for event in events:
            if self._send is not None:
                self._send(event)

    async def _run(self, call: ToolCall) -> str | Failure:
        tool = self._tools[call.name]
        arguments = read_arguments(tool.schema, call.arguments)
        if isinstance(arguments, Failure):
            return arguments
        async with self._places:
            try:
                async with asyncio.timeout(self._timeout_s) as limit:
                    return _written(await _result(tool, arguments))
            except TimeoutError as error:
                if limit.expired():
                    return Failure("timeout", f"{call.name} did not answer in time: say so and offer to try again.")
                return _broken(call.name, error)
            except LabError as error:
                return Failure(type(error).__name__, str(error))
            except Exception as error:  # noqa: BLE001 - a tool may raise anything; the model is told, the call goes on
                return _broken(call.name, error)


async def _result(tool: Tool, arguments: dict[str, Any]) -> object:
    if inspect.iscoroutinefunction(tool.run):
        return await tool.run(arguments)
    return await asyncio.to_thread(tool.run, arguments)


def _written(result: object) -> str:
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, allow_nan=False)


def _broken(name: str, error: Exception) -> Failure:
    # A foreign exception's words could hold anything, even a key.
    return Failure(type(error).__name__, f"{name} failed for a reason of its own: say that you cannot look it up now.")
