"""Who answers in a replay: the recorded agent, or one with something changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contoso_lab.errors import ReplayError
from contoso_lab.recording import Manifest, Recording
from contoso_lab.shop import Catalog, Customer, get_customer
from contoso_lab.shop.persona import Persona, voice_prompt
from contoso_lab.shop.tools import ShopTool, shop_tools
from contoso_lab.shop.voice import session_config
from contoso_lab.wire import session_from_beta


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different in the replay; what is not given stays as it was recorded.

    >>> Changes(persona="voice_brief", without=("TEN-02",))
    persona 'voice_brief', without TEN-02
    """

    persona: str | Persona | None = None
    """A name, of a persona or of a whole prompt; or a persona that was changed in a notebook."""
    instructions: str | None = None
    """The whole text that the agent is told, in place of a persona's."""
    voice: str | None = None
    """The target's own name of a voice."""
    turn_detection: Mapping[str, Any] | None = None
    """As it stands in a session, such as `{"type": "server_vad", "silence_duration_ms": 300}`."""
    tools: bool | None = None
    """Whether the agent may look up products."""
    catalog: Catalog | None = None
    without: tuple[str, ...] = ()
    """SKUs that are taken out of the catalogue."""

    def __bool__(self) -> bool:
        return self != Changes()

    def __repr__(self) -> str:
        who = self.persona.name if isinstance(self.persona, Persona) else self.persona
        parts = [f"persona {who!r}"] if who else []
        parts += ["other instructions"] if self.instructions else []
        parts += [f"voice {self.voice!r}"] if self.voice else []
        parts += [f"turn detection {json.dumps(self.turn_detection)}"] if self.turn_detection is not None else []
        parts += [f"{'with' if self.tools else 'without'} tools"] if self.tools is not None else []
        parts += [repr(self.catalog)[1:-1]] if self.catalog else []
        parts += [f"without {', '.join(self.without)}"] if self.without else []
        return ", ".join(parts) or "nothing changed"


@dataclass(frozen=True, slots=True)
class Agent:
    """Everything that a target is told before the call, and what is noted of it in the recording."""

    persona: str
    customer: Customer
    catalog: Catalog
    session: Mapping[str, Any]
    """The `session` object of a `session.update`, GA shape."""
    tools: Mapping[str, ShopTool] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False
    """Something other than the persona's name differs from what a relay would set up by itself."""


def agent_for(source: Recording, changes: Changes = Changes()) -> Agent:
    """The agent of a recording, with changes.

    Without any, the session is asked for again as it was recorded, to the letter.

    Raises:
        ReplayError: the recording names no customer, or does not hold its session and names no persona.
        PromptError: there is no such persona.
        ShopError: there is no such customer, or no such product to leave out.
    """
    manifest = source.manifest
    if not manifest.customer:
        raise ReplayError(f'{source.path}: the manifest names no customer; add "customer" to manifest.json')
    catalog = (changes.catalog or Catalog.load()).without(*changes.without)
    customer = get_customer(manifest.customer).in_shop(catalog)
    recorded = recorded_session(manifest)
    had_tools = bool(recorded and recorded.get("tools"))
    tools = shop_tools(customer, catalog) if (had_tools if changes.tools is None else changes.tools) else {}
    anew = changes.persona is not None or changes.catalog is not None or bool(changes.without) or recorded is None
    persona = changes.persona or manifest.persona
    if anew and not persona and changes.instructions is None:
        raise ReplayError(f'{source.path}: neither a persona nor a session is recorded; give persona="…"')
    prompts = dict(manifest.prompts)
    if anew and persona:
        prompt = voice_prompt(persona)
        prompts = {prompt.name: prompt.sha256}
        schemas = (tool.schema for tool in tools.values())
        session = session_config(persona, customer, catalog, voice=changes.voice, tools=schemas)
    else:
        session = dict(recorded or {"type": "realtime"})
        if changes.tools is not None:
            session = {key: value for key, value in session.items() if key not in ("tools", "tool_choice")}
            session |= {"tools": [dict(tool.schema) for tool in tools.values()]} if tools else {}
    if changes.instructions is not None:
        session["instructions"] = changes.instructions
    if changes.voice is not None:
        session = _with(session, "output", {"voice": changes.voice})
    if changes.turn_detection is not None:
        session = _with(session, "input", {"turn_detection": dict(changes.turn_detection)})
    name = persona.name if isinstance(persona, Persona) else str(persona)
    beyond = changes != Changes(persona=changes.persona) or isinstance(persona, Persona)
    return Agent(name, customer, catalog, session, tools, prompts, beyond)


def recorded_session(manifest: Manifest) -> dict[str, Any] | None:
    """The session as it was asked for, in GA shape; None when that is not in the recording."""
    return None if manifest.session is None else dict(session_from_beta(manifest.session))


def _with(session: Mapping[str, Any], side: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    audio = session.get("audio") or {}
    return {**session, "audio": {**audio, side: {**(audio.get(side) or {}), **fields}}}
