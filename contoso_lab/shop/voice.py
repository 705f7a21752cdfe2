"""The voice agent: the session that the relay asks a target for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contoso_lab import prompts
from contoso_lab.errors import ShopError
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.thread import Messages, one_line, spoken_lines

PCM_24K = {"type": "audio/pcm", "rate": 24000}


def who(customer: Customer, catalog: Catalog) -> dict[str, Any]:
    """The inputs that tell a prompt who it talks to and what there is."""
    return {
        "customer": {"name": customer.name, "first_name": customer.first_name},
        "purchases": [{"sku": sku, "name": catalog.get(sku).name} for sku in customer.purchases],
        "catalogue": catalog.rows(),
    }


def instructions(
    persona: str, customer: Customer, catalog: Catalog, *, history: Messages = (), context: str = ""
) -> str:
    """What the voice agent is told, from `prompts/<persona>.prompty`.

    Args:
        history: what was said before, in the chat or in an earlier call.
        context: the summary that the chat left.

    Raises:
        PromptError: there is no such persona, or its prompt does not render.
    """
    messages = prompts.load(persona).render(
        **who(customer, catalog), history=spoken_lines(history), context=one_line(context)
    )
    if [message["role"] for message in messages] != ["system"]:
        raise ShopError(
            f"prompts/{persona}.prompty: a persona is one system message, because a Realtime session has one field for "
            "instructions; put everything below one 'system:' line"
        )
    return str(messages[0]["content"])


def session_config(
    persona: str,
    customer: Customer,
    catalog: Catalog,
    *,
    history: Messages = (),
    context: str = "",
    voice: str | None = None,
    transcription_model: str = "whisper-1",
    tools: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The `session` object of a `session.update`, in the names of the GA protocol.

    Args:
        voice: the target's own name of a voice; None leaves the choice to the target.
        tools: the schemas of the tools that the agent may use, such as `shop_tools` has; without any, the session
            says nothing about tools.

    Raises:
        PromptError: there is no such persona, or its prompt does not render.

    >>> from contoso_lab.shop import get_customer
    >>> session_config("voice_brief", get_customer("maya"), Catalog.load())["output_modalities"]
    ['audio']
    """
    output: dict[str, Any] = {"format": dict(PCM_24K)}
    if voice is not None:
        output["voice"] = voice
    offered = [dict(tool) for tool in tools]
    return {
        "type": "realtime",
        "instructions": instructions(persona, customer, catalog, history=history, context=context),
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": dict(PCM_24K),
                "transcription": {"model": transcription_model},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": output,
        },
        **({"tools": offered, "tool_choice": "auto"} if offered else {}),
    }
