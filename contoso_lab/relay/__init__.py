"""The relay: a browser holds a call through it and never sees a key.

| room | what it knows |
|---|---|
| `watching` | what can be seen of calls from outside: log lines, metrics, traces |
| `access` | who may call: tokens, secrets, issuers, origins, and how much is too much |
| `tooling` | tools that the relay runs itself: their rules, their running, how a client does not see them |
| `calls` | one call: its rules without a socket, its memory, its ends, and the pump that does what the rules say |
| `threads` | the memory's threads on calls: who may go on with one, what a call is told, what it adds; the chat |
| `wires` | the two connections of a call: doors and dials over several libraries, behind one small interface |
| `admission`, `desk`, `setup` | a call from the knock on the door to the goodbye, and what all calls share |
| `app` | the HTTP surface |
| `serving`, `__main__` | the process: port, start, graceful end |
"""

from __future__ import annotations
