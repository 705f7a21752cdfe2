"""TODO."""

from __future__ import annotations

from contoso_lab.errors import ConfigError
from contoso_lab.memory.store import Store


def open_redis(url: str) -> Store:
    """TODO."""
    raise ConfigError("not yet")
