"""`contoso-lab recordings`: list, check, bring in, hand on, redact and forget recordings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contoso_lab.errors import ConfigError
from contoso_lab.settings import Settings

app = typer.Typer(help="List, check, import, export, redact and forget recordings.", add_completion=False)
# Into a file or a pipe a table needs no narrower width than its words.
out = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 120)

Runs = Annotated[Path | None, typer.Option(help="Where recordings are; runs, beside the prompts, unless given.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]
Paths = Annotated[list[Path], typer.Argument(help="Folders of recordings, or a folder that holds some.")]
_COLUMNS = ("id", "persona", "customer", "scenario", "target", "duration_s", "problem")
_MARKS = {True: "[red]✗[/]", False: "[yellow]·[/]"}


@app.callback(invoke_without_command=True)
def recordings(context: typer.Context, runs: Runs = None, as_json: Json = False) -> None:
    """List, check, import, export, redact and forget recordings; alone, list them."""
    if context.invoked_subcommand is None:
        list_(runs, as_json)
    elif runs is not None or as_json:
        raise ConfigError(
            f"options stand behind the command: contoso-lab recordings {context.invoked_subcommand} --runs …"
        )


@app.command("list")
def list_(runs: Runs = None, as_json: Json = False) -> None:
    """List the recordings of a folder, newest first."""
    from contoso_lab.recording import list_recordings

    frame = list_recordings(_runs(runs))
    if as_json:
        out.print_json(frame.to_json(orient="records"))
    elif frame.empty:
        _say(f"no recordings in {_runs(runs)}: run contoso-lab demo")
    else:
        _say(f"in {_runs(runs)}")
        out.print(_listed(frame))


@app.command()
def check(paths: Paths, as_json: Json = False) -> None:
    """Find everything that is wrong with recordings; the exit code is 1 when anything is."""
    from contoso_lab.recording.check import check_recording

    checked = [check_recording(path) for path in _each(paths)]
    if as_json:
        rows = [{"path": str(one.path), **found._asdict()} for one in checked for found in one.findings]
        out.print_json(json.dumps(rows))
    for one in [] if as_json else checked:
        out.print(f"{'[green]✓[/]' if one.sound else '[red]✗[/]'} {escape(str(one.path))}", soft_wrap=True)
        for found in one.findings:
            out.print(f"  {_MARKS[found.grave]} {escape(f'{found.where}: {found.what}')}", soft_wrap=True)
    raise typer.Exit(0 if all(one.sound for one in checked) else 1)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="The file or folder of another program.")],
    runs: Runs = None,
    format: Annotated[
        str | None, typer.Option("--as", help="openai, cookbook, tau2, eva or wav; told by looks.")
    ] = None,
) -> None:
    """Make recordings of what another program recorded, and say what was lost or guessed."""
    from contoso_lab.recording.imports import import_recordings

    _say(str(import_recordings(source, _runs(runs), format=format)))  # type: ignore[arg-type]  # checked there


@app.command()
def add(
    source: Annotated[Path, typer.Argument(help="A sound file of the caller alone, or with the caller on the left.")],
    customer: Annotated[str, typer.Option(help="Who speaks, by the shop's id.")],
    words: Annotated[list[str] | None, typer.Option(help="What is said; once for each utterance.")] = None,
    consent: Annotated[str, typer.Option(help="Who agreed to be recorded, and how.")] = "",
    runs: Runs = None,
) -> None:
    """Make a recording of your own sound file, labelled with its true words."""
    from contoso_lab.recording.adding import add_speech

    made = add_speech(source, _runs(runs), customer=customer, words=words or (), consent=consent)
    labels = made.labels()
    _say(f"{made.path}: {len(labels.turns) if labels else 0} turns labelled")


@app.command()
def export(
    paths: Paths,
    to: Annotated[Path, typer.Option(help="The file to write, or the folder for several.")],
    format: Annotated[str, typer.Option("--as", help="wav, flac, vtt, openai, azure or inspect.")] = "wav",
) -> None:
    """Write recordings in the form of another program, and say what it cannot hold."""
    from contoso_lab.recording import Recording
    from contoso_lab.recording.exports import export_recordings

    _say(str(export_recordings([Recording.open(path) for path in _each(paths)], to, format=format)))  # type: ignore[arg-type]  # checked there


@app.command()
def redact(
    paths: Paths,
    to: Annotated[Path, typer.Option(help="The folder of the copies.")],
    whole: Annotated[
        bool, typer.Option("--whole", help="Cover each utterance with a private word as a whole.")
    ] = False,
    salt: Annotated[str | None, typer.Option(help="Makes pseudonyms that stay the same; random unless given.")] = None,
) -> None:
    """Write copies without names, addresses and numbers; exit code 1 when a search still finds one."""
    import secrets

    from contoso_lab.agent.private import known_people
    from contoso_lab.recording.redact import redact as redact_one

    salt = salt or secrets.token_hex(16)  # one for all, so that a customer keeps a pseudonym
    clean = True
    for path in _each(paths):
        sound: Any = "whole utterances" if whole else "in proportion"
        done = redact_one(path, to, known=known_people(), salt=salt, sound=sound)
        _say(str(done))
        clean &= not done.left
    raise typer.Exit(0 if clean else 1)


@app.command()
def forget(
    names: Annotated[list[str] | None, typer.Argument(help="Names of recordings.")] = None,
    customer: Annotated[str | None, typer.Option(help="All recordings of this customer.")] = None,
    expired: Annotated[bool, typer.Option("--expired", help="All whose time to be kept is over.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    runs: Runs = None,
) -> None:
    """Delete recordings, with their replays, and search for what is left; contoso-lab forget takes threads, too."""
    from contoso_lab.recording.forget import forget_recordings, recordings_of

    if not names and customer is None and not expired:
        raise ConfigError("nothing was named: give names of recordings, --customer or --expired")
    if not yes:
        named = recordings_of(_runs(runs), customer=customer, ids=names or ())
        what = ", ".join(folder.name for folder in named) or "what is named"
        typer.confirm(
            f"Delete {what}{' and all that are past their time' if expired else ''}? It cannot be undone", abort=True
        )
    done = forget_recordings(_runs(runs), customer=customer, ids=names or (), expired=expired)
    _say(str(done))
    raise typer.Exit(0 if done.clean else 1)


def _each(paths: list[Path]) -> list[Path]:
    """The recordings that are named, and those below a folder that is none itself."""
    found: list[Path] = []
    for path in paths:
        inside = [] if (path / "manifest.json").exists() else sorted(path.glob("*/manifest.json"))
        found += [page.parent for page in inside] or [path]
    return found


def _listed(frame: Any) -> Table:
    """The columns that tell recordings apart; --json has all of them."""
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        # A name that is cut cannot be copied.
        table.add_column(column, no_wrap=column == "id", overflow="fold")
    for row in frame[list(_COLUMNS)].itertuples(index=False):
        table.add_row(*("" if value is None or value != value else escape(str(value)) for value in row))
    return table


def _runs(given: Path | None) -> Path:
    return (given or Settings().runs).absolute()


def _say(text: str) -> None:
    """Print words as they are: a path may hold brackets, and a line that is cut cannot be copied."""
    out.print(text, soft_wrap=True, markup=False)
