"""Check a track: that the sound is there, that it is what was recorded, and that its file is what it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contoso_lab.audio import AudioFormat
from contoso_lab.errors import AudioError
from contoso_lab.recording.check_lines import Sound
from contoso_lab.recording.finding import Finding, note, problem
from contoso_lab.recording.track import track_file

LARGEST_BYTES = 2 << 30
"""Of a track: three hours at 24 kHz are a quarter of it."""
_BLOCK_SAMPLES = 1 << 16
_MOST_TOLD = 20


def check_track(
    folder: Path, name: str, sounds: Sequence[Sound], wanted: Mapping[str, Any] | None, track_ms: dict[str, float]
) -> Iterator[Finding]:
    """Hold a track against the events that refer to it, block by block.

    Args:
        folder: the bundle.
        name: `in` or `out`.
        sounds: what the events refer to.
        wanted: the format that the manifest names, as a session writes it.
        track_ms: gets the length of the track, when it can be read.
    """
    place = track_file(folder, name)
    where = f"audio/{place.name}"
    if not place.exists():
        if sounds:
            yield problem(where, f"is missing, and {len(sounds)} events refer to it")
        return
    if place.stat().st_size > LARGEST_BYTES:
        yield problem(where, f"has more than {LARGEST_BYTES >> 30} GiB and was not read")
        return
    yield from _order(where, sounds)
    import soundfile

    try:
        with soundfile.SoundFile(place) as file:
            yield from _file(where, file, wanted)
            if file.channels == 1:
                yield from _sound(where, file, sounds, track_ms, name)
    except soundfile.LibsndfileError as error:
        yield problem(where, f"is no sound that can be read ({error.error_string.rstrip('.')})")


def _order(where: str, sounds: Sequence[Sound]) -> Iterator[Finding]:
    """A recorder writes the sound of each event behind that of the one before."""
    end = told = 0
    for sound in sounds:
        if sound.off != end and told < _MOST_TOLD:
            told += 1
            gap = sound.off - end
            what = f"{gap} samples before it belong to no event" if gap > 0 else f"it overlaps by {-gap} samples"
            yield (note if gap > 0 else problem)(where, f"event {sound.seq}: {what}")
        end = max(end, sound.off + sound.len)


def _file(where: str, file: Any, wanted: Mapping[str, Any] | None) -> Iterator[Finding]:
    if file.channels != 1:
        yield problem(where, f"has {file.channels} channels, and a track has one")
    if file.subtype != "PCM_16":
        yield problem(where, f"holds {file.subtype}, and a track is PCM_16")
    if wanted is not None:
        try:
            rate_hz = AudioFormat.from_wire(wanted).rate_hz
        except AudioError:
            return  # told of the manifest
        if rate_hz != file.samplerate:
            yield problem(where, f"has {file.samplerate} Hz, and the manifest says {rate_hz} Hz")


def _sound(where: str, file: Any, sounds: Sequence[Sound], track_ms: dict[str, float], name: str) -> Iterator[Finding]:
    """Read the track once from its beginning to its end; a header's word on its length is not taken."""
    waiting = sorted(sounds, key=lambda sound: sound.off)
    open_ones: list[tuple[Sound, Any]] = []
    wrong: list[int] = []
    at = first = 0
    while len(block := file.read(_BLOCK_SAMPLES, dtype="int16")):
        end = at + len(block)
        while first < len(waiting) and waiting[first].off < end:
            open_ones.append((waiting[first], hashlib.sha256()))
            first += 1
        for sound, digest in open_ones:
            digest.update(block[max(0, sound.off - at) : max(0, sound.off + sound.len - at)].astype("<i2").tobytes())
        done = [(sound, digest) for sound, digest in open_ones if sound.off + sound.len <= end]
        wrong += [sound.seq for sound, digest in done if digest.hexdigest()[:16] != sound.sha]
        open_ones = [pair for pair in open_ones if pair[0].off + pair[0].len > end]
        at = end
    track_ms[name] = 1000 * at / file.samplerate
    needed = max((sound.off + sound.len for sound in sounds), default=0)
    if needed > at:
        beyond = sum(sound.off + sound.len > at for sound in sounds)
        lost_ms = 1000 * (needed - at) / file.samplerate
        yield problem(where, f"{beyond} events refer to sound behind its end: {lost_ms:.0f} ms are missing")
    elif at > needed:
        yield note(where, f"its last {1000 * (at - needed) / file.samplerate:.0f} ms belong to no event")
    if wrong:
        told = ", ".join(map(str, wrong[:_MOST_TOLD])) + (" …" if len(wrong) > _MOST_TOLD else "")
        yield problem(where, f"the sound of {len(wrong)} events is not what was recorded: {told}")
