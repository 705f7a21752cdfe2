"""Every error that contoso-lab raises on purpose.

Each message is one sentence for a person: what happened, where, and what to do.

```
LabError
├── ConfigError            a setting, a key, a port or a package is missing or wrong
│   ├── MissingExtra       an optional package is needed: which, and the command that installs it
│   ├── MissingKey         a target needs an API key and none was given
│   ├── PortInUse          another program listens where we were told to listen
│   └── SuiteError         a suite of evaluations is wrong, fault by fault
├── AudioError             bytes or samples that cannot be sound
│   └── UnreadableAudio    a file that is no audio, or audio that we cannot decode
├── EventError             a message that is not a Realtime event
├── PromptError            a prompt that cannot be loaded, rendered or run
│   └── PersonaError       a persona's data are wrong, fault by fault
├── ShopError              a catalogue, a customer or a manual that does not hold together
├── MemoryFault            the memory of conversations cannot do as asked
│   ├── MemoryMissing      no such thread or message: never made, expired, or forgotten as its customer wished
│   ├── MemoryClosed       the thread, or the memory itself, was closed: it can be read (a thread) but not added to
│   └── MemoryUnreachable  the store does not answer
├── PictureError           a customer's picture that cannot be taken
├── TurnRefused            a chat message or a page that cannot be had now, and why
├── RecordingError         a bundle that cannot be written or read
├── EngineError            the local engine cannot start or cannot answer
├── SessionError           a conversation that could not begin or go on
│   ├── SessionRefused     the other side said no before the conversation began
│   └── SessionClosed      the other side ended the conversation before it was finished
├── ReplayError            a recording that cannot be played again as asked
├── ScoringError           a score that cannot be computed as asked
└── WidgetError            a widget that cannot be made, or cannot do as asked
```
"""

from __future__ import annotations


class LabError(Exception):
    """The root of every error that contoso-lab raises on purpose."""


class ConfigError(LabError):
    """A setting, a key, a port or a package is missing or wrong."""


class MissingExtra(ConfigError):
    """An optional package is needed and is not installed.

    >>> str(MissingExtra("reading WebM", package="av", extra="webm"))
    "reading WebM needs the package 'av': pip install 'contoso-lab[webm]'"
    """

    def __init__(self, what: str, *, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{what} needs the package '{package}': pip install 'contoso-lab[{extra}]'")


class MissingKey(ConfigError):
    """A target needs an API key and none was given."""


class PortInUse(ConfigError):
    """Another program listens where we were told to listen."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"port {port} on {host} is in use by another program: stop that program, or choose another port "
            "(--port 0 takes a free one)"
        )


class SuiteError(ConfigError):
    """A suite of evaluations is wrong; `faults` has a sentence for each, with file and line."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; and ".join(faults))


class AudioError(LabError):
    """Bytes or samples that cannot be sound as described."""


class UnreadableAudio(AudioError):
    """A file that is no audio, or audio that we cannot decode."""


class EventError(LabError):
    """A message that is not a Realtime event."""


class PromptError(LabError):
    """A prompt that cannot be loaded, rendered or run."""


class PersonaError(PromptError):
    """A persona's data are wrong; `faults` has a sentence for each, with file and line.

    >>> str(PersonaError(("personas/kim.yaml:3: voice is wrong", "personas/kim.yaml:9: moood is not known")))
    'personas/kim.yaml:3: voice is wrong; and personas/kim.yaml:9: moood is not known'
    """

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; and ".join(faults))


class ShopError(LabError):
    """A catalogue, a customer or a manual that does not hold together."""


class MemoryFault(LabError):
    """The memory of conversations cannot do as asked."""


class MemoryMissing(MemoryFault):
    """No such thread or message: it was never made, has expired, or was forgotten as its customer wished."""


class MemoryClosed(MemoryFault):
    """The thread was closed, by somebody or by time, or the memory itself was."""


class MemoryUnreachable(MemoryFault):
    """The store behind the memory does not answer; what was asked may not have been done."""


class PictureError(LabError):
    """A customer's picture that cannot be taken."""


class TurnRefused(LabError):
    """A chat message or a page that cannot be had now, and why."""


class RecordingError(LabError):
    """A bundle that cannot be written or read."""


class EngineError(LabError):
    """The local engine cannot start or cannot answer."""


class SessionError(LabError):
    """A conversation that could not begin or go on."""


class SessionRefused(SessionError):
    """The other side said no before the conversation began.

    `retry_after_s` is when asking again may help, where the other side knows.
    """

    def __init__(
        self, where: str, reason: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        self.where = where
        self.reason = reason
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(f"{where} refused the conversation{f' ({status})' if status else ''}: {reason}")


class SessionClosed(SessionError):
    """The other side ended the conversation before it was finished.

    >>> str(SessionClosed(1011, "the target went away", last_event="response.created"))
    "session closed (1011 'the target went away') after response.created"
    """

    def __init__(self, code: int, reason: str, *, last_event: str | None = None) -> None:
        self.code = code
        self.reason = reason
        self.last_event = last_event
        super().__init__(f"session closed ({code} {reason!r}) after {last_event or 'connecting'}")


class ReplayError(LabError):
    """A recording that cannot be played again as asked."""


class ScoringError(LabError):
    """A score that cannot be computed as asked."""


class WidgetError(LabError):
    """A widget that cannot be made, or cannot do as asked."""
