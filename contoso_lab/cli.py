"""The command line: each command is a few lines over a call that a notebook could make."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contoso_lab.agent.__main__ import forget
from contoso_lab.agent.recordings import app as recordings_app
from contoso_lab.errors import ConfigError, LabError
from contoso_lab.evaluation.__main__ import app as eval_app
from contoso_lab.prompts.__main__ import app as prompts_app
from contoso_lab.replay_commands import fleet, fork, replay, simulate
from contoso_lab.settings import Settings

app = typer.Typer(
    help="contoso-lab: talk with a realtime voice agent, record it, replay it, score it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(prompts_app, name="prompts")
app.add_typer(eval_app, name="eval")
app.add_typer(recordings_app, name="recordings")
app.command()(forget)
for _command in (replay, fork, simulate, fleet):
    app.command()(_command)
# Into a file or a pipe a table needs no narrower width than its words.
out = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True, highlight=False, emoji=False)

Runs = Annotated[
    Path | None, typer.Option(help="Where recordings go; runs, beside the prompts or where you stand, unless given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]
Recorded = Annotated[Path, typer.Argument(help="A recording's folder, for example runs/20261122-153012-k3xq.")]
INTERRUPTED = 130
"""How typer ends, without a word, when Ctrl-C was pressed."""
MARKS = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "problem": "[red]✗[/]"}


@app.command()
def demo(
    runs: Runs = None,
    customer: Annotated[
        str, typer.Option(help="Who calls; short_call is over in a quarter of the time.")
    ] = "first_call",
) -> None:
    """Let a recorded customer talk with two personas of the assistant, and score both."""
    from contoso_lab.demo import run_demo

    result = asyncio.run(run_demo(_teller(), runs=_runs(runs), name=customer))
    out.print()
    out.print(_comparison(result.comparison))
    _say(f"\n  listen  {result.stereo}\n  look    {result.page}\n  plot    {result.plot}")


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")]) -> None:
    """Lay out notebooks, prompts, suites and data in a folder of your own, to work in without a checkout."""
    from contoso_lab.home import lay_out

    made = lay_out(folder.absolute())
    _say(f"laid out in {made}: go there, and open notebooks/01_talk_to_contoso.ipynb with jupyter lab")


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def engine(context: typer.Context) -> None:
    """Run the local engine, a Realtime server on this machine (engine --help lists its options)."""
    _become("engine", context.args)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def relay(context: typer.Context) -> None:
    """Run the relay, which holds the key and records (relay --help lists its options)."""
    _become("relay", context.args)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing, and what to do about it."""
    from dataclasses import asdict

    from contoso_lab.doctor import examine, healthy

    findings = examine()
    if as_json:
        out.print_json(json.dumps([asdict(finding) for finding in findings]))
    for finding in [] if as_json else findings:
        remedy = f" [dim]→ {escape(finding.remedy)}[/]" if finding.remedy else ""
        out.print(f"{MARKS[finding.state]} {finding.subject:<10} {escape(finding.detail)}{remedy}", soft_wrap=True)
    raise typer.Exit(0 if healthy(findings) else 1)


@app.command()
def score(recording: Recorded, as_json: Json = False) -> None:
    """Score a recording as it is; nobody is asked anything."""
    from contoso_lab.recording import Recording
    from contoso_lab.scoring import score as score_recording

    scores = score_recording(Recording.open(recording))
    if as_json:
        out.print_json(scores.table().to_json(orient="records"))
    else:
        _say(repr(scores))


@app.command()
def compare(first: Recorded, second: Recorded) -> None:
    """Compare two recordings of the same customer, turn by turn."""
    from contoso_lab.demo import write_results
    from contoso_lab.recording import Recording

    result = write_results(Recording.open(first), Recording.open(second))
    out.print(_comparison(result.comparison))
    _say(f"\n  look    {result.page}")


@app.command()
def vad(
    recordings: Annotated[list[Path], typer.Argument(help="Folders of recordings.")],
    plot: Annotated[Path | None, typer.Option(help="Draw the settings into this PNG.")] = None,
) -> None:
    """Try other settings of the voice activity detector on recorded calls; no model is asked."""
    from contoso_lab.replay.vad import vad_sweep

    sweep = vad_sweep(recordings)
    _say(repr(sweep))
    if plot is not None:
        from contoso_lab.report.vad_plot import vad_plot

        vad_plot(sweep).savefig(plot, dpi=144)
        _say(f"\n  plot    {plot}")


def _say(text: str) -> None:
    """Print words as they are: a path may hold brackets, and a line that is cut cannot be copied."""
    out.print(text, soft_wrap=True, markup=False)


def _teller() -> Any:
    from contoso_lab.demo import Told
    from contoso_lab.report.lanes import clock

    def turn(said: Any, at_ms: float) -> None:
        who = {"user": "[bold cyan]customer [/]", "assistant": "[bold magenta]assistant[/]"}.get(said.role)
        if who is None or not said.text:
            return
        unheard = f" [dim strike]{escape(said.unheard)}[/]" if said.unheard else ""
        out.print(f"  {clock(at_ms)}  {who}  {escape(said.heard)}{unheard}", soft_wrap=True)

    def step(line: str) -> None:
        out.print(f"[dim]▸ {escape(line)}[/]", soft_wrap=True)

    written: list[str] = []

    def suggestion(piece: str) -> None:
        if not written:
            out.print("        [bold yellow]beside   [/]  suggestions are being written to the screen …")
        written.append(piece)

    return Told(step, turn, suggestion)


def _comparison(comparison: Any) -> Table:
    """The table for a terminal; the reasons of single verdicts are sentences, and stand on the page."""
    head = [name for name in comparison.head if name != "because"]
    table = Table(box=None, pad_edge=False, caption=escape("\n".join(comparison.notes)), caption_justify="left")
    for name in head:
        words = name in ("metric", "verdict")
        table.add_column(escape(name), justify="left" if words else "right", no_wrap=not words)
    for row in comparison.rows:
        table.add_row(*(escape(cell) for cell in row[: len(head)]))
    return table


def _runs(given: Path | None) -> Path:
    return (given or Settings().runs).absolute()


def _become(module: str, arguments: list[str]) -> None:
    """Hand this process over to a server: signals and exit codes are then its own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"contoso_lab.{module}", *arguments])


def run(command: Callable[[], object]) -> int:
    """Run a command; an error of ours is one sentence, 2 when asked wrongly and 1 when something failed."""
    try:
        command()
    except LabError as error:
        err.print(f"[red]contoso-lab:[/] {escape(str(error))}", soft_wrap=True)
        return 2 if isinstance(error, ConfigError) else 1
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        err.print("contoso-lab: stopped; recordings are kept as far as they got", soft_wrap=True)
        return INTERRUPTED
    return 0


def main() -> None:
    """The entry point of the `contoso-lab` command."""
    sys.exit(run(app))
