"""The funnel: chat, call and write-up over one memory.

`desk.Agent` is what holds it together; `routes.agent_routes` puts it on HTTP and WebSocket.
"""

from __future__ import annotations
