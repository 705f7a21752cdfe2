"""Hand recordings on to other programs; what their format cannot hold is named in what is returned.

| format | what | for |
|---|---|---|
| `wav`, `flac` | one stereo file a call: left the caller, right the assistant as played | any player |
| `vtt` | captions on the same clock | players, and `recordings import` beside the WAV |
| `openai` | the wire, one event a line, sound inside as base64 | programs that read Realtime events |
| `azure` | one line an answer: `query`, `context`, `response` | azure-ai-evaluation |
| `inspect` | one sample a call, in one `.eval` file | Inspect's viewer and `read_eval_log` |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.exports.azure import azure_lines
from contoso_lab.recording.exports.captions import captions
from contoso_lab.recording.exports.inspect_log import inspect_log
from contoso_lab.recording.exports.openai_events import openai_lines

Format = Literal["wav", "flac", "vtt", "openai", "azure", "inspect"]
SUFFIX: dict[Format, str] = {
    "wav": ".wav",
    "flac": ".flac",
    "vtt": ".vtt",
    "openai": ".jsonl",
    "azure": ".jsonl",
    "inspect": ".eval",
}
_ALL_IN_ONE = ("azure", "inspect")
LOST: dict[Format, tuple[str, ...]] = {
    "wav": ("events, words and tools: the file has only what was to be heard",),
    "flac": ("events, words and tools: the file has only what was to be heard",),
    "vtt": ("events, tools and sound; a caption says what was heard, and not what was cut off",),
    "openai": ("the manifest, labels and prompt runs",),
    "azure": ("sound, times, and when somebody interrupted; labels and prompt runs",),
    "inspect": ("sound; times of single events; prompt runs",),
}
"""What each format has no place for."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what the format could not hold."""

    format: Format
    files: tuple[Path, ...]
    lost: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.format}: {len(self.files)} files", *(f"  {path}" for path in self.files)]
        return "\n".join([*lines, *(f"  lost  {sentence}" for sentence in self.lost)])


def export_recordings(recordings: Sequence[Recording], to: str | PathLike[str], *, format: Format) -> Exported:
    """Write recordings in the form of another program.

    Args:
        recordings: at least one.
        to: a file, where there will be one; a folder otherwise.
        format: which form; see the table above.

    Raises:
        RecordingError: there is no such format, nothing to write, or the place cannot be written.
        AudioError: the sound cannot be written there.
    """
    if format not in SUFFIX:
        raise RecordingError(f"{format!r} is no format to export to: use one of {', '.join(get_args(Format))}")
    if not recordings:
        raise RecordingError("there is nothing to export: give at least one recording")
    place = Path(to)
    try:
        files = _written(recordings, place, format)
    except OSError as error:
        raise RecordingError(f"{place} cannot be written ({error.strerror}); choose another place") from error
    problems = (f"{recording.id}: {problem}" for recording in recordings for problem in recording.problems)
    return Exported(format, tuple(files), (*LOST[format], *problems))


def _written(recordings: Sequence[Recording], place: Path, format: Format) -> list[Path]:
    if format in _ALL_IN_ONE:
        file = place if place.suffix else place / f"recordings{SUFFIX[format]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        if format == "inspect":
            inspect_log(recordings, file)
        else:
            lines = (line for recording in recordings for line in azure_lines(recording))
            file.write_text("".join(lines), encoding="utf-8", errors="replace")
        return [file]
    one = len(recordings) == 1 and place.suffix != ""
    return [_one(each, place if one else place / f"{each.id}{SUFFIX[format]}", format) for each in recordings]


def _one(recording: Recording, file: Path, format: Format) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if format in ("wav", "flac"):
        if file.suffix.lower() != SUFFIX[format]:
            raise RecordingError(f"{file} is to be {format}: name it {file.stem}{SUFFIX[format]}")
        return recording.save_stereo(file)
    texts: dict[str, Callable[[Recording], str]] = {
        "vtt": captions,
        "openai": lambda it: "".join(openai_lines(it)),
    }
    file.write_text(texts[format](recording), encoding="utf-8", errors="replace")
    return file


__all__ = ["LOST", "SUFFIX", "Exported", "Format", "export_recordings"]
