"""The shop's prompts run against the same tiny chat server as the prompts' own tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "tiny_chat_server", Path(__file__).parent.parent / "prompts" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

make_server, server, no_second_try = _module.make_server, _module.server, _module.no_second_try
