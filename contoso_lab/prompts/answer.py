"""What came back: whole, of the promised shape, or explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import PromptError
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def check_finish(where: str, reason: str | None) -> None:
    """Refuse an answer that the target broke off.

    Raises:
        PromptError: the answer was cut at its length, or withheld by a filter.
    """
    if reason == "length":
        raise PromptError(
            f"{where}: the answer was cut at its greatest length; raise model.options.maxOutputTokens in the prompt"
        )
    if reason == "content_filter":
        raise PromptError(f"{where}: the target's content filter withheld the answer; rephrase the prompt")


def parse_outputs(prompt: Prompt, text: str) -> dict[str, Any] | None:
    """The answer as a dict when the prompt declares outputs, else None.

    Raises:
        PromptError: the answer is not JSON, or lacks an output, or has one of another kind or outside of its choices.
    """
    declared = prompt.agent().outputs or []
    if not declared:
        return None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as problem:
        raise PromptError(
            f"{prompt.where}: the answer is not JSON ({_short(text)}); use a model that keeps to a JSON schema"
        ) from problem
    if not isinstance(data, dict):
        raise PromptError(
            f"{prompt.where}: the answer is JSON but no object ({_short(text)}); name its keys in the prompt"
        )
    for item in declared:
        types = _TYPES.get(item.kind, (object,))
        if item.name not in data:
            raise PromptError(
                f"{prompt.where}: the answer lacks {item.name!r} ({_short(text)}); name its keys in the prompt"
            )
        value = data[item.name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types and object not in types):
            raise PromptError(
                f"{prompt.where}: {item.name!r} in the answer has to be of kind {item.kind} ({_short(text)}); "
                "say so in the prompt"
            )
        choices = item.enum_values or []
        if choices and value not in choices:
            raise PromptError(
                f"{prompt.where}: {item.name!r} in the answer has to be one of {', '.join(map(str, choices))} "
                f"({_short(text)}); say so in the prompt"
            )
    return data


def explain(where: str, target: Target, problem: Exception) -> str:
    """One sentence on why a target gave no answer: what, where, and what to do."""
    import openai

    match problem:
        case openai.APITimeoutError():
            return f"{where}: {target.base_url} did not answer in time; try again, or look at the target's log"
        case openai.APIConnectionError():
            return f"{where}: {target.base_url} cannot be reached; check that the target runs and its address is right"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return (
                f"{where}: {target.base_url} refused the key ({problem.status_code}); check the key in the environment"
            )
        case openai.NotFoundError():
            return (
                f"{where}: {target.base_url} does not know the model {target.chat_model!r} or the path (404); "
                "set CONTOSO_LAB_CHAT_MODEL"
            )
        case openai.RateLimitError():
            return f"{where}: {target.base_url} has no room for it now (429): {_detail(problem)}; wait and try again"
        case openai.APIStatusError():
            return f"{where}: {target.base_url} answered {problem.status_code}: {_detail(problem)}; correct the request"
        case ValueError() if str(problem).startswith("Model refused"):
            return f"{where}: the model refused to answer ({_short(str(problem)[15:])}); rephrase the prompt"
        case _:
            what = f"{type(problem).__name__}: {_short(str(problem))}"
            return f"{where}: {target.base_url} broke off its answer ({what}); try again"


def _detail(problem: Any) -> str:
    body = getattr(problem, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    return _short(str(message or problem))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 100 else flat[:99] + "…")
