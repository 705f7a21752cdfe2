"""What the memory holds: threads, the messages in them, and how both are written down."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from contoso_lab.errors import MemoryFault

Source = Literal["chat", "call"]
Role = Literal["user", "assistant"]

LONGEST_NAME = 200
"""Characters in an id, a customer, a persona or a language."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Thread:
    """One customer's conversation, over chat and calls: whose it is and where it stands.

    A thread is a picture of the moment it was read; `memory.update` changes what is kept.
    """

    id: str
    customer: str
    persona: str
    language: str
    state: Mapping[str, Any]
    """JSON: running context, cart, consent, …; the memory does not look into it."""
    created_at: datetime
    touched_at: datetime
    """When something last happened in it."""
    closed_at: datetime | None
    """None: it is open."""
    version: int
    """Counts the changes of `state`."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one side wrote or said.

    >>> cut_off = Message(source="call", role="assistant", text="It weighs two kilos and costs 250.", heard="It weighs")
    >>> cut_off.as_heard
    'It weighs'
    """

    source: Source
    role: Role
    text: str
    """All that was written, or was meant to be said."""
    id: str = field(default_factory=lambda: new_id("message"))
    """A call's messages carry the ids of their items; the same id is never kept twice in a thread."""
    heard: str | None = None
    """What of it reached the other side: None means all of it, "" nothing."""
    after: str | None = None
    """The id of the message it follows, arrived or not; None: it follows all that was there when it arrived."""
    at: datetime | None = None
    """When it was written or said; None: when the memory was told of it. Aware."""
    call_id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    """JSON of whoever wrote it."""
    seq: int | None = None
    """Its number in the order of arrival, from the memory; None: not kept yet."""

    @property
    def as_heard(self) -> str:
        """What the other side knows of it."""
        return self.text if self.heard is None else self.heard


class Forgotten(NamedTuple):
    """How much was deleted for good."""

    threads: int
    messages: int


def new_id(kind: str) -> str:
    """An id that nobody can guess: 128 random bits.

    >>> len(new_id("thread"))
    29
    """
    return f"{kind}_{secrets.token_urlsafe(16)}"


def checked_name(what: str, name: str) -> str:
    """A name that every store can hold.

    Raises:
        MemoryFault: it is empty, too long, or holds characters that cannot be printed.
    """
    if not isinstance(name, str) or not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise MemoryFault(f"{what} must be 1 to {LONGEST_NAME} printable characters")
    return name


def micros(when: datetime) -> int:
    """Whole microseconds since 1970, as the stores keep it.

    Raises:
        MemoryFault: the time has no time zone.
    """
    if when.tzinfo is None:
        raise MemoryFault("a time without its zone says nothing: give aware datetimes, such as datetime.now(UTC)")
    return (when - EPOCH) // _MICROSECOND


def moment(since_epoch: int) -> datetime:
    """The time that `micros` was given, in UTC."""
    return EPOCH + since_epoch * _MICROSECOND


def to_json(what: str, value: object) -> str:
    """The value as ASCII, so that every store holds every character.

    Raises:
        MemoryFault: it is not JSON.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise MemoryFault(f"{what} can only hold JSON: {error}") from error


_KEPT = [each.name for each in fields(Message) if each.name != "seq"]


def write_message(message: Message) -> str:
    """A message as it is kept; its number stands beside it.

    Raises:
        MemoryFault: a field is not what its type says; it may come from a browser or a model.
    """
    checked_name("a message's id", message.id)
    words = (message.text, message.heard or "", message.after or "", message.call_id or "")
    sides = message.source in get_args(Source) and message.role in get_args(Role)
    if not sides or not all(isinstance(each, str) for each in words) or not isinstance(message.meta, Mapping):
        raise MemoryFault(f"message {message.id} has a field of a wrong kind: see contoso_lab.memory.Message")
    body = {name: getattr(message, name) for name in _KEPT if getattr(message, name) is not None}
    body["meta"] = dict(message.meta)
    if message.at is not None:
        body["at"] = micros(message.at)
    return to_json(f"message {message.id}", body)


def read_message(body: str, seq: int) -> Message:
    """The message that `write_message` wrote."""
    kept = json.loads(body)
    return Message(**{name: kept[name] for name in _KEPT if name in kept} | {"at": moment(kept["at"]), "seq": seq})
