"""`POST /v1/realtime/client_secrets` in OpenAI's shape, so that clients that ask OpenAI can ask the relay.

What is different is what the relay is for:

* a secret opens one call, not many, and lives five minutes at most, whatever was asked for: `expires_at` is true;
* the session is the relay's. The persona and the customer come in the query or as `session.metadata`, the model and
  the instructions that a client names are accepted and not heeded, and the answer shows what the call will have,
  without the instructions and tools, which are nobody's business;
* a transcription session is refused: behind the relay somebody answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contoso_lab.relay.access.tokens import NAME

PREFIX = "ek_"
DEFAULT_LASTS_S = 600
SHOWN = ("audio", "output_modalities", "max_output_tokens", "truncation")

Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=64)]


def _a_number(value: object) -> object:
    """A whole number as JSON has it: 60.0 is one, "60" is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("give a whole number of seconds")
    return value


class ExpiresAfter(BaseModel):
    """How long the secret may be used to begin a call."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7200), BeforeValidator(_a_number)] | None = None


class Names(BaseModel):
    """For which call the secret is; what stands in the query goes before."""

    persona: Name | None = None
    customer: Name | None = None
    scenario: Name | None = None
    replay_of: Name | None = None
    mode: Name | None = None
    thread: Name | None = None


class WantedSession(BaseModel):
    """The session that a client would like; everything but the metadata is the relay's to decide."""

    model_config = ConfigDict(extra="allow")
    type: Literal["realtime"] = "realtime"
    metadata: Names | None = None


class Wanted(BaseModel):
    """What is asked for."""

    expires_after: ExpiresAfter | None = None
    session: WantedSession | None = None

    @property
    def names(self) -> Names:
        """For which call, as far as the body says."""
        return (self.session.metadata if self.session else None) or Names()

    def lifetime_s(self, most_s: float) -> int:
        """How long the secret lives.

        >>> Wanted().lifetime_s(300), Wanted(expires_after=ExpiresAfter(seconds=60)).lifetime_s(300)
        (300, 60)
        """
        seconds = self.expires_after.seconds if self.expires_after else None
        return int(min(DEFAULT_LASTS_S if seconds is None else seconds, most_s))


class ShownSession(BaseModel):
    """What the call will be, as far as its client needs to know."""

    model_config = ConfigDict(extra="allow")
    id: str
    object: Literal["realtime.session"] = "realtime.session"
    type: Literal["realtime"] = "realtime"
    model: str


class ClientSecret(BaseModel):
    """A key that opens one call."""

    value: str
    expires_at: int
    """Seconds since 1970."""
    session: ShownSession


def client_secret(
    value: str, *, expires_at: int, session: Mapping[str, Any], model: str, thread: str | None = None
) -> ClientSecret:
    """The answer.

    >>> client_secret("ek_1", expires_at=9, session={"instructions": "Sell.", "audio": {}}, model="local").session.audio
    {}
    """
    shown = {name: session[name] for name in SHOWN if name in session}
    if thread is not None:
        shown["metadata"] = {"thread": thread}
    return ClientSecret(
        value=value,
        expires_at=expires_at,
        session=ShownSession(id=f"sess_{secrets.token_hex(12)}", model=model, **shown),
    )
