"""What a recording says about itself: who talked with what, under which settings, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import AudioError

if TYPE_CHECKING:
    from contoso_lab.recording import Manifest, Recording


def facts_of(recording: Recording) -> tuple[tuple[str, str], ...]:
    """Names and values, those that are known, in the order in which people ask for them."""
    manifest = recording.manifest
    session = manifest.session or recording.conversation.session
    known = [
        ("recording", recording.id),
        ("made", _made(manifest)),
        ("ended", _ended(manifest)),
        ("target", target_of(manifest)),
        ("persona", manifest.persona),
        ("customer", manifest.customer + (" (a synthetic voice)" if manifest.synthetic else "")),
        ("scenario", manifest.scenario),
        ("made by", _mode(manifest)),
        ("end of turn", _turn_detection(session)),
        ("voice", str(_inside(session, "audio", "output", "voice") or "")),
        ("transcripts by", str(_inside(session, "audio", "input", "transcription", "model") or "")),
        ("sound", _formats(manifest)),
        ("playback", _playback(recording)),
        ("clocks", _drift(manifest)),
        ("consent", manifest.consent or ""),
        ("events", _counts(recording)),
        ("catalogue", manifest.catalogue_sha[:16]),
        *((f"prompt {name}", sha[:16]) for name, sha in sorted(manifest.prompts.items())),
        *((f"run of {name}", count) for name, count in _runs(recording)),
        ("contoso-lab", manifest.recorder.version),
        *sorted(manifest.recorder.packages.items()),
    ]
    return tuple((name, value) for name, value in known if value)


def target_of(manifest: Manifest) -> str:
    """Who answered: the kind of target and its model, once where both have one name."""
    return " · ".join(dict.fromkeys(filter(None, (manifest.target.kind, manifest.target.model))))


def _made(manifest: Manifest) -> str:
    return manifest.created_at.replace("T", " ").partition(".")[0].removesuffix("+00:00") + (
        " UTC" if manifest.created_at else ""
    )


def _ended(manifest: Manifest) -> str:
    if manifest.status == "open":
        return "it was never closed: what follows its last event is lost"
    return manifest.end_reason or "closed"


def _mode(manifest: Manifest) -> str:
    extra: Mapping[str, Any] = manifest.model_extra or {}
    mode, source = extra.get("mode"), extra.get("replay_of")
    return " ".join(filter(None, (str(mode or ""), f"replay of {source}" if source else "")))


def _turn_detection(session: Mapping[str, Any] | None) -> str:
    found = _inside(session, "audio", "input", "turn_detection")
    if not isinstance(found, Mapping):
        return "by hand, no turn detection" if session and _inside(session, "audio", "input") is not None else ""
    settings = [f"{name.removesuffix('_ms').replace('_', ' ')} {_value(name, found[name])}" for name in sorted(found)]
    return ", ".join([str(found.get("type", "")), *(s for s in settings if not s.startswith("type "))])


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value} ms" if name.endswith("_ms") else str(value)


def _formats(manifest: Manifest) -> str:
    def one(wire: Mapping[str, Any]) -> str:
        rate = wire.get("rate")
        kind = str(wire.get("type", "")).removeprefix("audio/")
        return f"{kind} {rate / 1000:g} kHz" if isinstance(rate, int | float) else kind

    there, back = one(manifest.audio_format_in), one(manifest.audio_format_out)
    return f"{there} both ways" if there == back else f"{there} in, {back} out"


def _playback(recording: Recording) -> str:
    device = recording.manifest.playback.device
    try:
        measured = recording.timeline().measured
    except AudioError:
        return device
    told = "reported by the player" if measured else "a model's guess: the player reported nothing"
    return ", ".join(filter(None, (told, device)))


def _drift(manifest: Manifest) -> str:
    drift_ppm = manifest.clock.drift_ppm
    return "" if drift_ppm is None else f"{drift_ppm:+.0f} ppm between wall clock and session clock"


def _counts(recording: Recording) -> str:
    counts: dict[str, int] = {}
    for event in recording.events:
        counts[event.dir] = counts.get(event.dir, 0) + 1
    names = {"c2s": "sent", "s2c": "received", "local": "local"}
    return ", ".join(f"{counts[key]} {name}" for key, name in names.items() if key in counts)


def _runs(recording: Recording) -> list[tuple[str, str]]:
    counts: dict[str, int] = {}
    failed: dict[str, int] = {}
    for run in recording.prompt_runs:
        name = str(run.get("prompt") or "a prompt")
        counts[name] = counts.get(name, 0) + 1
        failed[name] = failed.get(name, 0) + bool(run.get("error"))
    return [
        (name, f"{count} times" + (f", {failed[name]} failed" if failed[name] else ""))
        for name, count in sorted(counts.items())
    ]


def _inside(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
