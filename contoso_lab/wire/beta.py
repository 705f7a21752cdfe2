"""Translate between the two dialects of the Realtime protocol.

Inside the house every event has its general-availability (GA) name and shape. Many clients and servers still
speak the beta dialect, so the door translates. Three things differ: the names of the output events, the names of
an assistant's content parts, and the shape of a session (flat in beta, nested in GA).

>>> from_beta({"type": "response.audio.delta", "delta": "AAAA"})["type"]
'response.output_audio.delta'
>>> to_beta({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["audio"]}})
{'type': 'session.update', 'session': {'modalities': ['text', 'audio']}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_NAMES_TO_BETA = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
_NAMES_TO_GA = {beta: ga for ga, beta in _NAMES_TO_BETA.items()}
_TRANSCRIPTION_TO_GA = {
    "transcription_session.update": "session.update",
    "transcription_session.updated": "session.updated",
    "transcription_session.created": "session.created",
}
_TRANSCRIPTION_TO_BETA = {ga: beta for beta, ga in _TRANSCRIPTION_TO_GA.items()}
_NEVER_IN_BETA = frozenset({"conversation.item.done"})

_PARTS_TO_BETA = {"output_text": "text", "output_audio": "audio"}
_PARTS_TO_GA = {beta: ga for ga, beta in _PARTS_TO_BETA.items()}

_FORMATS_TO_GA: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMATS_TO_BETA = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}

# Where each flat beta key of a session lives in GA.
_PLACES: dict[str, tuple[str, ...]] = {
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "output_audio_format": ("audio", "output", "format"),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
}
_DEPTH = max(map(len, _PLACES.values())) - 1
"""How many levels of objects below a session's own are changed."""
_ROOTS = ("session", "response")
"""The objects of an event whose fields were renamed."""
_ONLY_BETA = frozenset({"temperature", "client_secret"})
_MISSING = object()


def beta_has(event_type: str) -> bool:
    """Whether the beta dialect has an event for this GA name; a beta client must not be sent the others.

    >>> beta_has("response.done"), beta_has("conversation.item.done")
    (True, False)
    """
    return event_type not in _NEVER_IN_BETA


def from_beta(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the GA form of a beta event; a GA event comes back as it is.

    Keys that GA does not know (`temperature`) stay where they were, so that nothing is lost on the way.
    The argument is never changed.
    """
    name = event.get("type")
    out = dict(event)
    if name in _TRANSCRIPTION_TO_GA:
        out["type"] = _TRANSCRIPTION_TO_GA[name]
        return _with(out, "session", lambda value: {"type": "transcription", **session_from_beta(value)})
    if isinstance(name, str):
        out["type"] = _NAMES_TO_GA.get(name, name)
    out = _with(out, "session", lambda value: {"type": "realtime", **session_from_beta(value)})
    out = _with(out, "response", _response_from_beta)
    out = _with(out, "error", lambda value: _error(value, param_from_beta))
    return _with(out, "item", lambda value: _item(value, _PARTS_TO_GA))


def to_beta(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the beta form of a GA event; an event without a beta form (see `beta_has`) comes back as it is.

    The argument is never changed.
    """
    name = event.get("type")
    out = dict(event)
    session = event.get("session")
    if name in _TRANSCRIPTION_TO_BETA and isinstance(session, Mapping) and session.get("type") == "transcription":
        out["type"] = _TRANSCRIPTION_TO_BETA[name]
    elif isinstance(name, str):
        out["type"] = _NAMES_TO_BETA.get(name, name)
    out = _with(out, "session", session_to_beta)
    out = _with(out, "response", _response_to_beta)
    out = _with(out, "error", lambda value: _error(value, param_to_beta))
    return _with(out, "item", lambda value: _item(value, _PARTS_TO_BETA))


def session_from_beta(session: Mapping[str, Any]) -> dict[str, Any]:
    """Nest a flat beta session; keys that are nested already are kept.

    >>> session_from_beta({"voice": "sage", "turn_detection": None})
    {'audio': {'output': {'voice': 'sage'}, 'input': {'turn_detection': None}}}
    """
    # What is nested already goes first: a part of it that is no object must not undo what the flat keys say.
    out = {key: _copied(value) for key, value in session.items() if key not in _PLACES}
    for key, value in session.items():
        if key in _PLACES:
            _put(out, _PLACES[key], _value_from_beta(key, value))
    return out


def session_to_beta(session: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a GA session to the beta shape; what has no flat name stays nested.

    >>> session_to_beta({"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    {'input_audio_format': 'g711_ulaw'}
    """
    out = {key: _copied(value) for key, value in session.items() if key != "type"}
    for key, path in _PLACES.items():
        value = _take(out, path)
        if value is not _MISSING:
            out[key] = _value_to_beta(key, value)
    return out


def without_beta_only(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A session or response without what only the beta had: GA servers refuse these names.

    >>> without_beta_only({"voice": "alloy", "temperature": 0.8})
    {'voice': 'alloy'}
    """
    # A transcription of the beta could name modalities; in GA it has none.
    gone = _ONLY_BETA | ({"output_modalities"} if settings.get("type") == "transcription" else set())
    return {key: value for key, value in settings.items() if key not in gone}


def param_to_beta(param: str) -> str:
    """The beta's name of a field that a GA error complains about.

    >>> param_to_beta("session.audio.input.turn_detection.threshold"), param_to_beta("item.content[0].text")
    ('session.turn_detection.threshold', 'item.content[0].text')
    """
    for root in _ROOTS:
        for key, path in _PLACES.items():
            if (rest := _after(param, f"{root}.{'.'.join(path)}")) is not None:
                return f"{root}.{key}{rest}"
    return param


def param_from_beta(param: str) -> str:
    """The GA name of a field that a beta error complains about.

    >>> param_from_beta("session.voice")
    'session.audio.output.voice'
    """
    for root in _ROOTS:
        for key, path in _PLACES.items():
            if (rest := _after(param, f"{root}.{key}")) is not None:
                return f"{root}.{'.'.join(path)}{rest}"
    return param


def _after(param: str, field: str) -> str | None:
    """What of a field's name follows another one, when that is the field itself or a part of it."""
    rest = param.removeprefix(field)
    return rest if param.startswith(field) and rest[:1] in {"", ".", "["} else None


def _error(error: Mapping[str, Any], translate: Callable[[str], str]) -> dict[str, Any]:
    out, param = dict(error), error.get("param")
    if isinstance(param, str) and (named := translate(param)) != param:
        out["param"] = named
        if isinstance(error.get("message"), str):  # servers name the field in their sentence, too
            out["message"] = error["message"].replace(f"'{param}'", f"'{named}'")
    return out


def _response_from_beta(response: Mapping[str, Any]) -> dict[str, Any]:
    out = session_from_beta(response)
    return _items(out, _PARTS_TO_GA)


def _response_to_beta(response: Mapping[str, Any]) -> dict[str, Any]:
    out = session_to_beta(response)
    if "id" in out and "max_response_output_tokens" in out:
        # Beta names the limit differently in a request and in the response that a server reports.
        out["max_output_tokens"] = out.pop("max_response_output_tokens")
    return _items(out, _PARTS_TO_BETA)


def _items(response: dict[str, Any], parts: Mapping[str, str]) -> dict[str, Any]:
    for key in ("input", "output"):
        if isinstance(response.get(key), list):
            response[key] = [_item(item, parts) if isinstance(item, Mapping) else item for item in response[key]]
    return response


def _item(item: Mapping[str, Any], parts: Mapping[str, str]) -> dict[str, Any]:
    out = dict(item)
    content = item.get("content")
    # Only an assistant's parts were renamed; a user's are input_text and input_audio in both dialects.
    if item.get("role") == "assistant" and isinstance(content, list):
        out["content"] = [_part(part, parts) for part in content]
    return out


def _part(part: Any, names: Mapping[str, str]) -> Any:
    kind = part.get("type") if isinstance(part, Mapping) else None
    return {**part, "type": names.get(kind, kind)} if isinstance(kind, str) else part


def _value_from_beta(key: str, value: Any) -> Any:
    if key.endswith("_format") and isinstance(value, str):
        return dict(_FORMATS_TO_GA.get(value, {"type": value}))
    if key == "modalities" and isinstance(value, list):
        # In beta, audio always brought its transcript along as "text"; in GA that goes without saying.
        return ["audio"] if "audio" in value else value
    if key == "turn_detection" and value == {"type": "none"}:
        return None  # Azure's documents of the preview had it that way
    return value


def _value_to_beta(key: str, value: Any) -> Any:
    if key.endswith("_format") and isinstance(value, Mapping):
        return _FORMATS_TO_BETA.get(str(value.get("type")), value.get("type"))
    if key == "modalities" and isinstance(value, list):
        return ["text", "audio"] if "audio" in value else value
    return value


def _with(event: dict[str, Any], key: str, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    if isinstance(event.get(key), Mapping):
        event[key] = change(event[key])
    return event


def _copied(value: Any, levels: int = _DEPTH) -> Any:
    """A value of its own as deep as anything is moved about in it. A stranger may nest without end; that is shared."""
    if not isinstance(value, dict) or not levels:
        return value
    return {key: _copied(inner, levels - 1) for key, inner in value.items()}


def _put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(target.get(name), dict):
            target[name] = {}
        target = target[name]
    target[path[-1]] = value


def _take(target: Any, path: tuple[str, ...]) -> Any:
    """Take a value out of nested objects, and with it the objects that are empty then."""
    name, rest = path[0], path[1:]
    if not isinstance(target, dict) or name not in target:
        return _MISSING
    if not rest:
        return target.pop(name)
    value = _take(target[name], rest)
    if value is not _MISSING and not target[name]:
        del target[name]
    return value


def ga_name(event_type: str) -> str:
    """Give the GA name of an event type; a GA name or an unknown one comes back as it is.

    >>> ga_name("response.audio.done")
    'response.output_audio.done'
    """
    return _NAMES_TO_GA.get(event_type) or _TRANSCRIPTION_TO_GA.get(event_type, event_type)
