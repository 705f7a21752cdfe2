r"""What goes over the chat's socket, as text from outside and as text that we send.

The shapes are those of the original's client, so that it can talk to us, and two more: `thread` answers the first
frame, and `error` says in one sentence what the original passed over.

>>> AssistantFrame.stream("msg_1", "A te").text()
'{"type":"assistant","payload":{"state":"stream","id":"msg_1","payload":"A te"}}'
>>> ActionFrame.call(5).text()
'{"type":"action","payload":{"name":"call","arguments":"{\\"score\\":5}"}}'
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contoso_lab.agent.ringing import Connect, HangUp, Refuse, Ring, Signal, StopRinging

MOST_TEXT_CHARS = 4_000
"""A chat message is a question, not a document."""
MOST_IMAGE_CHARS = 8 * 1024 * 1024
"""Of a picture as a data URL: what a telephone's camera makes fits."""
MOST_FRAME_CHARS = MOST_IMAGE_CHARS + 8 * MOST_TEXT_CHARS
"""A frame that is longer holds no message of ours, whatever is in it."""

ThreadId = Annotated[str, Field(max_length=80, pattern=r"^([A-Za-z0-9_-]+)?$")]

ErrorCode = Literal["unreadable", "empty", "too_fast", "picture", "answer", "thread_full", "thread_gone", "failed"]
"""`answer`: the model did not answer, or not in its shape. `failed`: we did. The others speak of the message."""


class _FromOutside(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _FromUs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def text(self) -> str:
        """The frame as it is sent: without what it does not have."""
        return self.model_dump_json(exclude_none=True)


class Attach(_FromOutside):
    """The first frame: which thread to go on with; an empty or missing one asks for a new one."""

    threadId: ThreadId | None = None
    rings: bool = False
    """The client rings when it is told to, and says which button was pressed; else it decides by the score."""
    findings: bool = False
    """The client is told which rules an answer breaks; the thread keeps it in any case."""


class Button(_FromOutside):
    """A button of the call that the customer pressed; only from a client that rings."""

    button: Literal["accept", "decline", "dial", "hang_up"]
    number: int | None = Field(default=None, ge=0)
    """Of the ringing or the call that is meant: a click may come late."""


class ClientMessage(_FromOutside):
    """A message of the customer's."""

    name: str = Field(max_length=80)
    """How the client names them; who they are for us says the token."""
    text: str = Field(max_length=MOST_TEXT_CHARS)
    image: str | None = Field(default=None, max_length=MOST_IMAGE_CHARS)
    """A data URL of a JPEG, PNG or WebP."""


class Assistant(_FromUs):
    """A part of an answer."""

    state: Literal["start", "stream", "complete", "full"]
    id: str
    """Of the message in the thread: the parts of one answer share it."""
    payload: str | None = None
    """What to add to the bubble; with `full` all of it."""


class AssistantFrame(_FromUs):
    """An answer on its way: one `start`, many `stream`, one `complete`."""

    type: Literal["assistant"] = "assistant"
    payload: Assistant

    @classmethod
    def start(cls, id: str) -> AssistantFrame:
        """An answer begins: an empty bubble."""
        return cls(payload=Assistant(state="start", id=id))

    @classmethod
    def stream(cls, id: str, piece: str) -> AssistantFrame:
        """The next words."""
        return cls(payload=Assistant(state="stream", id=id, payload=piece))

    @classmethod
    def complete(cls, id: str) -> AssistantFrame:
        """The answer is whole, and stored."""
        return cls(payload=Assistant(state="complete", id=id))


class Context(_FromUs):
    """What the next colleague should know."""

    type: Literal["user"] = "user"
    payload: str


class ContextFrame(_FromUs):
    """The running summary, after each answer."""

    type: Literal["context"] = "context"
    payload: Context

    @classmethod
    def user(cls, summary: str) -> ContextFrame:
        """What is new about the customer."""
        return cls(payload=Context(payload=summary))


class Action(_FromUs):
    """Something for the client to do."""

    name: Literal["call", "ring", "stop_ringing", "connect", "hang_up", "refuse"]
    """`call` after each answer; the others only to a client that rings."""
    arguments: str
    """JSON: `{"score": 1…5}` for `call`, else `{"number"}`, with `why` where there is a reason."""


class ActionFrame(_FromUs):
    """How much the customer wants a call, after each answer; and what the bell does."""

    type: Literal["action"] = "action"
    payload: Action

    @classmethod
    def call(cls, score: int) -> ActionFrame:
        """At 5 the client rings, if the customer agreed."""
        return cls(payload=Action(name="call", arguments=json.dumps({"score": score}, separators=(",", ":"))))

    @classmethod
    def signal(cls, signal: Signal) -> ActionFrame:
        """What the bell does."""
        arguments = json.dumps(asdict(signal), separators=(",", ":"))
        return cls(payload=Action(name=_SIGNALS[type(signal)], arguments=arguments))


_SIGNALS: dict[type[Signal], Literal["ring", "stop_ringing", "connect", "hang_up", "refuse"]] = {
    Ring: "ring",
    StopRinging: "stop_ringing",
    Connect: "connect",
    HangUp: "hang_up",
    Refuse: "refuse",
}


class Attached(_FromUs):
    """Which thread this is."""

    threadId: str
    returning: bool
    """It has been here before: what was said in it is known."""


class ThreadFrame(_FromUs):
    """The answer to the first frame."""

    type: Literal["thread"] = "thread"
    payload: Attached


class Failure(_FromUs):
    """What went wrong, for a program and for a person."""

    code: ErrorCode
    message: str
    """One sentence."""
    id: str | None = None
    """Of the answer that came to nothing: what was streamed of it counts as never said."""


class ErrorFrame(_FromUs):
    """A no, or the end of an answer that failed; the chat goes on."""

    type: Literal["error"] = "error"
    payload: Failure

    @classmethod
    def of(cls, code: ErrorCode, message: str, *, id: str | None = None) -> ErrorFrame:
        """A failure in one sentence; half a character in it is shown as a question mark."""
        message = message.encode("utf-8", errors="replace").decode()
        return cls(payload=Failure(code=code, message=message, id=id))


class Broken(_FromUs):
    """A rule that an answer breaks."""

    id: str
    """Of the message in the thread."""
    kind: str
    verdict: str
    words: str
    says: str
    """What the catalogue, or the rule, says to these words."""


class FindingFrame(_FromUs):
    """What is wrong with an answer that was given, only to a client that asked for it; it comes after the answer."""

    type: Literal["finding"] = "finding"
    payload: Broken


OutFrame = FindingFrame | ThreadFrame | AssistantFrame | ContextFrame | ActionFrame | ErrorFrame
"""Everything that the server sends."""
