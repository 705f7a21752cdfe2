"""The bell of a thread: `Ringing`, kept in the memory, so that a restart or another relay knows where a call stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.agent.consent import consents_to_call
from contoso_lab.agent.ringing import Answered, Ringing, RingingEvent, Signal
from contoso_lab.memory import Memory, Message


def tell(memory: Memory, thread_id: str, event: RingingEvent, *, now_s: float) -> tuple[Signal, ...]:
    """Tell a thread's bell what happened, in one step that no other relay can come between.

    Raises:
        MemoryMissing, MemoryClosed: the thread is not there any more, or closed.

    >>> from contoso_lab.agent.ringing import Dialled
    >>> from contoso_lab.memory import open_memory
    >>> with open_memory("sqlite://") as memory:
    ...     thread = memory.create(customer="maya", persona="voice", language="en").id
    ...     tell(memory, thread, Dialled(), now_s=0.0), tell(memory, thread, Dialled(), now_s=1.0)
    ((Connect(number=1),), (Refuse(why='busy'),))
    """
    signals: tuple[Signal, ...] = ()

    def change(state: dict[str, Any]) -> dict[str, Any]:
        nonlocal signals
        step = Ringing.from_dict(state.get("call") or {}).receive(event, now_s=now_s)
        signals = step.signals
        told = {**state, "call": step.state.to_dict()}
        if isinstance(event, Answered) and event.consent is not None:
            told["consent"] = {**(state.get("consent") or {}), "call": True}
        return told

    memory.update(thread_id, change)
    return signals


def after_answer(memory: Memory, thread_id: str, score: int, *, now_s: float) -> tuple[Signal, ...]:
    """Tell it the score of the chat's answer, and whether the customer's own words consent to a call.

    Raises:
        MemoryMissing, MemoryClosed: the thread is not there any more, or closed.
    """
    return tell(memory, thread_id, Answered(score, consent_in(memory.history(thread_id))), now_s=now_s)


def consent_in(history: Sequence[Message]) -> str | None:
    """The id of the customer's last chat message that asks for a call or agrees to one.

    >>> said = [Message("chat", "assistant", "May I call you?", id="m1"), Message("chat", "user", "Yes.", id="m2")]
    >>> consent_in(said)
    'm2'
    """
    consent, before = None, ""
    for message in history:
        if message.source == "chat" and message.role == "user" and consents_to_call(message.text, answered=before):
            consent = message.id
        before = message.text if message.role == "assistant" else before
    return consent


def bell_of(state: Mapping[str, Any]) -> Ringing:
    """Where the call of a thread's state stands."""
    return Ringing.from_dict(state.get("call") or {})
