"""How a worker process begins; apart from what is loaded there (`worker`), which who starts it does not need."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from multiprocessing.connection import wait

_YOUNG = 20_000
"""So many objects are made before young ones are looked through for garbage: two or three calls, most of which have
gone by then. With Python's 700 it would be done with a call's events while all of them are in use."""


def begin(environment: dict[str, str]) -> None:
    """Begin as a worker, in the environment of whoever runs the fleet, and end when they do.

    A pool that was killed tells its workers nothing. One that went on with its unit would write into the folder of the
    same unit while the next run does it again.
    """
    os.environ.clear()
    os.environ.update(environment)
    gc.freeze()  # what is loaded stays: to look through it for garbage again and again costs a tenth of the time
    gc.set_threshold(_YOUNG)
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is begun by the process that runs the fleet"

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="watch the fleet", daemon=True).start()
