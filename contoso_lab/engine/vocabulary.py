"""Which words are likely to come up in a call: the names in the catalogue that the instructions carry.

A real speech model listens with its instructions in mind. Our ear is a recogniser apart, so we hand it the names:
it then writes "Meadow Four" where it would have written "metal for".
"""

from __future__ import annotations

import re

_PRODUCT = re.compile(r"^[-*] *[A-Z]{2,5}-\d{2,4} *\| *([^|\n]+?) *\| *([^|\n]+?) *(?:\||$)", re.MULTILINE)
_MOST_NAMES = 60


def words_to_expect(instructions: str) -> str:
    """Give the names and categories of a catalogue as a prompt for an ear; empty when there is none.

    >>> words_to_expect("- TEN-02 | Meadow Four | Tents | $279.00")
    'Tents: Meadow Four.'
    """
    by_category: dict[str, list[str]] = {}
    for name, category in _PRODUCT.findall(instructions)[:_MOST_NAMES]:
        names = by_category.setdefault(category, [])
        if name not in names:
            names.append(name)
    return " ".join(f"{category}: {', '.join(names)}." for category, names in by_category.items())
