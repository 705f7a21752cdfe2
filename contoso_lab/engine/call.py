"""What the parts of the protocol share about one call."""

from __future__ import annotations

from dataclasses import dataclass, field

from contoso_lab.engine.conversation import Items
from contoso_lab.engine.effects import IdMaker
from contoso_lab.engine.items import Item
from contoso_lab.engine.session_state import SessionState
from contoso_lab.engine.usage import Readings
from contoso_lab.engine.window import Window


@dataclass(slots=True)
class Call:
    """One connection's session and conversation."""

    session: SessionState
    conversation_id: str
    ids: IdMaker
    voices: tuple[str, ...]
    items: Items = field(default_factory=Items)
    unheard: set[Item] = field(default_factory=set)
    """Items whose sound the ear still works on: no brain can answer them yet."""
    window: Window = field(default_factory=Window)
    """What of the conversation a response is given to read."""
    readings: Readings = field(default_factory=Readings)
    """What earlier responses were given to read: so much of the next one's is cached."""
    sees: bool = False
    """Whether the brain can look at pictures."""
