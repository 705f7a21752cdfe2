"""A relay for one replay: on a port of this machine, in this event loop, set up with the agent that the replay wants.

A relay that others call sets up personas, tools and catalogue by itself, and lets no caller change them. This one is
nobody else's, so a fork can change all of it and still go the whole way of a live call.

| resource | acquired | released | on failure |
|---|---|---|---|
| a port of the loopback | `own_relay` | leaving it | at once |
| the relay's server, a task | `own_relay` | leaving it, calls first | the block is cancelled and the error raised |
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from contoso_lab.listening import bind, url_of
from contoso_lab.relay.app import create_app
from contoso_lab.relay.serving import relay_server
from contoso_lab.relay.setup import Setup
from contoso_lab.relay.tooling.tool_runner import for_each_call
from contoso_lab.relay.wires.credentials import Credentials
from contoso_lab.replay.agent import Agent
from contoso_lab.session.door import remember_secret
from contoso_lab.settings import Target


@asynccontextmanager
async def own_relay(target: Target, agent: Agent, runs: Path) -> AsyncIterator[str]:
    """Run a relay before a target, and give its address; only this process may call.

    Args:
        target: whom calls reach.
        agent: who answers each of them, whatever persona a call names. Its tools are run by the relay and shown to the
            caller, so that a teacher-forced replay can take their results out of the agent's memory.
        runs: where calls are recorded.

    Raises:
        OSError: no port is free.
    """
    setup = Setup(agent.session, agent.catalog.sha256, agent.prompts, agent.tools)
    secret = secrets.token_urlsafe(32)
    app = create_app(
        target, runs=runs, secret=secret, setup=lambda grant, *, past=None: setup,
        headers=Credentials(target).headers, tools=for_each_call(hidden=False),
    )  # fmt: skip
    ready = asyncio.Event()
    server = relay_server(app, on_ready=ready.set)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # Ctrl-C is the replay's
    with bind("127.0.0.1", 0) as bound:
        url = url_of(bound)
        remember_secret(url, secret)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[bound]))
            try:
                await ready.wait()
                yield url
            finally:
                server.should_exit = True
