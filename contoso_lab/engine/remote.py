"""Any chat model becomes a voice agent: a brain behind an OpenAI-compatible chat endpoint.

```sh
ollama serve & ollama pull qwen3:4b
contoso-lab engine --brain-url http://127.0.0.1:11434/v1 --brain-model qwen3:4b

export CONTOSO_LAB_BRAIN_KEY=…
contoso-lab engine --brain-url https://api.openai.com/v1 --brain-model gpt-4o-mini
```

The engine stays what it is, a Realtime server that hears, takes turns, lets itself be interrupted and speaks; only
the words come from elsewhere. The model is told what any Realtime model is told: the session's instructions, the
conversation as it was *heard*, and the tools. Its words stream: the first sentence sounds while it writes the second.

```
caller ─ sound ─▶ ear ─ text ─▶ [chat model, anywhere] ─ text ─▶ voice ─ sound ─▶ caller
```

| when | then |
|---|---|
| the endpoint cannot be reached | one more try, then the response fails with a sentence; the call goes on |
| it refuses, breaks off, stays silent, says nothing | the same, without another try |
| the caller interrupts, or hangs up | the request is closed, so that the model stops as well |

Its answers take as long as the model takes to its first sentence; that comes on top of the engine's own latency.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from contoso_lab.engine.asking import chat_body
from contoso_lab.engine.effects import random_ids
from contoso_lab.engine.seams import BrainRequest, TokensSpent, ToolCall
from contoso_lab.engine.thoughts import Aloud
from contoso_lab.errors import ConfigError, EngineError
from contoso_lab.settings import Settings

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
SILENCE_S = 30.0
"""How long the model may say nothing, before its first word or between two. A caller has hung up by then."""
AGAIN_S = 0.2
"""A pause before the second try: a server that was just restarted needs a moment."""


class RemoteBrain:
    """A `Brain` over `POST {base_url}/chat/completions`, streaming; use it in one event loop.

    Args:
        base_url: up to and with `/v1`.
        model: the model's name there.
        api_key: what opens the door; None for a server that wants none.
        sees: the model can look at pictures.
        silence_s: how long it may say nothing.
        extra: goes along with each request, for what only some servers know.

    Raises:
        ConfigError: that is no address, or the model has no name.

    >>> RemoteBrain("127.0.0.1:11434", model="qwen3:4b")
    Traceback (most recent call last):
    contoso_lab.errors.ConfigError: a brain's address looks like http://127.0.0.1:11434/v1, not '127.0.0.1:11434'
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str | None = None,
        sees: bool = False,
        silence_s: float = SILENCE_S,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"a brain's address looks like http://127.0.0.1:11434/v1, not {base_url!r}")
        if not model.strip():
            raise ConfigError(f"the brain at {parts.hostname} needs the name of a model: --brain-model NAME")
        self.sees = sees
        self.model = model
        self.base_url = base_url.rstrip("/").removesuffix("/chat/completions")
        self._where = parts.netloc.rpartition("@")[2]
        self._is_near = parts.hostname in ("127.0.0.1", "::1", "localhost")
        self._api_key = api_key
        self._silence_s = silence_s
        self._extra = dict(extra or {})
        self._made: AsyncOpenAI | None = None

    @classmethod
    def from_settings(cls, base_url: str, *, model: str, sees: bool = False) -> RemoteBrain:
        """The same, with the key that the environment holds in CONTOSO_LAB_BRAIN_KEY, if it holds one."""
        key = Settings().brain_key
        return cls(base_url, model=model, api_key=key.get_secret_value() if key else None, sees=sees)

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        """Answer with pieces of text as the model writes them, then with its tool calls.

        Closing or cancelling this closes the request. What a model writes between `<think>` and `</think>` at the
        beginning is not given out.

        Raises:
            EngineError: there is no answer; says why, in a sentence that holds no key and no words of the server's.
        """
        import httpx2
        import openai

        try:
            body = chat_body(request, model=self.model, base_url=self.base_url)
            async with await self._open(body | ({"extra_body": self._extra} if self._extra else {})) as stream:
                answer = _Answer()
                async for chunk in stream:
                    if text := answer.take(chunk):
                        yield text
        except openai.APIStatusError as error:
            raise EngineError(self._refused(error.status_code)) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise EngineError(f"The chat model at {self._where} said nothing for {self._silence_s:g} s.") from error
        except openai.APIConnectionError as error:
            raise EngineError(f"The chat model at {self._where} cannot be reached: is it running?") from error
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise EngineError(f"The chat model at {self._where} broke off in the middle of its answer.") from error
        except (ValueError, TypeError, AttributeError) as error:  # the openai client does not check what it reads
            raise EngineError(f"What {self._where} sends is no chat completion: is this its address?") from error
        for piece in answer.rest():
            yield piece
        if answer.empty:
            why = " within its limit of tokens" if answer.cut else ""
            raise EngineError(f"The chat model '{self.model}' at {self._where} answered with nothing{why}.")
        if answer.cut:
            raise TokensSpent

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        if self._made is not None:
            await self._made.close()
            self._made = None

    async def _open(self, body: dict[str, Any]) -> Any:
        """Send the request, once more if there was no connection: a kept-alive one may have died unnoticed."""
        import openai

        try:
            return await self._client().chat.completions.create(**body)
        except openai.APITimeoutError:
            raise
        except openai.APIConnectionError:
            logger.warning("the chat model at %s was not there; trying once more", self._where)
            await asyncio.sleep(AGAIN_S)
            return await self._client().chat.completions.create(**body)

    def _client(self) -> AsyncOpenAI:
        if self._made is None:
            import httpx2
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient

            self._made = AsyncOpenAI(
                api_key=self._api_key or "unused",
                base_url=self.base_url,
                max_retries=0,  # the library would wait as long as the server asks, and a caller does not
                http_client=DefaultAsyncHttpxClient(
                    timeout=httpx2.Timeout(self._silence_s, connect=min(CONNECT_S, self._silence_s)),
                    verify=self.base_url.startswith("https:"),
                    # A new connection costs nothing here; a kept one may have been closed unnoticed, which costs a try.
                    limits=httpx2.Limits(max_keepalive_connections=0 if self._is_near else 10, keepalive_expiry=4),
                ),
            )
        return self._made

    def _refused(self, status: int) -> str:
        match status:
            case 401 | 403:
                return f"The chat model at {self._where} refused the key ({status}): set CONTOSO_LAB_BRAIN_KEY."
            case 404:
                return f"The server at {self._where} has no model '{self.model}' (404): see --brain-model, --brain-url."
            case 429:
                return f"The chat model at {self._where} is busy, or the quota is used up (429): try again later."
            case _:
                return f"The chat model at {self._where} refused the request ({status})."


class _Answer:
    """One answer, chunk by chunk."""

    def __init__(self) -> None:
        self.empty = True
        self.cut = False
        self._aloud = Aloud()
        self._calls: dict[int, dict[str, str]] = {}

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Take a chunk; gives the text in it that is ready to be said."""
        text = ""
        for choice in (chunk.choices or ())[:1]:
            self.cut = self.cut or choice.finish_reason == "length"
            delta = choice.delta
            if delta is None:
                continue
            text += self._aloud.take((delta.content or "") + (delta.refusal or ""))
            for piece in delta.tool_calls or ():
                # Some servers leave the index out, and send each call whole.
                index = len(self._calls) if piece.index is None else piece.index
                call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
                call["id"] = piece.id or call["id"]
                if piece.function is not None:
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
        self.empty = self.empty and not text.strip()
        return text

    def rest(self) -> list[str | ToolCall]:
        """What is left at the end: text that was held back, and the tool calls."""
        text = self._aloud.rest()
        calls = [
            ToolCall(call["id"] or random_ids("call"), call["name"], call["arguments"] or "{}")
            for _, call in sorted(self._calls.items())
            if call["name"]
        ]
        self.empty = self.empty and not text.strip() and not calls
        return [*([text] if text else []), *calls]
