"""What a simulated call may cost: watched by the target's own count of tokens, before each of the caller's lines."""

from __future__ import annotations

from contoso_lab.errors import ReplayError
from contoso_lab.replay.places import Place, Relayed
from contoso_lab.session import Session
from contoso_lab.settings import Target
from contoso_lab.wire import Event
from contoso_lab.wire.prices import FREE, Price, PriceTable, cost_usd


class Purse:
    """The money of one call.

    Args:
        price: of the target's model.
        max_usd: what may be spent; None: any amount.
    """

    def __init__(self, price: Price, max_usd: float | None) -> None:
        self.spent_usd = 0.0
        self._price = price
        self._max_usd = max_usd

    @property
    def empty(self) -> bool:
        """Whether all is spent."""
        return self._max_usd is not None and self.spent_usd >= self._max_usd

    def watch(self, session: Session) -> None:
        """Count what a call costs."""
        session.watching.append(self._take)

    def _take(self, event: Event) -> None:
        if event.type == "response.done":
            self.spent_usd += cost_usd(self._price, (event.data.get("response") or {}).get("usage"))


def purse_for(place: Place, max_usd: float | None) -> Purse:
    """The money for a call at a place.

    Raises:
        ReplayError: there is a limit, and nobody knows what the target's model costs.
    """
    target = place.target if isinstance(place, Relayed) else place
    if (
        max_usd is None
        or not isinstance(target, Target | str)
        or (isinstance(target, Target) and target.kind == "local")
    ):
        return Purse(FREE, max_usd)
    price = None if isinstance(target, str) else PriceTable().of(target.model)
    if price is None:
        whom = (
            "a relay does not say whom it asks"
            if isinstance(target, str)
            else f"nobody knows what {target.model} costs"
        )
        raise ReplayError(f"{whom}, so max_usd cannot be watched: name a target whose model has a price, or no limit")
    return Purse(price, max_usd)
