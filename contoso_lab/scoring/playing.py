"""How the sound of the answers fared at the caller's end: stopped in time, cut where it was said, and without gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.scoring.features import features
from contoso_lab.scoring.overlaps import interruptions
from contoso_lab.scoring.value import EAR_MODES, Mode, Score, Scorer, scorer
from contoso_lab.wire.plain import number

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

_PACED: frozenset[Mode] = frozenset({"live", "rescore", "paced", "caller"})


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def bargein_stop_ms(recording: Recording) -> Score | list[Score]:
    """From the caller's first sound into a reply to the reply's silence at the ear, `p_off − a_on` (L_Y of τ-voice).

    A reply that was not cut, and ended by itself, is censored: how long it would have gone on is not known.
    """
    scores = []
    for one in interruptions(features(recording)):
        if one.reply.flushed:
            scores.append(Score(one.stop_ms, turn=one.turn))
        else:
            scores.append(Score.censored(one.stop_ms, "the reply was not cut and ended by itself", turn=one.turn))
    return scores or Score.missing("the caller never spoke into a reply")


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def bargein_cancel_ms(recording: Recording) -> Score | list[Score]:
    """From the caller's first sound into a reply until the server gave the reply up; the ear may hear it longer.

    The response's end as cancelled, or the server's word that the caller speaks, whichever came first.
    """
    found = features(recording)
    noticed = [e.t_ms for e in found.of_type("input_audio_buffer.speech_started", "s2c")]
    for event in found.of_type("response.done", "s2c"):
        response = event.ev.get("response")
        if isinstance(response, dict) and response.get("status") == "cancelled":
            noticed.append(event.t_ms)
    scores = []
    for one in interruptions(found):
        after = [at for at in noticed if at >= one.began_ms]
        if after:
            scores.append(Score(min(after) - one.began_ms, turn=one.turn))
        else:
            waited = max(0.0, found.anchors.end_ms - one.began_ms)
            scores.append(Score.censored(waited, "the server never noticed", turn=one.turn))
    return scores or Score.missing("the caller never spoke into a reply")


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def truncation_error_ms(recording: Recording) -> Score | list[Score]:
    """How much more of a reply the client told the server than was played; negative: less.

    `conversation.item.truncate.audio_end_ms` less what the player played. Servers send sound faster than it is heard,
    so a wrong number leaves words in the context that nobody heard.
    """
    found = features(recording)
    scores = []
    for event in found.of_type("conversation.item.truncate", "c2s"):
        told, played = event.ev.get("audio_end_ms"), found.played.get(str(event.ev.get("item_id")))
        if not isinstance(told, int | float) or played is None:
            scores.append(Score.missing("a truncation of a reply that was never played"))
            continue
        reason = "" if played.measured else "playback is a model's guess, nobody measured it"
        scores.append(Score(float(told) - played.played_ms, reason=reason))
    return scores or Score.missing("no reply was truncated")


@scorer(unit="share", lower_is_better=True, aggregate="ratio", judged=False, modes=_PACED)
def underrun_share(recording: Recording) -> Score:
    """Silence because the player had run dry, over the sound that was played."""
    found = features(recording)
    played_ms = sum(item.played_ms for item in found.played.values())
    if not any(item.measured for item in found.played.values()):
        return Score.missing("no player reported how it played")
    gaps = [number(event.ev.get("gap_ms")) or 0.0 for event in found.of_type("playback.underrun", "local")]
    if played_ms <= 0:
        return Score.missing("nothing was played")
    reason = f"{sum(gaps):.0f} ms in {len(gaps)} gaps"
    return Score(sum(gaps) / played_ms, n=max(1, round(played_ms)), reason=reason)


@scorer(unit="per min", lower_is_better=True, judged=False, modes=_PACED)
def stall_rate(recording: Recording) -> Score:
    """How often the player ran dry in a minute of sound."""
    found = features(recording)
    played_ms = sum(item.played_ms for item in found.played.values() if item.measured)
    if played_ms <= 0:
        return Score.missing("no player reported how it played")
    stalls = len(found.of_type("playback.underrun", "local"))
    return Score(stalls / (played_ms / 60_000), reason=f"{stalls} in {played_ms / 1000:.0f} s")


@scorer(unit="x", judged=False, modes=_PACED)
def delivery_rtf(recording: Recording) -> Score | list[Score]:
    """How many seconds of sound a second of delivery brings, `audio_s/(d_n − d_1)`; below 1 the player runs dry.

    Of replies that came in at least two pieces.
    """
    found = features(recording)
    arrived: dict[str, list[float]] = {}
    for event in found.of_type("response.output_audio.delta", "s2c"):
        arrived.setdefault(str(event.ev.get("item_id")), []).append(event.t_ms)
    scores = []
    for item_id, moments in arrived.items():
        took_ms = moments[-1] - moments[0]
        played = found.played.get(item_id)
        if played is not None and len(moments) > 1 and took_ms > 0:
            scores.append(Score(played.received_ms / took_ms))
    return scores or Score.missing("no reply came in more than one piece")


SCORERS: tuple[Scorer, ...] = (
    bargein_stop_ms,
    bargein_cancel_ms,
    truncation_error_ms,
    underrun_share,
    stall_rate,
    delivery_rtf,
)
