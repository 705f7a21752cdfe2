"""Which response is being made, and which ones stand beside the conversation.

A client may ask for a response out of band (`conversation: "none"`): it reads the conversation and leaves no trace
in it. Its events look like all others, so its identifier has to be remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contoso_lab.wire.plain import mapping, text


class Responses:
    """The responses of one conversation.

    >>> seen = Responses()
    >>> seen.asked({"conversation": "none"})
    >>> seen.created({"id": "r1", "conversation_id": None})
    >>> seen.is_aside("r1"), seen.active_id
    (True, None)
    """

    def __init__(self) -> None:
        self.active_id: str | None = None
        self._aside: set[str] = set()
        self._asked_aside: list[dict[str, str]] = []
        self._names_conversation = False

    def conversation_exists(self) -> None:
        """The server names its conversation: from now on a response without a name is out of band."""
        self._names_conversation = True

    def asked(self, response: Mapping[str, Any]) -> None:
        """The client asked for a response."""
        if response.get("conversation") == "none":
            self._asked_aside.append(_metadata(response))

    def created(self, response: Mapping[str, Any]) -> None:
        """The server began a response."""
        response_id = text(response.get("id"))
        if self._stands_aside(response):
            self._aside.add(response_id)
        else:
            self.active_id = response_id

    def done(self, response_id: str) -> None:
        """The server ended a response."""
        if self.active_id == response_id:
            self.active_id = None

    def is_aside(self, response_id: str) -> bool:
        """Whether this response is no part of the conversation."""
        return response_id in self._aside

    def _stands_aside(self, response: Mapping[str, Any]) -> bool:
        if response.get("conversation_id") is not None:
            self._names_conversation = True
            return False
        metadata = _metadata(response)
        for asked in self._asked_aside:
            # A server's own answer may come between the request and what it asked for; metadata tell them apart.
            if not asked or asked == metadata:
                self._asked_aside.remove(asked)
                return True
        return "conversation_id" in response and self._names_conversation


def _metadata(response: Mapping[str, Any]) -> dict[str, str]:
    """What the protocol allows in them: texts. Two nestings of a stranger's are better not compared."""
    return {key: value for key, value in mapping(response.get("metadata")).items() if isinstance(value, str)}
