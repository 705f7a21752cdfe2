"""What a verdict depends on, in sixteen characters: the prompt's file, the model, its options, and our own program."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from contoso_lab import prompts
from contoso_lab.settings import Target


@dataclass(frozen=True, slots=True)
class Signature:
    """Verdicts with the same signature may be put together, others never."""

    rubric: str
    """The judge's name, without `judges/`."""
    prompt_sha256: str
    model: str
    options: str
    """The options of the model as JSON, as they stand in the prompt."""
    code_sha256: str
    """Of the modules that make cases and read answers."""
    policy_version: str
    """The rubric's, as people's ratings name it: version of the prompt and the start of its hash."""

    @property
    def id(self) -> str:
        """The sixteen characters."""
        parts = (self.rubric, self.prompt_sha256, self.model, self.options, self.code_sha256)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def signature_of(rubric: str, target: Target) -> Signature:
    """The signature that verdicts on this rubric by this target would have now.

    >>> local = Target.local("http://127.0.0.1:8000/v1")
    >>> signature_of("helpfulness", local).id == signature_of("groundedness", local).id
    False
    """
    prompt = prompts.load(f"judges/{rubric}")
    model: Any = prompt.front.get("model") or {}
    options = json.dumps(model.get("options") or {}, sort_keys=True)
    version = (prompt.front.get("metadata") or {}).get("version", 1)
    return Signature(
        rubric, prompt.sha256, target.chat_model, options, _code_sha256(), f"{version}+{prompt.sha256[:8]}"
    )


@cache
def _code_sha256() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in ("cases.py", "asking.py"):
        digest.update((here / name).read_bytes())
    return digest.hexdigest()
