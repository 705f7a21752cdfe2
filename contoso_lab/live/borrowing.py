"""Use the relay and the engine that the Jupyter server of this kernel has, or has it start them."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contoso_lab.errors import EngineError
from contoso_lab.live.registry import Entry, Running, find_ours
from contoso_lab.live.service import START_TIMEOUT_S, Progress

LOOK_S = 0.3


@dataclass(frozen=True, slots=True)
class Lent:
    """A server that somebody else started and will stop: the Jupyter server."""

    name: str
    running: Running

    @property
    def url(self) -> str:
        """Where it is."""
        return self.running.url

    @property
    def alive(self) -> bool:
        """The process has not ended."""
        return self.running.alive

    @property
    def why_ended(self) -> str:
        """What can be said of a process that is not our own."""
        return "it was stopped or restarted by JupyterLab"

    async def stop(self) -> None:
        """Nothing: it is not ours to stop."""


def ask_to_start(entry: Entry) -> bool:
    """Have the Jupyter server begin to start its relay; False when it does not let us ask, as a hub may not."""
    try:
        return _ask(entry, "POST", "start").get("state") in ("starting", "ready")
    except (OSError, ValueError, KeyError):
        return False


async def borrow(*, runs: Path | None, tools: bool, progress: Progress) -> Entry | None:
    """The entry of this kernel's Jupyter server once its relay takes calls; None where there is none that fits.

    Args:
        runs: where recordings have to go; `None` when it does not matter.
        tools: whether the agent has to have its tools.
        progress: called with what the server tells while it starts.

    Raises:
        EngineError: the server tried to start them, and could not.
    """
    entry = await asyncio.to_thread(find_ours)
    if entry is None or entry.tools != tools or not _same(runs, entry.runs):
        return None
    if entry.state != "ready" and not await _started(entry, progress):
        return None
    entry = await asyncio.to_thread(find_ours)
    if entry is None or entry.state != "ready" or entry.relay is None or entry.local_target() is None:
        return None  # a provider's model has to be asked for by name (`target=`), for it costs money
    return entry


def _same(runs: Path | None, theirs: str) -> bool:
    return runs is None or os.path.realpath(runs) == theirs


async def _started(entry: Entry, progress: Progress) -> bool:
    """Have the server start its relay, and wait; False when it does not let us ask."""
    try:
        status = await asyncio.to_thread(_ask, entry, "POST", "start")
        told = ""
        async with asyncio.timeout(2 * START_TIMEOUT_S):  # an engine, and then a relay
            while status["state"] == "starting":
                if (message := str(status.get("message", ""))) != told:
                    progress(told := message)
                await asyncio.sleep(LOOK_S)
                status = await asyncio.to_thread(_ask, entry, "GET", "status")
    except (OSError, ValueError, KeyError, TimeoutError):
        return False
    if status["state"] == "failed":
        raise EngineError(f"JupyterLab could not start the relay: {status.get('message')}")
    return bool(status["state"] == "ready")


def _ask(entry: Entry, method: str, path: str) -> dict[str, Any]:
    """Ask the extension. The token is Jupyter's own, from the file that Jupyter keeps for its owner."""
    from jupyter_core.paths import jupyter_runtime_dir

    said = json.loads((Path(jupyter_runtime_dir()) / f"jpserver-{entry.server_pid}.json").read_bytes())
    request = urllib.request.Request(
        f"{entry.server_url}contoso-lab/{path}",
        method=method,
        headers={"Authorization": f"token {said['token']}"},
        data=b"" if method == "POST" else None,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        status: dict[str, Any] = json.load(answer)
    return status
