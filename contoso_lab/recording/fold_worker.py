"""A process of low priority that folds recordings, one at a time, for a program with better things to do.

| resource | acquired | released | on failure |
|---|---|---|---|
| the process | with the first recording | `close`, or the end of the program, for its input ends with it | made anew |
| a recording to fold | `fold` | when it is folded | left as it is: whoever reads it folds it |
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from contoso_lab.errors import RecordingError
from contoso_lab.recording.fold import fold

_KEPT = ("PATH", "PYTHON", "VIRTUAL_ENV", "HOME", "TMPDIR", "LANG", "LC_", "SYSTEMROOT")
"""What of the environment the process gets, by the beginnings of the names: it needs no key and is given none."""
_LOWEST = 19


class FoldWorker:
    """Hands recordings to its process. Nothing here waits or fails; not for several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting = bytearray()

    @property
    def pid(self) -> int | None:
        """The process, when there is one."""
        return self._process.pid if self._process else None

    def fold(self, path: Path) -> None:
        """Have a recording folded soon."""
        name = os.fsencode(path.absolute())
        if b"\n" not in name:  # such a folder is left to its reader
            self._waiting += name + b"\n"
            self._send()

    def close(self, *, wait_s: float = 2.0) -> None:
        """Give no more work. The process ends when it has done what it was given, even if we do not wait for that."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                os.write(process.stdin.fileno(), self._waiting)
            self._waiting.clear()
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)

    def _send(self) -> None:
        try:
            if self._process is None:
                self._process = _spawn()
            assert self._process.stdin is not None
            # What the pipe does not take now goes with the next recording, or the last.
            del self._waiting[: os.write(self._process.stdin.fileno(), self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            # It was killed, or cannot be made. What it was given is left to the readers.
            self.close(wait_s=0)
            self._waiting.clear()


@cache
def shared_worker() -> FoldWorker:
    """The worker of this program; it ends with it."""
    worker = FoldWorker()
    atexit.register(worker.close)
    return worker


def _spawn() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "contoso_lab.recording.fold_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name.startswith(_KEPT)},
        start_new_session=True,  # Ctrl-C ends the program, and the work in hand is finished
    )
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    return process


def main() -> None:
    """Fold what is named on the standard input, one path a line, until it ends."""
    if hasattr(os, "nice"):
        os.nice(_LOWEST)
    for line in sys.stdin.buffer:
        # What cannot be folded stays whole as it is, and its reader is told why.
        with contextlib.suppress(RecordingError, RecursionError):
            fold(Path(os.fsdecode(line.rstrip(b"\n"))))


if __name__ == "__main__":
    main()
