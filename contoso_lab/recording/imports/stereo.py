"""Import a sound file: one channel is the caller, the other the assistant, and captions beside it are the words.

Captions are a WebVTT file of the same name (`call.wav`, `call.vtt`), as `recordings export --as vtt` writes it; a cue
names its speaker with `<v Customer>` or `<v Assistant>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from contoso_lab.audio import Clip, find_speech, read_audio
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.imports.script import Facts, Script

_TIME = r"(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})"
_CUE = re.compile(rf"{_TIME}\s+-->\s+{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_CALLER = {"customer", "caller", "user", "kunde"}
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&amp;": "&"}


class Cue(NamedTuple):
    """What a caption says."""

    start_ms: float
    end_ms: float
    caller: bool
    text: str


def import_stereo(
    source: Path, root: Path, *, caller: Literal["left", "right"] = "left", channels: Any = None
) -> list[Path]:
    """Make a recording of a sound file with two channels, or of one with the caller alone."""
    sides = channels or read_channels(source)
    facts = Facts("wav", source)
    if len(sides) > 2:
        raise RecordingError(f"{source} has {len(sides)} channels: give a file with the caller and the assistant")
    user = sides[0] if caller == "left" or len(sides) == 1 else sides[1]
    assistant = sides[1 - sides.index(user)] if len(sides) == 2 else None
    cues = list(read_cues(source.with_suffix(".vtt"))) if source.with_suffix(".vtt").exists() else []
    script = Script()
    script.caller_sound(user)
    if cues:
        _with_words(script, cues, assistant)
    else:
        facts.guessed.append("who spoke when was found by the energy of the sound; there are no words")
        _by_energy(script, user, assistant)
    if assistant is None:
        facts.guessed.append("the file has one channel, and it is taken as the caller's")
    facts.guessed.append("when the recording was made")
    facts.measured = assistant is not None
    return [script.write(root, facts, end_ms=user.duration_ms)]


def read_channels(source: Path) -> list[Clip]:
    """The channels of a sound file, each as a clip; raises RecordingError when it is none, or longer than two hours."""
    import soundfile

    try:
        with soundfile.SoundFile(source) as file:
            if file.frames > 2 * 3600 * file.samplerate or file.channels > 8:
                raise RecordingError(
                    f"{source} is longer than two hours, or has more than 8 channels: cut it into parts"
                )
            data = file.read(dtype="float32", always_2d=True)
            return [Clip(data[:, channel].copy(), file.samplerate) for channel in range(data.shape[1])]
    except (soundfile.LibsndfileError, OSError) as error:
        try:  # what libsndfile cannot read, our own reader may; it knows why it cannot, too
            return [read_audio(source)]
        except AudioError as reason:
            raise RecordingError(str(reason)) from error


def read_cues(place: Path) -> Iterator[Cue]:
    """The captions of a WebVTT file; raises RecordingError when it is none."""
    try:
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{place} cannot be read as WebVTT ({error}); check the file") from error
    if not text.startswith("WEBVTT"):
        raise RecordingError(f"{place} does not begin with WEBVTT; check the file")
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.split("\n")
        at = next((number for number, line in enumerate(lines) if _CUE.match(line)), None)
        if at is None:
            continue
        found = _CUE.match(lines[at])
        assert found is not None
        payload = "\n".join(lines[at + 1 :])
        voice = _VOICE.search(payload)
        words = re.sub(r"<[^>]*>", "", payload)
        for name, character in _ENTITIES.items():
            words = words.replace(name, character)
        who = voice[1].strip().lower() if voice else "customer"
        yield Cue(_ms(*found.groups()[:4]), _ms(*found.groups()[4:]), who in _CALLER, words.strip())


def _with_words(script: Script, cues: list[Cue], assistant: Clip | None) -> None:
    for cue in cues:
        if cue.caller:
            script.caller_said(cue.start_ms, cue.end_ms, cue.text)
        else:
            sound = assistant[cue.start_ms : cue.end_ms] if assistant is not None else None
            script.assistant_said(cue.start_ms, cue.end_ms, cue.text, sound=sound, played=True)


def _by_energy(script: Script, user: Clip, assistant: Clip | None) -> None:
    for span in find_speech(user, gap_ms=700):
        script.caller_said(span.start_ms, span.end_ms, None)
    if assistant is None:
        return
    for span in find_speech(assistant, gap_ms=700):
        sound = assistant[span.start_ms : span.end_ms]
        script.assistant_said(span.start_ms, span.end_ms, "", sound=sound, played=True)


def _ms(hours: str | None, minutes: str, seconds: str, thousandths: str) -> float:
    return float(((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(thousandths))
