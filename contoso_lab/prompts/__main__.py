"""`contoso-lab prompts`: look at prompt files without running them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from contoso_lab import prompts
from contoso_lab.errors import PersonaError, PromptError
from contoso_lab.prompts.upgrade import upgraded

app = typer.Typer(help="List, check, show and compare the prompts.", no_args_is_help=True, add_completion=False)
out = Console(highlight=False, emoji=False)

Name = Annotated[str, typer.Argument(help="The name of a prompt or a persona, or the path of a file.")]


@app.command("list")
def list_() -> None:
    """The prompts that can be named, and what each is for."""
    for name in prompts.names():
        _say(f"{name:<27} {prompts.load(name).description}")


@app.command()
def lint(
    names: Annotated[list[str] | None, typer.Argument(help="Names or files; all of prompts/ by default.")] = None,
) -> None:
    """Find what is legal in a prompt and still wrong; the exit code is 1 when anything was found."""
    said: set[str] = set()
    for name in names or prompts.names():
        try:
            findings = prompts.lint(prompts.load(name))
        # One broken file must not hide what is wrong with the others.
        except PersonaError as problem:
            findings = list(problem.faults)
        except PromptError as problem:
            findings = [str(problem)]
        for finding in findings:
            if finding not in said:  # a fault in what personas share is said once
                out.print(f"[red]✗[/] {escape(finding)}", soft_wrap=True)
        said.update(findings)
        if not findings:
            out.print(f"[green]✓[/] {escape(name)}", soft_wrap=True)
    raise typer.Exit(1 if said else 0)


@app.command()
def show(name: Name) -> None:
    """Render a prompt with its examples, as a model would get it."""
    prompt = prompts.load(name)
    for message in prompt.render(**prompt.sample()):
        out.print(f"[bold]{escape(message['role'])}:[/]")
        content = message["content"]
        _say(content if isinstance(content, str) else "\n".join(part.get("text", "[picture]") for part in content))


@app.command()
def diff(first: Name, second: Name) -> None:
    """What changes for the model when the second prompt takes the place of the first."""
    for line in str(prompts.diff(first, second)).split("\n"):
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1])
        out.print(escape(line), style=style, soft_wrap=True)


@app.command()
def upgrade(
    path: Annotated[Path, typer.Argument(help="A .prompty file of version 1.")],
    to: Annotated[Path | None, typer.Option(help="Where to write; the screen by default.")] = None,
) -> None:
    """Rewrite a prompt of version 1 for version 2."""
    text = upgraded(path)
    if to is None:
        typer.echo(text, nl=False)
        return
    try:
        with to.open("x", encoding="utf-8") as file:  # an author's file is never overwritten
            file.write(text)
    except OSError as problem:
        raise PromptError(f"{to}: cannot be written: {problem.strerror}; choose another place") from problem
    _say(f"wrote {to}")


def _say(text: str) -> None:
    out.print(text, soft_wrap=True, markup=False)


if __name__ == "__main__":
    app()
