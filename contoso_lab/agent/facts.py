"""What is sure about a conversation: carried as data, said in fixed words, and never left to a summary.

A customer's name and language are inputs of every prompt and stand on the thread; the rest stands in its state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contoso_lab.memory import Message, Thread
from contoso_lab.shop.thread import one_line

CONSENT = {"call": "being called", "screen": "pages on the screen"}
MOST_SAID = 20
"""Sentences of the customer that are kept word by word when their turn is summarised."""
MOST_SAID_CHARACTERS = 160
SAID = 'The customer said: "'

_SENTENCE = re.compile(r"[^.!?。！？]+(?:\.\d[^.!?]*)*[.!?。！？]*")
_LIMIT = re.compile(
    r"""\b(?:under|below|less\ than|at\ most|no\ more\ than|more\ than|up\ to|max(?:imum)?|budget|spend|cheaper
    |höchstens|unter|maximal|mehr\ als|bis\ zu|ausgeben|moins\ de|au\ plus|plus\ de|dépasser|dépenser
    |menos\ de|máximo|más\ de|hasta|gastar|presupuesto)\b|以下|以内|まで|予算|未満""",
    re.IGNORECASE | re.VERBOSE,
)
_AMOUNT = re.compile(
    r"\d|[$€£¥円]|\b(?:dollars?|euros?|pounds?|hundred|thousand|hundert|tausend|cent|cents|mille|cien\w*|mil)\b|ドル|ユーロ",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"""\b(?:allerg\w+|vegan|(?:do\ not|don't|never|no\ longer)\ (?:want|show|need|like|recommend|offer|call|send)
    |already\ (?:own|have|bought)|not\ interested|rather\ not|afraid\ of
    |(?:will|möchte|brauche|mag)\ (?:\w+\ ){0,3}(?:nicht|kein\w*)|habe\ (?:\w+\ ){0,3}schon
    |ne\ (?:veux|voudrais|montrez|montre)\ pas|n'(?:aime|ai)\ pas|ai\ déjà
    |no\ (?:quiero|me\ gusta|necesito|me\ muestre)|ya\ tengo)\b|いらない|いりません|要りません|嫌い|持っています""",
    re.IGNORECASE | re.VERBOSE,
)


def facts_of(thread: Thread, *, name_of: Callable[[str], str] = str) -> list[str]:
    """The facts of a thread, one sentence each, in an order that does not change.

    Args:
        name_of: a product's name for its SKU.

    >>> from datetime import UTC, datetime
    >>> now = datetime.now(UTC)
    >>> state = {"cart": [{"sku": "TEN-02", "quantity": 2}], "consent": {"call": True, "screen": False}}
    >>> facts_of(Thread("t", "maya", "voice", "en", state, now, now, None, 1))
    ['In the cart: 2 x TEN-02.', 'The customer agreed to being called; did not agree to pages on the screen.']
    """
    state = thread.state
    facts = []
    if "cart" in state:
        lines = _lines(state["cart"], name_of)
        facts.append(f"In the cart: {lines}." if lines else "The cart is empty.")
    if consent := _consent(state.get("consent") or {}):
        facts.append(f"The customer {consent}.")
    facts += [f"Ordered: {_order(order, name_of)}." for order in state.get("orders") or []]
    if shown := _skus(state.get("shown") or []):
        facts.append(f"Shown on the screen: {', '.join(_product(sku, name_of) for sku in shown)}.")
    if refused := _skus(state.get("refused") or []):
        facts.append(f"Refused by the customer: {', '.join(_product(sku, name_of) for sku in refused)}.")
    return facts + [one_line(str(fact)) for fact in state.get("facts") or []]


def said_for_good(messages: Iterable[Message]) -> list[str]:
    """The sentences in which a customer set a limit or refused something, word by word; oldest first.

    Conservative by keeping too much: what is kept needlessly costs a line, what is lost costs trust.

    >>> said_for_good([Message(source="chat", role="user", text="Hello there. We spend 250 dollars at most!")])
    ['The customer said: "We spend 250 dollars at most!"']
    """
    found: dict[str, None] = {}
    for message in messages:
        if message.role != "user":
            continue
        for sentence in _SENTENCE.findall(one_line(message.as_heard)):
            text = sentence.strip()
            if _REFUSAL.search(text) or (_LIMIT.search(text) and _AMOUNT.search(text)):
                found[f'{SAID}{text[:MOST_SAID_CHARACTERS]}"'] = None
    return list(found)


def with_said(facts: Iterable[str], said: Iterable[str]) -> list[str]:
    """Facts with new sentences behind them; of sentences only the newest stay, of other facts all."""
    old = [str(fact) for fact in facts]
    quoted = [fact for fact in old if fact.startswith(SAID)]
    newest = list(dict.fromkeys([*quoted, *said]))[-MOST_SAID:]
    return [fact for fact in old if fact not in quoted] + newest


def _consent(consent: Mapping[str, Any]) -> str:
    words = {kind: CONSENT.get(kind, kind) for kind in consent}
    yes = [words[kind] for kind, given in consent.items() if given]
    no = [words[kind] for kind, given in consent.items() if not given]
    return "; ".join(
        [f"agreed to {' and '.join(yes)}"] * bool(yes) + [f"did not agree to {' or '.join(no)}"] * bool(no)
    )


def _skus(shown: Iterable[Any]) -> list[str]:
    """SKUs once each; a list may hold SKUs, or pages with their SKUs."""
    found: dict[str, None] = {}
    for each in shown:
        skus = each.get("skus", [each.get("sku")]) if isinstance(each, Mapping) else [each]
        found |= dict.fromkeys(str(sku) for sku in skus if sku)
    return list(found)


def _lines(lines: Iterable[Mapping[str, Any]], name_of: Callable[[str], str]) -> str:
    return ", ".join(f"{line.get('quantity', 1)} x {_product(line.get('sku'), name_of)}" for line in lines)


def _order(order: Any, name_of: Callable[[str], str]) -> str:
    """An order as `shop.cart.Order.to_json` writes it, and any other as it is."""
    if not (isinstance(order, Mapping) and {"id", "at", "lines", "total"} <= set(order)):
        return _flat(order)
    lines = _lines(order["lines"], name_of)
    return f"{lines}, for {order['total']} {order.get('currency', '')}, on {str(order['at'])[:10]} ({order['id']})"


def _product(sku: Any, name_of: Callable[[str], str]) -> str:
    name = name_of(str(sku))
    return str(sku) if name == sku else f"{name} ({sku})"


def _flat(value: Any) -> str:
    match value:
        case Mapping():
            return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
        case list() | tuple():
            return " and ".join(_flat(inner) for inner in value)
        case _:
            return one_line(str(value))
