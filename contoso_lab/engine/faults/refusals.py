"""Faults in which the server says no: to a reply, to a truncation, to the whole call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from contoso_lab.engine.faults.kinds import Behaviour, Delivery, Fault, Refusal, error_event


@dataclass(frozen=True, slots=True)
class ActiveResponse(Fault):
    """One `response.create` of the client, counted from 1, is refused: another response is said to be active."""

    name: ClassVar[str] = "active-response"
    pain: ClassVar[str] = "5: 'Conversation already has an active response', and the reply is lost (agents#6817)"
    request: int = 1

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _ActiveResponse(self.request)


class _ActiveResponse(Behaviour):
    def __init__(self, request: int) -> None:
        self._request = request
        self._asked = 0
        self._active = "resp_fault"

    def sending(self, message: Delivery) -> list[Delivery]:
        if message.type == "response.created":
            self._active = message.event["response"]["id"]
        return [message]

    def receiving(self, type: str, text: str, *, at_ms: float) -> list[dict[str, Any]] | None:
        if type != "response.create":
            return None
        self._asked += 1
        if self._asked != self._request:
            return None
        message = (
            f"Conversation already has an active response in progress: {self._active}. Wait until the response is "
            "finished before creating a new one."
        )
        code, asked = "conversation_already_has_active_response", json.loads(text).get("event_id")
        return [error_event(self._asked, code=code, message=message, event_id=asked)]


@dataclass(frozen=True, slots=True)
class RefusedTruncate(Fault):
    """Every `conversation.item.truncate` is refused: the server says that it holds less sound than that."""

    name: ClassVar[str] = "refused-truncate"
    pain: ClassVar[str] = "2: a wrong audio_end_ms is refused, the model remembers unheard words (agents#6157)"

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _RefusedTruncate()


class _RefusedTruncate(Behaviour):
    def __init__(self) -> None:
        self._refused = 0

    def receiving(self, type: str, text: str, *, at_ms: float) -> list[dict[str, Any]] | None:
        if type != "conversation.item.truncate":
            return None
        self._refused += 1
        event = json.loads(text)
        end_ms = event.get("audio_end_ms", 0)
        message = f"Audio content of {max(0, end_ms - 1)}ms is already shorter than {end_ms}ms"
        refused = {"code": "invalid_value", "param": "audio_end_ms", "event_id": event.get("event_id")}
        return [error_event(self._refused, message=message, **refused)]


@dataclass(frozen=True, slots=True)
class RateLimited(Fault):
    """The handshake is answered with HTTP 429 and this `Retry-After`; no call ever begins."""

    name: ClassVar[str] = "rate-limited"
    pain: ClassVar[str] = "13: limits are met without a word to the user (aisearch-openai-rag-audio#9)"
    retry_after_s: int = 20

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        behaviour = Behaviour()
        message = f"Rate limit reached for requests: please try again in {self.retry_after_s}s."
        error = {"message": message, "type": "requests", "param": None, "code": "rate_limit_exceeded"}
        behaviour.refusal = Refusal(429, (("retry-after", str(self.retry_after_s)),), {"error": error})
        return behaviour
