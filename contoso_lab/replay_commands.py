"""Replays from the command line: each command is a few lines over a call that a notebook could make.

Beside the room and not in it: whoever asks for another command must not wait until all of the room is loaded.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contoso_lab.settings import Settings, Target

out = Console(highlight=False, emoji=False)

Recorded = Annotated[Path, typer.Argument(help="A recording's folder.")]
Persona = Annotated[str | None, typer.Option(help="Who answers; the recorded persona unless given.")]
Runs = Annotated[Path | None, typer.Option(help="Where new recordings go; runs, beside the prompts, unless given.")]
Relay = Annotated[str | None, typer.Option("--relay", help="Call through this relay.")]
Live = Annotated[bool, typer.Option("--target", help="Call the target that the environment names, directly.")]
OwnRelay = Annotated[
    bool, typer.Option("--relayed", help="With --target: start a relay of its own before it, as in a live call.")
]
AnyMode = Literal["rescore", "cassette", "fast", "paced"]
ModeName = Literal["cassette", "fast", "paced"]
Mode = Annotated[ModeName, typer.Option(help="See docs/replay.md.")]
Without = Annotated[list[str] | None, typer.Option("--without", help="Take a product out of the catalogue, by SKU.")]


def replay(
    recording: Recorded,
    mode: Mode = "paced",
    persona: Persona = None,
    relay: Relay = None,
    target: Live = False,
    relayed: OwnRelay = False,
    runs: Runs = None,
) -> None:
    """Play a recording again; without a relay or a target the local engine answers, in virtual time."""
    from contoso_lab.replay.fleet import Variant
    from contoso_lab.replay.play import replay as play

    where = _where(relay, target, runs, relayed)
    again = asyncio.run(play(recording, Variant(mode=mode).how, persona=persona, **where))
    out.print(f"{again!r}\n{again.path}", soft_wrap=True, markup=False)


def fork(
    recording: Recorded,
    at: Annotated[int, typer.Option(help="The first of the customer's turns that is answered anew, from 0.")],
    persona: Persona = None,
    voice: Annotated[str | None, typer.Option(help="Another voice.")] = None,
    without: Without = None,
    mode: Annotated[Literal["fast", "paced"], typer.Option(help="See docs/replay.md.")] = "paced",
    target: Live = False,
    relayed: OwnRelay = False,
    runs: Runs = None,
) -> None:
    """Change one thing at a turn of a call, and see how it goes on beside how it went."""
    from contoso_lab.replay.agent import Changes
    from contoso_lab.replay.fleet import Variant
    from contoso_lab.replay.fork import fork as forked

    changes = Changes(persona=persona, voice=voice, without=tuple(without or ()))
    how: Any = Variant(mode=mode).how
    made = asyncio.run(forked(recording, at=at, changes=changes, mode=how, **_where(None, target, runs, relayed)))
    table = made.table()[["turn", "customer", "recorded", "branch", "why", "fits"]]
    out.print(f"{table.to_string(index=False)}\n{made!r}\n{made.branch.path}", soft_wrap=True, markup=False)


def simulate(
    scenario: Annotated[str, typer.Argument(help="A name in evals/scenarios, or a YAML file.")],
    persona: Annotated[str, typer.Option(help="Who answers.")] = "voice",
    seed: Annotated[int, typer.Option(help="Of the caller's moods and the line's noise.")] = 0,
    relay: Relay = None,
    target: Live = False,
    relayed: OwnRelay = False,
    runs: Runs = None,
) -> None:
    """Let a simulated caller talk with a persona, by sound."""
    from contoso_lab.replay.simulate import simulate as simulated

    call = asyncio.run(simulated(scenario, persona=persona, seed=seed, **_where(relay, target, runs, relayed)))
    for turn in call.conversation.turns:
        out.print(f"  {turn.role:<10} {turn.heard}", soft_wrap=True, markup=False)
    out.print(f"{call!r}\n{call.path}", soft_wrap=True, markup=False)


def fleet(
    recordings: Annotated[list[Path], typer.Argument(help="Folders of recordings.")],
    run: Annotated[Path, typer.Option(help="The folder of the run; one that exists is gone on with.")],
    persona: Annotated[list[str] | None, typer.Option(help="A variant for each one that is named.")] = None,
    mode: Annotated[AnyMode, typer.Option(help="See docs/replay.md.")] = "rescore",
    epochs: int = 1,
    workers: Annotated[int, typer.Option(help="Processes on this machine; 0: this one.")] = 0,
    dask: Annotated[str | None, typer.Option(help="A Dask scheduler, such as tcp://10.0.0.5:8786.")] = None,
    at_once: Annotated[int, typer.Option(help="How many units may be on their way.")] = 4,
    per_minute: Annotated[int | None, typer.Option(help="How many may begin within a minute.")] = None,
    max_usd: Annotated[float | None, typer.Option(help="What the run may cost.")] = None,
    target: Live = False,
    yes: Annotated[bool, typer.Option("--yes", help="Begin without asking, whatever it may cost.")] = False,
) -> None:
    """Play many recordings in several variants; start it again to go on after a stop."""
    from contoso_lab.replay.fleet import Limits, Variant, forecast, plan, run_fleet

    variants = {name: Variant(mode=mode, persona=name) for name in persona or ()} or {"as_recorded": Variant(mode=mode)}
    laid = plan(run, recordings, variants, epochs=epochs, target=_told() if target else None)
    limits = Limits(at_once, per_minute, max_usd)
    ahead = forecast(laid, limits)
    out.print(str(ahead), soft_wrap=True, markup=False)
    if ahead.usd != 0 and not yes:
        typer.confirm("Begin?", abort=True)
    cost = TextColumn("${task.fields[usd]:.2f}")
    with Progress(
        TextColumn("units"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), cost, console=out
    ) as bar:
        task = bar.add_task("units", total=len(laid.units), usd=0.0)
        done = asyncio.run(
            run_fleet(
                laid, limits=limits, workers=workers, dask_address=dask,
                progress=lambda count, units, usd: bar.update(task, completed=count, total=units, usd=usd),
            )
        )  # fmt: skip
    out.print("\n".join([repr(done), str(done.results), *done.failed]), soft_wrap=True, markup=False)
    raise typer.Exit(1 if done.failed else 0)


def _where(relay: str | None, target: bool, runs: Path | None, relayed: bool) -> dict[str, Any]:
    from contoso_lab.live.own_relay import own_relay

    through = own_relay if relayed else None
    where = {"relay_url": relay, "target": Target.from_env() if target else None, "through": through}
    return {**where, "runs": runs or Settings().runs}


def _told() -> dict[str, str]:
    target = Target.from_env()
    return {"kind": target.kind, "base_url": target.base_url, "model": target.model, "chat_model": target.chat_model}
