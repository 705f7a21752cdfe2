"""What a scorer said about a recording is kept, so that a suite that runs again computes only what is new.

The key is what the answer depends on: the bytes of the recording, the catalogue in use, and the source of the scorer.
For a scorer of ours that is all of our code that it may call, and the personas, hashed once in a process; for one of
the user's own, its file too.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from functools import lru_cache
from pathlib import Path

import contoso_lab
from contoso_lab.marked_yaml import shown
from contoso_lab.recording.manifest import write_whole
from contoso_lab.scoring.scores import Row
from contoso_lab.scoring.value import Scorer
from contoso_lab.settings import HOME
from contoso_lab.shop import Catalog

ROOMS = ("audio", "prompts", "recording", "scoring", "shop", "wire")
"""The code that a scorer of ours may call."""
PERSONAS = HOME / "prompts" / "personas"
"""What a persona promises, which its adherence is held against."""
_READ = ("manifest.json", "events.jsonl", "prompty.jsonl")


class ScoreCache:
    """Rows by recording and scorer, in small JSON files below a folder; damaged ones are computed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hits = 0
        self.misses = 0

    def get(self, recording: Path, scorer: Scorer) -> list[Row] | None:
        """What was said before, or None."""
        place = self._place(recording, scorer)
        try:
            rows = [Row(**row) for row in json.loads(place.read_bytes())]
        except (OSError, ValueError, TypeError):
            self.misses += 1
            return None
        self.hits += 1
        return rows

    def put(self, recording: Path, scorer: Scorer, rows: list[Row]) -> None:
        """Keep what was said. An error is not kept: the next run may do better."""
        if any(row.status == "error" for row in rows):
            return
        place = self._place(recording, scorer)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps([row.to_dict() for row in rows], ensure_ascii=False).encode())

    def _place(self, recording: Path, scorer: Scorer) -> Path:
        key = hashlib.sha256(f"{recording_sha256(recording)} {signature(scorer)}".encode()).hexdigest()
        return self.folder / key[:2] / f"{key[2:34]}.json"


def signature(scorer: Scorer) -> str:
    """What a score depends on besides the recording: sixteen characters that change when the scorer may have changed.

    >>> from contoso_lab.scoring.run import default_scorers
    >>> len(signature(default_scorers()[0]))
    16
    """
    known = getattr(scorer, "signature", None)
    if isinstance(known, str):  # a judge: its prompt, its model, its parameters
        return known
    source = inspect.getsourcefile(scorer.function)
    own = b""
    if source is not None and not Path(source).is_relative_to(Path(contoso_lab.__file__).parent):
        own = Path(source).read_bytes()
    return hashlib.sha256(
        f"{scorer.metric} {sorted(scorer.modes)} {_our_code()} {Catalog.load().sha256}".encode() + own
    ).hexdigest()[:16]


def recording_sha256(folder: Path) -> str:
    """A hash of all that a scorer may read of a recording."""
    return _recording_sha256(folder, _state(folder))


@lru_cache(maxsize=20_000)
def _recording_sha256(folder: Path, state: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, _, _ in state:
        digest.update(name.encode())
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Its files with their ages and sizes: while these stay, so does the hash."""
    names = [
        *_READ,
        *(f"{part}/{file.name}" for part in ("audio", "labels") for file in sorted((folder / part).glob("*"))),
    ]
    found = []
    for name in names:
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        found.append((name, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


@lru_cache(maxsize=1)
def _our_code() -> str:
    root = Path(contoso_lab.__file__).parent
    digest = hashlib.sha256()
    for folder, kind in (*((root / room, "*.py") for room in ROOMS), (PERSONAS, "*.yaml")):
        for path in sorted(folder.rglob(kind)):
            digest.update(shown(path).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
