"""Prices exact to the cent, written the way the shop writes them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_SIGNS = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$", "INR": "₹", "KRW": "₩", "BRL": "R$",
    "CNY": "CN¥", "MXN": "MX$",
}  # fmt: skip
_WHOLE = frozenset({"JPY", "KRW"})
"""Currencies without a smaller coin."""


def written(amount: Decimal | float, currency: str) -> str:
    """An amount of money as a page shows it.

    >>> written(Decimal("1049.5"), "USD"), written(19800, "JPY"), written(Decimal("59"), "CHF")
    ('$1,049.50', '¥19,800', 'CHF 59.00')
    """
    exact = rounded(Decimal(str(amount)), currency)
    sign = _SIGNS.get(currency, f"{currency} ")
    return f"{'-' if exact < 0 else ''}{sign}{abs(exact):,f}"


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount to the smallest coin; half a coin is rounded up, as tills do.

    >>> rounded(Decimal("9.995"), "EUR")
    Decimal('10.00')
    """
    return amount.quantize(Decimal("1") if currency in _WHOLE else Decimal("0.01"), ROUND_HALF_UP)
