"""`python -m contoso_lab.live.kept <server> …`: one of our servers, until whoever started it lets go of its stdin.

However the starter ends, also by being killed, the pipe to it breaks. So no engine is left behind with its models.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

GIVES_WAY = 5
"""How much nicer than others, of 19."""


def main() -> None:
    """Run `contoso_lab.<server>` as a program; SIGTERM when nobody holds the other end of stdin any more."""
    name = sys.argv.pop(1)
    if name == "engine":
        _give_way()
    threading.Thread(target=_stop_when_left, daemon=True).start()
    runpy.run_module(f"contoso_lab.{name}", run_name="__main__", alter_sys=True)


def _give_way() -> None:
    """Whoever thinks goes after those who carry sound: that is little work, and every wait of theirs can be heard."""
    if hasattr(os, "nice"):
        os.nice(GIVES_WAY)


def _stop_when_left() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
