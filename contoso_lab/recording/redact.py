"""Write a copy of a recording without what tells who somebody is, in words and in sound.

| what | how |
|---|---|
| transcripts, also piece by piece | stretches found in the whole utterance go from each piece |
| the session, tools, prompt runs, pages, labels, the manifest | every text in them, and fields with a telling name |
| the customer's id | a pseudonym, the same for the same salt |
| sound | a tone, as long as what it covers (`contoso_lab.recording.redact_sound`) |
| files that do not belong to a bundle, and derived ones | not copied |

The rules miss some (docs/recordings.md says how much); the time of the call and the voice itself stay.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from contoso_lab.audio import PCM16_24K, AudioFormat, Clip, write_audio
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.entries import EVENTS, PROMPTS
from contoso_lab.recording.manifest import MANIFEST, Manifest, RedactionInfo, write_whole
from contoso_lab.recording.redact_rules import RULES_VERSION, Known
from contoso_lab.recording.redact_sound import Span, Utterance, covered, spans_to_cover
from contoso_lab.recording.redact_stream import Streams
from contoso_lab.recording.redact_text import Redactor
from contoso_lab.recording.redact_where import utterances
from contoso_lab.recording.track import track_file

Sound = Literal["in proportion", "whole utterances"]
_HOW: dict[Sound, str] = {
    "in proportion": "in proportion to the text, with a margin: likely, not certain",
    "whole utterances": "every utterance with a private word, as a whole",
}

_VOICE = re.compile(r'"voice":\s*"[^"]*"')


@dataclass(frozen=True, slots=True)
class Redacted:
    """The copy, and what was taken out of it."""

    path: Path
    found: dict[str, int]
    bleeped_ms: float
    left: tuple[str, ...]
    """Files of the copy in which a stretch that was found still stands somewhere; empty when the search found none."""

    def __str__(self) -> str:
        counted = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.found.items())) or "nothing"
        left = f"; STILL THERE: {', '.join(self.left)}" if self.left else ""
        return f"{self.path}: took out {counted}, covered {self.bleeped_ms / 1000:.1f} s{left}"


def redact(
    source: str | PathLike[str],
    root: str | PathLike[str],
    *,
    known: Known | None = None,
    salt: str | None = None,
    sound: Sound = "in proportion",
    now: datetime | None = None,
) -> Redacted:
    """Write a redacted copy of a recording below `root`, under the same name.

    Args:
        source: the recording.
        root: the folder of the copies; another one than the recording's own.
        known: names and places that are known, and words to keep.
        salt: makes the customer's pseudonym; random unless given, and never written down.
        sound: `whole utterances` covers more and misses less than `in proportion`.
        now: when this is done.

    Raises:
        RecordingError: there is no recording, there is a copy already, or the place cannot be written.
    """
    recording = Recording.open(source)
    place = Path(root) / recording.path.resolve().name
    if place.exists():
        raise RecordingError(f"{place} exists already: choose another folder for the copies, or remove it")
    work = _Work(recording, Redactor(known), salt or secrets.token_hex(16), sound)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".redact-", dir=place.parent))
        try:
            work.write(draft, now or datetime.now(UTC))
            left = tuple(work.left(draft))
            draft.rename(place)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise RecordingError(f"{place} cannot be written ({error.strerror}); choose another folder") from error
    return Redacted(place, dict(work.redactor.found), work.bleeped_ms, left)


class _Work:
    """One recording on its way to a redacted copy."""

    def __init__(self, recording: Recording, redactor: Redactor, salt: str, sound: Sound) -> None:
        self.recording = recording
        self.redactor = redactor
        self.bleeped_ms = 0.0
        self._salt = salt
        self._sound: Sound = sound
        voice = (((recording.manifest.session or {}).get("audio") or {}).get("output") or {}).get("voice")
        # The assistant's own name is nobody's.
        redactor.known.keep |= {
            name.lower() for name in (voice, recording.manifest.persona) if isinstance(name, str) and name
        }
        if customer := recording.manifest.customer:
            redactor.known.words[customer] = "name"
        self._told = self._conversation()

    def _conversation(self) -> dict[str, str]:
        """Learn names from all that was said, and give what was said before each utterance, by item."""
        asked: dict[str, str] = {}
        before = ""
        for turn in self.recording.conversation.turns:
            asked[turn.item_id] = before
            before = turn.text or before
        said = [(turn.text, asked[turn.item_id]) for turn in self.recording.conversation.turns]
        labels = (self.recording.labels(place.stem) for place in sorted(self.recording.path.glob("labels/*.json")))
        said += [(turn.text, "") for found in labels if found is not None for turn in found.turns]
        self.redactor.learn(said)
        return asked

    def write(self, draft: Path, now: datetime) -> None:
        """Write the copy; raises OSError, and AudioError for sound that cannot be read."""
        found = utterances(self.recording, self.redactor, self._told)
        spans = {name: self._cover(draft, name, found[name]) for name in ("in", "out")}
        with (draft / EVENTS).open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            for line in self._lines(spans, draft):
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        if runs := self.recording.prompt_runs:
            lines = (json.dumps(self.redactor.value(run), ensure_ascii=False) + "\n" for run in runs)
            (draft / PROMPTS).write_text("".join(lines), encoding="utf-8", errors="surrogatepass")
        for place in sorted(self.recording.path.glob("labels/*.json")):
            labels = json.loads(place.read_bytes())
            (draft / "labels").mkdir(exist_ok=True)
            kept = {"products": labels.pop("products", None), **self.redactor.value(labels)}
            if isinstance(kept.get("customer"), str) and kept["customer"]:
                kept["customer"] = self._pseudonym()
            write_whole(draft / "labels" / place.name, json.dumps(kept, ensure_ascii=False, indent=1).encode())
        self._page(now).save(draft)

    def left(self, draft: Path) -> Iterator[str]:
        """The files of the copy in which a name, or the customer's id, still stands."""
        known = self.redactor.known
        words = {word for word in known.names | set(known.words) | known.places if len(word) > 2}
        if not words:
            return
        forms = {form for word in words for form in (word, json.dumps(word)[1:-1])}
        pattern = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(forms, key=len, reverse=True)))})(?!\w)", re.I
        )
        for place in sorted(path for path in draft.rglob("*") if path.suffix in (".json", ".jsonl")):
            text = place.read_text(encoding="utf-8", errors="surrogatepass")
            if pattern.search(_VOICE.sub("", text)):  # a voice may be called as people are
                yield place.relative_to(draft).as_posix()

    def _cover(self, draft: Path, name: str, found: Sequence[Utterance]) -> list[Span]:
        recording = self.recording
        file = track_file(recording.path, name)
        if not file.exists():
            return []
        try:
            track = recording.user_audio if name == "in" else recording.assistant_audio
        except AudioError as error:
            raise RecordingError(f"{recording.path}: its sound cannot be covered: {error}") from error
        if self._sound == "whole utterances":
            spans = spans_to_cover(track, [each._replace(words=()) for each in found])
            spans = _merged([*spans, *(each.span for each in found if each.hits)], len(track))
        else:
            spans = spans_to_cover(track, found)
        (draft / "audio").mkdir(exist_ok=True)
        write_audio(draft / "audio" / file.name, covered(track, spans))
        self.bleeped_ms += sum(1000 * (span.end - span.start) / track.rate_hz for span in spans)
        return spans

    def _lines(self, spans: dict[str, list[Span]], draft: Path) -> Iterator[dict[str, Any]]:
        streams = Streams(self.recording.events, self.redactor, self._told)
        tracks: dict[str, bytes] = {}
        for event in self.recording.events:
            ev = dict(event.ev)
            for key, name in (("audio", "in"), ("delta", "out")):
                value = ev.get(key)
                if isinstance(value, dict) and value.get("$audio") == name:
                    ev[key] = _again(value, spans[name], draft, tracks)
                elif isinstance(value, str) and event.type.endswith(("audio_buffer.append", "audio.delta")):
                    ev[key] = ""  # sound that is no part of a track, so nobody can say what is in it
                    self.redactor.found["sound"] += bool(value)
            yield {
                "seq": event.seq,
                "t_ns": round(event.t_ms * 1e6),
                "dir": event.dir,
                "ev": streams.redacted(event, ev),
            }

    def _page(self, now: datetime) -> Manifest:
        manifest = self.recording.manifest
        page = manifest.model_dump(mode="json")
        kept = {
            name: page[name] for name in ("id", "created_at", "clock", "recorder", "counts", "prompts", "redactions")
        }
        page = self.redactor.value({name: value for name, value in page.items() if name not in kept}) | kept
        made = Manifest.model_validate(page)
        made.customer = self._pseudonym() if manifest.customer else ""
        made.redactions.append(
            RedactionInfo(
                rules_version=RULES_VERSION,
                at=now.astimezone(UTC).isoformat(),
                found=dict(sorted(self.redactor.found.items())),
                bleeped_ms=round(self.bleeped_ms, 3),
                sound=_HOW[self._sound],
            )
        )
        return made

    def _pseudonym(self) -> str:
        customer = self.recording.manifest.customer
        return f"customer-{hashlib.sha256(f'{self._salt} {customer}'.encode()).hexdigest()[:12]}"


def _again(ref: dict[str, Any], spans: Sequence[Span], draft: Path, tracks: dict[str, bytes]) -> dict[str, Any]:
    """A reference to sound that may have been covered, with the hash of what is there now."""
    off, end = ref["off"], ref["off"] + ref["len"]
    if not any(span.start < end and off < span.end for span in spans):
        return ref
    name = str(ref["$audio"])
    if name not in tracks:
        clip = Clip.load(track_file(draft, name))
        tracks[name] = clip.to_bytes(AudioFormat(PCM16_24K.encoding, clip.rate_hz))
    return ref | {"sha": hashlib.sha256(tracks[name][2 * off : 2 * end]).hexdigest()[:16]}


def _merged(spans: Sequence[Span], length: int) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(Span(max(0, span.start), span.end))
    return [Span(span.start, min(span.end, length)) for span in merged if span.start < length]


__all__ = ["MANIFEST", "Redacted", "Sound", "redact"]
