"""Change one thing at a turn of a call, and hear the same customer go on from there."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.recording import Recording
from contoso_lab.replay.agent import Changes
from contoso_lab.replay.customer_turns import customer_turns
from contoso_lab.replay.modes import Fast, Paced
from contoso_lab.replay.play import replay

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("turn", "customer", "recorded", "branch", "diverged", "similarity", "why", "fits")


@dataclass(frozen=True, slots=True)
class ForkedTurn:
    """One turn of the customer, and what each branch answered."""

    turn: int
    customer: str
    """What the customer says, as it was understood in the recording."""
    recorded: str
    """The recorded answer."""
    branch: str
    """The new answer; empty before the fork."""
    diverged: bool
    """The new answer is another one, by the measure of the mode."""
    similarity: float | None
    why: str
    fits: bool
    """Whether the customer's line still answers what was said to the customer."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Both branches of a call."""

    original: Recording
    branch: Recording
    at: int
    """From which of the customer's turns on they differ."""
    changes: Changes
    turns: tuple[ForkedTurn, ...]

    @property
    def first_misfit(self) -> int | None:
        """The first turn in which the customer's line no longer fits; None when all do."""
        return next((turn.turn for turn in self.turns if not turn.fits), None)

    def table(self) -> pd.DataFrame:
        """One row per turn of the customer, both branches beside each other."""
        import pandas as pd

        return pd.DataFrame([[getattr(turn, name) for name in COLUMNS] for turn in self.turns], columns=COLUMNS)

    def __repr__(self) -> str:
        diverged = sum(turn.diverged for turn in self.turns)
        made = sum(turn.turn >= self.at for turn in self.turns)
        misfit = "every line fits" if self.first_misfit is None else f"line {self.first_misfit} no longer fits"
        found = f"{diverged} of {made} answers differ, {misfit}"
        return f"<Fork of {self.original.id} at {self.at}: {self.changes!r}; {found}>"

    def _repr_html_(self) -> str:
        rows = []
        for turn in self.turns:
            mark = " ⑂" if turn.turn == self.at else ""
            misfit = "" if turn.fits else ' <b title="this line answers what was not said here">⚠ no longer fits</b>'
            answer = escape(turn.branch) + (f"<br><small>{escape(turn.why)}</small>" if turn.why else "")
            before = turn.turn < self.at
            rows.append(
                f"<tr><td>{turn.turn}{mark}</td><td>{escape(turn.customer)}{misfit}</td>"
                f"<td>{escape(turn.recorded)}</td><td>{'as recorded' if before else answer}</td></tr>"
            )
        head = "".join(f"<th>{escape(name)}</th>" for name in ("turn", "customer", "recorded", repr(self.changes)))
        return f"<p>{escape(repr(self)[1:-1])}</p><table><tr>{head}</tr>{''.join(rows)}</table>"


async def fork(
    recording: Recording | Path | str, *, at: int, changes: Changes, mode: Fast | Paced | None = None, **where: Any
) -> Fork:
    """Let a recorded customer go on, from a turn on, with something changed.

    Args:
        recording: the call, or its folder.
        at: the first of the customer's turns that is answered anew, from 0; what was before is told to the agent as
            it was heard.
        changes: what is different from there.
        mode: how it goes on; `Paced()` unless given.
        where: place and folder, as `replay` takes them.

    Raises:
        ReplayError: there is no such turn, or the call cannot be played.
        SessionError: the call failed.
    """
    source = recording if isinstance(recording, Recording) else Recording.open(recording)
    branch = await replay(source, mode or Paced(), changes=changes, at=at, **where)
    return Fork(source, branch, at, changes, _turns(source, branch, at))


def _turns(source: Recording, branch: Recording, at: int) -> tuple[ForkedTurn, ...]:
    told = {event.ev["turn"]: event.ev for event in branch.events if event.type == "replay.turn"}
    texts = {turn.item_id: turn.text for turn in branch.conversation.turns if turn.role == "assistant"}
    forced = any(event.ev.get("forced") for event in branch.events if event.type == "replay.described")
    rows: list[ForkedTurn] = []
    lost = False
    for turn in customer_turns(source):
        found = told.get(turn.number)
        if turn.number < at or found is None:
            rows.append(ForkedTurn(turn.number, turn.text, turn.reply, "", False, None, "", not lost))
            continue
        answer = " ".join(texts[item_id] for item_id in found["item_ids"] if texts.get(item_id))
        diverged = bool(found["diverged"])
        rows.append(
            ForkedTurn(
                turn.number, turn.text, turn.reply, answer, diverged, found["similarity"], found["why"], not lost
            )
        )
        # Teacher-forced, the customer hears the recorded answer after all, as far as the agent knows.
        lost = diverged if forced else lost or diverged
    return tuple(rows)
