"""Tells the agent what the relay knows and it does not: that a write-up is on the screen, or what it has to say now.

A page may not send system messages, for whoever sits before it could put words of their own into them. That a write-up
is on the screen it may say (`lab.suggestions.shown`), and the relay tells the agent so in words of its own: once for
each write-up, as soon as nobody speaks and no answer is being made.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.relay.calls.talk import Talk

ON_SCREEN = "The suggestions are now on the customer's screen."
"""As the desk of our own client says it (`contoso_lab.session.beside`)."""
EVENT_IDS = "lab_screen_"
"""How the `event_id` of every event begins that says so."""
MOST_SHOWN = 100
"""Write-ups of one call of which the agent is told."""
SHOWING_TOOL = "show_suggestions"
"""The tool with which the agent itself puts products on the screen."""
_ASKED_AGAIN = 3


class OnScreen:
    """Of one call. What it returns is to be said to the target, in order."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._known: set[str] = set()
        self._numbers = itertools.count(1)
        self._tries = 0
        self.owes = False
        """The agent has been told and was not asked to speak of it yet."""

    def is_news(self, suggestion_id: str) -> bool:
        """Whether the agent does not know of this write-up; a client that shows too many is not believed any more."""
        return suggestion_id not in self._known and len(self._known) < MOST_SHOWN

    def wanted(self, call_id: str, result: object) -> tuple[str, ...]:
        """The products that a tool has put on the screen, of which the agent knows by the tool; none for others."""
        shown = result.get("shown") if isinstance(result, Mapping) else None
        skus = [page.get("sku") for page in shown if isinstance(page, Mapping)] if isinstance(shown, list) else []
        self._known.add(call_id)
        return tuple(sku for sku in skus if isinstance(sku, str))

    def shown(self, suggestion_id: str) -> Sequence[Mapping[str, Any]]:
        """A write-up is on the screen."""
        if not self.is_news(suggestion_id):
            return ()
        self._known.add(suggestion_id)
        return self.news(ON_SCREEN)

    def news(self, text: str) -> Sequence[Mapping[str, Any]]:
        """Tell the agent something in a system message, and let it speak of it as soon as nobody speaks."""
        self.owes, self._tries = True, 0
        content = [{"type": "input_text", "text": text}]
        name = f"item_lab_screen_{next(self._numbers)}"
        item = {"id": name, "type": "message", "role": "system", "content": content}
        return (self._ours("conversation.item.create", item=item), *self.due())

    def due(self) -> Sequence[Mapping[str, Any]]:
        """What is to be said now."""
        if not self.owes or not self._talk.quiet:
            return ()
        self.owes = False
        return (self._ours("response.create"),)

    def hides(self, event: Mapping[str, Any]) -> bool:
        """Whether an event of the target answers what we said, and is none of the client's."""
        match event:
            case {"type": "error", "error": {"event_id": str(about), **error}} if about.startswith(EVENT_IDS):
                if error.get("code") == "conversation_already_has_active_response" and self._tries < _ASKED_AGAIN:
                    self._tries += 1
                    self.owes = True  # the target began to answer somebody else at the same moment
                return True
        return False

    def _ours(self, type: str, **fields: Any) -> Mapping[str, Any]:
        return {"type": type, "event_id": f"{EVENT_IDS}{next(self._numbers)}", **fields}
