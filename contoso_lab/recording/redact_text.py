"""Take what is private out of texts, and out of JSON with texts in it, and count what was taken.

>>> redactor = Redactor()
>>> redactor.learn([("My name is Maya Chen, order 77042.", "")])
>>> redactor.text("My name is Maya Chen, order 77042.")
'My name is [name], order [order].'
>>> redactor.text("Thanks, Chen!"), dict(redactor.found)
('Thanks, [name]!', {'name': 2, 'order': 1})
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contoso_lab.recording.redact_rules import Hit, Kind, Known, find_private

_STRUCTURE = frozenset(
    "type id item_id response_id event_id call_id previous_item_id object status role sha sha256 dir voice model "
    "trace_id span_id parent_id created_at wall rate $audio encoding format tool_choice persona kind".split()
)
"""Fields whose values are the protocol's own words; a name of a person is in none of them."""
_PRIVATE_KEYS: dict[str, Kind] = {
    **dict.fromkeys(("first_name", "last_name", "full_name", "customer_name", "passenger_name", "cardholder"), "name"),
    **dict.fromkeys(("email", "e_mail", "mail"), "email"),
    **dict.fromkeys(("phone", "phone_number", "mobile", "telephone"), "phone"),
    **dict.fromkeys(("card_number", "credit_card"), "card"),
    **dict.fromkeys(("address", "street", "zip", "zip_code", "postal_code", "postcode", "home", "city"), "address"),
    **dict.fromkeys(("order_number", "order_id", "confirmation_number", "booking_code", "tracking_number"), "order"),
    **dict.fromkeys(("iban", "account_number", "ssn", "date_of_birth", "birthday"), "number"),
}
_LONG_DIGITS = re.compile(r"\d{7,}")


class Redactor:
    """Replaces what is private; what was learnt of a conversation goes wherever it stands."""

    def __init__(self, known: Known | None = None) -> None:
        self.known = known or Known()
        self.found: Counter[str] = Counter()
        """How many stretches were replaced, by kind."""

    def learn(self, texts: Iterable[tuple[str, str]]) -> None:
        """Read texts, each with what was said before it, and remember what is private wherever it is repeated."""
        for text, asked in texts:
            for hit in self.hits(text, asked=asked):
                self.known.remember(text[hit.start : hit.end], hit.kind)

    def hits(self, text: str, *, asked: str = "") -> list[Hit]:
        """What is private in a text."""
        return find_private(text, self.known, asked=asked)

    def text(self, text: str, *, asked: str = "") -> str:
        """The text with a word in brackets in place of what is private."""
        return self.pieces([text], self.hits(text, asked=asked))[0]

    def pieces(self, pieces: Sequence[str], hits: Sequence[Hit]) -> list[str]:
        """Take stretches out of a text that comes in pieces; the word that stands for one goes where it began."""
        self.found.update(hit.kind for hit in hits)
        made: list[str] = []
        at = 0
        for piece in pieces:
            out, end, here = "", at + len(piece), at
            for hit in hits:
                if hit.end <= at or hit.start >= end:
                    continue
                out += piece[here - at : max(hit.start, at) - at]
                out += f"[{hit.kind}]" if hit.start >= at else ""
                here = min(hit.end, end)
            made.append(out + piece[here - at :])
            at = end
        return made

    def value(self, value: Any, *, key: str = "") -> Any:
        """The same JSON with its texts redacted; a text that is JSON itself stays JSON."""
        if isinstance(value, Mapping):
            return {self._key(name): self.value(inner, key=str(name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, key=key) for inner in value]
        kind = _PRIVATE_KEYS.get(key.lower())
        if (
            kind is not None
            and value not in (None, "")
            and isinstance(value, str | int)
            and not isinstance(value, bool)
        ):
            self.found[kind] += 1
            return f"[{kind}]"
        if isinstance(value, str):
            return value if key in _STRUCTURE or not value else self._string(value)
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and key
            and not key.endswith(("_ns", "_ms", "_bytes"))
        ):
            return self._number(value, key)
        return value

    def _key(self, name: Any) -> Any:
        """A field may be named after a person, or an address, in a map of customers."""
        return (
            self.text(name)
            if isinstance(name, str) and ("@" in name or " " in name or name in self.known.names)
            else name
        )

    def _string(self, value: str) -> str:
        if value[:1] in "{[" and value[-1:] in "}]":
            try:
                inside = json.loads(value)
            except (ValueError, RecursionError):
                return self.text(value)
            return json.dumps(self.value(inside), ensure_ascii=False)
        return self.text(value)

    def _number(self, value: int, key: str) -> Any:
        text = str(value)
        if not _LONG_DIGITS.fullmatch(text):
            return value
        hits = find_private(text, self.known, asked=key.replace("_", " "))
        cards = [hit for hit in hits if hit.kind in ("card", "phone")]
        return self.pieces([text], cards)[0] if cards else value
