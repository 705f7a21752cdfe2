"""The shop's prompts run against the same tiny chat server as the prompts' own tests."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location(
    "tiny_chat_server", Path(__file__).parent.parent / "prompts" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

make_server, server, no_second_try = _module.make_server, _module.server, _module.no_second_try


@pytest.fixture
def own_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `prompts/`, in place of the real one, that a test may spoil; the folder of personas in it."""
    from contoso_lab.settings import HOME

    own = tmp_path / "prompts"
    shutil.copytree(HOME / "prompts", own)
    for module, name, path in (
        ("contoso_lab.prompts.persona_file", "FOLDER", own / "personas"),
        ("contoso_lab.prompts.persona_file", "TEMPLATE", own / "voice.prompty"),
        ("contoso_lab.prompts.lint", "TEMPLATE", own / "voice.prompty"),
        ("contoso_lab.prompts.languages", "FILE", own / "languages.yaml"),
        ("contoso_lab.prompts.places", "FOLDER", own),
        ("contoso_lab.shop.persona", "FOLDER", own),
    ):
        # Not by dotted name: `contoso_lab.prompts.load` is a function there.
        monkeypatch.setattr(importlib.import_module(module), name, path)
    return own / "personas"
