"""The first page of a recording: what was recorded, with what, and how it ended."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contoso_lab.errors import RecordingError
from contoso_lab.home import may_be_written

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"


class _Page(BaseModel):
    # Fields of a later version are kept, so that opening and saving loses nothing.
    # What stands below a field is its description in the JSON Schema.
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class TargetInfo(_Page):
    """Who answered."""

    kind: str = "unknown"
    model: str = ""


class WallAnchor(_Page):
    """The same moment on two clocks; two anchors tell how far they drifted apart."""

    t_ns: int
    """Monotonic ns since the recording's origin."""
    wall: str
    """The wall clock at that moment, ISO 8601 in UTC."""

    @classmethod
    def at(cls, now: datetime, t_ns: int) -> WallAnchor:
        """Tie a time of day to a moment of the session."""
        return cls(t_ns=t_ns, wall=now.astimezone(UTC).isoformat())


class ClockInfo(_Page):
    """How the session clock relates to the machine's clocks."""

    monotonic_origin_ns: int = 0
    wall_anchors: list[WallAnchor] = Field(default_factory=list)

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the wall clock ran than the monotonic one, in millionths; None without two anchors.

        >>> clock = ClockInfo(wall_anchors=[
        ...     WallAnchor(t_ns=0, wall="2026-01-01T00:00:00+00:00"),
        ...     WallAnchor(t_ns=10**10, wall="2026-01-01T00:00:10.001+00:00")])
        >>> round(clock.drift_ppm, 1)
        100.0
        """
        if len(self.wall_anchors) < 2:
            return None
        first, last = self.wall_anchors[0], self.wall_anchors[-1]
        monotonic_s = (last.t_ns - first.t_ns) / 1e9
        if monotonic_s <= 0:
            return None
        wall_s = (datetime.fromisoformat(last.wall) - datetime.fromisoformat(first.wall)).total_seconds()
        return (wall_s / monotonic_s - 1) * 1e6


class PlaybackInfo(_Page):
    """How the answers were played; `measured` says that the player's own reports are in the recording."""

    device: str = ""
    measured: bool = False


class RetentionInfo(_Page):
    """How long the recording may be kept; `recordings forget --expired` deletes what is past its time."""

    keep_until: str | None = None
    """ISO 8601, a day or a moment in UTC; None sets no end."""
    policy: str = ""
    """The rule that this follows, in words."""


class RedactionInfo(_Page):
    """One run of the redaction over this copy."""

    rules_version: str
    """Which rules were used; see `contoso_lab.recording.redact`."""
    at: str
    """ISO 8601 in UTC."""
    found: dict[str, int] = Field(default_factory=dict)
    """How many stretches of text were replaced, by kind; one that several events repeat counts each time."""
    bleeped_ms: float = 0
    """How much sound was covered."""
    sound: str = ""
    """How the places in the sound were found, and so how sure they are."""


class ImportInfo(_Page):
    """Where a recording came from that another program made."""

    format: str
    source: str
    """The name of the file or folder, without its path."""
    sha256: str = ""
    """Of the file that was read; of the names and hashes of its files for a folder."""
    lost: list[str] = Field(default_factory=list)
    """What the other format said and a bundle cannot hold, one sentence each."""
    guessed: list[str] = Field(default_factory=list)
    """What the other format did not say and was made up so that the bundle is whole, one sentence each."""


class RecorderInfo(_Page):
    """The programs that wrote the recording."""

    version: str = ""
    packages: dict[str, str] = Field(default_factory=dict)
    pid: int = 0
    """The process that writes; it means something on that machine and while the recording is open."""


class Manifest(_Page):
    """All that is known of a recording besides its events; text from outside, hence checked."""

    schema_version: int = SCHEMA_VERSION
    id: str
    created_at: str = ""
    """ISO 8601 in UTC."""
    status: Literal["open", "closed"] = "open"
    """`open` in a recording that nobody writes any more means that its writer was killed."""
    end_reason: str | None = None
    persona: str = ""
    customer: str = ""
    scenario: str = ""
    mode: str = "live"
    """How the caller's side came to be: `live`, or the name of a replay mode."""
    replay_of: str | None = None
    """The id of the recording whose caller speaks here again."""
    console: str = ""
    """Which console on a screen held the call; empty for a call of a program."""
    target: TargetInfo = Field(default_factory=TargetInfo)
    session: dict[str, Any] | None = None
    """The session as it was asked for with `session.update`."""
    audio_format_in: dict[str, Any] = Field(default_factory=lambda: {"type": "audio/pcm", "rate": 24000})
    audio_format_out: dict[str, Any] = Field(default_factory=lambda: {"type": "audio/pcm", "rate": 24000})
    catalogue_sha: str = ""
    prompts: dict[str, str] = Field(default_factory=dict)
    """sha256 of each prompt file, by its name; the persona's is among them."""
    tools_sha: str = ""
    """sha256 of the tools that the session offers, as canonical JSON; empty when it offers none."""
    clock: ClockInfo = Field(default_factory=ClockInfo)
    playback: PlaybackInfo = Field(default_factory=PlaybackInfo)
    recorder: RecorderInfo = Field(default_factory=RecorderInfo)
    counts: dict[str, int] = Field(default_factory=dict)
    """Events by direction, samples by track, prompt runs and `duration_ms`; written when the recording is closed."""
    consent: str | None = None
    """Who agreed to be recorded, and how; None when nobody noted it."""
    retention: RetentionInfo = Field(default_factory=RetentionInfo)
    redactions: list[RedactionInfo] = Field(default_factory=list)
    """What was taken out of this copy; empty in what was recorded."""
    imported: ImportInfo | None = None
    synthetic: bool = False
    """Whether the caller's voice is a machine's."""

    def save(self, folder: Path) -> None:
        """Write the manifest into its bundle; a reader sees the old page or the new one, never a part.

        Raises OSError when the place cannot be written.
        """
        write_whole(folder / MANIFEST, self.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of a bundle.

        Raises RecordingError when it is missing, damaged, or of a later version than this program knows.
        """
        place = folder / MANIFEST
        try:
            found = cls.model_validate_json(place.read_bytes())
        except OSError as error:
            raise RecordingError(f"{place} cannot be read ({error.strerror}): is this a recording?") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"]) or "the whole page"
            raise RecordingError(f"{place} is damaged at {where}: {first['msg']}; mend or remove it") from error
        if found.schema_version > SCHEMA_VERSION:
            raise RecordingError(
                f"{place} has schema version {found.schema_version} and this program knows {SCHEMA_VERSION}: "
                "install a newer contoso-lab"
            )
        return found


def write_whole(place: Path, data: bytes) -> None:
    """Replace a file so that it is never seen half-written; raises OSError."""
    may_be_written(place)
    draft = place.with_name(f".{place.name}.tmp")
    try:
        draft.write_bytes(data)
        os.replace(draft, place)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def new_id(now: datetime, salt: str) -> str:
    """Name a recording so that names sort by time.

    >>> new_id(datetime(2026, 11, 22, 15, 30, 12, tzinfo=UTC), "a1b2")
    '20261122-153012-a1b2'
    """
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{salt}"


def safe_name(name: str, what: str) -> str:
    """Return a name that is safe as a file name, or raise RecordingError.

    >>> safe_name("author", "rater")
    'author'
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name):
        raise RecordingError(f"{what} {name!r} cannot be a file name: use letters, digits, '-', '_' and '.'")
    return name
