"""The relay's server: the HTTP surface and both doors on one port, with the fastest door that this machine has."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from fastapi import FastAPI

from contoso_lab.listening import Certificate, Server
from contoso_lab.relay.desk import Desk
from contoso_lab.relay.watching.journal import line, logger
from contoso_lab.relay.wires.picows_door import Front, why_not


def relay_server(
    app: FastAPI,
    *,
    on_ready: Callable[[], None] = lambda: None,
    certificate: Certificate | None = None,
    trusted_proxies: Sequence[str] = (),
    drain_s: float = 0.0,
    portable: bool = False,
) -> Server:
    """A server for an application of `create_app`.

    Args:
        app: the relay's HTTP surface.
        on_ready: called once, when connections are taken.
        certificate: serve over TLS, with this.
        trusted_proxies: addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
        drain_s: how long open calls may go on after the server was told to stop; a second signal ends them.
        portable: carry the calls without picows even where it is installed.
    """
    desk: Desk = app.state.desk
    front: Front | None = None
    reason = "it was asked for" if portable else why_not()
    if reason is None:
        front = Front(desk)
    elif not portable:
        logger.warning(line("-", "portable", reason=reason))
    return Server(
        app,
        on_ready=on_ready,
        before_stop=functools.partial(desk.drain, drain_s),
        at_once=desk.close_all,
        ping_s=desk.patience.ping_s,
        ping_timeout_s=desk.patience.ping_timeout_s,
        websocket=front,
        certificate=certificate,
        trusted_proxies=trusted_proxies,
    )
