"""How a recording can be played again. Each mode says what of the result is comparable with the original.

| mode | asks a model | time | the customer |
|---|---|---|---|
| `Rescore` | no | as recorded | as recorded |
| `Cassette` | no: the recorded server speaks | virtual, to the nanosecond | as recorded; our client acts anew |
| `Fast` | yes | none: a turn is sent at once, committed, and an answer asked for | recorded, turn by turn |
| `Paced` | yes | real, by deadlines; the server finds the turns | recorded, does not react |
| `Simulated` | yes | real; the server finds the turns | made by a scenario, reacts |

A scorer names the modes in which its number means something (`Score` refuses the others), because the
same number can be honest in one mode and nonsense in another: voice-to-voice latency of a replay that
is not paced measures our network, not a wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from contoso_lab.replay.divergence import Divergence
from contoso_lab.scoring.value import Mode as ModeName

if TYPE_CHECKING:
    from contoso_lab.replay.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Rescore:
    """Score the recording as it is; nobody is asked anything."""

    name: ClassVar[ModeName] = "rescore"


@dataclass(frozen=True, slots=True)
class Cassette:
    """Let the recorded server speak to our client again, on a virtual clock; it tests clients, not models."""

    name: ClassVar[ModeName] = "cassette"


@dataclass(frozen=True, slots=True)
class Fast:
    """Make the answers again as fast as the target can: each turn's sound at once, committed by hand.

    Nobody waits and nobody listens, so no wait of an ear can be told from the result.
    """

    name: ClassVar[ModeName] = "fast"
    forced: bool = True
    """Teacher-forced: each turn is answered after the recorded history, so every turn can be compared. Else
    free-running: the answers have a history of their own, and turns after the first divergence are `off_policy`."""
    divergence: Divergence = field(default_factory=Divergence)
    """When an answer counts as another one than the recorded."""


@dataclass(frozen=True, slots=True)
class Paced:
    """Speak the recorded customer to a target again, in real time, with its own voice activity detection.

    The customer does not react: after the first reply that differs, both talk past each other as two
    people on a bad line would; unless the mode is teacher-forced, those turns are marked `off_policy`.
    """

    name: ClassVar[ModeName] = "paced"
    forced: bool = False
    """As in `Fast`; the recorded reply takes the place of the new one when the customer speaks again."""
    divergence: Divergence = field(default_factory=Divergence)


@dataclass(frozen=True, slots=True)
class Simulated:
    """Let a simulated caller, with a goal, a temper and a voice, talk with the agent by sound."""

    name: ClassVar[ModeName] = "caller"
    scenario: Scenario | str
    """A scenario, or the name of one in `evals/scenarios`."""
    seed: int = 0
    """What the caller's hesitations, interruptions and the line's noise are drawn from."""


Mode = Rescore | Cassette | Fast | Paced | Simulated
