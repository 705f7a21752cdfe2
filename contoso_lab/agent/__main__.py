"""`contoso-lab forget`: delete everything about a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)

TRACES = "traces"
"""Below the runs: where traces of prompt runs are."""
CACHE = "answers.sqlite3"
"""Below the runs: the cache of answers."""


@app.command()
def forget(
    customer: Annotated[str, typer.Argument(help="The customer's id, for example maya.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    runs: Annotated[Path | None, typer.Option(help="Where recordings are; runs, beside the prompts.")] = None,
    traces: Annotated[Path | None, typer.Option(help="Where traces are; traces, below the runs.")] = None,
    cache: Annotated[Path | None, typer.Option(help="The cache of answers; answers.sqlite3, below the runs.")] = None,
) -> None:
    """Delete a customer's threads, recordings, traces and cached answers; exit code 1 when something is left.

    The memory, traces and cache are those that the relay uses: CONTOSO_LAB_MEMORY, _TRACES and _PROMPT_CACHE, else
    memory.sqlite3, traces and answers.sqlite3 below the runs.
    """
    from contoso_lab.agent.forgetting import forget as forget_customer
    from contoso_lab.memory import memory_beside, open_memory
    from contoso_lab.prompts import ResponseCache
    from contoso_lab.settings import Settings
    from contoso_lab.shop import load_customers

    settings = Settings()
    place = (runs or settings.runs).absolute()
    if not yes:
        question = f"Delete everything about {customer}, recordings below {place} included? It cannot be undone"
        typer.confirm(question, abort=True)
    place.mkdir(parents=True, exist_ok=True)
    named = settings.memory.get_secret_value() if settings.memory else None
    address = named if named not in (None, "none") else memory_beside(place)
    traced = traces or settings.traces or place / TRACES
    kept = cache or settings.prompt_cache or place / CACHE
    with open_memory(str(address)) as memory:
        answers = ResponseCache(kept) if kept.exists() else None
        try:
            # An id that the shop does not know may still have threads, from a catalogue of customers that has changed.
            receipt = forget_customer(
                load_customers().get(customer, customer), memory, place, traces=traced, cache=answers
            )
        finally:
            if answers is not None:
                answers.close()
    typer.echo(str(receipt))
    raise typer.Exit(0 if receipt.clean else 1)


if __name__ == "__main__":
    app()
