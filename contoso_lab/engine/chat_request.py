"""What a client may ask of `POST /v1/chat/completions`, and how it looks to a brain."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contoso_lab.engine.refusals import Refused, cannot_see, missing
from contoso_lab.engine.seams import BrainRequest, ChatMessage, ToolCall
from contoso_lab.engine.session_rules import check_chosen

_ROLES = {"developer": "system", "function": "tool"}


class _Picture(BaseModel):
    model_config = ConfigDict(extra="allow")
    url: str


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: str
    text: str | None = None
    image_url: _Picture | None = None


class _Called(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str
    arguments: str


class _Call(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: str
    function: _Called


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None

    def words(self) -> str:
        """Its text, without pictures and sound."""
        if isinstance(self.content, str) or self.content is None:
            return self.content or ""
        return "\n".join(part.text for part in self.content if part.text)

    def pictures(self) -> tuple[str, ...]:
        """The addresses of its pictures."""
        parts = self.content if isinstance(self.content, list) else ()
        return tuple(part.image_url.url for part in parts if part.image_url is not None)

    def check(self, *, sees: bool, param: str) -> None:
        """See that nothing in it would be passed over in silence.

        Raises:
            Refused: a picture for a brain that cannot see, or a part that is neither words nor picture.
        """
        for index, part in enumerate(self.content if isinstance(self.content, list) else ()):
            place = f"{param}.content[{index}]"
            if part.type == "image_url" and not sees:
                raise cannot_see(f"{place}.type")
            if part.type not in ("text", "refusal", "image_url"):
                raise Refused(
                    f"Invalid value: '{part.type}'. Supported values are: 'text' and 'image_url'.",
                    param=f"{place}.type",
                )
            if part.type == "image_url" and part.image_url is None:
                raise missing(f"{place}.image_url")

    def to_brain(self) -> ChatMessage:
        """The same in the engine's own words."""
        calls = (ToolCall(each.id, each.function.name, each.function.arguments) for each in self.tool_calls or ())
        role = _ROLES.get(self.role, self.role)
        return ChatMessage(
            role, self.words(), tool_calls=tuple(calls), call_id=self.tool_call_id or "", images=self.pictures()
        )


class _JsonSchema(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)
    name: str = "reply"
    shape: dict[str, Any] | None = Field(default=None, alias="schema")


class _ResponseFormat(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: _JsonSchema | None = None


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")
    include_usage: bool = False


class _Tool(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: Literal["function"] = "function"
    function: dict[str, Any]


class ChatRequest(BaseModel):
    """The body of a request; fields that the engine has no use for are taken and ignored.

    >>> asked = ChatRequest.model_validate({"messages": [{"role": "user", "content": "Hi"}]})
    >>> asked.to_brain().messages == (ChatMessage("user", "Hi"),)
    True
    """

    model_config = ConfigDict(extra="allow")
    model: str = "local"
    messages: list[_Message] = Field(min_length=1)
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    response_format: _ResponseFormat | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = None
    seed: int | None = None
    n: Literal[1] | None = None

    @property
    def wants_json(self) -> bool:
        """Whether the reply must be JSON, of whatever shape."""
        return self.response_format is not None and self.response_format.type != "text"

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the numbers."""
        return self.stream_options is not None and self.stream_options.include_usage

    def to_brain(self, *, sees: bool = False) -> BrainRequest:
        """The same request in the engine's own words; tools look as they do in a Realtime session.

        Args:
            sees: whether the brain can look at pictures.

        Raises:
            Refused: a picture for a brain that cannot see, or a tool to be called that is not there.
        """
        for index, message in enumerate(self.messages):
            message.check(sees=sees, param=f"messages[{index}]")
        tools = tuple({"type": "function", **tool.function} for tool in self.tools or ())
        schema = self.response_format.json_schema if self.response_format else None
        given = schema.shape if schema else None
        return BrainRequest(
            messages=tuple(each.to_brain() for each in self.messages),
            tools=tools,
            tool_choice=self._choice(tools),
            parallel_tool_calls=self.parallel_tool_calls is not False,
            json_schema=given if given is not None or not self.wants_json else {"type": "object"},
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            seed=self.seed,
        )

    def _choice(self, tools: tuple[dict[str, Any], ...]) -> str:
        choice = self.tool_choice
        if choice in (None, "auto", "none"):
            return str(choice or "auto")
        if not tools:
            raise Refused(
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                code=None,
                param="tool_choice",
            )
        if isinstance(choice, dict):
            name = (choice.get("function") or {}).get("name") if choice.get("type") == "function" else None
            if not name:
                raise missing("tool_choice.function.name")
            check_chosen(str(name), tools, param="tool_choice")
            return str(name)
        if choice != "required":
            raise Refused(
                f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'.", param="tool_choice"
            )
        return "required"
