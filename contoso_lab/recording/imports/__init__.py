"""Bring in conversations that other programs recorded; what they do not say is named, and never made up silently.

| format | from | what it cannot say |
|---|---|---|
| `openai` | a log of Realtime events, JSONL or a JSON array | what was played; often times and directions |
| `cookbook` | a run folder of the cookbook's realtime evals | what was played; texts of more than 400 characters |
| `tau2` | results of τ²-bench, or one simulation | times finer than a tick; often the sound |
| `eva` | a record folder of ServiceNow's EVA | a common clock; often the sound |
| `wav` | a stereo file, with captions beside it or without | words without captions; who interrupted whom |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from contoso_lab.errors import RecordingError
from contoso_lab.recording.imports.cookbook import import_cookbook
from contoso_lab.recording.imports.eva import import_eva
from contoso_lab.recording.imports.openai_events import import_openai
from contoso_lab.recording.imports.stereo import import_stereo
from contoso_lab.recording.imports.tau2 import import_tau2
from contoso_lab.recording.inside import check_inside
from contoso_lab.recording.manifest import Manifest

Format = Literal["openai", "cookbook", "tau2", "eva", "wav"]
_IMPORTERS: dict[Format, Callable[[Path, Path], list[Path]]] = {
    "openai": import_openai,
    "cookbook": import_cookbook,
    "tau2": import_tau2,
    "eva": import_eva,
    "wav": import_stereo,
}
_SOUND = {".wav", ".flac", ".ogg", ".mp3", ".webm"}


@dataclass(frozen=True, slots=True)
class Imported:
    """What was brought in, and what was lost or made up on the way."""

    format: Format
    recordings: tuple[Path, ...]
    lost: tuple[str, ...]
    """What the other format said and a bundle does not hold, and what it never said; one sentence each."""
    guessed: tuple[str, ...]
    """What was made up so that the bundle is whole, one sentence each; the manifests say the same."""

    def __str__(self) -> str:
        lines = [f"{self.format}: {len(self.recordings)} recordings", *(f"  {path}" for path in self.recordings)]
        lines += [f"  lost     {sentence}" for sentence in self.lost]
        lines += [f"  guessed  {sentence}" for sentence in self.guessed]
        return "\n".join(lines)


def import_recordings(
    source: str | PathLike[str], root: str | PathLike[str] = "runs", *, format: Format | None = None
) -> Imported:
    """Make recordings below `root` of what another program recorded.

    Args:
        source: the file or the folder.
        root: the folder of all recordings.
        format: what it is; told by its looks unless given.

    Raises:
        RecordingError: it is none of the formats, it is damaged, or there is a recording of that name already.
    """
    place, folder = Path(source), Path(root)
    kind = format or told_format(place)
    if kind not in _IMPORTERS:
        raise RecordingError(f"{kind!r} is no format that can be imported: use one of {', '.join(get_args(Format))}")
    if not place.exists():
        raise RecordingError(f"{place} does not exist: check the path")
    try:
        if place.is_dir():
            check_inside(place)
        made = _IMPORTERS[kind](place, folder)
    except OSError as error:
        raise RecordingError(f"{place} cannot be read ({error.strerror or error}); check the path") from error
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, RecursionError) as error:
        # Somebody else's file may have any shape; which part is wrong is in the error's own words.
        raise RecordingError(f"{place} is not shaped as {kind} files are ({type(error).__name__}: {error})") from error
    pages = [page for path in made if (page := Manifest.load(path).imported) is not None]
    return Imported(
        kind,
        tuple(made),
        tuple(dict.fromkeys(sentence for page in pages for sentence in page.lost)),
        tuple(dict.fromkeys(sentence for page in pages for sentence in page.guessed)),
    )


def told_format(place: Path) -> Format:
    """Tell the format of a file or folder by its looks; raises RecordingError when it looks like none."""
    if place.is_dir():
        if (place / "results.csv").exists():
            return "cookbook"
        if any((place / name).exists() for name in ("audit_log.json", "user_simulator_events.jsonl")):
            return "eva"
        if (place / "results.json").exists() or (place / "simulations").is_dir():
            return "tau2"
        if (place / "records").is_dir():
            return "eva"
    elif place.suffix.lower() in _SOUND:
        return "wav"
    elif place.suffix.lower() == ".jsonl":
        return "openai"
    elif place.suffix.lower() == ".json":
        with place.open("rb") as file:
            return "openai" if file.read(64).lstrip().startswith(b"[") else "tau2"
    raise RecordingError(f"{place} looks like none of {', '.join(get_args(Format))}: name its format")


__all__ = ["Format", "Imported", "import_recordings", "told_format"]
