"""How the engine says no: `error` events with the types, codes and words of the real service.

Clients match on codes (and, alas, on messages), so both are kept as they were seen on the real wire, where anybody has
shown them. A refusal never ends the call. `Refused` travels inside the engine only; the protocol turns it into an
`error` event.

| code | seen on the real wire, or in what is documented |
|---|---|
| unknown_parameter | openai/openai-realtime-api-beta#9 |
| string_above_max_length | livekit/agents#1183; 32 characters for `item.id` and `item.call_id` in public field notes |
| invalid_value for a `call_id` with other characters | the pattern: livekit/agents#5652; the code: REST |
| invalid_tool_call_id | livekit/agents#3344 |
| unsupported_content_type of a truncation | livekit/agents#6157 |
| invalid_value, "Audio content of … is already shorter than …" | the words: Twilio's Python sample, issue 45 |
| item_delete_invalid_item_id, item_retrieve_invalid_item_id | a local server's tests that run against OpenAI, too |
| item_truncate_invalid_item_id | the code in many clients; the words are made like those of the two above |
| conversation_already_has_active_response | openai/openai-agents-python#1466, livekit/agents#6817 |
| response_cancel_not_active, input_audio_buffer_commit_empty, cannot_update_voice | handled by many public clients |
| invalid_parameter: one kind of session updated as the other | crmitchelmore/justspeaktoit#427 |
| invalid_model: a transcription with a model | livekit/agents-js#1756, with the close 4000 |
| missing_required_parameter, invalid_type, …_min_value, …_max_value | the REST API's names for the same |

| code | not verified for the Realtime API |
|---|---|
| item_create_invalid_previous_item_id | the words are those of that server, the code is ours by analogy |
| context_length_exceeded | what chat completions and responses say; here in `status_details` of a failed response |
| invalid_json, message_too_large | ours: no public trace of what the service answers to garbage |
| prompt_not_found | ours: this engine stores no prompts |
| language_not_supported | ours: the service hears every language that it can name |
| image_input_not_supported | ours: no model of the service with these events is blind |
| invalid_value for MCP tools | ours: this engine calls no other servers |
| invalid_value for `response.create` and the like in a transcription | ours: how it is refused is not public |
| tool_not_called, transcription_failed, response_failed, engine_busy, engine_failed, brain_failed | ours |
| "already exists" for an item's id | ours: newer models of the service take the same id twice (the same tests) |
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


def cannot_see(param: str) -> Refused:
    """The refusal of a picture by an engine whose brain cannot look at it.

    >>> cannot_see("item.content[0].type").code
    'image_input_not_supported'
    """
    return Refused(
        "This engine cannot see: its brain reads and hears only. Describe the picture in words, or start the engine "
        "with a brain that takes images.",
        code="image_input_not_supported",
        param=param,
    )


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
