"""Read what tools answered: tell it, and learn the products that stand in it.

A catalogue behind a tool is as good as one in the prompt: what a search has found is known from then on, and questions
about it are answered from there, without asking the tool again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from contoso_lab.engine.clerk.briefing import Briefing, Fact, Product
from contoso_lab.engine.clerk.concepts import listing
from contoso_lab.engine.clerk.errands import to_show
from contoso_lab.engine.clerk.listening import spelled
from contoso_lab.engine.clerk.scene import Scene
from contoso_lab.engine.clerk.wording import Line, be, money, must
from contoso_lab.engine.seams import ChatMessage

_ROWS = ("products", "results", "items", "matches", "cart")
_PRICES = ("price_usd", "price")
_OWN = frozenset({"sku", "id", "product_id", "name", "title", "category", "description", "image", "url", *_PRICES})
_INSIDE = frozenset({"id", "sku", "url", "image", "ok", "success", "shown", "customer_id"})
"""What a program wants to know, and nobody wants to hear."""


def learn(briefing: Briefing, talk: Iterable[ChatMessage]) -> Briefing:
    """The briefing with the products that tools have told of.

    >>> found = ChatMessage("tool", '{"products": [{"sku": "T-1", "name": "Red Tent", "price": 20, "weight": "2 kg"}]}')
    >>> learn(Briefing(), [found]).products[0].fact("weight").value
    '2 kg'
    """
    known = {product.sku for product in briefing.products}
    more: dict[str, Product] = {}
    for message in talk:
        if message.role == "tool":
            for row in _rows(_read(message.content)):
                product = _product(row)
                if product is not None and product.sku not in known:
                    before = more.get(product.sku, product)
                    facts = tuple({fact.key: fact for fact in (*before.facts, *product.facts)}.values())
                    more[product.sku] = replace(
                        product,
                        category=product.category or before.category,
                        description=product.description or before.description,
                        facts=facts,
                    )
    return replace(briefing, products=(*briefing.products, *more.values())) if more else briefing


def tool_of(talk: Sequence[ChatMessage]) -> str:
    """The name of the tool whose answer is the last message; nothing when its call is gone."""
    wanted = talk[-1].call_id
    calls = (call for message in reversed(talk) for call in message.tool_calls)
    return next((call.name for call in calls if call.call_id == wanted), "")


def found_products(output: str) -> bool:
    """Whether a tool's answer tells of products."""
    return any(_product(row) is not None for row in _rows(_read(output)))


def report(scene: Scene, output: str, tool: str = "") -> list[Line]:
    """Tell the customer what a tool answered.

    Args:
        scene: with the line that made us call it.
        output: its answer.
        tool: its name, where that is known.
    """
    value = _read(output)
    adds = scene.ask.has("add") and (not tool or bool(re.search(r"add|cart|buy|place", tool.lower())))
    if isinstance(value, Mapping):
        if problem := value.get("error"):
            return [must(f"I am sorry{scene.name}, that did not work: {str(problem).rstrip('.')}.")]
        for key in ("message", "text", "summary", "answer"):
            if isinstance(value.get(key), str) and value[key].strip():
                return [must(_sentence(value[key]))]
        if adds:
            return [must(_added(scene, value))]
        if re.search(r"show|screen|display|suggest", tool.lower()) and (products := to_show(scene)):
            them = listing(f"the {product.name}" for product in products)
            return [must(f"{them} {be(products[0]) if len(products) == 1 else 'are'} on your screen now.")]
        rows = next((value[key] for key in _ROWS if isinstance(value.get(key), list)), None)
        if rows is None and (told := _told(value)):
            return [must(told)]
        value = rows if rows is not None else value
    if isinstance(value, list):
        return [must(_found(scene, value))]
    if isinstance(value, str) and value.strip():
        return [must(_sentence(value))]
    return [must(f"That is done{scene.name}.")]


def _read(output: str) -> Any:
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        return output


def _rows(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        found = next((value[key] for key in _ROWS if isinstance(value.get(key), list)), None)
        return [value] if found is None else found
    return value if isinstance(value, list) else []


def _product(row: Any) -> Product | None:
    """A row as a product; None when it lacks a name or a price, as an order does."""
    if not isinstance(row, Mapping):
        return None
    name, price = row.get("name", row.get("title")), _price(row)
    if not isinstance(name, str) or price is None:
        return None
    inner = row.get("facts", row.get("specs"))
    facts = {**row, **(inner if isinstance(inner, Mapping) else {})}
    told = tuple(
        Fact(key.replace("_", " "), str(value))
        for key, value in facts.items()
        if key not in _OWN and isinstance(value, str | int | float) and not isinstance(value, bool)
    )
    sku = next((str(row[key]) for key in ("sku", "id", "product_id") if row.get(key)), name)
    return Product(sku, name, str(row.get("category") or ""), price, str(row.get("description") or ""), told)


def _price(row: Mapping[str, Any]) -> float | None:
    for key in _PRICES:
        value = row.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and (found := re.fullmatch(r"\$?\s*([\d,]+(?:\.\d+)?)", value.strip())):
            return float(found[1].replace(",", ""))
    return None


def _told(value: Mapping[str, Any]) -> str:
    """Plain values as a sentence: "Order 4711: status shipped, arrives Friday."."""
    number = next((f"{key.split('_')[0]} {value[key]}: " for key in ("order_id", "order_number") if key in value), "")
    said = [
        f"{key.replace('_', ' ')} {each}"
        for key, each in value.items()
        if key not in _INSIDE and key not in ("order_id", "order_number") and isinstance(each, str | int | float)
        if not isinstance(each, bool) and str(each).strip()
    ]
    return f"{number}{', '.join(said)}." if said else ""


def _sentence(text: str) -> str:
    return text.strip() if text.strip().endswith((".", "!", "?")) else f"{text.strip()}."


def _added(scene: Scene, value: Mapping[str, Any]) -> str:
    products = scene.meant
    count = scene.ask.quantity or 1
    what = (
        f"{spelled(count)} of the {products[0].name}"
        if products and count > 1
        else listing(f"the {p.name}" for p in products)
    )
    total = value.get("total_usd", value.get("total"))
    summed = f", {money(float(total))} in all" if isinstance(total, int | float) and not isinstance(total, bool) else ""
    return f"{what or 'that'} {'are' if count > 1 or len(products) > 1 else 'is'} in your cart{summed}{scene.name}."


def _found(scene: Scene, rows: list[Any]) -> str:
    named = []
    for row in rows[: scene.manner.most_products]:
        if isinstance(row, Mapping) and isinstance(row.get("name"), str):
            price = _price(row)
            named.append(f"the {row['name']}{f' at {money(price)}' if price is not None else ''}")
    return f"I found {listing(named)}." if named else f"I found nothing{scene.name}."
