"""What a call is told of its thread before anybody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contoso_lab.prompts import Prompt
    from contoso_lab.relay.threads.binding import Past
    from contoso_lab.shop.catalog import Catalog

SEED_TOKENS = 3000
"""How much of a call's instructions the past may take; Realtime models take 16,384 tokens of them in all."""
_ENGLISH = "en"
"""What a thread has that was begun without a word about its language."""


class Seed(NamedTuple):
    """As the prompt of a persona takes it."""

    history: Sequence[Mapping[str, Any]] = ()
    context: str = ""
    language: str | None = None
    """The code of the language to begin in; `None` leaves it to the persona."""


def seed_of(past: Past | None, prompt: Prompt, catalog: Catalog) -> Seed:
    """What of the past goes into this prompt; without one, nothing."""
    if past is None:
        return Seed()
    from contoso_lab.agent.history import call_seed

    told = call_seed(past.thread, past.messages, budget_tokens=SEED_TOKENS, name_of=catalog.name_of)
    # A whole prompt speaks the language that it is written in.
    spoken = past.thread.language if prompt.persona is not None else _ENGLISH
    return Seed(told.history, told.context, None if spoken == _ENGLISH else spoken)
