"""Answers of chat models on disk, as text in files: an evaluation that runs again costs nothing and needs no key.

A cassette is a folder with a JSON file for each answer, to be kept in git beside what it belongs to. An answer is found
again when everything that made it is equal: the model that was asked for, the prompt's file (with its parameters and
tools), the messages as they were sent, and the epoch. Not the address: a cassette that was recorded at a provider plays
where there is none. Errors, refusals and answers that were cut are never kept. What an answer took and cost when it was
made stays in its file; a run that plays it is marked `cached`, and has no usage of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from contoso_lab.errors import PromptError
from contoso_lab.prompts.cache import Kept
from contoso_lab.prompts.tracing import NOBODY, Subject
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

CassetteMode = Literal["record", "replay", "auto", "off"]
"""record: ask always, and keep · replay: ask never, what is missing is an error · auto: ask for what is missing, and
keep it · off: as if there were none."""


class ChatCassette:
    """A folder of answers; what `cassette()` puts in place.

    Args:
        path: the folder; made with the first answer.
        mode: see `CassetteMode`.
        epoch: which repetition this is, so that answers to equal questions are told apart.
    """

    def __init__(self, path: Path | str, *, mode: CassetteMode = "auto", epoch: int = 0) -> None:
        self.path = Path(path)
        self.mode = mode
        self.epoch = epoch
        self._asked: dict[str, dict[str, Any]] = {}

    def key(self, prompt: Prompt, target: Target, messages: Sequence[Any]) -> str:
        """The sha256 of the canonical JSON of all that an answer depends on."""
        model = prompt.front.get("model")
        parts = {
            "model": target.chat_model,
            "prompt": prompt.name,
            "prompt_sha256": prompt.sha256,
            "messages": list(messages),
            "parameters": (model.get("options") or {}) if isinstance(model, dict) else {},
            "tools": prompt.front.get("tools") or [],
            "epoch": self.epoch,
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        key = hashlib.sha256(text.encode()).hexdigest()
        self._asked[key] = parts
        return key

    def get(self, key: str) -> Kept | None:
        """The answer for these inputs.

        Raises:
            PromptError: it is missing and nobody may be asked, or its file is damaged.
        """
        if self.mode == "record":
            return None
        place = self._place(key)
        try:
            return Kept(**json.loads(place.read_text("utf-8"))["answer"])
        except FileNotFoundError:
            if self.mode == "auto":
                return None
            name = self._asked.get(key, {}).get("prompt", "the prompt")
            raise PromptError(
                f"the cassette {self.path} holds no answer of {name} to these messages (epoch {self.epoch}): record it "
                "anew with mode='auto'"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PromptError(f"{place} is no answer of a cassette ({error}): remove it and record it anew") from error

    def put(self, key: str, kept: Kept, subject: Subject = NOBODY) -> None:
        """Keep an answer.

        Raises:
            PromptError: the folder cannot be written.
        """
        if self.mode == "replay":
            return
        place = self._place(key)
        page = {"asked": self._asked.get(key, {}), "answer": kept._asdict()}
        draft = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(
                json.dumps(page, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n", "utf-8"
            )
            os.replace(draft, place)
        except OSError as error:
            raise PromptError(f"the cassette {self.path} cannot be written ({error.strerror})") from error

    def __len__(self) -> int:
        return sum(1 for _ in self.path.glob("*/*.json"))

    def _place(self, key: str) -> Path:
        return self.path / key[:2] / f"{key}.json"


_current: ContextVar[ChatCassette | None] = ContextVar("contoso_lab_chat_cassette", default=None)


@contextmanager
def cassette(path: Path | str, *, mode: CassetteMode = "auto", epoch: int = 0) -> Iterator[ChatCassette]:
    """Keep every answer of a prompt inside the block in a cassette, or take it from there, whatever the prompt allows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, cassette(folder, mode="replay") as tape:
    ...     len(tape)
    0
    """
    tape = ChatCassette(path, mode=mode, epoch=epoch)
    token = _current.set(tape)
    try:
        yield tape
    finally:
        _current.reset(token)


def cassette_on() -> ChatCassette | None:
    """The cassette that is on here; None when there is none, or it is off."""
    tape = _current.get()
    return None if tape is None or tape.mode == "off" else tape
