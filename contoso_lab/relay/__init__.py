"""The relay: a browser holds a call through it and never sees a key.

| module | what it knows |
|---|---|
| `tokens` | who may call: tokens that open one call, once, for five minutes |
| `origins` | which web pages may ask at all |
| `doors` | where a caller shows the token, and how each kind of caller hears a no |
| `call` | what happens to each message, without a socket |
| `closing` | what one side's goodbye means to the other |
| `sockets`, `dial` | the two connections of a call, behind one small interface |
| `tape` | a recording that may break without breaking the call |
| `pump` | the thin shell: reads sockets, asks `call`, does what it says |
| `desk` | takes a call from the knock on the door to the goodbye |
| `app` | the HTTP surface |
| `serving`, `__main__` | the process: port, start, graceful end |
"""

from __future__ import annotations
