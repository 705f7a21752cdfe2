"""Figures with their units, out of a catalogue's words for them: "6.1 kg", "up to 22 kg", "60 x 22 x 22 cm"."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = r"[-−]?\d+(?:[.,]\d+)?"
_UNIT = r"[^\d\s,;]{1,12}(?: per \w+)?"
_ONE = re.compile(rf"(?:up to |about |ca\. )?({_NUMBER})(?:\s*({_UNIT}))?")
_NAMED = re.compile(rf"([A-Z]{{2,5}}) ({_NUMBER})")
_RUN = re.compile(rf"({_NUMBER}(?:\s*(?:x|×|to|–|/)\s*{_NUMBER})+)\s*(\S.*)?")
_EACH = re.compile(r"\s+a (?:pair|piece)$")


class Spec(NamedTuple):
    """One figure of a product.

    >>> weight = parse_spec("1.12 kg a pair")
    >>> weight.value, weight.unit
    (1.12, 'kg')
    """

    value: float | str
    """The number; the words themselves, where there is no number or more than one."""
    unit: str
    """Empty where there is none."""

    @property
    def numbers(self) -> tuple[float, ...]:
        """All numbers in it, in order: three for a packed size, two for a range, none for words."""
        if isinstance(self.value, float):
            return (self.value,)
        return tuple(map(_number, re.findall(_NUMBER, self.value)))


def parse_spec(text: str) -> Spec:
    """Read a fact as it stands in a catalogue.

    >>> parse_spec("-20 °C"), parse_spec("UPF 40"), parse_spec("yes, membrane")
    (Spec(value=-20.0, unit='°C'), Spec(value=40.0, unit='UPF'), Spec(value='yes, membrane', unit=''))
    >>> parse_spec("60 x 22 x 22 cm").numbers
    (60.0, 22.0, 22.0)
    """
    text = _EACH.sub("", text.strip())
    if run := _RUN.fullmatch(text):
        return Spec(run[1], run[2] or "")
    if one := _ONE.fullmatch(text):
        return Spec(_number(one[1]), one[2] or "")
    if named := _NAMED.fullmatch(text):
        return Spec(_number(named[2]), named[1])
    return Spec(text, "")


def _number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", "."))
