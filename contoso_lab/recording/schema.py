"""What a bundle may hold, as JSON Schema for other programs: made from the models that we read with.

The files beside this module, `schema/*.json`, are what `python -m contoso_lab.recording.schema` writes; a test holds
that they are current. `contoso_lab.recording.check` finds what no schema can say.

>>> sorted(schemas())
['event', 'labels', 'manifest', 'prompty']
>>> schemas()["event"]["required"]
['seq', 't_ns', 'dir', 'ev']
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contoso_lab.recording.labels import Labels
from contoso_lab.recording.manifest import SCHEMA_VERSION, Manifest

FOLDER = Path(__file__).parent / "schema"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class SoundReference(BaseModel):
    """Where the sound of an event lies; it stands where the event had base64 text."""

    model_config = ConfigDict(strict=True, extra="allow", use_attribute_docstrings=True)

    audio: Literal["in", "out"] = Field(alias="$audio")
    """The track: audio/in or audio/out."""
    off: int = Field(ge=0)
    """First sample in the track."""
    len: int = Field(ge=0)
    """Number of samples."""
    sha: str = Field(pattern=r"^[0-9a-f]{16}$")
    """First 16 hex digits of the SHA-256 of these samples as PCM16, little endian."""


class WireEvent(BaseModel):
    """An event as it was on the wire. Types that nobody knows yet are allowed, and so is whatever they hold."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str | None = None
    audio: SoundReference | str | Any = None
    """The sound of an `input_audio_buffer.append`."""
    delta: SoundReference | str | Any = None
    """The sound of a `response.output_audio.delta`, or the text of others."""


class EventLine(BaseModel):
    """One line of events.jsonl."""

    model_config = ConfigDict(strict=True, extra="allow", use_attribute_docstrings=True)

    seq: int = Field(ge=0)
    """Its number in the recording, from 0, without gaps."""
    t_ns: int = Field(ge=0)
    """When it passed the recorder, in ns since the recording began."""
    dir: Literal["c2s", "s2c", "local"]
    """Client to server, server to client, or local to the client's machine."""
    ev: WireEvent


class PromptLine(BaseModel):
    """One line of prompty.jsonl: a run of a prompt beside the call. Times are ns of the monotonic clock."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    prompt: str
    sha256: str = ""
    messages: list[dict[str, Any]] = Field(default_factory=list)
    response: str = ""
    data: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    model: str = ""
    started_ns: int | None = None
    first_ns: int | None = None
    ended_ns: int | None = None
    error: str | None = None
    cached: bool = False


MODELS: dict[str, tuple[str, type[BaseModel]]] = {
    "manifest": ("manifest.json", Manifest),
    "event": ("one line of events.jsonl", EventLine),
    "prompty": ("one line of prompty.jsonl", PromptLine),
    "labels": ("labels/<rater>.json", Labels),
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each part of a bundle, by its name."""
    return {
        name: {
            "$schema": _DIALECT,
            "title": f"contoso-lab recording v{SCHEMA_VERSION}: {what}",
            **{key: value for key, value in model.model_json_schema(by_alias=True).items() if key != "title"},
        }
        for name, (what, model) in MODELS.items()
    }


def as_text(schema: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schemas beside this module."""
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / f"{name}.json").write_text(as_text(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
