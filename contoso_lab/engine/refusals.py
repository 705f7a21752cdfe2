"""How the engine says no: `error` events with the types, codes and words of the real service.

Clients match on codes (and, alas, on messages), so both are kept as they were seen on the real wire. A refusal
never ends the call. `Refused` travels inside the engine only; the protocol turns it into an `error` event.
"""

from __future__ import annotations

from typing import Any

from contoso_lab.engine.json_types import Misfit
from contoso_lab.errors import EngineError
from contoso_lab.wire.events import CLIENT_EVENTS


class Refused(EngineError):
    """A client asked for something that it cannot have; says what, in the service's own words."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = "invalid_value",
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        super().__init__(message)

    def to_wire(self, event_id: str | None) -> dict[str, Any]:
        """The body of the `error` event; `event_id` is that of the client's event, if it had one."""
        return {
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }


def unknown_type(name: str) -> Refused:
    """The refusal of an event whose type no client may send."""
    supported = ", ".join(f"'{known}'" for known in sorted(CLIENT_EVENTS))
    return Refused(f"Invalid value: '{name}'. Supported values are: {supported}.", param="type")


OF_TRANSCRIPTIONS = frozenset(
    {
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.retrieve",
        "conversation.item.delete",
    }
)
"""What a client may send to a transcription session."""


def not_in_transcription(name: str) -> Refused:
    """The refusal of an event that only a conversation has.

    >>> not_in_transcription("response.create").param
    'type'
    """
    return Refused(
        f"'{name}' is not allowed in a transcription session: it writes down what it hears and answers nothing.",
        code="invalid_value",
        param="type",
    )


def missing(param: str) -> Refused:
    """The refusal of an event that lacks a field.

    >>> missing("session.type").message
    "Missing required parameter: 'session.type'."
    """
    return Refused(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def wrong_type(misfit: Misfit) -> Refused:
    """The refusal of a value of the wrong kind.

    >>> wrong_type(Misfit("audio_end_ms", "an integer", "a string")).message
    "Invalid type for 'audio_end_ms': expected an integer, but got a string instead."
    """
    return Refused(
        f"Invalid type for '{misfit.param}': expected {misfit.expected}, but got {misfit.got} instead.",
        code="invalid_type",
        param=misfit.param,
    )
