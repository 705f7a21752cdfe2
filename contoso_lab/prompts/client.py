"""The way from a prompt to a target: one client per run, or one for a whole block.

prompty finds clients in one registry for the whole process, by name, and forgets none. We register a single entry once
that asks the context for the client of *this* run: two targets, two event loops and two tests stay apart, and no
client outlives its run.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import PromptError
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from prompty.model import Agent

TIMEOUT_S = 60.0
"""How long a target may stay silent before we give up."""

RETRIES = 2
"""How often a request is tried again when the target is busy or the line breaks before an answer."""

_NAME = "contoso-lab"
_current: ContextVar[AsyncOpenAI | None] = ContextVar("contoso_lab_client", default=None)
_shared: ContextVar[tuple[Target, AsyncOpenAI] | None] = ContextVar("contoso_lab_connection", default=None)


class _CurrentClient:
    """What prompty's registry holds in place of a client."""

    @property
    def chat(self) -> Any:
        client = _current.get()
        if client is None:
            raise PromptError("no target is open; use contoso_lab.prompts.run or stream")
        return client.chat


@functools.cache
def _register() -> None:
    import prompty

    prompty.register_connection(_NAME, client=_CurrentClient())


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes tens of milliseconds, during which the loop stands still; once is enough.
    return ssl.create_default_context()


@asynccontextmanager
async def client_for(target: Target) -> AsyncIterator[AsyncOpenAI]:
    """A client for one run: the one that `connection()` holds open, else one of its own."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    shared = _shared.get()
    if shared is not None and shared[0] == target:
        yield shared[1]
        return
    async with AsyncOpenAI(
        api_key=target.api_key.get_secret_value() if target.api_key else "unused",
        base_url=target.base_url,
        max_retries=RETRIES,
        http_client=DefaultAsyncHttpxClient(
            verify=_tls() if target.base_url.startswith("https:") else False, timeout=TIMEOUT_S
        ),
    ) as client:
        yield client


@asynccontextmanager
async def connection(target: Target, *, client: AsyncOpenAI | None = None) -> AsyncIterator[None]:
    """Keep one connection to a target open for all runs inside the block.

    Without it each run opens and closes its own, which costs a remote target a TLS handshake per run. Tasks that are
    started inside the block use the connection too and have to end before the block does.

    Args:
        client: an open one to use, for a target that is reached in another way than over a network; it stays open.
    """
    async with nullcontext(client) if client is not None else client_for(target) as used:
        token = _shared.set((target, used))
        try:
            yield
        finally:
            _shared.reset(token)


async def request(
    client: AsyncOpenAI, agent: Agent, messages: list[Any], *, model: str, extra: Mapping[str, Any]
) -> Any:
    """Let prompty send the messages through this client; the raw answer or the raw stream comes back.

    Args:
        agent: a copy that may be changed.
        extra: options of the chat API beside those of the prompt.
    """
    import prompty
    from prompty.model import Model, ModelOptions, ReferenceConnection

    _register()
    agent.model = agent.model or Model()
    agent.model.id = model
    agent.model.provider = "openai"
    agent.model.connection = ReferenceConnection(name=_NAME)
    if extra:
        options = agent.model.options = agent.model.options or ModelOptions()
        options.additional_properties = {**(options.additional_properties or {}), **extra}
    token = _current.set(client)
    try:
        return await prompty.run_async(agent, messages, raw=True)
    finally:
        _current.reset(token)
