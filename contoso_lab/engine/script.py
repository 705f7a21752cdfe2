"""Scripts: a YAML file that plays the brain, the ear, the caller or the whole server.

```yaml
about: Maya asks for a tent.           # one sentence for whoever reads it
parts: plain                           # plain: no models, all four parts are simple or scripted; models (default)
seed: 7                                # ids, in a rehearsal

brain:                                 # what is answered, in order, from the first reply of each call on
  - Hello Maya, what are you planning? # short for {say: …}
  - say: The Meadow Four sleeps four.  # whole sentences are spoken one by one
    expects: tent                      # must occur in what the caller said last, else the reply fails and says so
    after_ms: 300                      # thinks that long first
  - say: Here it is.
    call: {name: show, arguments: {sku: TEN-02}}      # a tool call, after the words
  - fail: the model is overloaded      # the reply fails with this reason

ear:                                   # what is heard, in order, turn by turn
  - I need a tent for four.            # short for {hears: …}
  - hears: Is it waterproof?
    after_ms: 150                      # works that long
  - fail: no model                     # recognition fails with this reason

call:                                  # what the caller does: for rehearsals (see `rehearsal`)
  - send: {type: response.create}      # any client event
  - hear: reply                        # wait until the reply has been heard to its end; the line stays open
  - say: I need a tent for four.       # speaks, in the caller's voice; as long as the words take
  - until: response.created            # wait for an event of this type
  - quiet_ms: 500                      # be silent

cassette: ../runs/20261122-153012-ab12 # alone: the whole server is a recorded session (see `cassette`)
```

What the file does not script is played by the real parts. `python -m contoso_lab.engine --script FILE.yaml` serves it:
each call begins the script anew, and a brain or an ear that is asked for more than the script holds fails and says so.
An unknown key, a wrong type and YAML that is none are errors that name the file, the place and the remedy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from contoso_lab.errors import ConfigError
from contoso_lab.marked_yaml import Unreadable, plain_yaml


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScriptedCall(_Strict):
    """A tool call of the brain."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Line(_Strict):
    """One reply of the brain."""

    say: str = ""
    call: ScriptedCall | None = None
    fail: str | None = None
    expects: str | None = None
    """Must occur in the caller's last words; case does not count."""
    after_ms: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _something(self) -> Line:
        if not (self.say or self.call or self.fail):
            raise ValueError("give the reply 'say', 'call' or 'fail'")
        return self


class Words(_Strict):
    """What the ear makes of one turn."""

    hears: str = ""
    fail: str | None = None
    after_ms: float = Field(default=0.0, ge=0)


class Step(_Strict):
    """One thing that the caller does; exactly one member is given."""

    say: str | None = None
    quiet_ms: float | None = Field(default=None, gt=0)
    send: dict[str, Any] | None = None
    until: str | None = None
    hear: Literal["reply"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Step:
        if len(self.model_fields_set) != 1:
            raise ValueError("give each step exactly one of say, quiet_ms, send, until, hear")
        if self.send is not None and not isinstance(self.send.get("type"), str):
            raise ValueError("give the event of 'send' a 'type'")
        return self


def _short(member: str) -> BeforeValidator:
    """Let a bare text stand for an object with one member."""
    return BeforeValidator(lambda value: {member: value} if isinstance(value, str) else value)


class Script(_Strict):
    """A whole script; the module tells what each part means."""

    about: str = ""
    parts: Literal["plain", "models"] = "models"
    seed: int = 0
    brain: tuple[Annotated[Line, _short("say")], ...] | None = None
    ear: tuple[Annotated[Words, _short("hears")], ...] | None = None
    call: tuple[Step, ...] | None = None
    cassette: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> Script:
        if self.cassette is not None and not self.model_fields_set <= {"about", "cassette"}:
            raise ValueError("a cassette is the whole server: take 'brain', 'ear', 'call', 'parts' and 'seed' out")
        if self.cassette is None and self.brain is None and self.ear is None:
            raise ValueError("script at least one of 'brain', 'ear' and 'cassette'")
        if self.parts == "plain" and (self.brain is None or self.ear is None):
            raise ValueError("with 'parts: plain' there is no model to fall back on: script 'brain' and 'ear'")
        return self


def load_script(path: Path) -> Script:
    """Read a script; a cassette's folder is taken from where the file is.

    Raises:
        ConfigError: the file cannot be read or is no script; says where and what to do.
    """
    try:
        value = plain_yaml(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read the script {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the script {path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except Unreadable as error:
        raise ConfigError(f"the script {error}; quote texts that hold ': ' or '#'") from error
    if not isinstance(value, dict):
        raise ConfigError(f"the script {path} holds no keys: begin with 'brain:', 'ear:' or 'cassette:'")
    try:
        script = Script.model_validate(value)
    except ValidationError as error:
        raise ConfigError(f"the script {path}{_explain(error)}") from error
    if script.cassette is not None:
        return script.model_copy(update={"cassette": (path.parent / script.cassette)})
    return script


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    where = f", at {place}" if place else ""
    match first["type"]:
        case "extra_forbidden":
            parent = first["loc"][:-1]
            kinds: dict[str, type[BaseModel]] = {"brain": Line, "ear": Words, "call": Step}
            kind = kinds.get(str(parent[0]), Script) if parent else Script
            if parent and parent[-1] == "call" and len(parent) > 1:
                kind = ScriptedCall
            return f"{where}: there is no such key; take it out or use one of {', '.join(kind.model_fields)}"
        case "value_error":
            return f"{where}: {first['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, but it is {first['input']!r}"
