"""The relay: a browser holds a call through it and never sees a key.

| module | what it knows |
|---|---|
| `tokens` | who may call: tokens that open one call, once, for five minutes |
| `origins` | which web pages may ask at all |
| `doors` | where a caller shows the token, and how each kind of caller hears a no |
| `call` | what happens to each message, without a socket |
| `closing` | what one side's goodbye means to the other |
| `legs` | the two sides of a call as everything below the doors sees them |
| `picows_door`, `picows_leg` | the fast way in and out, `mended_transport` below it |
| `starlette_door`, `websockets_leg`, `sockets` | the portable way, the same in behaviour |
| `dial` | the target's connection, until it has greeted |
| `tape` | a recording that may break without breaking the call |
| `pump` | hears both legs, asks `call`, does what it says |
| `handshake`, `admission`, `desk` | a call from the knock on the door to the goodbye |
| `app` | the HTTP surface |
| `serving`, `__main__` | the process: port, start, graceful end |
"""

from __future__ import annotations
