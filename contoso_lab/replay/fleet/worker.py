"""What a worker process of a fleet is made of: all that units need is loaded here, before one is asked for.

The server that forks workers loads this once; nobody else should.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from contoso_lab.errors import LabError
from contoso_lab.prompts.languages import detect_language
from contoso_lab.replay.fleet.work import do_blocking
from contoso_lab.scoring.relevance import rank_quality
from contoso_lab.scoring.run import default_scorers
from contoso_lab.scoring.text import word_errors
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import load_customers
from contoso_lab.shop.persona import persona
from contoso_lab.shop.truth import check

__all__ = ["do_blocking"]

_CLAIM = "The Meadow Four costs two hundred and fifty dollars, sleeps four, and is lighter than the Lodge Eight."

# Each loads what it needs when it is first asked.
FIRST: tuple[Callable[[], object], ...] = (
    default_scorers,
    load_customers,
    lambda: check(_CLAIM, Catalog.load(), medium="speech", language="en"),
    lambda: persona("voice"),
    lambda: detect_language(_CLAIM),
    lambda: word_errors("one", "one"),
    lambda: rank_quality(("a",), {"a": 1}),
)
for first in FIRST:
    with contextlib.suppress(LabError):  # what is not installed, or broken, is told to whoever asks for it
        first()
