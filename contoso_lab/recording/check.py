"""Check a recording from outside: everything that can be wrong with a bundle, one sentence each.

Opening a recording is forgiving and this is not. It reads line by line and block by block, so that a file that lies
about its size, or is larger than the memory, costs no more than any other. Event types that nobody knows are allowed.

| what | where |
|---|---|
| links out of the folder, what does not belong to a bundle | here |
| the manifest: shape, times, formats, hashes, retention | here |
| events: shape, numbers without gaps, a clock that runs forward, references to prompt runs | `check_lines` |
| sound: references inside the tracks, one behind the other, the hash of each; rate and channels | `check_sound` |
| labels: shape, times inside the caller's track, a cue that exists; ratings, line by line | here |
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from pydantic import ValidationError

from contoso_lab.audio import AudioFormat
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.check_lines import LinesFound, check_lines
from contoso_lab.recording.check_sound import check_track
from contoso_lab.recording.entries import EVENTS, PROMPTS
from contoso_lab.recording.finding import Finding, note, problem
from contoso_lab.recording.fold import fold
from contoso_lab.recording.labels import Labels
from contoso_lab.recording.manifest import MANIFEST, Manifest
from contoso_lab.recording.ratings import read_ratings
from contoso_lab.recording.spool import SPOOL

_PAGE_BYTES = 4 << 20
"""The most that a manifest or a rater's labels may take."""
_KNOWN = {MANIFEST, EVENTS, PROMPTS, SPOOL, "audio", "labels", "derived"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_TOLD = 20
_DRIFT_PPM = 1000.0
_LONG_ENOUGH_NS = 30_000_000_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one recording."""

    path: Path
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong; notes do not count."""
        return not any(finding.grave for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"{'✗' if finding.grave else '·'} {finding.where}: {finding.what}" for finding in self.findings]
        return "\n".join([f"{self.path}: {'in order' if self.sound else 'not in order'}", *lines])


def check_recording(path: str | PathLike[str], *, now: datetime | None = None) -> Checked:
    """Check a recording by its folder (or its manifest). What is not folded yet is folded first, as in opening.

    >>> print(check_recording("nowhere"))
    nowhere: not in order
    ✗ nowhere: is no folder: name the folder of a recording

    Args:
        path: where the recording is.
        now: what counts as today for its retention.
    """
    place = Path(path)
    folder = place.parent if place.name == MANIFEST else place
    if not folder.is_dir():
        remedy = "unpack it first" if folder.is_file() else "name the folder of a recording"
        return Checked(folder, (problem(str(path), f"is no folder: {remedy}"),))
    findings = list(_places(folder))
    if not any(finding.grave for finding in findings):  # else a link could lead what follows elsewhere
        findings += _inside(folder, now or datetime.now(UTC))
    return Checked(folder, tuple(findings))


def _inside(folder: Path, now: datetime) -> Iterator[Finding]:
    try:
        fold(folder)
    except (RecordingError, RecursionError) as error:
        yield problem(SPOOL, str(error))
    manifest = None
    page = folder / MANIFEST
    if not page.exists():
        yield problem(MANIFEST, "is missing")
    elif page.stat().st_size > _PAGE_BYTES:
        yield problem(MANIFEST, f"has more than {_PAGE_BYTES >> 20} MiB, which no first page needs")
    else:
        try:
            manifest = Manifest.load(folder)
        except RecordingError as error:
            yield problem(MANIFEST, str(error))
    if manifest is not None:
        yield from _first_page(folder, manifest, now)
    lines = LinesFound()
    yield from check_lines(folder, lines)
    track_ms: dict[str, float] = {}
    for name in ("in", "out"):
        wanted = None if manifest is None else getattr(manifest, f"audio_format_{name}")
        yield from check_track(folder, name, lines.sounds[name], wanted, track_ms)
    if manifest is not None and manifest.status == "closed":
        yield from _counts(manifest, lines)
    for place in sorted(folder.glob("labels/*.json")):
        yield from _labels(place, f"labels/{place.name}", track_ms.get("in"), lines)
    for place in sorted(folder.glob("labels/*.jsonl")):
        yield from _ratings(place, f"labels/{place.name}")


def _places(folder: Path) -> Iterator[Finding]:
    """Everything that lies in the folder, links not followed."""
    home = folder.resolve()
    for place in sorted(folder.rglob("*")):
        name = place.relative_to(folder).as_posix()
        if place.is_symlink() and not place.resolve().is_relative_to(home):
            yield problem(name, "leads out of the recording: copy the file into it, or remove the link")
        elif not place.is_symlink() and not (stat.S_ISREG(mode := place.lstat().st_mode) or stat.S_ISDIR(mode)):
            yield problem(name, "is no file and no folder: remove it")
        elif place.parent == folder and name not in _KNOWN and not name.startswith("."):
            yield note(name, "does not belong to a recording, and nothing reads it")


def _first_page(folder: Path, manifest: Manifest, now: datetime) -> Iterator[Finding]:
    if manifest.id != folder.resolve().name:
        yield note(MANIFEST, f"it is named {manifest.id} and lies in {folder.resolve().name}")
    if manifest.status == "open":
        yield problem(MANIFEST, "the recording is being written, or was cut before it was closed")
    elif (manifest.end_reason or "").startswith("the recording could not be written"):
        yield problem(MANIFEST, str(manifest.end_reason))
    times = {"created_at": manifest.created_at, "retention.keep_until": manifest.retention.keep_until}
    times |= {f"clock.wall_anchors[{n}]": anchor.wall for n, anchor in enumerate(manifest.clock.wall_anchors)}
    wrong = [name for name, text in times.items() if text and _moment(text) is None]
    yield from (problem(MANIFEST, f"{name} is no time in ISO 8601: {times[name]!r}") for name in wrong)
    for name in ("in", "out"):
        try:
            AudioFormat.from_wire(getattr(manifest, f"audio_format_{name}"))
        except AudioError as error:
            yield problem(MANIFEST, f"audio_format_{name}: {error}")
    hashes = {"catalogue_sha": manifest.catalogue_sha, "tools_sha": manifest.tools_sha}
    hashes |= {f"prompts.{name}": value for name, value in manifest.prompts.items()}
    for name, value in hashes.items():
        if value and not _SHA256.fullmatch(value):
            yield problem(MANIFEST, f"{name} is no SHA-256: {value[:80]!r}")
    if not wrong:
        yield from _clocks(manifest)
        until = _moment(manifest.retention.keep_until or "")
        if until is not None and until < now:
            yield note(
                MANIFEST, f"it was to be kept until {manifest.retention.keep_until}: recordings forget --expired"
            )
    if manifest.consent is None and not manifest.synthetic:
        yield note(MANIFEST, "nobody noted who agreed to be recorded")


def _clocks(manifest: Manifest) -> Iterator[Finding]:
    anchors = [anchor.t_ns for anchor in manifest.clock.wall_anchors]
    if anchors != sorted(anchors):
        yield problem(MANIFEST, "clock.wall_anchors do not run forward")
    drift_ppm = manifest.clock.drift_ppm
    if anchors and anchors[-1] - anchors[0] < _LONG_ENOUGH_NS:
        return  # the time between two looks at two clocks is a large part of so short a call
    if drift_ppm is not None and abs(drift_ppm) > _DRIFT_PPM:
        yield note(MANIFEST, f"the wall clock ran {drift_ppm:+.0f} millionths off the session clock: it was set, maybe")


def _counts(manifest: Manifest, lines: LinesFound) -> Iterator[Finding]:
    samples = {
        f"samples_{name}": max((sound.off + sound.len for sound in sounds), default=0)
        for name, sounds in lines.sounds.items()
    }
    for name, count in (lines.counts | samples).items():
        told = manifest.counts.get(name)
        if told is not None and told != count:
            yield problem(MANIFEST, f"counts.{name} says {told} and there are {count}")


def _labels(place: Path, name: str, caller_ms: float | None, lines: LinesFound) -> Iterator[Finding]:
    if place.stat().st_size > _PAGE_BYTES:
        yield problem(name, f"has more than {_PAGE_BYTES >> 20} MiB, which no labels need")
        return
    try:
        labels = Labels.model_validate_json(place.read_bytes())
    except ValidationError as error:
        yield from (problem(name, sentence) for sentence in _faults(error))
        return
    for number, turn in enumerate(labels.turns):
        start_ms, end_ms = turn.start_ms, turn.end_ms
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            yield problem(name, f"turn {number} ends before it begins")
        latest_ms = max((ms for ms in (start_ms, end_ms) if ms is not None), default=0.0)
        if caller_ms is not None and latest_ms > caller_ms + 1:
            yield problem(
                name, f"turn {number} lies behind the end of the caller's track, which has {caller_ms:.0f} ms"
            )
    if labels.cue_turn is not None and not 0 <= labels.cue_turn < len(labels.turns):
        yield problem(name, f"cue_turn is {labels.cue_turn} and there are {len(labels.turns)} turns")


def _ratings(place: Path, name: str) -> Iterator[Finding]:
    if place.stat().st_size > _PAGE_BYTES:
        yield problem(name, f"has more than {_PAGE_BYTES >> 20} MiB, which no ratings need")
        return
    for sentence in read_ratings(place).problems[:_MOST_TOLD]:
        yield problem(name, sentence.removeprefix(f"{place.name}: "))


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False)[:_MOST_TOLD]:
        yield f"{'.'.join(str(step) for step in fault['loc']) or 'the file'}: {fault['msg']}"


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
