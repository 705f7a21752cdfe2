"""What a session may say: the rules that the types of the `openai` package do not hold.

The types say that a threshold is a number; these say that it lies between 0 and 1, which parameters exist at all,
and what this engine cannot do. Every rule answers with the words of the real service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from contoso_lab.engine.reading import checkable, misshapen
from contoso_lab.engine.refusals import Refused, missing
from contoso_lab.engine.window import MOST_INPUT_TOKENS
from contoso_lab.errors import EventError
from contoso_lab.wire.events import Event

OPENAI_VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
"""The names that every client knows; the engine's voice maps them to its own."""

_OURS = frozenset({"id", "object", "expires_at", "client_secret"})
"""What `session.created` showed and a client may send back without harm."""

MOST_METADATA = 16

_RANGES: dict[tuple[str, ...], tuple[float, float]] = {
    ("audio", "input", "turn_detection", "threshold"): (0.0, 1.0),
    ("audio", "input", "turn_detection", "prefix_padding_ms"): (0, 10_000),
    ("audio", "input", "turn_detection", "silence_duration_ms"): (0, 60_000),
    ("audio", "input", "turn_detection", "idle_timeout_ms"): (5_000, 30_000),
    ("audio", "input", "noise_reduction", "strength"): (0.0, 1.0),
    ("truncation", "retention_ratio"): (0.0, 1.0),
    ("truncation", "token_limits", "post_instructions"): (1, MOST_INPUT_TOKENS),
    ("audio", "output", "speed"): (0.25, 1.5),
    ("max_output_tokens",): (1, 4_096),
}


def check_session(session: Mapping[str, Any], *, voices: Iterable[str], hears: tuple[str, ...] = ()) -> None:
    """Check the `session` of a `session.update`.

    Args:
        hears: the languages that the ear hears; nothing when it does not say.

    Raises:
        Refused: with the path of the first thing that is wrong as `param`.
    """
    kind = session.get("type")
    if kind is None:
        raise missing("session.type")
    if kind not in ("realtime", "transcription"):
        raise Refused(
            f"Invalid value: '{kind}'. Supported values are: 'realtime' and 'transcription'.", param="session.type"
        )
    if kind == "transcription" and "model" in session:
        raise Refused(
            "You must not provide a model parameter for transcription sessions.",
            code="invalid_model",
            param="session.model",
        )
    update = Event("session.update", {"type": "session.update", "session": session}, "client")
    try:
        model = update.model
    except EventError as error:
        raise misshapen(error) from error
    known = {f"session.{name}" for name in _OURS}
    unknown = next((path for path in _unknown(model) if path not in known), None)
    if unknown is not None:
        raise unknown_parameter(unknown)
    check_ranges(session, prefix="session")
    check_modalities(session.get("output_modalities"), param="session.output_modalities")
    check_voice(_at(session, ("audio", "output", "voice")), voices=voices, param="session.audio.output.voice")
    path = ("audio", "input", "transcription", "language")
    check_language(_at(session, path), hears=hears, param=".".join(("session", *path)))
    check_tools(session.get("tools"), param="session.tools")
    check_tool_choice(session.get("tool_choice"), param="session.tool_choice")
    check_prompt(session.get("prompt"), param="session.prompt")
    for side in ("input", "output"):
        check_format(_at(session, ("audio", side, "format")), param=f"session.audio.{side}.format")


def check_response(wanted: Mapping[str, Any], *, voices: Iterable[str]) -> None:
    """Check the `response` of a `response.create`.

    Raises:
        Refused: with the path of the first thing that is wrong as `param`.
    """
    asked = checkable(Event("response.create", {"type": "response.create", "response": wanted}, "client"))
    try:
        model = asked.model
    except EventError as error:
        raise misshapen(error) from error
    if (unknown := next(_unknown(model), None)) is not None:
        raise unknown_parameter(unknown)
    check_ranges(wanted, prefix="response")
    check_modalities(wanted.get("output_modalities"), param="response.output_modalities")
    check_voice(_at(wanted, ("audio", "output", "voice")), voices=voices, param="response.audio.output.voice")
    check_tools(wanted.get("tools"), param="response.tools")
    check_tool_choice(wanted.get("tool_choice"), param="response.tool_choice")
    check_prompt(wanted.get("prompt"), param="response.prompt")
    check_metadata(wanted.get("metadata"), param="response.metadata")
    check_format(_at(wanted, ("audio", "output", "format")), param="response.audio.output.format")
    if (conversation := wanted.get("conversation")) not in (None, "auto", "none"):
        raise Refused(
            f"Invalid value: '{conversation}'. Supported values are: 'auto' and 'none'.",
            param="response.conversation",
        )


def check_ranges(value: Mapping[str, Any], *, prefix: str) -> None:
    """Check every number that has a range."""
    for path, (low, high) in _RANGES.items():
        number = _at(value, path)
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        param = ".".join((prefix, *path))
        kind = "integer" if isinstance(low, int) else "decimal"
        if number < low:
            raise Refused(
                f"Invalid '{param}': {kind} below minimum value. Expected a value >= {low:g}, but got {number:g} "
                "instead.",
                param=param,
                code=f"{kind}_below_min_value",
            )
        if number > high:
            raise Refused(
                f"Invalid '{param}': {kind} above maximum value. Expected a value <= {high:g}, but got {number:g} "
                "instead.",
                param=param,
                code=f"{kind}_above_max_value",
            )


def check_modalities(modalities: Any, *, param: str) -> None:
    """Audio or text: the GA service never does both."""
    if modalities is not None and modalities not in (["audio"], ["text"]):
        raise Refused(
            f"Invalid modalities: {modalities!r}. Supported combinations are: ['text'] and ['audio'].", param=param
        )


def check_voice(voice: Any, *, voices: Iterable[str], param: str) -> None:
    """A voice is one of the engine's or one of OpenAI's names."""
    name = voice.get("id") if isinstance(voice, Mapping) else voice
    known = (*voices, *OPENAI_VOICES)
    if name is not None and name not in known:
        supported = ", ".join(f"'{each}'" for each in known)
        raise Refused(f"Invalid value: '{name}'. Supported values are: {supported}.", param=param)


def check_language(language: Any, *, hears: tuple[str, ...], param: str) -> None:
    """A language that is heard; German in English ears would be words that nobody said.

    >>> check_language("en-US", hears=("en",), param="language")
    """
    if language and hears and str(language).lower().replace("_", "-").split("-")[0] not in hears:
        known = ", ".join(f"'{each}'" for each in hears)
        raise Refused(
            f"Invalid value: '{language}'. This engine hears and speaks {known} only: choose a persona of that "
            "language, or a target that knows the other one.",
            code="language_not_supported",
            param=param,
        )


def check_tools(tools: Any, *, param: str) -> None:
    """Functions with a name; tools on other servers (MCP) are not called from here."""
    for index, tool in enumerate(tools or ()):
        if tool.get("type", "function") != "function":
            raise _only_functions(tool.get("type"), f"{param}[{index}].type")
        if not tool.get("name"):
            raise missing(f"{param}[{index}].name")


def check_tool_choice(choice: Any, *, param: str) -> None:
    """A mode, or one function by its name; whether there is such a tool is known when a response begins."""
    if isinstance(choice, Mapping) and choice.get("type") != "function":
        raise _only_functions(choice.get("type"), f"{param}.type")


def _only_functions(kind: Any, param: str) -> Refused:
    why = ": it calls no other servers, so offer what an MCP server has as functions" if kind == "mcp" else ""
    return Refused(f"Invalid value: '{kind}'. This engine supports 'function' only{why}.", param=param)


def check_chosen(choice: str, tools: Iterable[Mapping[str, Any]], *, param: str) -> None:
    """The function that must be called is one of the tools."""
    if choice not in ("auto", "none", "required") and all(tool["name"] != choice for tool in tools):
        raise Refused(f"Tool choice '{choice}' not found in 'tools' parameter.", param=param)


def check_prompt(prompt: Any, *, param: str) -> None:
    """Stored prompts lie with OpenAI: to go on without one would be to talk without instructions."""
    if prompt is not None:
        raise Refused(
            f"Prompt with id '{prompt.get('id')}' not found: this engine stores no prompts, so send its text as "
            "'instructions'.",
            code="prompt_not_found",
            param=f"{param}.id",
        )


def check_format(given: Any, *, param: str) -> None:
    """A format says what it is."""
    if given is not None and given.get("type") is None:
        raise missing(f"{param}.type")


def check_metadata(metadata: Any, *, param: str) -> None:
    """As many pairs, and as long, as the service takes."""
    pairs = metadata or {}
    if len(pairs) > MOST_METADATA:
        raise Refused(
            f"Invalid '{param}': too many properties. Expected an object with at most {MOST_METADATA} properties, but "
            f"got an object with {len(pairs)} properties instead.",
            code="object_above_max_properties",
            param=param,
        )
    for key, value in pairs.items():
        for what, text, longest in (("key", key, 64), ("value", value, 512)):
            if len(text) > longest:
                raise Refused(
                    f"Invalid '{param}': {what} too long. Expected a string with maximum length {longest}, but got a "
                    f"string with length {len(text)} instead.",
                    code="string_above_max_length",
                    param=f"{param}.{key[:64]}",
                )


def unknown_parameter(param: str) -> Refused:
    """The refusal of a field that does not exist.

    >>> unknown_parameter("session.voice").message
    "Unknown parameter: 'session.voice'."
    """
    return Refused(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)


def _unknown(model: BaseModel | None, path: str = "") -> Iterator[str]:
    """The paths of all fields that a type of the package does not know (it lets them pass)."""
    if model is None:
        return
    yield from (path + name for name in model.model_extra or ())
    for name in model.model_fields_set & set(type(model).model_fields):
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _unknown(value, f"{path}{name}.")


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
