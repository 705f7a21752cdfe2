"""Where the relay of a Jupyter server is: one small file for each server, in Jupyter's runtime folder, for its owner.

The server extension (`contoso_lab.jupyter`) writes it. A kernel of that server reads it to follow its calls, and to use
its relay and its engine instead of loading the models once more. It holds the relay's secret, as Jupyter's own file
beside it holds Jupyter's token; the provider's key it holds not.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from contoso_lab.recording.followed import lives
from contoso_lab.settings import Target

State = Literal["stopped", "starting", "ready", "failed"]
"""How far the relay and the engine of a server have come."""
HEALTHY_WITHIN_S = 3.0
_PREFIX = "contoso-lab-"


@dataclass(frozen=True, slots=True)
class Running:
    """One of our servers, as others find it."""

    url: str
    pid: int

    @property
    def alive(self) -> bool:
        """There is such a process; whether it answers is another question (`is_healthy`)."""
        return lives(self.pid)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a Jupyter server tells of its relay."""

    server_pid: int
    server_url: str
    """Jupyter's own address, with its base URL."""
    runs: str
    """The folder of the recordings, absolute."""
    state: State = "stopped"
    relay: Running | None = None
    engine: Running | None = None
    target: dict[str, str] = field(default_factory=dict)
    """Whom the calls reach: kind, base_url, model and chat_model."""
    tools: bool = False
    secret: str = field(default="", repr=False)
    """What the relay asks for before it gives a token."""

    @classmethod
    def read(cls, place: Path) -> Entry:
        """Read an entry; raises OSError, or ValueError when it is none."""
        said: dict[str, Any] = json.loads(place.read_bytes())
        if not isinstance(said, dict):
            raise ValueError("no object")
        try:
            for name in ("relay", "engine"):
                said[name] = Running(**said[name]) if said.get(name) else None
            return cls(**said)
        except TypeError as error:
            raise ValueError(str(error)) from error

    @property
    def usable(self) -> bool:
        """Its relay is there, lives and takes calls, and so does its engine, if it has one."""
        return (
            self.state == "ready"
            and self.relay is not None
            and all(service.alive for service in (self.relay, self.engine) if service is not None)
            and is_healthy(self.relay.url)
        )

    def local_target(self) -> Target | None:
        """Whom its calls reach, when it is an engine of its own; a provider's key stays where it is."""
        return Target.local(self.target["base_url"]) if self.engine is not None and self.target else None


def write_entry(entry: Entry) -> None:
    """Tell others; only the owner may read it. Raises OSError."""
    place = _place(entry.server_pid)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = place.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(asdict(entry), file, indent=1)
    os.replace(draft, place)


def remove_entry(server_pid: int) -> None:
    """Take back what was told."""
    _place(server_pid).unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """What the servers of this user tell. What a server that is gone has left behind is removed.

    An entry that cannot be read is left alone: it may be of a later version.
    """
    try:
        places = sorted(_folder().glob(f"{_PREFIX}*.json"))
    except ModuleNotFoundError:  # no Jupyter, no entries
        return
    for place in places:
        try:
            entry = Entry.read(place)
        except (OSError, ValueError):
            continue
        if not lives(entry.server_pid):
            place.unlink(missing_ok=True)
        elif entry.state == "ready" and not entry.usable:
            yield replace(entry, state="stopped", relay=None, engine=None)
        else:
            yield entry


def find_ours() -> Entry | None:
    """What the Jupyter server tells that started this process as a kernel; None when there is none, or no extension."""
    # Others of this user are none of our business: a test, or a notebook in an editor, starts its own.
    parent = os.environ.get("JPY_PARENT_PID", "")
    return next((entry for entry in entries() if str(entry.server_pid) == parent), None)


def is_healthy(url: str) -> bool:
    """Whether a relay at this address says that it takes calls."""
    # Never by a proxy: it is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/healthz", timeout=HEALTHY_WITHIN_S) as answer:
            said = json.load(answer)
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("status") == "ok"


def _folder() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _place(server_pid: int) -> Path:
    return _folder() / f"{_PREFIX}{server_pid}.json"
