"""What goes over the chat's socket, described as AsyncAPI 3.0: made from the frames that the code reads and writes.

A description that is written beside the code is wrong after the second change; this one cannot be.

>>> described = asyncapi("/api/chat", AgentLimits())
>>> described["asyncapi"], sorted(described["channels"]["chat"]["messages"])[:3]
('3.0.0', ['ActionFrame', 'AssistantFrame', 'Attach'])
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contoso_lab.agent.chat_goodbyes import CLOSE_CODES
from contoso_lab.agent.desk import AgentLimits
from contoso_lab.agent.frames import (
    ActionFrame,
    AssistantFrame,
    Attach,
    Button,
    ClientMessage,
    ContextFrame,
    ErrorFrame,
    ThreadFrame,
)

IN: tuple[type[BaseModel], ...] = (Attach, ClientMessage, Button)
OUT: tuple[type[BaseModel], ...] = (ThreadFrame, AssistantFrame, ContextFrame, ActionFrame, ErrorFrame)

ABOUT = """\
The first frame names the thread (`Attach`), the answer tells its id (`ThreadFrame`); then each `ClientMessage` is
answered by `AssistantFrame`s (one `start`, many `stream`, one `complete`), a `ContextFrame` and an `ActionFrame`, or by
an `ErrorFrame`. What was streamed of an answer that ends with an error counts as never said. A client that said `rings`
is also told when to ring, and sends each `Button`."""


def asyncapi(address: str, limits: AgentLimits) -> dict[str, Any]:
    """The description of the socket at an address."""
    # Ours as they are written, where every default is there; a client's as they are read, where it may be left out.
    pairs = [*((model, "validation") for model in IN), *((model, "serialization") for model in OUT)]
    _, schemas = models_json_schema(pairs, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    messages = {model.__name__: _message(model) for model in (*IN, *OUT)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "contoso-lab agent", "version": "1", "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            "chat": {
                "address": address,
                "description": "One client's chat on one thread.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "query": _QUERY, "bindingVersion": "0.1.0"}},
                "x-close-codes": {str(code): why for code, why in CLOSE_CODES.items()},
                "x-limits": asdict(limits),
            }
        },
        "operations": {
            # As the server sees it: it receives what clients send.
            "receive": _operation("receive", "What a client says.", IN),
            "send": _operation("send", "What the agent says.", OUT),
        },
        "components": {
            "messages": messages,
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_QUERY = {
    "type": "object",
    "properties": {"token": {"type": "string", "description": "For pages, which cannot set a header."}},
}


def _message(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "name": model.__name__,
        "summary": (model.__doc__ or "").split("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


def _operation(action: str, summary: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/chat"},
        "messages": [{"$ref": f"#/channels/chat/messages/{model.__name__}"} for model in models],
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }
