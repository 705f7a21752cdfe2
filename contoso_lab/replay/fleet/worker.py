"""What a worker process of a fleet is made of: all that units need is loaded here, before one is asked for."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from multiprocessing.connection import wait

from contoso_lab.errors import LabError
from contoso_lab.replay.fleet.work import do_blocking
from contoso_lab.scoring.run import default_scorers
from contoso_lab.scoring.text import word_errors
from contoso_lab.shop.truth.surface import language_of

__all__ = ["begin", "do_blocking"]

# Each loads what it needs when it is first asked.
default_scorers()
language_of("Which tent is good for four people?")
with contextlib.suppress(LabError):  # what is not installed is told to whoever asks for it
    word_errors("one", "one")


def begin(environment: dict[str, str]) -> None:
    """Begin as a worker, in the environment of whoever runs the fleet, and end when they do.

    A pool that was killed tells its workers nothing. One that went on with its unit would write into the folder of the
    same unit while the next run does it again.
    """
    os.environ.clear()
    os.environ.update(environment)
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is begun by the process that runs the fleet"

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="watch the fleet", daemon=True).start()
