"""What would other settings of the voice activity detector have done to recorded calls? No model is asked.

The customer's recorded sound goes through the engine's own detector, once per setting. This is an approximation, and
says so: the customer would have spoken otherwise had the agent answered sooner, a provider's detector is another one
than ours, and the echo of an agent that speaks at other times is not in the recording. How well our detector repeats
what the recorded server did, with the settings it had, is measured and printed with every result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from contoso_lab.audio import PCM16_24K, find_speech
from contoso_lab.engine.input_audio import InputAudioBuffer
from contoso_lab.engine.seams import SpeechMeter
from contoso_lab.engine.session_state import SessionState
from contoso_lab.engine.turns import FRAME_MS, TurnDetector, TurnSettings, TurnStarted, TurnStopped
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay.agent import recorded_session
from contoso_lab.scoring.anchors import read_anchors
from contoso_lab.scoring.exchanges import BREATH_MS

if TYPE_CHECKING:
    import pandas as pd

THRESHOLDS = (0.3, 0.5, 0.7)
SILENCES_MS = (200, 350, 500, 700, 1000)
PREFIXES_MS = (100, 300)
CHUNK_MS = 40.0
CLIPPED_MS = 80.0
"""So much of a turn's beginning or end may be missing before a listener misses a sound."""
AGREES_MS = 100.0
"""Two detectors agree on a moment when they are no further apart: three frames."""
COLUMNS = (
    "threshold", "silence_ms", "prefix_ms", "turns", "clipped", "missed", "false_starts", "false_barge_ins",
    "wait_ms", "best",
)  # fmt: skip


class Found(NamedTuple):
    """A turn as a detector found it, in ms of the customer's sound."""

    start_ms: float
    """With its padding."""
    end_ms: float
    """With the silence that was waited for."""
    known_ms: float
    """When the detector knew that it was over."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well our detector, with the recorded settings, repeats what the recorded server did."""

    turns: int
    """The server's turns that were compared."""
    agreed: int
    """Those of which both ends are within 100 ms."""
    start_error_ms: float | None
    """The median distance of the beginnings that have a partner."""
    end_error_ms: float | None

    def __str__(self) -> str:
        if not self.turns:
            return "no call tells the settings of a server's detector: how well this fits is not known"
        start_ms, end_ms = self.start_error_ms or 0.0, self.end_error_ms or 0.0
        errors = f"; median distance {start_ms:.0f} ms at the start, {end_ms:.0f} ms at the end"
        return f"agrees with the recorded detector on {self.agreed} of {self.turns} turns to {AGREES_MS:.0f} ms{errors}"


@dataclass(frozen=True, slots=True)
class VadSweep:
    """What each setting would have done; `frame` has a row per setting, `best` marks those that no other one beats."""

    frame: pd.DataFrame
    agreement: Agreement
    calls: int

    @property
    def note(self) -> str:
        """What a reader has to know."""
        return f"an approximation over {self.calls} recorded calls: the customer does not react; {self.agreement}"

    def __repr__(self) -> str:
        best = self.frame[self.frame["best"]].drop(columns="best")
        return f"{best.to_string(index=False)}\n({self.note})"

    def _repr_html_(self) -> str:
        from html import escape

        return f"{self.frame.to_html(index=False, border=0)}<p>{escape(self.note)}</p>"


def vad_sweep(
    recordings: Iterable[Recording | Path | str],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    silences_ms: Sequence[int] = SILENCES_MS,
    prefixes_ms: Sequence[int] = PREFIXES_MS,
    new_meter: Callable[[], SpeechMeter] | None = None,
) -> VadSweep:
    """Try settings of `server_vad` on the customer's recorded sound.

    What was really said, and when, is taken from the labels where they carry times, and else from the loudness of the
    sound, with pauses up to a second inside a turn.

    Args:
        recordings: opened or as folders.
        thresholds: 0 to 1.
        silences_ms: how long it is quiet until a turn is over.
        prefixes_ms: how much before the first frame of speech belongs to a turn.
        new_meter: makes the meter of a call; Silero's unless given.

    Returns:
        Of each setting: how many turns were clipped (cut off at an end, or missed), how often something that was no
        speech began a turn, and did so while the agent spoke, and the median wait from the end of the speech.

    Raises:
        ReplayError: there is nothing to listen to.
        MissingExtra: the engine extra is not installed.
    """
    calls = [_Heard.of(_opened(each), _meter(new_meter)) for each in recordings]
    calls = [call for call in calls if call.spoken]
    if not calls:
        raise ReplayError("no recording holds speech of a customer: there is nothing to try the settings on")
    rows = [
        _row(calls, TurnSettings(threshold=threshold, silence_ms=silence_ms, prefix_padding_ms=prefix_ms))
        for threshold, silence_ms, prefix_ms in product(thresholds, silences_ms, prefixes_ms)
    ]
    import pandas as pd

    best = [not any(_beats(other, row) for other in rows) for row in rows]
    frame = pd.DataFrame([(*row, good) for row, good in zip(rows, best, strict=True)], columns=COLUMNS)
    return VadSweep(frame, _agreement(calls), len(calls))


class _Row(NamedTuple):
    threshold: float
    silence_ms: int
    prefix_ms: int
    turns: int
    clipped: int
    missed: int
    false_starts: int
    false_barge_ins: int
    wait_ms: float


@dataclass(frozen=True, slots=True)
class _Heard:
    """One call, listened to once."""

    probabilities: tuple[float, ...]
    spoken: tuple[tuple[float, float], ...]
    """When the customer really spoke, turn by turn."""
    agent: tuple[tuple[float, float], ...]
    """When the agent sounded, on the same clock."""
    recorded: tuple[tuple[float, float], ...]
    """The turns of the recorded server."""
    settings: TurnSettings | None
    """What that server was asked for; None: something that we cannot repeat."""

    @classmethod
    def of(cls, recording: Recording, meter: SpeechMeter) -> _Heard:
        clip = recording.user_audio.resampled(PCM16_24K.rate_hz)
        buffer, probabilities = InputAudioBuffer(PCM16_24K), list[float]()
        for piece in clip.chunks(CHUNK_MS):
            probabilities += meter.push(buffer.write(piece.to_bytes(PCM16_24K)))
        timeline = recording.timeline()
        begins_ms = timeline.user_ms_to_session(0.0)
        agent = [(item.started_ms - begins_ms, item.stopped_ms - begins_ms) for item in timeline.items]
        users = read_anchors(recording).users
        recorded = [
            (user.audio_start_ms, user.audio_end_ms)
            for user in users
            if user.audio_start_ms is not None and user.audio_end_ms is not None
        ]
        return cls(tuple(probabilities), _spoken(recording), tuple(agent), tuple(recorded), _settings(recording))

    def turns(self, settings: TurnSettings) -> list[Found]:
        """The turns that a detector finds, and when it knows."""
        detector, found = TurnDetector(settings), list[Found]()
        start_ms = 0.0
        for number, probability in enumerate(self.probabilities, 1):
            match detector.push(probability):
                case TurnStarted(audio_start_ms=start):
                    start_ms = start
                case TurnStopped(audio_end_ms=end_ms):
                    found.append(Found(start_ms, end_ms, number * FRAME_MS))
        if detector.speaking:
            end_ms = len(self.probabilities) * FRAME_MS
            found.append(Found(start_ms, end_ms, end_ms))
        return found


def _row(calls: Sequence[_Heard], settings: TurnSettings) -> _Row:
    clipped = missed = false_starts = false_barge_ins = turns = 0
    waits: list[float] = []
    for call in calls:
        found = call.turns(settings)
        turns += len(call.spoken)
        for start_ms, end_ms in call.spoken:
            own = [turn for turn in found if turn.start_ms < end_ms and turn.known_ms > start_ms]
            if not own:
                missed, clipped = missed + 1, clipped + 1
                continue
            late = own[0].start_ms > start_ms + CLIPPED_MS
            early = any(turn.known_ms < end_ms - CLIPPED_MS for turn in own)
            clipped += late or early
            waits.append(own[-1].known_ms - end_ms)
        for turn in found:
            if not any(turn.start_ms < end_ms and turn.known_ms > start_ms for start_ms, end_ms in call.spoken):
                false_starts += 1
                begun_ms = turn.start_ms + settings.prefix_padding_ms
                false_barge_ins += any(start_ms <= begun_ms < end_ms for start_ms, end_ms in call.agent)
    wait_ms = round(median(waits), 1) if waits else float("nan")
    return _Row(
        settings.threshold, settings.silence_ms, settings.prefix_padding_ms, turns, clipped, missed, false_starts,
        false_barge_ins, wait_ms,
    )  # fmt: skip


def _beats(one: _Row, other: _Row) -> bool:
    """Whether one setting is nowhere worse and somewhere better: clipped turns, false barge-ins, wait."""
    ours, theirs = ((row.clipped, row.false_barge_ins, row.wait_ms) for row in (one, other))
    return ours != theirs and all(a <= b for a, b in zip(ours, theirs, strict=True))


def _agreement(calls: Sequence[_Heard]) -> Agreement:
    turns = agreed = 0
    starts: list[float] = []
    ends: list[float] = []
    for call in calls:
        if call.settings is None:
            continue
        found = call.turns(call.settings)
        for start_ms, end_ms in call.recorded:
            turns += 1
            near = [turn for turn in found if turn.start_ms < end_ms and turn.end_ms > start_ms]
            if not near:
                continue
            starts.append(abs(near[0].start_ms - start_ms))
            ends.append(abs(near[-1].end_ms - end_ms))
            agreed += starts[-1] <= AGREES_MS and ends[-1] <= AGREES_MS
    return Agreement(turns, agreed, median(starts) if starts else None, median(ends) if ends else None)


def _spoken(recording: Recording) -> tuple[tuple[float, float], ...]:
    labels = recording.labels()
    told = [(t.start_ms, t.end_ms) for t in (labels.turns if labels else ())]
    if told and all(start is not None and end is not None for start, end in told):
        return tuple((start, end) for start, end in told if start is not None and end is not None)
    merged: list[tuple[float, float]] = []
    for span in find_speech(recording.user_audio):
        if merged and span.start_ms - merged[-1][1] <= BREATH_MS:
            merged[-1] = (merged[-1][0], span.end_ms)
        else:
            merged.append((span.start_ms, span.end_ms))
    return tuple(merged)


def _settings(recording: Recording) -> TurnSettings | None:
    session = recorded_session(recording.manifest) or {}
    wire = ((session.get("audio") or {}).get("input") or {}).get("turn_detection")
    if not isinstance(wire, dict) or wire.get("type") != "server_vad":
        return None
    state = SessionState(session_id="sess", model="local", voices=("robin",))
    state.update({"type": "realtime", "audio": {"input": {"turn_detection": wire}}})
    return state.turns


def _meter(new_meter: Callable[[], SpeechMeter] | None) -> SpeechMeter:
    if new_meter is not None:
        return new_meter()
    if not _models:
        from contoso_lab.engine.meter import SileroModel

        _models.append(SileroModel().meter)
    return _models[0]()


_models: list[Callable[[], SpeechMeter]] = []


def _opened(recording: Recording | Path | str) -> Recording:
    return recording if isinstance(recording, Recording) else Recording.open(recording)
