"""`python -m contoso_lab.relay`: a relay as a process of its own."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from typing import Annotated

import typer

from contoso_lab.errors import ConfigError, LabError
from contoso_lab.settings import Settings, Target, TargetKind


def main(
    target: Annotated[str | None, typer.Option(help="openai, azure, local or url")] = None,
    target_url: Annotated[str | None, typer.Option(help="a Realtime server's base, up to /v1")] = None,
    host: Annotated[str, typer.Option(help="where to listen")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8901,
    runs: Annotated[Path | None, typer.Option(help="where recordings go", show_default="runs")] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="a page's origin that may use the relay; may be repeated")
    ] = None,
    client_may_instruct: Annotated[
        bool, typer.Option(help="let clients set instructions and tools themselves")
    ] = False,
) -> None:
    """Let browsers and programs call a Realtime target without ever seeing its key.

    The shared secret is taken from CONTOSO_LAB_RELAY_SECRET alone: arguments can be seen by others.
    """
    settings = Settings()
    secret = settings.relay_secret.get_secret_value() if settings.relay_secret else None
    try:
        serve(
            choose_target(target, target_url), host=host, port=port, runs=runs or settings.runs, secret=secret or None,
            allowed_origins=allow_origin or (), client_may_instruct=client_may_instruct,
        )  # fmt: skip
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def choose_target(kind: str | None, url: str | None) -> Target:
    """The target that the command line names, or else the environment.

    Raises:
        MissingKey: the target needs a key and the environment holds none.
        ConfigError: there is no such target, or it needs an address.
    """
    kinds: dict[str, TargetKind] = {"openai": "openai", "azure": "azure", "local": "local", "url": "url"}
    if kind is not None and kind not in kinds:
        raise ConfigError(f"there is no target {kind!r}: choose one of {', '.join(kinds)}")
    # An address alone is a server without a key, such as our own engine.
    given = {"target": kind or "local", "url": url} if url is not None else {"target": kind} if kind else {}
    return Target.from_env(Settings().model_copy(update=given))


def serve(
    target: Target,
    *,
    host: str,
    port: int,
    runs: Path,
    secret: str | None,
    allowed_origins: list[str] | tuple[str, ...],
    client_may_instruct: bool,
) -> None:
    """Run a relay until it is told to stop (SIGINT or SIGTERM), which ends its calls gracefully."""
    from contoso_lab.listening import Server, bind, url_of
    from contoso_lab.relay.app import create_app
    from contoso_lab.relay.exposure import check_exposure

    check_exposure(host, secret)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app = create_app(
        target, runs=runs, secret=secret, allowed_origins=allowed_origins, client_may_instruct=client_may_instruct
    )
    with bind(host, port) as bound:
        url = url_of(bound)
        server = Server(app, on_ready=lambda: typer.echo(f"READY {url}"), before_stop=app.state.desk.close_all)
        # uvicorn raises the signal again when it has stopped; by then the stop is what was asked for.
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, lambda *_: None)
        server.run(sockets=[bound])


if __name__ == "__main__":
    typer.run(main)
