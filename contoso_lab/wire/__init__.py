"""The Realtime vocabulary: events in and out, and the fold of events into turns. No sockets, no clock.

>>> event = parse_server('{"type": "response.audio.delta", "delta": "AAAA"}', dialect="beta")
>>> event.type
'response.output_audio.delta'
"""

from __future__ import annotations

from contoso_lab.wire.beta import (
    beta_has,
    from_beta,
    ga_name,
    session_from_beta,
    session_to_beta,
    to_beta,
    without_beta_only,
)
from contoso_lab.wire.conversation import Conversation, Direction
from contoso_lab.wire.events import Dialect, Event, Side, dump, parse_client, parse_server, server_event
from contoso_lab.wire.frames import AudioFrame, find_audio, load_object, peek_type
from contoso_lab.wire.heard import WordTime, heard_text
from contoso_lab.wire.turns import Role, Status, ToolCall, Turn

__all__ = [
    "AudioFrame",
    "Conversation",
    "Dialect",
    "Direction",
    "Event",
    "Role",
    "Side",
    "Status",
    "ToolCall",
    "Turn",
    "WordTime",
    "beta_has",
    "dump",
    "find_audio",
    "from_beta",
    "ga_name",
    "heard_text",
    "load_object",
    "parse_client",
    "parse_server",
    "peek_type",
    "server_event",
    "session_from_beta",
    "session_to_beta",
    "to_beta",
    "without_beta_only",
]
