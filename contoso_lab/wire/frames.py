"""Look at a message without parsing it: which event is it, and where is its sound?

A relay sees fifty audio frames a second in each direction. Parsing the JSON around a few kilobytes of base64 costs
more than everything else it does with them, so these two looks go by the shape of the text. Both are exact: a
message whose shape leaves any doubt is parsed, or refused. That matters, for a look that could be deceived would
let a client carry one event past us inside another.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from contoso_lab.errors import EventError

# One member of an object whose value is plain: no escapes, no nesting, nothing beyond printable ASCII.
_PLAIN = r'"(?!type")[a-z_]{1,32}" ?: ?(?:"[ !#-\[\]-~]{0,120}"|-?\d{1,12}|null|true|false)'
_HEAD = rf' ?\{{ ?(?:{_PLAIN} ?, ?){{0,8}}"type" ?: ?"([a-z_.]{{1,80}})"'  # the type, among plain members only
_TYPE_STR, _TYPE_BYTES = re.compile(_HEAD), re.compile(_HEAD.encode())


def _frame_patterns(name: str, key: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    plain = _PLAIN.replace('(?!type")', f'(?!type"|{key}")')
    head = rf' ?\{{ ?(?:{plain} ?, ?){{0,8}}"type" ?: ?"{name}" ?, ?(?:{plain} ?, ?){{0,8}}"{key}" ?: ?"'
    return re.compile(head), re.compile(rf" ?(?:, ?{plain} ?){{0,8}}\}} ?")


_KINDS: tuple[tuple[str, str, re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (name, key, *_frame_patterns(pattern, key))
    for name, pattern, key in (
        ("input_audio_buffer.append", r"input_audio_buffer\.append", "audio"),
        ("response.output_audio.delta", r"response\.(?:output_)?audio\.delta", "delta"),
    )
)
_KINDS_BYTES = tuple(
    (name, key, re.compile(head.pattern.encode()), re.compile(tail.pattern.encode()))
    for name, key, head, tail in _KINDS
)


class AudioFrame(NamedTuple):
    """Where the base64 text of an audio frame stands in its message."""

    type: str
    """The GA name of the event."""
    key: str
    """The member that holds the sound: `audio` or `delta`."""
    start: int
    """Index of the first character of the base64 text."""
    stop: int
    """Index after its last character; a quotation mark stands there."""


def find_audio(raw: str | bytes) -> AudioFrame | None:
    """Find the sound in a message of the common shape, or say None: then the message must be parsed.

    A frame that is found *is* that event and nothing else: all other members are plain values under other names.
    Whether the payload is valid base64 is for the decoder to say.

    >>> raw = '{"type":"input_audio_buffer.append","audio":"AAAA"}'
    >>> frame = find_audio(raw); raw[frame.start:frame.stop]
    'AAAA'
    >>> find_audio('{"type":"input_audio_buffer.append","audio":"AAAA","type":"session.update"}') is None
    True
    """
    if isinstance(raw, str):
        for name, key, head, tail in _KINDS:
            if found := head.match(raw):
                start = found.end()
                stop = raw.find('"', start)
                plain = stop > 0 and raw.find("\\", start, stop) < 0 and tail.fullmatch(raw, stop + 1) is not None
                return AudioFrame(name, key, start, stop) if plain else None
        return None
    for name, key, head_bytes, tail_bytes in _KINDS_BYTES:
        if match := head_bytes.match(raw):
            start = match.end()
            stop = raw.find(b'"', start)
            plain = stop > 0 and raw.find(b"\\", start, stop) < 0 and tail_bytes.fullmatch(raw, stop + 1) is not None
            return AudioFrame(name, key, start, stop) if plain else None
    return None


_APPEND, _DELTA, _MEMBER = (
    b'{"type":"input_audio_buffer.append","audio":"',
    b'{"type":"response.output_audio.delta",',
    b'"delta":"',
)
_MOST_HEAD = 600
_frame = tuple.__new__  # a named tuple's own constructor takes as long as all that is looked for here


def glance(raw: bytes) -> AudioFrame | None:
    """`find_audio` for whoever passes messages on; it finds the usual shape in a quarter of the time.

    Usual is what the official clients and servers send: no blanks, the type first, the sound last. What is found in an
    event is what a parser reads there. Only a delta whose head is no JSON, no event at all, may count as sound too.

    >>> glance(b'{"type":"input_audio_buffer.append","audio":"AAAA"}')[2:]
    (45, 49)
    """
    stop = len(raw) - 2
    if raw.startswith(_APPEND):
        start = len(_APPEND)
        if raw.find(b'"', start) == stop and raw.endswith(b"}") and b"\\" not in raw:
            return _frame(AudioFrame, ("input_audio_buffer.append", "audio", start, stop))
    elif raw.startswith(_DELTA):
        start = raw.find(_MEMBER, len(_DELTA) - 1, _MOST_HEAD) + len(_MEMBER)
        if (
            start > len(_DELTA)
            and raw.find(b'"', start) == stop
            and raw.endswith(b"}")
            and raw.find(b'"type"', len(_DELTA), start) < 0
            and raw.find(b"{", 1, start) < 0
            and b"\\" not in raw
        ):
            return _frame(AudioFrame, ("response.output_audio.delta", "delta", start, stop))
    return find_audio(raw)


def peek_type(raw: str | bytes) -> str:
    """Tell the type of a message, as it stands on the wire, mostly without parsing it.

    Raises EventError when the message is no JSON object with a `type`.

    >>> peek_type('{"type":"response.done","event_id":"e1"}')
    'response.done'
    >>> peek_type('{"item": {"type": "message"}, "type": "conversation.item.create"}')
    'conversation.item.create'
    """
    if isinstance(raw, str):
        if (found := _TYPE_STR.match(raw)) and (find_audio(raw) or (raw.count('"type"') == 1 and "\\u" not in raw)):
            return found[1]
    elif (match := _TYPE_BYTES.match(raw)) and (find_audio(raw) or (raw.count(b'"type"') == 1 and b"\\u" not in raw)):
        return match[1].decode()
    return str(load_object(raw)["type"])


def load_object(raw: str | bytes) -> dict[str, Any]:
    """Parse a message into an object that has a `type`; no member may be given twice.

    Two readers of the same text may disagree about which of two equal members counts, so we accept neither.
    """
    try:
        value = json.loads(raw, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise EventError(f"the message is no JSON ({error}): send one JSON object per message") from error
    if not isinstance(value, dict):
        raise EventError(f"the message is a JSON {type(value).__name__}: send an object with a 'type'")
    if not isinstance(value.get("type"), str):
        raise EventError("the message has no 'type': give it the name of a Realtime event")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member is given twice in one object")
    return value
