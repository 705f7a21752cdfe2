"""The whole story in one command: a recorded customer calls, is answered, shown something, and both are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contoso_lab.errors import LabError, RecordingError
from contoso_lab.home import own_place
from contoso_lab.live import Here, play, serve
from contoso_lab.recording import Labels, Recording
from contoso_lab.replay.play import replay
from contoso_lab.report import Comparison, compare, page, waterfall
from contoso_lab.scoring import score
from contoso_lab.session import load_caller
from contoso_lab.session.caller import SPEECH
from contoso_lab.wire import Turn

CUSTOMER = "first_call"
PERSONAS = ("voice", "voice_brief")


class DemoFailed(LabError):
    """The demo ran, but one of its steps did not do what it is there to show."""


@dataclass(frozen=True, slots=True)
class Told:
    """Where the demo tells its story: a terminal or a notebook cell."""

    step: Callable[[str], None]
    """What happens now, one line."""
    turn: Callable[[Turn, float], None]
    """A turn whose words are final, and the session's milliseconds."""
    suggestion: Callable[[str], None]
    """A piece of the suggestions' Markdown."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What is left when the demo is over."""

    first: Recording
    second: Recording
    comparison: Comparison
    stereo: Path
    page: Path
    plot: Path


async def run_demo(told: Told, *, runs: Path, speech: Path = SPEECH, name: str = CUSTOMER) -> DemoResult:
    """Hold the call with each persona, score both, write what can be heard and looked at.

    Raises:
        LabError: a step failed; the message says which and what to do.
    """
    caller, labels = load_caller(name, speech=speech)  # before anything is started: a bad file is cheap to find now
    async with serve(runs=runs, progress=told.step) as here:
        told.step(f"the customer calls and talks with persona '{PERSONAS[0]}' ({caller.clip.duration_ms / 1000:.0f} s)")
        first = await play(
            here,
            caller,
            persona=PERSONAS[0],
            labels=labels,
            on_turn=told.turn,
            on_suggestion=told.suggestion,
        )
        _check(first, labels, here)
        told.step(f"the same customer calls again and talks with persona '{PERSONAS[1]}'")
        second = await replay(first, relay_url=here.relay_url, persona=PERSONAS[1], chat=here.target, on_turn=told.turn)
        _check(second, labels, here)
    told.step("scoring both calls")
    return write_results(first, second)


def write_results(first: Recording, second: Recording) -> DemoResult:
    """Score two recordings of the same customer and write the WAV, the page and the plot beside the first.

    Raises:
        ScoringError: they are not of the same customer.
        RecordingError: nothing can be written there.
    """
    names = _persona(first), _persona(second)
    comparison = compare(score(first), score(second), names=names)
    folder = own_place(first.path / "report")
    plot = folder / "waterfall.png"
    try:
        stereo = first.save_stereo(folder / "call.wav")
        waterfall([first, second], names=names).savefig(plot, dpi=150)
        written = page([first, second], folder / "call.html", comparison=comparison)
    except OSError as error:
        raise RecordingError(f"{folder}: the report cannot be written ({error.strerror or error})") from error
    return DemoResult(first, second, comparison, stereo, written, plot)


def _check(recording: Recording, labels: Labels, here: Here) -> None:
    """Nothing may look well that did not happen: each step of the story must have left its trace."""
    here.check()
    turns = recording.turns
    heard = int((turns.role == "user").sum())
    answered = int(((turns.role == "assistant") & (turns.audio_ms > 0)).sum())
    shown = [event for event in recording.events if event.ev.get("type") == "suggestion.shown"]
    asked = len(labels.turns)
    if heard < asked:
        raise DemoFailed(
            f"the engine heard {heard} of the customer's {asked} turns; look at {recording.path}/events.jsonl"
        )
    if answered < asked:
        raise DemoFailed(
            f"the assistant answered {answered} of {asked} turns aloud; look at {recording.path}/events.jsonl"
        )
    if not shown:
        raise DemoFailed(
            "the customer asked to see something and no suggestions were written; "
            f"look at {recording.path}/prompty.jsonl"
        )


def _persona(recording: Recording) -> str:
    return recording.manifest.persona or recording.id
