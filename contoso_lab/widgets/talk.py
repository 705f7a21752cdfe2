"""`lab.talk()`: one cell, and there is a console to talk with the assistant; what it needs is started behind it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import LabError, WidgetError
from contoso_lab.live.borrowing import ask_to_start
from contoso_lab.live.registry import find_ours
from contoso_lab.live.service import Progress

if TYPE_CHECKING:
    from contoso_lab.live import Here
    from contoso_lab.widgets.console import VoiceConsole

NO_PAGE = (
    "talking needs a page with a microphone: run lab.talk() in a notebook (`make lab` opens one), "
    "or let a recorded customer talk with `contoso-lab demo`"
)


def talk(
    persona: str = "",
    customer: str = "",
    *,
    runs: Path | str | None = None,
    progress: Progress = print,
    **console: Any,
) -> VoiceConsole:
    """Show a console in this cell: press Connect in it and talk.

    In JupyterLab and in Voila the relay is that of the Jupyter server, which begins to load its models now. Elsewhere
    (an editor, a bare kernel) a relay and an engine are started for this kernel and end with it; `progress` is told
    when they are ready. The cell does not wait for either.

    Args:
        persona: who answers; can be chosen in the page, too.
        customer: who calls.
        runs: where recordings go, when the relay is this kernel's own.
        progress: called with what is being started, in a kernel without the Jupyter server's relay.
        console: further fields of `VoiceConsole`, as `clip=` or `stream=`.

    Raises:
        WidgetError: there is no page here that could show it.
    """
    if not _has_a_page():
        raise WidgetError(NO_PAGE)
    from contoso_lab.widgets.console import VoiceConsole

    if console.get("relay_url"):
        return VoiceConsole(persona=persona, customer=customer, runs=runs, **console)
    entry = find_ours()
    if entry is not None:
        threading.Thread(target=ask_to_start, args=(entry,), daemon=True).start()
        return VoiceConsole(persona=persona, customer=customer, runs=entry.runs, **console)
    own = _Own.of_this_kernel(runs, progress)
    shown = VoiceConsole(persona=persona, customer=customer, runs=own.runs, **console)
    own.when_ready(lambda here: setattr(shown, "relay_url", here.relay_url))
    return shown


def _has_a_page() -> bool:
    """A kernel may have a page before it; a terminal has none."""
    try:
        from IPython.core.getipython import get_ipython
    except ModuleNotFoundError:
        return False
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


class _Own:
    """The relay of this kernel, in a thread with a loop of its own: no cell waits for it, and none holds it up."""

    _one: _Own | None = None

    def __init__(self, runs: Path | str | None, progress: Progress) -> None:
        from contoso_lab.settings import Settings

        self.runs = Path(runs) if runs is not None else Settings().runs
        self.failed = False
        self._progress = progress
        self._here: Here | None = None
        self._waiting: list[Any] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="contoso-lab-relay", daemon=True).start()

    @classmethod
    def of_this_kernel(cls, runs: Path | str | None, progress: Progress) -> _Own:
        """The one that there is, or a new one."""
        if cls._one is None or cls._one.failed:
            cls._one = cls(runs, progress)
        return cls._one

    def when_ready(self, then: Any) -> None:
        """Do something once the relay is there, or at once."""
        with self._lock:
            if self._here is None:
                self._waiting.append(then)
                return
        then(self._here)

    def _run(self) -> None:
        asyncio.run(self._keep())

    async def _keep(self) -> None:
        from contoso_lab.live import start

        try:
            here = await start(runs=self.runs, fresh=True, progress=self._progress)
        except LabError as error:
            self.failed = True
            self._progress(f"{error}; then run the cell again")
            return
        with self._lock:
            self._here, waiting = here, self._waiting
        for then in waiting:
            then(here)
        self._progress("ready: press Connect and talk")
        # The two end with this process (`live.kept`); whoever reads what they write has to stay.
        await asyncio.Event().wait()
