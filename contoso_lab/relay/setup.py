"""What a call is made of before anybody speaks: the session configuration, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.tooling.tools import Tool

if TYPE_CHECKING:
    from contoso_lab.relay.threads.binding import Past


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


class SetupSource(Protocol):
    """Makes the configuration of a call."""

    def __call__(self, grant: Grant, /, *, past: Past | None = None) -> Setup:
        """For this grant; `past` is given when it goes on with a thread.

        Raises:
            LabError: it cannot be made; the caller may read the sentence.
        """


def shop_setup(grant: Grant, *, past: Past | None = None, tools: bool = False) -> Setup:
    """The shop's own: the persona for this customer and the catalogue, as they are now.

    As they are now, because hearing an edited prompt on the next call is what the lab is for. While none of the files
    changes, a setup is made once and shared; nobody changes it. One that goes on with a thread is the call's own.

    Args:
        grant: for which call.
        past: what was said before, of which the agent is told as much as fits.
        tools: let the agent search the catalogue and look up what the customer has bought; on a call with a thread it
            can also fill the cart, show products and buy.

    Raises:
        PromptError: there is no such persona, or its prompt is broken.
        ShopError: there is no such customer, or the catalogue is broken.
    """
    from contoso_lab.settings import HOME
    from contoso_lab.shop.catalog import catalogue_path
    from contoso_lab.shop.persona import persona_files

    catalogue = catalogue_path()
    if past is not None or catalogue is None:  # a catalogue that a program put in place is no file to look at
        return _make(grant.persona, grant.customer, tools, past)
    files = *persona_files(grant.persona), catalogue, HOME / "data" / "customers.json"
    return _made(grant.persona, grant.customer, tools, tuple(map(_stamp, files)))


def _stamp(file: Path) -> tuple[int, int, int]:
    """What changes when a file does, also when an editor puts another one in its place."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0, 0  # whoever reads it says what is wrong
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=256)
def _made(persona: str, who: str, with_tools: bool, stamps: tuple[tuple[int, int, int], ...]) -> Setup:
    return _make(persona, who, with_tools)


def _make(persona: str, who: str, with_tools: bool, past: Past | None = None) -> Setup:
    from contoso_lab import prompts
    from contoso_lab.relay.threads.seed import seed_of
    from contoso_lab.shop.catalog import Catalog
    from contoso_lab.shop.customers import get_customer
    from contoso_lab.shop.thread_basket import ThreadBasket, orders_of_customer
    from contoso_lab.shop.tool_arguments import with_orders
    from contoso_lab.shop.tools import shop_tools
    from contoso_lab.shop.voice import session_config

    catalog = Catalog.load()
    customer = get_customer(who)
    prompt = prompts.load(persona)
    basket = None if past is None else ThreadBasket(past.memory, past.thread.id)
    if past is not None:  # what they have ordered since is theirs, too
        customer = with_orders(customer, orders_of_customer(past.memory, customer.id), catalog)
    offered = shop_tools(customer, catalog, basket) if with_tools else {}
    seed = seed_of(past, prompt, catalog)
    session = session_config(
        persona, customer, catalog, tools=(tool.schema for tool in offered.values()),
        history=seed.history, context=seed.context, language=seed.language,
    )  # fmt: skip
    return Setup(session, catalog.sha256, {prompt.name: prompt.sha256}, offered)
