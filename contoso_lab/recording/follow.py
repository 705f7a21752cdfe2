"""Follow calls while they last: what was said so far, read from the recording that is being written.

Nothing of it needs the process that holds the call: the relay writes, this reads the same file, from a thread of its
own. So a notebook sees a call while its kernel computes, and finds it again after the kernel, or the relay, was started
anew. No sound is decoded, and none is kept.

>>> import tempfile
>>> from contoso_lab.recording import Recorder
>>> hello = {"id": "a", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
>>> with tempfile.TemporaryDirectory() as runs, follow_calls(runs, console="desk") as calls:
...     with Recorder.start(Path(runs), console="desk") as recorder:
...         recorder.write("s2c", {"type": "conversation.item.added", "previous_item_id": None, "item": hello})
...         assert calls.wait_for(lambda: calls.latest and calls.latest.turns, timeout_s=10)
...         print([turn.heard for turn in calls.latest.turns], calls.latest.ended)
['Hi'] False

| resource | acquired | released | on failure |
|---|---|---|---|
| the thread | `follow_calls` | `close`, or with the program | what cannot be read is the call's `problem` |
| a call's spool | when the call is found | when it has ended, or `close` | at once |
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from contoso_lab.errors import RecordingError
from contoso_lab.recording.followed import FollowedCall
from contoso_lab.recording.manifest import MANIFEST, Manifest, safe_name
from contoso_lab.wire import Turn

LOOK_S = 0.1
"""How often the calls that go on are looked at."""
LOOK_FOR_NEW_S = 0.3
"""How often the folder is looked at for new ones."""


class Calls:
    """The calls of a console, or of all consoles: a view that grows by itself. All of it may be asked in any thread.

    What it gives are values: a tuple that was taken stays as it is.
    """

    def __init__(self, runs: Path, console: str | None) -> None:
        self.runs = runs
        self.console = console
        self.changed = threading.Condition()
        """Notified whenever something has happened in a call; `version` then has grown."""
        self.version = 0
        self._calls: dict[str, FollowedCall] = {}
        self._passed: set[str] = set()
        """Folders that are no call of ours."""
        self._stop = threading.Event()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._thread: threading.Thread | None = None

    @property
    def calls(self) -> tuple[FollowedCall, ...]:
        """Those so far, oldest first."""
        with self.changed:
            return tuple(self._calls.values())

    @property
    def latest(self) -> FollowedCall | None:
        """The newest, if there is one."""
        with self.changed:
            return next(reversed(self._calls.values()), None)

    def wait_for(self, holds: Callable[[], object], *, timeout_s: float | None = None) -> bool:
        """Wait until something holds; asked again after all that happens. `False` when it did not in time."""
        with self.changed:
            return bool(self.changed.wait_for(holds, timeout_s))

    async def news(self) -> AsyncIterator[int]:
        """The `version` each time that it has grown, beginning with the one that is; ends with `close`.

        What happens in between is not counted up: there is one version for all that happened meanwhile.
        """
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        listener = (loop, woken)
        with self.changed:
            self._listeners.add(listener)
        try:
            while True:
                woken.clear()
                yield self.version
                if self._stop.is_set():
                    return
                await woken.wait()
        finally:
            with self.changed:
                self._listeners.discard(listener)

    async def turns(self) -> AsyncIterator[Turn]:
        """Every turn of every call from now on, in spoken order, once its words are final and were heard.

        The turns of a call that has not ended yet come from its beginning. Ends with `close`.
        """
        told = {call.id: len(call.turns) for call in self.calls if call.ended}
        async for _ in self.news():
            for call in self.calls:
                final = call.final_turns
                for turn in final[told.get(call.id, 0) :]:
                    yield turn
                told[call.id] = max(told.get(call.id, 0), len(final))

    def close(self) -> None:
        """Stop to follow; what was read stays."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        for call in self.calls:
            call.release()
        self._tell()

    def look(self) -> bool:
        """Look at the folder and at the calls once, and say whether there was news; the thread does this by itself."""
        with self.changed:
            new = self._find()
            calls = tuple(self._calls.values())
            news = [call.look() for call in calls if not call.ended]
            news += [call.supersede() for call in _superseded(calls)]
        if new or any(news):
            self._tell()
            return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        going_on = sum(not call.ended for call in self.calls)
        whose = f"console {self.console!r}" if self.console is not None else "all consoles"
        return f"<Calls of {whose}: {len(self.calls)}, of which {going_on} go on>"

    def _begin(self) -> None:
        self.look()
        self._thread = threading.Thread(target=self._run, name="contoso-lab-follow", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due_s = 0.0
        while not self._stop.wait(LOOK_S):
            going_on = any(not call.ended for call in self.calls)
            if going_on or time.monotonic() >= due_s:
                due_s = time.monotonic() + LOOK_FOR_NEW_S
                self.look()

    def _find(self) -> bool:
        """Take in the folders that are new; oldest first."""
        known = self._calls.keys() | self._passed
        try:
            places = sorted(place for place in self.runs.iterdir() if place.name not in known)
        except FileNotFoundError:
            return False  # the relay makes it with the first recording
        found = False
        for place in places:
            try:
                manifest = Manifest.load(place)
            except RecordingError:
                # The folder is made before its first page; what stays without one is no recording.
                if (place / MANIFEST).exists() or not place.is_dir():
                    self._passed.add(place.name)
                continue
            if manifest.console and self.console in (None, manifest.console):
                self._calls[place.name] = FollowedCall(place, manifest)
                found = True
            else:
                self._passed.add(place.name)
        if found:  # names sort by the second only
            self._calls = dict(sorted(self._calls.items(), key=lambda item: item[1].manifest.created_at))
        return found

    def _tell(self) -> None:
        with self.changed:
            self.version += 1
            self.changed.notify_all()
            for listener in tuple(self._listeners):
                loop, woken = listener
                try:
                    loop.call_soon_threadsafe(woken.set)
                except RuntimeError:  # its loop is closed: nobody listens there any more
                    self._listeners.discard(listener)


def follow_calls(runs: str | PathLike[str], *, console: str | None = None) -> Calls:
    """Follow the calls that are recorded below a folder, from a thread, until `close`.

    Calls that are there already are in it, whether they go on or not: so a kernel that was started anew goes on where
    it was.

    Args:
        runs: the folder of all recordings; it may come later.
        console: whose calls, as the token for the call named it; `None` follows those of all consoles.

    Raises RecordingError when `console` is no name.
    """
    calls = Calls(Path(runs), safe_name(console, "console") if console is not None else None)
    calls._begin()
    return calls


def newest_console(runs: str | PathLike[str]) -> str | None:
    """The console that held the newest call below a folder; None when none did."""
    with contextlib.suppress(FileNotFoundError):
        for place in sorted(Path(runs).iterdir(), reverse=True):
            with contextlib.suppress(RecordingError):
                if console := Manifest.load(place).console:
                    return console
    return None


def _superseded(calls: tuple[FollowedCall, ...]) -> list[FollowedCall]:
    """Calls that go on although their console has begun another one."""
    newest = {call.console: call for call in calls}
    return [call for call in calls if not call.ended and newest[call.console] is not call]
