"""What the desk of the write-up is told, and what it decides; see `contoso_lab.agent.write_up`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody's turn, as heard."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    """Only what was heard of it."""
    done: bool = True
    """The customer's words are written down; the assistant's reply was finished, and not cut short."""
    ours: bool = False
    """A reply to a `Tell`, where that is known."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The whole conversation as it stands, in spoken order. Tell it after every change; it is cheap."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class GateAnswered:
    """The gate has judged."""

    question: int
    requested: bool


@dataclass(frozen=True, slots=True)
class GateFailed:
    """The gate gave no answer."""

    question: int


@dataclass(frozen=True, slots=True)
class PageFinished:
    """The page is written to its end."""

    page: int
    skus: tuple[str, ...]
    """The products that it shows."""


@dataclass(frozen=True, slots=True)
class PageFailed:
    """The page could not be written."""

    page: int


@dataclass(frozen=True, slots=True)
class Requested:
    """The assistant itself put products on the screen, with a tool: it needs no gate, and no word that it is there."""

    skus: tuple[str, ...]
    name: str = ""
    """What the page is to be called."""


@dataclass(frozen=True, slots=True)
class PageClosed:
    """The customer closed the page on the screen."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


WriteUpEvent = Heard | GateAnswered | GateFailed | PageFinished | PageFailed | Requested | PageClosed | HungUp | Tick


@dataclass(frozen=True, slots=True)
class AskGate:
    """Ask whether a page is wanted, about these lines only: what came before is settled."""

    question: int
    lines: tuple[Line, ...]

    @property
    def after(self) -> str:
        """The id of the last line that counts."""
        return self.lines[-1].id


@dataclass(frozen=True, slots=True)
class WritePage:
    """Write a page about all that was said up to now."""

    page: int
    lines: tuple[Line, ...]
    after: str
    """The id of the last line that the gate judged."""
    held: bool = False
    """Show nothing of it before `ShowPage`: it may turn out to be the one that was shown last."""
    name: str = ""
    """Its name, where the assistant's tool gave it one."""


@dataclass(frozen=True, slots=True)
class ShowPage:
    """The page is finished and counts as shown; what was held back appears now."""

    page: int


@dataclass(frozen=True, slots=True)
class DropPage:
    """Throw the held page away: the customer has seen it."""

    page: int


@dataclass(frozen=True, slots=True)
class CancelPage:
    """Stop writing, and take away what has appeared."""

    page: int


@dataclass(frozen=True, slots=True)
class CancelGate:
    """Nobody waits for the gate's answer any more."""

    question: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the assistant, as a note that the customer did not say, and let it answer."""

    what: Literal["shown", "still_shown", "failed"]


Decision = AskGate | WritePage | ShowPage | DropPage | CancelPage | CancelGate | Tell

TOLD: dict[str, str] = {
    "shown": "The suggestions are now on the customer's screen.",
    "still_shown": "The suggestions that the customer asks for are still on the customer's screen.",
    "failed": "The suggestions could not be written; say so and go on without them.",
}
"""The words of each `Tell`."""
