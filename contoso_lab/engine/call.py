"""What the parts of the protocol share about one call."""

from __future__ import annotations

from dataclasses import dataclass, field

from contoso_lab.engine.conversation import Items
from contoso_lab.engine.effects import IdMaker
from contoso_lab.engine.session_state import SessionState


@dataclass(slots=True)
class Call:
    """One connection's session and conversation."""

    session: SessionState
    conversation_id: str
    ids: IdMaker
    voices: tuple[str, ...]
    items: Items = field(default_factory=Items)
    unheard: set[str] = field(default_factory=set)
    """The ids of items whose sound the ear still works on: no brain can answer them yet."""
