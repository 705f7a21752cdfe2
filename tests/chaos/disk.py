"""A disk that can be full: a small one of its own where that is allowed, else a limit on what a process may write."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from pathlib import Path


class Disk:
    """The folder of the recordings, and a way to let it be full and to give it room again.

    Where this process may mount, the folder is a file system of its own, in memory, and full means ENOSPC. Elsewhere
    the processes that write are told that they may not (EFBIG, by RLIMIT_FSIZE), which also stops their other files.
    """

    def __init__(self, folder: Path, *, size_mb: int = 3072, may_mount: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._mounted = may_mount and _mount(folder, size_mb)
        self._limited: dict[int, tuple[int, int]] = {}

    @property
    def kind(self) -> str:
        """What full means here."""
        return "a full file system (ENOSPC)" if self._mounted else "a limit on the process (EFBIG)"

    def fill(self, *pids: int) -> None:
        """Leave no room; `pids` are who writes there."""
        if not self._mounted:
            for pid in pids:
                self._limited[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, self._limited[pid][1]))
            return
        filler = os.open(self.folder / "filler", os.O_WRONLY | os.O_CREAT)
        size = 1 << 20
        while size:
            try:
                os.write(filler, bytes(size))
            except OSError:  # no room for so much: for half of it, perhaps
                size //= 2
        os.close(filler)

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink(missing_ok=True)
        for pid, limits in self._limited.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        self._limited.clear()

    def close(self) -> None:
        """Let go of the file system, and of all that is on it."""
        self.free()
        if self._mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
            self._mounted = False


def _mount(folder: Path, size_mb: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
