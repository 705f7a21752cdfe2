"""Speech of your own, made a recording with labels in one step: a sound file, who speaks, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from contoso_lab.audio import find_speech
from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.imports import import_recordings
from contoso_lab.recording.labels import LabelledTurn, Labels
from contoso_lab.recording.manifest import Manifest

PAUSE_MS = 1000.0
"""A longer silence parts two utterances."""


def add_speech(
    source: str | PathLike[str],
    root: str | PathLike[str] = "runs",
    *,
    customer: str,
    words: Sequence[str] = (),
    scenario: str = "",
    consent: str = "",
) -> Recording:
    """Make a recording of a sound file, with the true words of the caller as its labels.

    Where there are as many utterances in the sound as there are lines, each line gets its times; otherwise the lines
    stand without, and scorers that need times say so.

    Args:
        source: the caller alone, or a stereo file with the caller on the left and the assistant on the right.
        root: the folder of all recordings.
        customer: who speaks, by the shop's id.
        words: what is said, one line for each utterance.
        scenario: what is tried; the name of the file unless given.
        consent: who agreed to be recorded, and how.

    Raises:
        RecordingError: the file cannot be read, or there is such a recording already.
    """
    if not customer.strip():
        raise RecordingError(f"{source}: name the customer who speaks, such as maya")
    (folder,) = import_recordings(source, root, format="wav").recordings
    manifest = Manifest.load(folder)
    manifest.customer, manifest.synthetic = customer, False
    manifest.scenario = scenario or Path(source).stem
    manifest.consent = consent or None
    manifest.save(folder)
    recording = Recording.open(folder)
    if words:
        recording.add_labels(Labels(customer=customer, turns=_turns(recording, words)))
    return recording


def _turns(recording: Recording, words: Sequence[str]) -> list[LabelledTurn]:
    spans = find_speech(recording.user_audio, gap_ms=PAUSE_MS)
    if len(spans) != len(words):
        return [LabelledTurn(text=line) for line in words]
    return [
        LabelledTurn(text=line, start_ms=span.start_ms, end_ms=span.end_ms)
        for line, span in zip(words, spans, strict=True)
    ]
