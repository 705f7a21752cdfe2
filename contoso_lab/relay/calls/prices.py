"""What the target of a relay costs; the table and the arithmetic are `contoso_lab.wire.prices`."""

from __future__ import annotations

from contoso_lab.errors import ConfigError
from contoso_lab.settings import Target
from contoso_lab.wire.prices import FREE, PRICES, READ, Price, PriceTable, cost_usd, load_prices

__all__ = ["FREE", "PRICES", "READ", "Price", "PriceTable", "cost_usd", "load_prices", "price_for"]


def price_for(target: Target, table: PriceTable) -> Price:
    """What the target of a relay with a spend ceiling costs.

    Raises:
        ConfigError: nobody knows: a ceiling that cannot be watched must not look as if it were.
    """
    if target.kind == "local":
        return FREE
    price = table.of(target.model)
    if price is None:
        raise ConfigError(
            f"a spend ceiling is set and the price of the model {target.model!r} is not known: give a file of prices "
            "that names it, or take the ceiling away"
        )
    return price
