"""How long the caller waited, and for what: a ledger whose parts must add up.

    voice to voice = endpointing + model + start buffer + leading silence

All parts are signed. A negative one (the assistant spoke before the caller had finished) is shown, not clamped.
The whole is what the player reported, the last part is heard in the sound itself, so the sum is a check: a turn
that misses it by more than one frame of 20 ms is flagged as inconsistent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from contoso_lab.scoring.exchanges import FRAME_MS, Exchange
from contoso_lab.scoring.features import Features, features, once
from contoso_lab.scoring.value import EAR_MODES, Score, Scorer, scorer

if TYPE_CHECKING:
    import pandas as pd

    from contoso_lab.recording.bundle import Recording

MARGIN_MS = 100.0
"""Callers do not notice a tenth of a second: two runs that differ by less are as good as each other."""


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """The wait after one turn of the caller, in ms."""

    turn: int | None
    """Its place among the caller's turns; None when the server heard a turn where nobody spoke."""
    user_item_ids: tuple[str, ...]
    answer_item_id: str | None
    status: Literal["answered", "unanswered", "unknown"]
    v2v_ms: float | None
    """From the caller's last sound to the assistant's first, at the caller's end."""
    endpointing_ms: float | None
    """Until the server noticed that the caller had finished; holds the silence it waits for on purpose."""
    model_ms: float | None
    """From the close of the turn to the first sound that arrived."""
    start_buffer_ms: float | None
    """From there until the player began: its buffer, or the end of what was still playing."""
    leading_silence_ms: float | None
    """Quiet at the front of the answer (below −45 dBFS, frames of 20 ms)."""
    response_to_audio_ms: float | None
    """From `response.created` to the first sound that arrived: what others call time to first token or byte."""
    text_ms: float | None
    """From the close of the turn to the first words that arrived."""
    server_gap_ms: float | None
    """How much later than the sound the server says that the caller stopped: the two clocks' disagreement."""
    consistent: bool | None
    """Whether the parts add up to the whole within a frame; None when there is no whole."""
    measured: bool
    """Whether the player reported; otherwise its times are those of a plain queue."""
    used_tool: bool
    waited_ms: float | None
    """For an unanswered turn: how long until the caller spoke again or the recording ended."""
    reason: str

    @property
    def parts_ms(self) -> tuple[float | None, ...]:
        """The four parts in order."""
        return self.endpointing_ms, self.model_ms, self.start_buffer_ms, self.leading_silence_ms


def ledger(recording: Recording) -> list[TurnLatency]:
    """The wait after each of the caller's turns, in order of time. The greeting answers nobody and is not in it."""
    return [*_ledger(features(recording))]


@once
def _ledger(found: Features) -> tuple[TurnLatency, ...]:
    return tuple(_entry(found, exchange) for exchange in found.exchanges)


def turn_latencies(recording: Recording) -> pd.DataFrame:
    """The ledger as a table: one row for each turn of the caller, unanswered ones with their wait so far."""
    import pandas as pd

    columns = list(TurnLatency.__dataclass_fields__)
    frame = pd.DataFrame([asdict(entry) for entry in ledger(recording)], columns=columns)
    numbers = {name: "float64" for name in columns if name.endswith("_ms")}
    return frame.astype({**numbers, "turn": "Int64", "consistent": "boolean"})


def _entry(found: Features, exchange: Exchange) -> TurnLatency:
    silent_ms = exchange.silent_from_ms
    waited_ms = None if silent_ms is None else max(0.0, exchange.waited_until_ms - silent_ms)
    answer, sound = exchange.answer, exchange.played
    leading_ms = None if answer is None else found.leading_silence_ms(answer.item_id)
    v2v = endpointing = model = start_buffer = response_to_audio = text = None
    consistent: bool | None = None
    status: Literal["answered", "unanswered", "unknown"] = "answered"
    reason = ""
    if silent_ms is None:
        status, reason = "unknown", _why_unknown(exchange)
    elif answer is None or sound is None or leading_ms is None:
        status, reason = "unanswered", _why_unanswered(exchange, silent=answer is not None)
    else:
        audible_ms = sound.audible_ms if sound.audible_ms is not None else sound.started_ms + leading_ms
        v2v = audible_ms - silent_ms
        last = exchange.heard[-1]
        noticed = last.stopped_ms if last.stopped_ms is not None else last.committed_ms
        endpointing = None if noticed is None else noticed - silent_ms
        first_audio, closed = answer.first_audio_ms, exchange.closed_ms
        if first_audio is not None:
            model = None if closed is None else first_audio - closed
            start_buffer = sound.started_ms - first_audio
            response_to_audio = first_audio - answer.created_ms
        if answer.first_text_ms is not None and closed is not None:
            text = answer.first_text_ms - closed
        consistent, reason = _adds_up(v2v, (endpointing, model, start_buffer, leading_ms))
        if not consistent and noticed is not None and closed is not None and closed - noticed > FRAME_MS:
            reason += f"; the server closed the turn {closed - noticed:.0f} ms after it noticed the end"
        if not sound.measured:
            reason = "; ".join(filter(None, ("playback is a model's guess, nobody measured it", reason)))
    return TurnLatency(
        turn=exchange.turn,
        user_item_ids=tuple(user.item_id for user in exchange.heard),
        answer_item_id=answer.item_id if answer else None,
        status=status,
        v2v_ms=v2v,
        endpointing_ms=endpointing,
        model_ms=model,
        start_buffer_ms=start_buffer,
        leading_silence_ms=leading_ms if status == "answered" else None,
        response_to_audio_ms=None if status != "answered" else response_to_audio,
        text_ms=None if status != "answered" else text,
        server_gap_ms=_server_gap_ms(found, exchange),
        consistent=consistent,
        measured=sound is not None and sound.measured,
        used_tool=exchange.used_tool,
        waited_ms=waited_ms if status == "unanswered" else None,
        reason=reason,
    )


def _server_gap_ms(found: Features, exchange: Exchange) -> float | None:
    """How much later than the sound the server claims that the caller stopped (S_off − a_off).

    `audio_end_ms` includes the silence that the server waited for; only `server_vad` says how much that is.
    """
    if exchange.silent_from_ms is None or not exchange.heard:
        return None
    claimed, waits = exchange.heard[-1].audio_end_ms, silence_window_ms(found)
    if claimed is None or waits is None:
        return None
    return found.recording.timeline().user_ms_to_session(claimed - waits) - exchange.silent_from_ms


def silence_window_ms(found: Features) -> float | None:
    """How long a silence the server waits for; None when its detector has no such constant, or nobody said."""
    session = found.recording.conversation.session or found.recording.manifest.session or {}
    audio = session.get("audio")
    given = audio.get("input") if isinstance(audio, dict) else None
    detection = given.get("turn_detection") if isinstance(given, dict) else session.get("turn_detection")
    if not isinstance(detection, dict) or detection.get("type", "server_vad") != "server_vad":
        return None
    window = detection.get("silence_duration_ms", 500)
    return float(window) if isinstance(window, int | float) else None


def _adds_up(whole_ms: float, parts: tuple[float | None, ...]) -> tuple[bool, str]:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return False, "inconsistent: a moment between is not in the recording"
    off_ms = whole_ms - sum(known)
    # Clocks are kept in ns and reported in µs: a full frame's difference must not fail on its last digit.
    if abs(off_ms) <= FRAME_MS + 0.01:
        return True, ""
    return False, f"inconsistent: the parts miss the whole by {off_ms:+.0f} ms"


def _why_unknown(exchange: Exchange) -> str:
    if exchange.turn is None:
        return "the server heard a turn where nobody spoke"
    return "the caller's sound holds no speech where the server heard this turn"


def _why_unanswered(exchange: Exchange, *, silent: bool) -> str:
    if silent:
        return "the answer held no audible sound"
    return "no answer was heard" if exchange.heard else "the server never noticed this turn"


def _per_turn(recording: Recording, read: Callable[[TurnLatency], float | None], *, tools: bool) -> list[Score]:
    scores = []
    for entry in ledger(recording):
        if entry.turn is None or entry.used_tool != tools:
            continue
        value = read(entry)
        if entry.status == "unanswered" and entry.waited_ms is not None:
            scores.append(Score.censored(entry.waited_ms, entry.reason, turn=entry.turn))
        elif value is None:
            scores.append(Score.missing(entry.reason or "a moment is not in the recording", turn=entry.turn))
        else:
            scores.append(Score(value, reason=entry.reason, turn=entry.turn))
    return scores


def _part(recording: Recording, read: Callable[[TurnLatency], float | None]) -> Score | list[Score]:
    """Parts have no bound of their own when nothing was heard: such a turn is not told, and v2v has the bound."""
    scores = _per_turn(recording, read, tools=False)
    told = [s if s.status != "censored" else Score.missing(s.reason, turn=s.turn) for s in scores]
    return told or Score.missing("the caller said nothing that was answered without a tool")


@scorer(unit="ms", lower_is_better=True, aggregate="median", margin=MARGIN_MS, modes=EAR_MODES)
def voice_to_voice_ms(recording: Recording) -> Score | list[Score]:
    """How long the caller waited for the first sound of an answer; turns with a tool are apart."""
    return _per_turn(recording, lambda entry: entry.v2v_ms, tools=False) or Score.missing("nobody spoke")


@scorer(unit="ms", lower_is_better=True, aggregate="median", margin=MARGIN_MS, modes=EAR_MODES)
def voice_to_voice_tool_ms(recording: Recording) -> Score | list[Score]:
    """The same wait where the assistant called a function before it answered."""
    scores = _per_turn(recording, lambda entry: entry.v2v_ms, tools=True)
    return scores or Score.missing("no turn used a tool")


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def endpointing_ms(recording: Recording) -> Score | list[Score]:
    """Part of the wait: until the server noticed that the caller had finished."""
    return _part(recording, lambda entry: entry.endpointing_ms)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False)
def model_ms(recording: Recording) -> Score | list[Score]:
    """Part of the wait: from the close of the turn to the first sound that arrived."""
    return _part(recording, lambda entry: entry.model_ms)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def start_buffer_ms(recording: Recording) -> Score | list[Score]:
    """Part of the wait: from the first sound that arrived to the first that was played."""
    return _part(recording, lambda entry: entry.start_buffer_ms)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def leading_silence_ms(recording: Recording) -> Score | list[Score]:
    """Part of the wait: quiet at the front of the answer."""
    return _part(recording, lambda entry: entry.leading_silence_ms)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False)
def response_to_audio_ms(recording: Recording) -> Score | list[Score]:
    """From `response.created` to the first sound: LiveKit's `ttft`, kept beside `model_ms` because both are in use."""
    return _part(recording, lambda entry: entry.response_to_audio_ms)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False)
def text_ms(recording: Recording) -> Score | list[Score]:
    """From the close of the turn to the first words, `x1 − max(v_off, c)`; they may come before the sound or after."""
    return _part(recording, lambda entry: entry.text_ms)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def server_gap_ms(recording: Recording) -> Score | list[Score]:
    """How much later than the sound tells the server claims that the caller stopped: two clocks of one moment.

    `audio_end_ms − silence_duration_ms` less the acoustic end. Waits that start from the server's claim are too short
    by this much. `semantic_vad` has no such constant, so nothing can be told there.
    """
    entries = [entry for entry in ledger(recording) if entry.turn is not None and entry.status != "unknown"]
    if silence_window_ms(features(recording)) is None:
        return Score.missing("the detector of this session has no fixed silence window")
    told = [Score(e.server_gap_ms, turn=e.turn) for e in entries if e.server_gap_ms is not None]
    return told or Score.missing("the server said nowhere when the caller stopped")


@scorer(unit="share", aggregate="mean", judged=False, modes=EAR_MODES)
def consistent_share(recording: Recording) -> Score | list[Score]:
    """Share of the answered turns whose parts add up to the whole within a frame of 20 ms."""
    entries = [entry for entry in ledger(recording) if entry.turn is not None and entry.consistent is not None]
    told = [Score(bool(entry.consistent), reason=entry.reason, turn=entry.turn) for entry in entries]
    return told or Score.missing("no turn was answered")


SCORERS: tuple[Scorer, ...] = (
    voice_to_voice_ms,
    voice_to_voice_tool_ms,
    endpointing_ms,
    model_ms,
    start_buffer_ms,
    leading_silence_ms,
    response_to_audio_ms,
    text_ms,
    server_gap_ms,
    consistent_share,
)
