"""What a call is made of before anybody speaks: the session configuration, and what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contoso_lab.relay.tokens import Grant
from contoso_lab.relay.tools import Tool


@dataclass(frozen=True, slots=True)
class Setup:
    """The session configuration of one call, and the fingerprints that its recording keeps."""

    session: Mapping[str, Any]
    """The `session` object of the `session.update`, GA shape."""
    catalogue_sha: str = ""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name to SHA-256 of its file."""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    """What the relay runs itself, by name; the `session` names the same ones."""


SetupSource = Callable[[Grant], Setup]
"""Makes the configuration for a grant; raises a `LabError` whose sentence the caller may read."""


def shop_setup(grant: Grant, *, tools: bool = False) -> Setup:
    """The shop's own: `prompts/<persona>.prompty` for this customer and the catalogue, read afresh.

    Read afresh, because hearing an edited prompt on the next call is what the lab is for.

    Args:
        tools: let the agent search the catalogue and look up what the customer has bought.

    Raises:
        PromptError: there is no such persona, or its prompt is broken.
        ShopError: there is no such customer, or the catalogue is broken.
    """
    from contoso_lab import prompts
    from contoso_lab.shop.catalog import Catalog
    from contoso_lab.shop.customers import get_customer
    from contoso_lab.shop.tools import shop_tools
    from contoso_lab.shop.voice import session_config

    catalog = Catalog.load()
    customer = get_customer(grant.customer)
    prompt = prompts.load(grant.persona)
    offered = shop_tools(customer, catalog) if tools else {}
    session = session_config(grant.persona, customer, catalog, tools=(tool.schema for tool in offered.values()))
    return Setup(session, catalog.sha256, {prompt.name: prompt.sha256}, offered)
