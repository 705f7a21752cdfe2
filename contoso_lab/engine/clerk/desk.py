"""The clerk's written tasks: the gate, the page, the chat, and JSON of a shape that it was not made for.

Which task it is, the request tells: by the properties of its JSON schema, or by a heading `# Page` in the prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.engine.clerk import page as pages
from contoso_lab.engine.clerk.answers import answer, scene_for
from contoso_lab.engine.clerk.asks import understand
from contoso_lab.engine.clerk.briefing import Briefing, read_briefing
from contoso_lab.engine.clerk.concepts import aloud, listing
from contoso_lab.engine.clerk.fit import Needs
from contoso_lab.engine.clerk.gate import judge
from contoso_lab.engine.clerk.listening import spelled
from contoso_lab.engine.clerk.recall import Memory, is_shown, listen, recall
from contoso_lab.engine.clerk.wording import money, shorten, uncapital
from contoso_lab.engine.seams import BrainRequest, ChatMessage
from contoso_lab.errors import EngineError

_LANGUAGE = re.compile(r"(?:Speak|Write)(?: in)? (English|German|French|Spanish|Japanese|Italian)\b")
_ANSWERS = ("response", "answer", "reply", "text", "message")
_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
_PICTURE = re.compile(r"\(A picture came with this message\.[^)]*\)")
"""How the chat says that it left a picture out, because a clerk would refuse it."""
_UNSURE = "This clerk works by rules and cannot judge that."


def fill(request: BrainRequest) -> str:
    """Answer a request for JSON; what comes back always satisfies the request's schema.

    Raises:
        EngineError: the schema asks for something that rules would have to invent, such as a grade.
    """
    schema = _inner(request.json_schema or {})
    systems = [m.content for m in request.messages if m.role in ("system", "developer") and not is_shown(m)]
    briefing = read_briefing(systems[:1])
    talk = tuple(m for m in request.messages if m.role not in ("system", "developer") or is_shown(m))
    names = set(schema.get("properties") or {})
    known: dict[str, Any] = {}
    if "requested" in names or (not names and briefing.has_section("gate")):
        verdict = judge(briefing, talk)
        known = {"requested": verdict.requested, "reason": verdict.reason}
    elif {"response", "call"} <= names or (not names and briefing.has_section("answer")):
        known = chat(briefing, talk, request.max_tokens)
    elif briefing.products and (name := next((name for name in _ANSWERS if name in names), "")):
        known = {name: _spoken(briefing, talk)}
    value = _shaped(schema, known, "the reply")
    return json.dumps(value, ensure_ascii=False)


def page(briefing: Briefing, talk: Sequence[ChatMessage], max_tokens: int | None = None) -> str:
    """The page for a conversation, cut between its paragraphs where it would be too long."""
    text = pages.write_page(briefing, talk)
    if (wanted := _other_language(briefing)) and "\n" in text:
        head, _, rest = text.partition("\n")
        text = f"{head}\n\n*This page is in English: its writer knows no {wanted}.*\n{rest}"
    if max_tokens is None or len(text) <= 4 * max_tokens:
        return text
    kept = ""
    for part in re.split(r"(?<=\n)\n", text):
        if kept and len(kept) + len(part) > 4 * max_tokens:
            break
        kept += f"\n{part}" if kept else part
    return kept


def chat(briefing: Briefing, talk: Sequence[ChatMessage], max_tokens: int | None = None) -> dict[str, Any]:
    """Answer a chat message: the words, what is new for the next colleague, and how much a call is called for."""
    last = max((at for at, message in enumerate(talk) if message.role == "user"), default=None)
    before = recall(briefing, talk[:last] if last is not None else ())
    text = talk[last].content if last is not None else ""
    call = _call_score(briefing, before, text)
    name = briefing.first_name
    blind = bool(_PICTURE.search(text))
    if call == 5:
        response = f"I am sorry for the trouble{', ' + name if name else ''}, I am calling you now."
        if not understand(text).has("upset"):
            response = f"Gladly{', ' + name if name else ''}, I am calling you now."
    else:
        response = _spoken(briefing, talk)
        if call == 4 and not understand(text).has("call"):
            response = f"{response} If you would rather talk, I can call you."
        if name and briefing.manner.name_use != "never" and name not in response:
            response = f"{name}, {uncapital(response)}"
        if blind:
            response = f"{response} I cannot see your picture here, so please tell me what it shows."
    if wanted := _other_language(briefing):
        response = f"I am sorry that I can write English only, and no {wanted}. {response}"
    return {"response": shorten(response, max_tokens), "context": _news(briefing, before, text, call), "call": call}


def _other_language(briefing: Briefing) -> str:
    """The language that the prompt asks for, when the clerk cannot write it."""
    rules = (*briefing.section("manner"), *briefing.section("page"))
    told = [found[1] for rule in rules if (found := _LANGUAGE.match(rule))]
    return told[-1] if told and told[-1] != "English" else ""


def _spoken(briefing: Briefing, talk: Sequence[ChatMessage]) -> str:
    last = max((at for at, message in enumerate(talk) if message.role == "user"), default=None)
    if last is None:
        return answer(scene_for(briefing, recall(briefing, talk), "hello", aloud=False))
    return answer(scene_for(briefing, recall(briefing, talk[:last]), talk[last].content, aloud=False))


def _call_score(briefing: Briefing, memory: Memory, text: str) -> int:
    """1 to 5, by the rules in the prompt's `# Answer`; a call is never made without consent."""
    ask = understand(text, briefing.products)
    offered = bool(re.search(r"\bcall you\b[^.]*[.?]?$", memory.last_reply)) and not memory.last_reply.endswith(
        "calling you now."
    )
    wants = ask.has("call") and not re.search(r"\b(?:do not|not) call\b", ask.masked)
    wants = wants or (offered and ask.has("yes") and not ask.has("no"))
    angry = ask.has("upset") or any(understand(line).has("upset") for line in memory.lines[-2:])
    rules = " ".join(briefing.section("answer"))
    fifth = re.search(r"\b5 (?:only )?(?:when|if)[^.;]*", rules)
    consent_is_enough = bool(fifth) and not re.search(r"\bupset\b|\bangry\b", fifth[0] if fifth else "")
    if wants and (angry or consent_is_enough):
        return 5
    if angry or ask.has("human"):
        return 4
    if ask.has("plan") or len(ask.mentions) > 1 or wants:
        return 3
    return 2 if ask.has("compare") or ask.which or ask.order else 1


def _news(briefing: Briefing, memory: Memory, text: str, call: int) -> str:
    """One sentence with what this message adds to what was known."""
    ask = understand(text, briefing.products)
    after = listen(memory, ask)
    who = briefing.first_name or "The customer"
    said: list[str] = []
    if after.trip and after.trip != memory.trip:
        said.append(f"plans {'an' if after.trip[0] in 'aeiou' else 'a'} {after.trip}")
    kinds = [mention.category.lower() for mention in ask.mentions]
    if kinds and ask.has("find"):
        said.append(f"looks for {listing(dict.fromkeys(kinds))}")
    said += _wishes(after.needs, memory.needs)
    if ask.named:
        said.append(f"speaks of the {listing(product.name for product in ask.named)}")
    if ask.topics:
        said.append(f"asks about {listing(ask.topics)}")
    if ask.has("upset"):
        said.append("is upset")
    if call == 5:
        said.append("agreed to a call")
    if not said:
        return f"{who} says nothing new."
    return f"{who} {listing(said)}."


def _wishes(now: Needs, before: Needs) -> list[str]:
    said = []
    if now.people is not None and now.people != before.people:
        said.append(f"needs room for {spelled(now.people)}")
    if now.most_usd is not None and now.most_usd != before.most_usd:
        said.append(f"wants to spend at most {money(now.most_usd)}")
    if now.degrees_c is not None and now.degrees_c != before.degrees_c:
        said.append(f"expects {aloud(f'{now.degrees_c:.0f} °C')}")
    elif now.cold and now.cold != before.cold:
        said.append("expects frost" if now.cold == "frost" else "expects cold nights")
    if now.rain and not before.rain:
        said.append("expects rain")
    return said


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, also when it comes wrapped with a name as in a response format."""
    for key in ("json_schema", "schema"):
        inner = schema.get(key)
        if isinstance(inner, Mapping):
            return _inner(inner)
    return schema


def _shaped(schema: Mapping[str, Any], known: Mapping[str, Any], where: str) -> Any:
    """A value of the schema's shape, from what is known and from what needs no knowledge.

    Raises:
        EngineError: a required part can be neither.
    """
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "object" in kinds or (kind is None and "properties" in schema):
        properties = schema.get("properties") or {}
        if not properties:
            return dict(known)
        wanted = [name for name in properties if name in (schema.get("required") or ()) or name in known]
        return {
            name: known[name]
            if name in known and _suits(known[name], properties[name])
            else _shaped(properties[name], {}, f"'{name}'")
            for name in wanted
        }
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _shaped(choices[-1], known, where)  # by custom the last choice is the plain one, such as null
    if "const" in schema:
        return schema["const"]
    if "null" in kinds:
        return None
    if "string" in kinds and "enum" not in schema and "pattern" not in schema and "format" not in schema:
        return _UNSURE[: schema.get("maxLength", len(_UNSURE))]
    if "array" in kinds and not schema.get("minItems"):
        return []
    if "boolean" in kinds:
        return False
    raise EngineError(
        f"the clerk cannot fill {where} of the JSON that was asked for without inventing it: "
        "ask for one of its own tasks, or give the engine a language model as its brain"
    )


def _suits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a known value keeps to a property's type, choices and bounds."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind] if kind else []
    if kinds and _TYPES.get(type(value), "") not in [*kinds, *("integer" for each in kinds if each == "number")]:
        return False
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True
