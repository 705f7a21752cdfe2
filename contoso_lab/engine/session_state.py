"""The session object: its defaults, what `session.update` may change, and what the engine reads from it.

The object is kept as it goes over the wire, so that the echo in `session.updated` is the truth and not a retelling.
An update is taken whole or not at all.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contoso_lab.audio.format import AudioFormat
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.session_rules import check_chosen, check_session
from contoso_lab.engine.session_shape import Kind, merge, new_session
from contoso_lab.engine.turns import TurnSettings
from contoso_lab.engine.vocabulary import words_to_expect

_LONGEST_WAIT_MS = {"low": 8_000, "medium": 4_000, "auto": 4_000, "high": 2_000}
"""The documented maxima of semantic_vad."""
_FINISHED_WAIT_MS = {"low": 800, "medium": 500, "auto": 500, "high": 300}
"""Ours: how long a finished-sounding sentence is given to go on after all."""


@dataclass(frozen=True, slots=True)
class ResponseSettings:
    """What one response goes by: the session, overlaid with what `response.create` said."""

    instructions: str
    modality: str
    """"audio" or "text"."""
    voice: str
    speed: float
    format: AudioFormat
    tools: tuple[dict[str, Any], ...]
    tool_choice: str
    """"auto", "none", "required", or the name of the tool that must be called."""
    max_output_tokens: int | None
    parallel_tool_calls: bool = True
    truncation: Any = "auto"
    metadata: dict[str, str] | None = None
    in_conversation: bool = True
    input: tuple[dict[str, Any], ...] | None = None
    """Items that stand in for the conversation; None: the conversation itself."""


class SessionState:
    """The session of one call.

    Args:
        session_id: its id.
        model: what the client asked for.
        voices: the engine's, the default one first.
        hears: the languages that its ear hears; nothing when it does not say.
        kind: a conversation, or a transcription.

    >>> state = SessionState(session_id="sess_1", model="local", voices=("robin",))
    >>> state.update({"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    >>> state.turns is None, state.wire()["audio"]["output"]["voice"]
    (True, 'robin')
    """

    def __init__(
        self,
        *,
        session_id: str,
        model: str,
        voices: tuple[str, ...],
        hears: tuple[str, ...] = (),
        kind: Kind = "realtime",
    ) -> None:
        self._voices = voices
        self._hears = hears
        self._id = session_id
        self._model = model
        self._wire = new_session(kind, session_id=session_id, model=model, voice=voices[0])

    @property
    def kind(self) -> Kind:
        """Whether this is a conversation, or a transcription that answers nothing."""
        kind: Kind = self._wire["type"]
        return kind

    def wire(self) -> dict[str, Any]:
        """The whole effective session, as `session.created` and `session.updated` show it."""
        return copy.deepcopy(self._wire)

    def update(self, changes: Mapping[str, Any], *, voice_locked: bool = False, settled: bool = True) -> None:
        """Merge the session of a `session.update`: what it does not name stays.

        Args:
            changes: the `session` of the event.
            voice_locked: the assistant has already been heard; its voice cannot change any more.
            settled: it is known whether this is a conversation or a transcription; if not, the update may say.

        Raises:
            Refused: nothing was changed.
        """
        check_session(changes, voices=self._voices, hears=self._hears)
        base, kind = self._wire, changes["type"]
        if kind != self.kind:
            if settled:
                raise Refused(
                    f"Passing a {kind} session update event to a {self.kind} session is not allowed.",
                    code="invalid_parameter",
                    param="session.type",
                )
            base = new_session(kind, session_id=self._id, model=self._model, voice=self._voices[0])
        merged = merge(base, changes)
        if changes.get("tools") is not None or changes.get("tool_choice") is not None:
            check_chosen(_tool_choice(merged["tool_choice"]), merged["tools"], param="session.tool_choice")
        if voice_locked and merged["audio"]["output"]["voice"] != base["audio"]["output"]["voice"]:
            raise Refused(
                "Cannot update a conversation's voice if assistant audio is present.", code="cannot_update_voice"
            )
        # The id and the model belong to the connection, whatever an update says.
        self._wire = {**merged, **{key: base[key] for key in ("id", "object", "model") if key in base}}

    @property
    def input_format(self) -> AudioFormat:
        """What the client sends."""
        return AudioFormat.from_wire(self._wire["audio"]["input"]["format"])

    @property
    def turns(self) -> TurnSettings | None:
        """How turns are found; None: the client commits them itself."""
        vad = self._wire["audio"]["input"]["turn_detection"]
        if vad is None:
            return None
        answered = self.kind == "realtime"
        replies = {name: answered and vad[name] for name in ("create_response", "interrupt_response")}
        if vad["type"] == "semantic_vad":
            wait = vad["eagerness"]
            return TurnSettings(silence_ms=_FINISHED_WAIT_MS[wait], longest_wait_ms=_LONGEST_WAIT_MS[wait], **replies)
        return TurnSettings(
            threshold=vad["threshold"],
            prefix_padding_ms=vad["prefix_padding_ms"],
            silence_ms=vad["silence_duration_ms"],
            idle_timeout_ms=vad.get("idle_timeout_ms"),
            **replies,
        )

    @property
    def transcribes(self) -> bool:
        """Whether the client wants to read what the caller said."""
        return self._wire["audio"]["input"]["transcription"] is not None

    @property
    def wants_logprobs(self) -> bool:
        """Whether transcripts shall say how sure the ear was."""
        return "item.input_audio_transcription.logprobs" in (self._wire["include"] or ())

    @property
    def words_to_expect(self) -> str:
        """A prompt for the ear: the client's own, or the names in the instructions' catalogue."""
        transcription = self._wire["audio"]["input"]["transcription"] or {}
        asked = [transcription.get("prompt") or "", *(transcription.get("keywords") or ())]
        given = ", ".join(part for part in asked if part)
        return given or words_to_expect(self._wire.get("instructions", ""))

    def response(self, wanted: Mapping[str, Any] | None = None) -> ResponseSettings:
        """The settings of a response, given the `response` of its `response.create`."""
        asked = {key: value for key, value in (wanted or {}).items() if value is not None}
        session = self._wire
        named = (asked.get("audio") or {}).get("output") or {}
        output = session["audio"]["output"] | {key: value for key, value in named.items() if value is not None}
        limit = asked.get("max_output_tokens", session["max_output_tokens"])
        tools = tuple(asked.get("tools", session["tools"]))
        choice = _tool_choice(asked.get("tool_choice", session["tool_choice"]))
        if "tool_choice" in asked:
            check_chosen(choice, tools, param="response.tool_choice")
        elif choice not in ("auto", "none", "required") and "tools" in asked:
            choice = "auto"  # the session's choice is about the session's tools
        return ResponseSettings(
            instructions=asked.get("instructions", session["instructions"]),
            modality=(asked.get("output_modalities") or session["output_modalities"])[0],
            voice=_voice_name(output["voice"]),
            speed=output["speed"],
            format=AudioFormat.from_wire(output["format"]),
            tools=tools,
            tool_choice=choice,
            max_output_tokens=None if limit == "inf" else limit,
            parallel_tool_calls=asked.get("parallel_tool_calls", session["parallel_tool_calls"]),
            truncation=session["truncation"],
            metadata=asked.get("metadata"),
            in_conversation=asked.get("conversation") != "none",
            input=None if asked.get("input") is None else tuple(asked["input"]),
        )


def _voice_name(voice: Any) -> str:
    """A voice is a name, or an object with an id."""
    return str(voice["id"]) if isinstance(voice, Mapping) else str(voice)


def _tool_choice(choice: Any) -> str:
    return str(choice.get("name") or "auto") if isinstance(choice, Mapping) else str(choice)
