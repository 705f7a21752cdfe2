"""What a simulated call may cost: watched by the targets' own counts of tokens, before each of the caller's lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contoso_lab.errors import ReplayError
from contoso_lab.replay.places import Place, Relayed
from contoso_lab.session import Session
from contoso_lab.settings import Target
from contoso_lab.wire import Event
from contoso_lab.wire.prices import FREE, Price, PriceTable, chat_cost_usd, cost_usd


class Purse:
    """The money of one call.

    Args:
        price: of the target's model.
        max_usd: what may be spent; None: any amount.
        chat: the price of the chat model that makes the caller's words.
    """

    def __init__(self, price: Price, max_usd: float | None, *, chat: Price = FREE) -> None:
        self.spent_usd = 0.0
        self._price = price
        self._chat = chat
        self._max_usd = max_usd

    @property
    def empty(self) -> bool:
        """Whether all is spent."""
        return self._max_usd is not None and self.spent_usd >= self._max_usd

    def watch(self, session: Session) -> None:
        """Count what a call costs."""
        session.watching.append(self._take)

    def thought(self, usage: Mapping[str, Any] | None) -> None:
        """Count what one line of the caller's cost to make."""
        self.spent_usd += chat_cost_usd(self._chat, usage)

    def _take(self, event: Event) -> None:
        if event.type == "response.done":
            self.spent_usd += cost_usd(self._price, (event.data.get("response") or {}).get("usage"))


def purse_for(place: Place, max_usd: float | None, *, chat: Target | None = None) -> Purse:
    """The money for a call at a place, whose caller's words a chat model may make.

    Raises:
        ReplayError: there is a limit, and nobody knows what one of the models costs.
    """
    if max_usd is None:
        return Purse(FREE, None)
    target = place.target if isinstance(place, Relayed) else place
    if isinstance(target, str):
        raise _unwatched("a relay does not say whom it asks")
    table, price, of_chat = PriceTable(), FREE, FREE
    if isinstance(target, Target) and target.kind != "local":
        price = _known(table.of(target.model), target.model)
    if chat is not None and chat.kind != "local":
        of_chat = _known(table.of_chat(chat.chat_model), chat.chat_model)
    return Purse(price, max_usd, chat=of_chat)


def _known(price: Price | None, model: str) -> Price:
    if price is None:
        raise _unwatched(f"nobody knows what {model} costs")
    return price


def _unwatched(why: str) -> ReplayError:
    return ReplayError(f"{why}, so max_usd cannot be watched: name a target whose model has a price, or no limit")
