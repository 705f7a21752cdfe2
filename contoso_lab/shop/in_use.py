"""Which catalogue everything speaks of: the one that `use_catalog` put in place, or the one that the settings name."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.settings import HOME, Settings

if TYPE_CHECKING:
    from pandas import DataFrame

    from contoso_lab.shop.catalog import Catalog

OURS = HOME / "data" / "catalog.json"
"""The shop's own."""

_in_use: Catalog | None = None
"""What `use_catalog` put in place."""


class InUse:
    """A catalogue that has taken its place; a with-block gives the place back."""

    def __init__(self, catalog: Catalog, before: Catalog | None) -> None:
        self.catalog = catalog
        self._before = before

    def __enter__(self) -> Catalog:
        return self.catalog

    def __exit__(self, *error: object) -> None:
        use_catalog(self._before)

    def __repr__(self) -> str:
        return f"<in use: {self.catalog!r}>"


def use_catalog(source: Catalog | Path | str | DataFrame | None) -> InUse:
    """Let everything speak of another catalogue from now on: prompts, tools, search, checks, labels.

    Calls that have begun keep theirs. It counts in this process; a relay that runs in another one is told by
    `CONTOSO_LAB_CATALOG`.

    Args:
        source: a catalogue, or what `Catalog.read` takes; None gives the place back to the shop's own.

    >>> from contoso_lab.shop.catalog import Catalog
    >>> with use_catalog(Catalog.load()) as catalog:
    ...     Catalog.load() is catalog
    True
    """
    from contoso_lab.shop.catalog import Catalog  # it asks us, so we may not ask for it earlier

    global _in_use
    before = _in_use
    _in_use = source if isinstance(source, Catalog) or source is None else Catalog.read(source)
    return InUse(Catalog.load(), before)


def catalogue_path() -> Path | None:
    """The file of the catalogue in use; None when `use_catalog` put one in place."""
    return None if _in_use is not None else named_in_settings() or OURS


def chosen() -> Catalog | None:
    """What `use_catalog` put in place, if anything."""
    return _in_use


@functools.cache
def named_in_settings() -> Path | None:
    """The file that `CONTOSO_LAB_CATALOG` names, if any."""
    return Settings().catalog  # read once: an environment does not change while a process lives
