"""Keeps the relay and the engine of one Jupyter server: starts them when they are first needed, stops them with it.

| resource | acquired | released | on failure |
|---|---|---|---|
| relay and engine | `start` | `stop`, `close`; by themselves when this process is killed | state `failed`, and why |
| the task that starts them | `start` | when they are ready | `stop` and `close` cancel it |
| the entry in Jupyter's runtime folder | `open` | `close` | when killed: the next reader removes it |
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import LabError
from contoso_lab.live.registry import Entry, Running, State, remove_entry, write_entry

if TYPE_CHECKING:
    from contoso_lab.live import Here
    from contoso_lab.settings import Target


class Keeper:
    """Starts, watches and stops them. Not for several threads."""

    def __init__(self, *, server_url: str, runs: Path, tools: bool, log: logging.Logger) -> None:
        self.state: State = "stopped"
        self.message = "the relay is not started yet"
        self._here: Here | None = None
        self._task: asyncio.Task[None] | None = None
        self._tools = tools
        self._runs = runs.resolve()
        self._log = log
        self.secret = _secret()
        """What the relay asks for: on a machine that others share, its port alone is to open nothing."""
        self._entry = Entry(os.getpid(), server_url, str(self._runs), tools=tools)

    @property
    def relay_url(self) -> str | None:
        """Where the relay is, while it can take calls."""
        self._look()
        return self._here.relay_url if self._here is not None and self.state == "ready" else None

    def open(self) -> None:
        """Tell kernels that there is an extension, and where its recordings will be."""
        self._tell()

    async def status(self) -> dict[str, Any]:
        """How things stand, for a page: `state`, `message`, `target`, and the `personas` and `customers` there are."""
        self._look()
        # In a thread, for it reads files, and loads the shop when it is first asked.
        who = await asyncio.to_thread(_who_there_is)
        return {"state": self.state, "message": self.message, **who}

    def start(self) -> None:
        """Begin to start them, unless they run or are being started; `ready` waits."""
        self._look()
        if self.state not in ("ready", "starting"):
            self._set("starting", "starting")
            self._task = asyncio.create_task(self._start())

    async def ready(self) -> str | None:
        """Start them if need be and wait; where the relay is, or `None` when it failed (`message` says why)."""
        self.start()
        if self._task is not None:
            # Who waits may go away; what was begun goes on for the others.
            await asyncio.shield(self._task)
        return self.relay_url

    async def stop(self) -> None:
        """Stop them; calls that are open are closed by the relay, and their recordings finished."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        here, self._here = self._here, None
        if here is not None:
            from contoso_lab.live import stop

            await stop(here)
        self._set("stopped", "the relay is stopped")

    async def close(self) -> None:
        """The server ends, and with it all that it has started."""
        await self.stop()
        remove_entry(self._entry.server_pid)

    async def _start(self) -> None:
        from contoso_lab.live import mend, start

        tools, secret, told = self._tools, self.secret, self._progress
        try:
            if self._here is not None:  # one of the two has ended by itself
                self._here = await mend(self._here, tools=tools, secret=secret, progress=told)
            else:
                self._here = await start(
                    runs=self._runs, target=_target(), tools=tools, fresh=True, secret=secret, progress=told
                )
        except LabError as error:
            self._log.warning("contoso-lab: %s", error)
            self._set("failed", str(error))
            return
        except OSError as error:  # no memory, no processes: not ours, and still to be told to whoever waits
            self._log.warning("contoso-lab: the relay could not be started (%s)", error.strerror)
            self._set("failed", f"the relay could not be started ({error.strerror}); free some memory and try again")
            return
        except asyncio.CancelledError:
            self._set("stopped", "the start was cancelled")
            raise
        self._log.info("contoso-lab: the relay listens on %s", self._here.relay_url)
        self._set("ready", "ready")

    def _progress(self, message: str) -> None:
        self._set("starting", message)

    def _look(self) -> None:
        """Notice when one of them has ended by itself."""
        if self.state == "ready" and self._here is not None:
            try:
                self._here.check()
            except LabError as error:
                self._log.warning("contoso-lab: %s", error)
                self._set("failed", str(error))

    def _set(self, state: State, message: str) -> None:
        changed = state != self.state
        self.state, self.message = state, message
        if changed:
            self._tell()

    def _tell(self) -> None:
        entry, here = self._entry, self._here
        if self.state == "ready" and here is not None:
            engine = None if here.engine is None else _running(here.engine)
            target = {
                "kind": here.target.kind, "base_url": here.target.base_url,
                "model": here.target.model, "chat_model": here.target.chat_model,
            }  # fmt: skip
            relay = _running(here.relay)
            entry = replace(entry, state="ready", relay=relay, engine=engine, target=target, secret=self.secret)
        else:
            entry = replace(entry, state=self.state)
        try:
            write_entry(entry)
        except OSError as error:  # kernels then start a relay of their own
            self._log.warning("contoso-lab: kernels cannot be told of the relay (%s)", error.strerror)


def _secret() -> str:
    """The one that the environment names, for programs that know it, or else a new one."""
    from contoso_lab.settings import Settings

    named = Settings().relay_secret
    return (named.get_secret_value() if named else "") or secrets.token_urlsafe(32)


def _running(service: Any) -> Running:
    return Running(service.url, service.process.pid)


def _target() -> Target | None:
    """Whom calls reach: what the environment of the Jupyter server names, or else a local engine."""
    from contoso_lab.settings import Settings, Target

    settings = Settings()
    return None if settings.target == "local" and not settings.url else Target.from_env(settings)


def _who_there_is() -> dict[str, Any]:
    """Who there is to talk to, and as whom; read again each time, for personas are files that people edit."""
    from contoso_lab.shop.customers import load_customers
    from contoso_lab.shop.persona import persona, personas

    who: dict[str, Any] = {"personas": [], "customers": [], "target": "none"}
    try:
        target = _target()
        who["target"] = "local" if target is None else target.kind
        who["customers"] = [{"id": one.id, "name": one.name} for one in load_customers().values()]
        for name in personas():
            try:
                title = persona(name).description
            except LabError as error:  # the others are all right
                title = f"(cannot be used: {error})"
            who["personas"].append({"name": name, "title": title or name})
    except LabError as error:
        who["message"] = str(error)
    return who
