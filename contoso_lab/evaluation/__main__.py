"""`contoso-lab eval`: run suites, compare their variants, check and accept what was found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contoso_lab.errors import SuiteError
from contoso_lab.settings import Settings

if TYPE_CHECKING:
    from contoso_lab.evaluation.gates import GateResult

app = typer.Typer(
    help="Run suites of evaluations, compare, and hold gates.", no_args_is_help=True, add_completion=False
)
out = Console(highlight=False, emoji=False)

Runs = Annotated[Path | None, typer.Option(help="Where results go; runs, beside the prompts, unless given.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]
RunOf = Annotated[
    Path, typer.Argument(help="The folder of a run, for example runs/evals/personas-20261129-101500-ab12.")
]


@app.command("list")
def list_() -> None:
    """The suites that can be named, and what each asks."""
    from contoso_lab.evaluation.suite_file import load_suite, suite_names

    for name in suite_names():
        _say(f"{name:<20} {load_suite(name).suite.question}")


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="The name of a suite in evals/, or the path of a file.")],
    runs: Runs = None,
    cache: Annotated[
        bool, typer.Option(help="Take scorers' answers of earlier runs where nothing has changed.")
    ] = True,
    workers: Annotated[int, typer.Option(help="Processes that play calls anew; 0 does it in this one.")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, also where a run was cut off.")] = False,
    as_json: Json = False,
) -> None:
    """Run a suite and check its gates; the exit code is 1 when one does not hold."""
    from contoso_lab.evaluation.run import run_suite

    tell = (lambda _: None) if as_json else (lambda line: out.print(f"[dim]▸ {escape(line)}[/]", soft_wrap=True))
    done = asyncio.run(run_suite(suite, runs=runs, cache=cache, workers=workers, fresh=fresh, progress=tell))
    if as_json:
        gates = [{"gate": str(gate.gate), "outcome": gate.outcome, "said": gate.said} for gate in done.gates]
        out.print_json(json.dumps({"run": str(done.results.path), "gates": gates, "passed": done.passed}))
    else:
        for variant in done.results.variants:
            _say(f"\n{variant}\n{done.results.scores(variant)!r}")
        _gates(done.gates)
        _say(f"\n  results  {done.results.path}")
    raise typer.Exit(0 if done.passed else 1)


@app.command()
def plan(
    suite: Annotated[str, typer.Argument(help="The name of a suite in evals/, or the path of a file.")],
    runs: Runs = None,
) -> None:
    """Say what a suite can show and what it will cost, before it is run."""
    from contoso_lab.evaluation.run import forecast

    for line in forecast(suite, runs=runs):
        _say(line)


@app.command()
def compare(run: RunOf, first: Annotated[str, typer.Argument()], second: Annotated[str, typer.Argument()]) -> None:
    """Compare two variants of a run: what changes from the first to the second, and is it more than chance?"""
    from contoso_lab.evaluation.results import Results
    from contoso_lab.report.comparison import compare as compare_scores

    results = Results.open(run)
    found = compare_scores(results.scores(first), results.scores(second), names=(first, second))
    table = Table(box=None, pad_edge=False, caption=escape("\n".join(found.notes)), caption_justify="left")
    for name in found.head:
        table.add_column(escape(name), overflow="fold")
    for row in found.rows:
        table.add_row(*map(escape, row))
    out.print(table)


@app.command()
def gate(run: RunOf) -> None:
    """Check the gates of a run once more, as after another baseline was accepted; exit code 1 when one fails."""
    from contoso_lab.evaluation.results import Results
    from contoso_lab.evaluation.run import gates_of

    found = gates_of(Results.open(run))
    _gates(found)
    raise typer.Exit(0 if all(result.passed for result in found) else 1)


@app.command()
def rescore(
    run: RunOf,
    scorers: Annotated[list[str] | None, typer.Argument(help="Names; all deterministic ones unless given.")] = None,
) -> None:
    """Score the recordings of a run with other scorers, or again with changed ones; no model is asked to talk."""
    from contoso_lab.evaluation.results import Results
    from contoso_lab.evaluation.run import rescore as score_again
    from contoso_lab.marked_yaml import close_to
    from contoso_lab.scoring.run import default_scorers

    ours = {scorer.name: scorer for scorer in default_scorers()}
    for name in scorers or ():
        if name not in ours:
            raise SuiteError((f"there is no scorer {name!r}; {close_to(name, ours)}",))
    score_again(Results.open(run), [ours[name] for name in scorers or ours], progress=_say)


@app.command()
def accept(run: RunOf) -> None:
    """Make the scores of a run the baseline that later runs are held against; then look at the diff and commit."""
    from contoso_lab.evaluation.baseline import accept as accept_run
    from contoso_lab.evaluation.results import Results

    for path in accept_run(Results.open(run)):
        _say(f"wrote {path}")


@app.command()
def report(
    run: RunOf, to: Annotated[Path | None, typer.Option(help="Where to write; beside the results.")] = None
) -> None:
    """Write a run as one page that can be sent to anybody: the answer, the gates, the waits, and calls to listen to."""
    from contoso_lab.evaluation.page import run_page
    from contoso_lab.evaluation.results import Results

    _say(f"  look    {run_page(Results.open(run), to)}")


@app.command("show")
def show(runs: Runs = None) -> None:
    """The runs that there are."""
    from contoso_lab.evaluation.results import Results

    folder = (runs or Settings().runs) / "evals"
    for place in sorted(folder.glob("*/run.json")):
        _say(repr(Results.open(place.parent)))


def _gates(results: Iterable[GateResult]) -> None:
    style = {"passed": "green", "failed": "red", "could not be told": "yellow"}
    for result in results:
        out.print(f"[{style[result.outcome]}]{escape(str(result))}[/]", soft_wrap=True)


def _say(text: str) -> None:
    out.print(text, soft_wrap=True, markup=False)


if __name__ == "__main__":
    app()
