"""Where the relay's processor time goes: by what it asks of the system, and by function."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

from relay_farm import NotHere
from relay_parts import KB_1_3, Bench
from relay_peers import Peer


def profile(bench: Bench, peer: Peer, folder: Path, *, secs: float = 6.0) -> str:
    """A paragraph and a table for the report."""
    assert peer.running is not None
    peer.running.go_on()
    load = {"mode": "window", "calls": 64, "size": KB_1_3, "secs": secs + 2}
    try:
        with bench.load.started(peer.port, peer.paths(64), peer.running.pids, peer.header, **load) as client:
            client.stdout.readline()  # the calls are open
            time.sleep(0.5)
            pid, before = peer.running.pid, _times(peer.running.pid)
            rows, how = _sampled(pid, folder, secs)
            after = _times(pid)
    finally:
        peer.tidy()
        peer.running.hold()
    user, system = (b - a for a, b in zip(before, after, strict=True))
    share = 100 * system / max(1, user + system)
    words = (
        f"64 calls, 1.3 KB, {peer.name}: {share:.0f} % of the time in the operating system (sending, receiving, "
        f"waiting), {100 - share:.0f} % in the process. {how}"
    )
    if not rows:
        return words
    lines = [words, "", "| function | share |", "|---|--:|"]
    return "\n".join([*lines, *(f"| `{name}` | {100 * part:.1f} % |" for name, part in rows)])


def _times(pid: int) -> tuple[int, int]:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def _sampled(pid: int, folder: Path, secs: float) -> tuple[list[tuple[str, float]], str]:
    for sampler in (_py_spy, _perf):
        try:
            return sampler(pid, folder, secs)
        except NotHere:
            continue
    time.sleep(secs)
    return [], "No sampler is installed that could say by function (py-spy or perf)."


def _py_spy(pid: int, folder: Path, secs: float) -> tuple[list[tuple[str, float]], str]:
    program = shutil.which("py-spy") or shutil.which("py-spy", path=str(folder / "peers" / "bin"))
    if program is None:
        raise NotHere("py-spy is not installed")
    place = folder / "profile.txt"
    command = [program, "record", "--pid", str(pid), "--duration", str(int(secs)), "--rate", "400", "--native"]
    command += ["--threads", "--format", "raw", "--output", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise NotHere("py-spy may not look into the process")
    own: Counter[str] = Counter()
    for line in place.read_text("utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        if "MainThread" not in stack:
            continue  # helpers that wait look busy to it
        own[_short(stack.rpartition(";")[2])] += int(count)
    total = sum(own.values()) or 1
    return [
        (name, count / total) for name, count in own.most_common(25)
    ], "The main thread by function, its own time, by py-spy:"


def _perf(pid: int, folder: Path, secs: float) -> tuple[list[tuple[str, float]], str]:
    program = shutil.which("perf")
    if program is None:
        raise NotHere("perf is not installed")
    place = folder / "perf.data"
    record = [program, "record", "-q", "-e", "cpu-clock", "-F", "997", "-p", str(pid), "-o", str(place), "--", "sleep"]
    if subprocess.run([*record, str(secs)], capture_output=True, check=False).returncode:
        raise NotHere("perf may not look into the process")
    show = [program, "report", "-i", str(place), "--stdio", "-q", "--sort", "symbol", "--percent-limit", "0.7"]
    done = subprocess.run(show, capture_output=True, text=True, check=False)
    rows = []
    for line in done.stdout.splitlines():
        share, _, name = line.strip().partition("%")
        if name:
            rows.append((" ".join(name.split()[:2]), float(share) / 100))
    return rows[:25], "By function, system and process together, by perf ([k] is the system):"


def _short(frame: str) -> str:
    name, _, where = frame.partition(" (")
    return f"{name} ({Path(where.split(':')[0].rstrip(')')).name})" if where else name
