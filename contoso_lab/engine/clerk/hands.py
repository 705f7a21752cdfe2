"""Use the tools that a request offers: choose one and fill in its arguments; `results` tells what came of it.

A tool is recognised by the words of its name, and an argument by its own name, because shops name theirs as they
like: `add_to_cart(sku, quantity)` and `cartAdd(product_id, qty)` are the same to the clerk. A tool with a
required argument that the conversation does not hold is not called, not even where the request insists on a call:
then there is none, and the engine fails the reply.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.errands import to_show
from contoso_lab.engine.clerk.facts import known
from contoso_lab.engine.clerk.listening import plain
from contoso_lab.engine.clerk.scene import Scene
from contoso_lab.engine.seams import BrainRequest, ToolCall

_MISSING = object()
_FREE_WORDS = frozenset(
    "summary note notes topic subject intent keyword keywords description request comment content issue".split()
)
"""Arguments that may hold whatever the customer said."""
_SMALL_WORDS = frozenset(
    "a about also am an and any are can could do does for get have hello hey hi how i i'd i'm in is it like "
    "long looking me much my need of on our please sell show some something tell that the there they this to "
    "want we what which with would you your".split()
)
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
    "boolean": (bool,),
}


def reach(scene: Scene, request: BrainRequest) -> ToolCall | None:
    """The tool call that a line asks for, or None when words are the better answer."""
    if not request.tools or request.tool_choice == "none":
        return None
    tools = {name: tool for tool in map(_function, request.tools) if (name := str(tool.get("name", "")))}
    forced = _forced(request.tool_choice, tools)
    wanted = _wanted(scene)
    fitting = [name for words in wanted for name in tools if set(words) <= _words(name)]
    for name in [forced] if forced else fitting:
        if (arguments := _arguments(scene, tools[name], insist=bool(forced))) is not None:
            return _call(name, arguments, scene)
    if request.tool_choice == "required":
        for name, tool in tools.items():
            if (arguments := _arguments(scene, tool, insist=True)) is not None:
                return _call(name, arguments, scene)
    return None


def _wanted(scene: Scene) -> list[tuple[str, ...]]:
    """Words that the name of a fitting tool holds, the best first."""
    ask = scene.ask
    wanted: list[tuple[str, ...]] = []
    if ask.has("add") and scene.meant:
        wanted += [("add",), ("cart",), ("buy",), ("order", "place")]
    if ask.has("drop"):
        wanted += [("remove",), ("cancel",)]
    if ask.has("show") and to_show(scene):
        wanted += [("show",), ("screen",), ("display",), ("suggestions",)]
    if ask.has("human"):
        wanted += [("transfer",), ("human",), ("escalate",)]
    if ask.errand:
        name = ask.errand[0]
        if name == "orders":
            wanted += [("cancel", "order")] if "cancel" in ask.masked else [("order",), ("track",)]
        elif name == "returns":
            wanted += [("return",), ("refund",)]
    if not scene.from_prompt and scene.meant and any(_is_missing(scene.meant[0], topic) for topic in ask.topics):
        wanted += [("get", "product"), ("product", "details"), ("lookup",)]
    if not scene.from_prompt and _is_news(scene):
        wanted += [("search",), ("find",), ("catalog",), ("catalogue",), ("list", "products")]
    return wanted


def _is_missing(product: Product, topic: str) -> bool:
    return product.price_usd is None if topic == "price" else known(product, topic) is None


def _is_news(scene: Scene) -> bool:
    """Whether a catalogue behind a tool has to be asked: what it told before is known already."""
    ask = scene.ask
    if (
        ask.named
        or ask.errand
        or (scene.meant and ask.has("show", "add"))
        or (scene.meant and ask.topics and not ask.mentions)
    ):
        return False
    return ask.has("find", "range") or bool(ask.unknown or ask.needs.told or ask.mentions or ask.topics)


def _arguments(scene: Scene, tool: Mapping[str, Any], *, insist: bool = False) -> dict[str, Any] | None:
    """Arguments for a tool, or None when a required one is not known; `insist` looks harder for those."""
    schema = tool.get("parameters") or {}
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    out: dict[str, Any] = {}
    for name, shape in properties.items():
        shape = shape if isinstance(shape, Mapping) else {}
        value = _argument(scene, name, shape)
        if value is _MISSING and insist and name in required:
            value = _from_words(scene, name, shape)
        if value is not _MISSING and _fits(value, shape):
            out[name] = value
        elif name in required:
            return None
    return out


def _from_words(scene: Scene, name: str, shape: Mapping[str, Any]) -> Any:
    """What the customer's own words say for an argument that has no name we know."""
    said = f" {plain(scene.ask.text)} "
    if options := shape.get("enum"):
        named = [each for each in options if isinstance(each, str) and f" {plain(each)} " in said]
        return max(named, key=len) if named else _MISSING
    if shape.get("type") in ("integer", "number"):
        numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", said)
        return (float(numbers[0]) if "." in numbers[0] else int(numbers[0])) if len(numbers) == 1 else _MISSING
    return scene.ask.text if scene.ask.text and _words(name) & _FREE_WORDS else _MISSING


def _fits(value: Any, shape: Mapping[str, Any]) -> bool:
    """Whether a value is of the kind that the schema asks for."""
    kind = shape.get("type")
    if isinstance(kind, str) and kind in _KINDS and not isinstance(value, _KINDS[kind]):
        return False
    if isinstance(value, list):
        items = shape.get("items")
        return all(_fits(each, items) for each in value) if isinstance(items, Mapping) else True
    return "enum" not in shape or value in shape["enum"]


def _argument(scene: Scene, name: str, shape: Mapping[str, Any]) -> Any:
    words = _words(name)
    products = to_show(scene) if scene.ask.has("show") else scene.meant
    needs = scene.needs
    if words & {"skus", "products", "items"} or shape.get("type") == "array":
        return [product.sku for product in products] if products else _MISSING
    if words & {"quantity", "qty", "count", "amount"}:
        return scene.ask.quantity or (dict(scene.ask.quantities).get(products[0].sku, 1) if products else 1)
    if words & {"price", "budget", "usd"} or {"max", "cost"} <= words:
        return needs.most_usd if needs.most_usd is not None and "min" not in words else _MISSING
    if words & {"people", "persons", "capacity", "sleeps"}:
        return needs.people if needs.people is not None else _MISSING
    if "order" in words:
        number = re.search(r"\b\d{3,}\b", scene.ask.masked)
        if number is None:
            return _MISSING
        return int(number[0]) if shape.get("type") == "integer" else number[0]
    if words & {"sku", "item"} or {"product", "id"} <= words:
        return products[0].sku if products else _MISSING
    if "category" in words:
        options = shape.get("enum")
        return scene.category if scene.category and (not options or scene.category in options) else _MISSING
    if words & {"product", "name"}:
        return products[0].name if products else _MISSING
    if words & {"query", "text", "question", "search", "reason", "message", "q"}:
        return (_keywords(scene) if words & {"query", "search", "q"} else scene.ask.text) or _MISSING
    return _MISSING


def _keywords(scene: Scene) -> str:
    """What to search for: the words of a line that say something about goods."""
    words = re.findall(r"[a-z0-9$.'-]*[a-z0-9]", scene.ask.text.lower())
    return " ".join(word for word in words if word not in _SMALL_WORDS) or scene.ask.text


def _call(name: str, arguments: Mapping[str, Any], scene: Scene) -> ToolCall:
    text = json.dumps(arguments, ensure_ascii=False)
    # The same conversation makes the same id, and another turn another one.
    mark = hashlib.sha256(f"{scene.turn}|{name}|{text}".encode()).hexdigest()[:20]
    return ToolCall(f"call_{mark}", name, text)


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as a function, from the chat shape or the realtime shape."""
    inner = tool.get("function")
    return inner if isinstance(inner, Mapping) else tool


def _forced(choice: str, tools: Mapping[str, Any]) -> str:
    """The tool that the request insists on, or nothing."""
    if choice in tools:
        return choice
    if choice.startswith("{"):
        try:
            named = json.loads(choice)
        except json.JSONDecodeError:
            return ""
        name = named.get("name") or (named.get("function") or {}).get("name") or ""
        return name if name in tools else ""
    return ""


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))
