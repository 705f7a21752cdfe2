"""How the shop shows itself in a notebook: cards and tables that read well in light and in dark.

No colour is set for text or background, so that the page's own theme holds; lines are grey with some see-through.
Pictures travel inside the page, because a notebook has no server for `/images/…`.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

TABLE = "border-collapse:collapse;color:inherit;font:inherit"
_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".gif": "gif"}
_LINE = "1px solid rgba(128,128,128,.35)"


class _Shown(Protocol):
    """What a card has to know of a product."""

    @property
    def sku(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def brand(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def story(self) -> str: ...
    @property
    def price(self) -> str: ...
    @property
    def facts(self) -> dict[str, str]: ...
    @property
    def image_path(self) -> Path | None: ...


class _Person(Protocol):
    """What a card has to know of a customer."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def home(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def purchases(self) -> tuple[str, ...]: ...


def picture(path: Path | None, width_px: int) -> str:
    """An `img` element that carries its picture inside; nothing for a picture that lies elsewhere."""
    uri = picture_uri(path)
    return f'<img alt="" width="{width_px}" src="{uri}" style="border-radius:8px">' if uri else ""


def picture_uri(path: Path | None) -> str:
    """A picture as a `data:` URI; empty for one that lies elsewhere or cannot be read."""
    if path is None:
        return ""
    kind = _KINDS.get(path.suffix.lower(), "svg+xml")
    try:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError:
        return ""  # a card without its picture is still a card
    return f"data:image/{kind};base64,{data}"


def product_card(product: _Shown) -> str:
    """One product: picture, price, story, facts."""
    facts = "".join(
        f'<tr><td style="text-align:left;opacity:.7;padding-right:12px">{html.escape(key)}</td>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for key, value in product.facts.items()
    )
    parts = (product.sku, product.category, product.brand)
    return (
        f'<div style="display:flex;gap:16px;max-width:720px;padding:12px;border:{_LINE};border-radius:12px">'
        f"<div>{picture(product.image_path, 160)}</div><div>"
        f'<div style="font-size:1.2em"><b>{html.escape(product.name)}</b> · {product.price}</div>'
        f'<div style="opacity:.7">{" · ".join(html.escape(part) for part in parts if part)}</div>'
        f'<p style="margin:.5em 0">{html.escape(product.story)}</p>'
        f'<table style="{TABLE}">{facts}</table></div></div>'
    )


def catalog_table(products: Iterable[_Shown], sha256: str) -> str:
    """All products, one row each."""
    left = 'style="text-align:left;padding:2px 8px"'
    rows = "".join(
        f"<tr><td>{picture(p.image_path, 40)}</td><td {left}>{html.escape(p.sku)}</td>"
        f"<td {left}><b>{html.escape(p.name)}</b></td><td {left}>{html.escape(p.category)}</td>"
        f'<td style="text-align:right">{p.price}</td><td {left}>{html.escape(p.description)}</td></tr>'
        for p in products
    )
    head = f"<tr><th></th><th {left}>SKU</th><th {left}>name</th><th {left}>category</th><th>price</th><th></th></tr>"
    return f'<table style="{TABLE}">{head}{rows}</table><small>catalogue sha256 {html.escape(sha256[:8])}</small>'


def cart_table(lines: Iterable[tuple[_Shown, int, str]], total: str) -> str:
    """What a customer is about to buy: a row for each product with its sum, and the total below."""
    left, right = 'style="text-align:left;padding:2px 8px"', 'style="text-align:right;padding:2px 8px"'
    rows = "".join(
        f"<tr><td>{picture(p.image_path, 40)}</td><td {right}>{quantity} ×</td><td {left}><b>{html.escape(p.name)}</b> "
        f'<span style="opacity:.7">{html.escape(p.sku)}</span></td><td {right}>{html.escape(sums)}</td></tr>'
        for p, quantity, sums in lines
    )
    if not rows:
        return '<div style="opacity:.7">The cart is empty.</div>'
    end = f'<tr style="border-top:{_LINE}"><td></td><td></td><td {left}>total</td><td {right}><b>{total}</b></td></tr>'
    return f'<table style="{TABLE}">{rows}{end}</table>'


def customer_card(customer: _Person) -> str:
    """One customer: who, where, and what they bought."""
    bought = ", ".join(map(html.escape, customer.purchases)) or "nothing yet"
    return (
        f'<div style="max-width:480px;padding:12px;border:{_LINE};border-radius:12px">'
        f'<b>{html.escape(customer.name)}</b> <span style="opacity:.7">· {html.escape(customer.id)} · '
        f"{html.escape(customer.home)}</span>"
        f'<p style="margin:.4em 0">{html.escape(customer.about)}</p>'
        f'<div style="opacity:.7">already bought: {bought}</div></div>'
    )
