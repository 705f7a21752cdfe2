"""`python -m contoso_lab.relay`: a relay as a process of its own.

What is secret (keys, the shared secret, the address of Redis) comes from the environment alone: arguments can be
seen by others.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import signal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import typer

from contoso_lab.errors import ConfigError, LabError
from contoso_lab.listening import Certificate, bind, settle, url_of
from contoso_lab.relay.calls.ceilings import CallLimits
from contoso_lab.relay.calls.ceilings import for_each_call as ceilings_of_each_call
from contoso_lab.relay.watching.journal import LogFormat, line, logger, start_log
from contoso_lab.settings import Settings, Target, TargetKind

NO_CEILINGS = CallLimits()


def main(
    target: Annotated[str | None, typer.Option(help="openai, azure, local or url")] = None,
    target_url: Annotated[str | None, typer.Option(help="a Realtime server's base, up to /v1")] = None,
    model: Annotated[str | None, typer.Option(help="the target's model, on Azure the deployment")] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="show the target no key (Azure: use Entra ID)")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="start without asking the target first")] = False,
    host: Annotated[str, typer.Option(help="where to listen")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8901,
    tls_cert: Annotated[Path | None, typer.Option(help="serve over TLS with this PEM file")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="and the key to it")] = None,
    trust_proxy: Annotated[
        list[str] | None, typer.Option(help="address or network of a proxy whose X-Forwarded-For counts; repeatable")
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="where recordings go", show_default="runs")] = None,
    no_recording: Annotated[bool, typer.Option("--no-recording", help="record nothing")] = False,
    memory: Annotated[
        str | None,
        typer.Option(help="where threads of chats and calls are kept, or none", show_default="beside the recordings"),
    ] = None,
    traces: Annotated[
        Path | None, typer.Option(help="write a trace of every prompt run into this folder", show_default="none")
    ] = None,
    prompt_cache: Annotated[
        Path | None, typer.Option(help="keep the answers of prompts that allow it in this file", show_default="none")
    ] = None,
    portable: Annotated[bool, typer.Option("--portable", help="carry calls without picows, more slowly")] = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="a page's origin that may use the relay; may be repeated")
    ] = None,
    client_may_instruct: Annotated[
        bool, typer.Option(help="let clients set instructions and tools themselves")
    ] = False,
    tools: Annotated[bool, typer.Option("--tools", help="let the agent look up products and purchases")] = False,
    show_tools: Annotated[bool, typer.Option("--show-tools", help="let clients see the calls of those tools")] = False,
    call_minutes: Annotated[float | None, typer.Option(help="the most that a call may last")] = None,
    call_usd: Annotated[float | None, typer.Option(help="the most that a call may cost, in US dollars")] = None,
    idle_minutes: Annotated[float | None, typer.Option(help="how long a call may go on without a word")] = None,
    prices: Annotated[Path | None, typer.Option(help="a YAML file of prices, see docs/relay.md")] = None,
    drain_s: Annotated[float, typer.Option(min=0, help="how long open calls may go on after SIGTERM")] = 0.0,
    log_format: Annotated[str, typer.Option(help="text or json")] = "text",
    log_level: Annotated[str, typer.Option(help="debug, info or warning")] = "info",
) -> None:
    """Let browsers and programs call a Realtime target without ever seeing its key.

    The shared secret is taken from CONTOSO_LAB_RELAY_SECRET alone: arguments can be seen by others.
    """
    try:
        _start_log(log_format, log_level)
        settings = Settings()
        serve(
            choose_target(target, target_url, model=model, no_key=no_key), settings,
            host=host, port=port, runs=None if no_recording else runs or settings.runs, portable=portable,
            certificate=(tls_cert, tls_key),
            trusted_proxies=trust_proxy or (), allowed_origins=allow_origin or (),
            client_may_instruct=client_may_instruct, drain_s=drain_s, check=not no_check,
            ceilings=_ceilings(call_minutes, call_usd, idle_minutes), prices=prices,
            tools=_tools(tools, show_tools), memory=memory_address(memory, settings, runs, records=not no_recording),
            traces=traces or settings.traces, prompt_cache=prompt_cache or settings.prompt_cache,
        )  # fmt: skip
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def choose_target(kind: str | None, url: str | None, *, model: str | None = None, no_key: bool = False) -> Target:
    """The target that the command line names, or else the environment.

    Raises:
        MissingKey: the target needs a key and the environment holds none.
        ConfigError: there is no such target, or it needs an address.
    """
    kinds: dict[str, TargetKind] = {"openai": "openai", "azure": "azure", "local": "local", "url": "url"}
    if kind is not None and kind not in kinds:
        raise ConfigError(f"there is no target {kind!r}: choose one of {', '.join(kinds)}")
    given: dict[str, Any] = {}
    if kind is not None or url is not None:
        given["target"] = kind or "local"  # an address alone is a server without a key, such as our own engine
    if url is not None:
        given["azure_openai_endpoint" if kind == "azure" else "url"] = url
    if model is not None:
        given["model"] = model
    if no_key:
        given |= {"openai_api_key": None, "azure_openai_api_key": None}
    target = Target.from_env(Settings().model_copy(update=given))
    return dataclasses.replace(target, base_url=url.rstrip("/")) if url and kind == "openai" else target


def serve(
    target: Target,
    settings: Settings,
    *,
    host: str,
    port: int,
    runs: Path | None,
    portable: bool = False,
    certificate: tuple[Path | None, Path | None] = (None, None),
    trusted_proxies: list[str] | tuple[str, ...] = (),
    allowed_origins: list[str] | tuple[str, ...] = (),
    client_may_instruct: bool = False,
    drain_s: float = 0.0,
    check: bool = True,
    ceilings: CallLimits = NO_CEILINGS,
    prices: Path | None = None,
    tools: Literal["hidden", "shown"] | None = None,
    memory: str | None = None,
    traces: Path | None = None,
    prompt_cache: Path | None = None,
) -> None:
    """Run a relay until it is told to stop (SIGINT or SIGTERM), which ends its calls gracefully.

    Everything that can be known to be wrong is found out here, before the relay says that it is ready.
    """
    from contoso_lab.memory import open_memory
    from contoso_lab.relay.access.exposure import check_exposure
    from contoso_lab.relay.access.issuer import Issuer
    from contoso_lab.relay.access.limits import Limits
    from contoso_lab.relay.app import create_app
    from contoso_lab.relay.calls.prices import load_prices
    from contoso_lab.relay.serving import relay_server
    from contoso_lab.relay.setup import shop_setup
    from contoso_lab.relay.threads.findings import shop_rules
    from contoso_lab.relay.tooling.tool_runner import for_each_call as tools_of_each_call
    from contoso_lab.relay.watching.observer import Observer
    from contoso_lab.relay.watching.prompting import following_prompts
    from contoso_lab.relay.watching.tracing import Tracing
    from contoso_lab.relay.wires.credentials import Credentials

    secret = settings.relay_secret.get_secret_value() or None if settings.relay_secret else None
    issuer = None
    if settings.relay_oidc_issuer:
        issuer = Issuer(settings.relay_oidc_issuer, settings.relay_oidc_audience or "")
    elif settings.relay_oidc_audience:
        raise ConfigError("an OIDC audience without an issuer protects nothing: set CONTOSO_LAB_RELAY_OIDC_ISSUER")
    tls = _certificate(*certificate)
    advice = check_exposure(host, secret, oidc=issuer is not None, secure=tls is not None or bool(trusted_proxies))
    if advice is not None:
        logger.warning(line("-", "advice", text=advice))
    tracing = Tracing.from_env()
    observer = Observer(tracing=tracing)
    credentials = Credentials(target)
    observer.watch_credentials(credentials)
    limits = Limits(
        tokens_per_minute=settings.relay_tokens_per_minute, guesses_per_minute=settings.relay_guesses_per_minute,
        calls_per_caller=settings.relay_calls_per_caller, calls=settings.relay_calls,
    )  # fmt: skip
    with (
        open_memory(memory) if memory is not None else contextlib.nullcontext() as kept,
        following_prompts(traces, prompt_cache, tracing.tracer if tracing is not None else None) as cache,
    ):
        if kept is not None:
            logger.info(line("-", "memory", where=kept.where))
        app = create_app(
            target, runs=runs, secret=secret, issuer=issuer, allowed_origins=allowed_origins, memory=kept,
            limits=limits, traces=traces, prompt_cache=cache, rules=shop_rules,
            redis=settings.relay_redis.get_secret_value() or None if settings.relay_redis else None,
            client_may_instruct=client_may_instruct, observer=observer, headers=credentials.headers, portable=portable,
            ceilings=ceilings_of_each_call(target, ceilings, load_prices(prices)),
            setup=functools.partial(shop_setup, tools=tools is not None),
            tools=tools_of_each_call(hidden=tools != "shown"),
        )  # fmt: skip
        with bind(host, port) as bound:
            if check:
                found = asyncio.run(credentials.check())
                logger.info(line("-", "target", kind=target.kind, model=target.model, found=found))
            url = url_of(bound, secure=tls is not None)
            server = relay_server(
                app, on_ready=lambda: typer.echo(f"READY {url}"), certificate=tls, trusted_proxies=trusted_proxies,
                drain_s=drain_s, portable=portable,
            )  # fmt: skip
            # uvicorn raises the signal again when it has stopped; by then the stop is what was asked for.
            for stop in (signal.SIGINT, signal.SIGTERM):
                signal.signal(stop, lambda *_: None)
            settle()
            server.run(sockets=[bound])
    if tracing is not None:
        tracing.close()


def memory_address(given: str | None, settings: Settings, runs: Path | None, *, records: bool = True) -> str | None:
    """Where the threads are: what is said, else a file beside the recordings; `None` for nowhere.

    Who records nothing leaves nothing on the disk either: then the memory ends with the relay.

    Raises:
        ConfigError: the address holds a password, and arguments can be seen by others.
    """
    if given is not None and _has_password(given):
        raise ConfigError("--memory holds a password, and arguments can be seen by others: set CONTOSO_LAB_MEMORY")
    from contoso_lab.memory import memory_beside

    named = given or (settings.memory.get_secret_value() if settings.memory else None)
    if named:
        return None if named == "none" else named
    return memory_beside(runs or settings.runs) if records else "sqlite://"


def _has_password(address: str) -> bool:
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return False  # no address: whoever opens it says so


def _tools(tools: bool, shown: bool) -> Literal["hidden", "shown"] | None:
    if shown and not tools:
        raise ConfigError("--show-tools shows the calls of --tools: give both")
    return None if not tools else "shown" if shown else "hidden"


def _ceilings(minutes: float | None, usd: float | None, idle_minutes: float | None) -> CallLimits:
    wall_s, idle_s = (None if given is None else 60 * given for given in (minutes, idle_minutes))
    return CallLimits(wall_s=wall_s, spend_usd=usd, idle_s=idle_s)


def _certificate(certificate: Path | None, key: Path | None) -> Certificate | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("TLS needs both: give --tls-cert and --tls-key")
    both = Certificate(certificate, key)
    both.check()
    return both


def _start_log(format: str, level: str) -> None:
    formats: dict[str, LogFormat] = {"text": "text", "json": "json"}
    levels = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
    if format not in formats:
        raise ConfigError(f"there is no log format {format!r}: choose one of {', '.join(formats)}")
    if level not in levels:
        raise ConfigError(f"there is no log level {level!r}: choose one of {', '.join(levels)}")
    start_log(format=formats[format], level=levels[level])


if __name__ == "__main__":
    typer.run(main)
