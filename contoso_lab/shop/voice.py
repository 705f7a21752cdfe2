"""The voice agent: the session that the relay asks a target for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contoso_lab.errors import ShopError
from contoso_lab.prompts import Prompt
from contoso_lab.prompts.persona_parts import TurnDetection
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.persona import Persona, voice_prompt
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
    persona: str | Persona,
    customer: Customer,
    catalog: Catalog,
    *,
    history: Messages = (),
    context: str = "",
    language: str | None = None,
) -> str:
    """What the voice agent is told.

    Args:
        persona: a name, of a persona or of a whole prompt in `prompts/`; or a persona, changed in a notebook.
        history: what was said before, in the chat or in an earlier call.
        context: the summary that the chat left.
        language: the code of the language to begin in, where it is not the persona's own.

    Raises:
        PromptError: there is no such persona, or its prompt does not render.
    """
    prompt = voice_prompt(persona, language=language)
    return _told(prompt, customer, catalog, history, context)


def _told(prompt: Prompt, customer: Customer, catalog: Catalog, history: Messages, context: str) -> str:
    messages = prompt.render(**who(customer, catalog), history=spoken_lines(history), context=one_line(context))
    if [message["role"] for message in messages] != ["system"]:
        raise ShopError(
            f"{prompt.where}: a persona is one system message, because a Realtime session has one field for "
            "instructions; put everything below one 'system:' line"
        )
    return str(messages[0]["content"])


def session_config(
    persona: str | Persona,
    customer: Customer,
    catalog: Catalog,
    *,
    history: Messages = (),
    context: str = "",
    language: str | None = None,
    voice: str | None = None,
    transcription_model: str = "whisper-1",
    tools: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The `session` object of a `session.update`, in the names of the GA protocol.

    Args:
        persona: a name, or a persona; what it says of voice, turn detection and options of the model goes along.
        language: the code of the language to begin in, where it is not the persona's own.
        voice: the target's own name of a voice; None leaves the choice to the persona, or else to the target.
        tools: the schemas of the tools that the agent may use, such as `shop_tools` has; without any, the session
            says nothing about tools.

    Raises:
        PromptError: there is no such persona, or its prompt does not render.

    >>> from contoso_lab.shop import get_customer
    >>> session_config("voice_brief", get_customer("maya"), Catalog.load())["output_modalities"]
    ['audio']
    """
    prompt = voice_prompt(persona, language=language)
    told = _told(prompt, customer, catalog, history, context)
    data = prompt.persona
    turns = TurnDetection() if data is None else data.turn_detection
    options: dict[str, Any] = {} if data is None else data.model.model_dump(exclude_none=True)
    output: dict[str, Any] = {"format": dict(PCM_24K)}
    if voice := voice or (None if data is None else data.voice):
        output["voice"] = voice
    if "speed" in options:
        output["speed"] = options.pop("speed")
    transcription = {"model": transcription_model}
    if data is not None and data.language != "en":
        # Also how an engine that cannot hear the language gets the chance to say so.
        transcription["language"] = data.language
    offered = [dict(tool) for tool in tools]
    return {
        "type": "realtime",
        "instructions": told,
        "output_modalities": ["audio"],
        **options,
        "audio": {
            "input": {"format": dict(PCM_24K), "transcription": transcription, "turn_detection": turns.to_wire()},
            "output": output,
        },
        **({"tools": offered, "tool_choice": "auto"} if offered else {}),
    }
