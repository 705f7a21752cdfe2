"""Whether a customer has agreed to buy: in words of their own, as they were heard, or with a button that says the sum.

A model may believe that it heard a yes. So its `confirmed_total` alone buys nothing: whoever writes down what is said
(the relay's minutes) or serves the button notes the agreement here, and `checkout` looks for it. A yes counts for the
total that the customer had just been told; a cart that has changed since needs another one. Conservative: a sentence
that is not understood is no agreement, and the agent asks again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from contoso_lab.shop.money import find_amounts
from contoso_lab.shop.truth.numbers import SPELLED
from contoso_lab.shop.truth.units import OURS, find_quantities, in_currency

AGREED = "agreed_to_buy"
"""Where it stands in a thread's state: `{"asked": words}` after a yes to these, `{"total": "279.00"}` after a press."""
MOST_CHARACTERS = 600
_LANGUAGES = (*SPELLED, "ja")

_PLACES = re.compile(
    r"\b(?:order|buy|purchase|check\s?out|pay|bestell\w*|kauf\w*|bezahl\w*|command\w*|achet\w*|achat|pa(?:ye|yer)|"
    r"pedido|compr\w*|pag\w*)\b|注文|購入|買|お支払い",
    re.IGNORECASE,
)
_BUYS = re.compile(
    r"\b(?:(?:order|buy|purchase|get|take)\s+(?:it|that|this|them|both|all|everything)|place\s+(?:the|my|that|an)\s+order|"
    r"check\s?out|pay\s+(?:now|for\s+it)|bestell\w*|kauf\w*|command(?:ez|e|er)\b|achet(?:ez|er)|j['’]achète|"
    r"(?:lo|la|los|las)\s+(?:compro|quiero)|(?:haga|haz|confirm[eo])\s+el\s+pedido|cómpr\w+|pág\w+)\b|"
    r"注文(?:し|を)|購入(?:し|を)|買います",
    re.IGNORECASE,
)
_YES = re.compile(
    r"^\W*(?:(?:oh|well|ah|great|perfect|alright|good)\W+)?(?:yes|yeah|yep|sure|ok|okay|please(?:\s+do)?|go\s+ahead|do\s+(?:it|that|so)|"
    r"of\s+course|absolutely|gladly|correct|that['’]s\s+(?:right|fine)|ja|jawohl|gerne?|klar|natürlich|bitte|in\s+ordnung|"
    r"einverstanden|oui|d['’]accord|bien\s+sûr|volontiers|allez-y|sí|si|claro|vale|de\s+acuerdo|adelante|por\s+favor)\b|"
    r"^\W*(?:はい|ええ|うん|お願い|いいですよ)",
    re.IGNORECASE,
)
# Said beside a yes, each of these makes it none; "no problem, go ahead" is asked about once more.
_BUT = re.compile(
    r"\b(?:no|not|nope|never|don['’]?t|do\s+not|cannot|can['’]t|won['’]t|wait|later|but|instead|only|just|cancel|stop|maybe|perhaps|"
    r"think|without|except|unless|if|first|nein|nicht|kein\w*|aber|warten?|später|nur|erst|vielleicht|ohne|abbrechen|"
    r"non|pas|mais|attendez|plus\s+tard|seulement|peut-être|sans|annul\w*|pero|espere|después|solo|sólo|"
    r"primero|quizás?|sin|cancel\w*)\b|いいえ|いや|待って|やめ|でも|後で|あとで|だけ|キャンセル|まだ",
    re.IGNORECASE,
)


def agrees_to_buy(said: str, *, asked: str) -> bool | None:
    """Whether a customer's words agree to an order (True), are against it or in doubt (False), or say nothing of it.

    Args:
        said: what the customer said.
        asked: what of the assistant's words before it was heard; only after its question is a bare yes an agreement.

    >>> agrees_to_buy("Yes, please.", asked="That comes to $279.00. Shall I place the order?")
    True
    >>> agrees_to_buy("Yes, please.", asked="Shall I show it to you?") is None
    True
    >>> agrees_to_buy("Yes, but only one of them.", asked="That comes to $558.00. Shall I place the order?")
    False
    """
    offered = _asks_to_order(asked)
    speaks_of_it = offered or _PLACES.search(said) is not None or _BUYS.search(said) is not None
    if not speaks_of_it:
        return None
    if _BUT.search(said) or said.rstrip().endswith(("?", "？")):
        return False
    if _BUYS.search(said) or (offered and _YES.search(said)):
        return True
    return None


def with_words(state: Mapping[str, Any], *, said: str, asked: str) -> dict[str, Any]:
    """A thread's state after a customer's words: an agreement stands in it, or stands in it no longer."""
    rest = {name: value for name, value in state.items() if name != AGREED}
    match agrees_to_buy(said, asked=asked):
        case True:
            return {**rest, AGREED: {"asked": asked[-MOST_CHARACTERS:]}}
        case False:
            return rest
    return dict(state)


def with_button(state: Mapping[str, Any], total: Decimal) -> dict[str, Any]:
    """A thread's state after a press on the button that says "buy for …"."""
    return {**state, AGREED: {"total": str(total)}}


def without_agreement(state: Mapping[str, Any]) -> dict[str, Any]:
    """A thread's state after the purchase: the next one needs an agreement of its own."""
    return {name: value for name, value in state.items() if name != AGREED}


def has_agreed(state: Mapping[str, Any], total: Decimal, currency: str) -> bool:
    """Whether the customer has agreed to buy for this total, and no other.

    >>> state = with_words({}, said="Ja, gerne.", asked="Das macht zweihundertfünfzig Dollar. Soll ich bestellen?")
    >>> has_agreed(state, Decimal(250), "USD"), has_agreed(state, Decimal(251), "USD")
    (True, False)
    """
    match state.get(AGREED):
        case {"total": str(shown)}:
            return Decimal(shown) == total
        case {"asked": str(asked)}:
            return any(abs(Decimal(str(told)) - total) < Decimal("0.005") for told in _totals(asked, currency))
    return False


def _asks_to_order(text: str) -> bool:
    last = [part for part in re.split(r"(?<=[.!?。！？])\s*", text.strip()) if part][-1:]
    return bool(last) and last[0].endswith(("?", "？", "か。", "か")) and _PLACES.search(last[0]) is not None


def _totals(text: str, currency: str) -> set[float]:
    """The sums that may have been told as the total: of all that were said the largest, by each language's reading."""
    told = {amount.usd for amount in find_amounts(text)}
    totals = {max(told)} if told else set[float]()
    for language in _LANGUAGES:
        found = [in_currency(each, currency) for each in find_quantities(text, language)]
        if sums := [each.value for each in found if each.dimension == OURS]:
            totals.add(max(sums))
    return totals
