"""A product's manual: seven sections of Markdown, each with its own shape.

`## Features` and `## Cautions` are lists, `## Technical specs` is a table of two columns, `## FAQ` has questions in
bold with the answer beside them; `## User guide`, `## Warranty` and `## Returns` are free text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contoso_lab.errors import ShopError
from contoso_lab.facts_card import facts_html
from contoso_lab.shop.files import shown
from contoso_lab.shop.specs import Spec, parse_spec

SECTIONS = ("Features", "Technical specs", "User guide", "Cautions", "Warranty", "Returns", "FAQ")
"""What every manual holds, in this order."""

_HEADING = re.compile(r"(?m)^## +(.+?) *$")
_ROW = re.compile(r"\|\s*(.+?)\s*\|\s*(.+?)\s*\|")
_QUESTION = re.compile(r"\*\*(.+?)\*\*\s+(\S.*)", re.DOTALL)
_YEARS = re.compile(r"\b(\d+) years?\b")
_DAYS = re.compile(r"\b(\d+) days?\b")


@dataclass(frozen=True, slots=True)
class Question:
    """What people ask, and what the shop answers."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, repr=False)
class Manual:
    """A manual, read. One that a product does not have is empty, and false.

    >>> from contoso_lab.shop import Catalog
    >>> manual = Catalog.load().get("TEN-02").manual
    >>> manual.warranty_years, manual.returns_days, manual.specs["weight"].value
    (3, 60, 6.1)
    """

    title: str = ""
    about: str = ""
    features: tuple[str, ...] = ()
    specs: Mapping[str, Spec] = field(default_factory=dict)
    user_guide: str = ""
    cautions: tuple[str, ...] = ()
    warranty: str = ""
    returns: str = ""
    faq: tuple[Question, ...] = ()
    sections: Mapping[str, str] = field(default_factory=dict)
    """Every section as it is written, by its heading in lower case."""

    def __bool__(self) -> bool:
        return bool(self.sections)

    def __repr__(self) -> str:
        return f"<Manual {self.title}: {', '.join(self.sections)}>" if self else "<Manual: there is none>"

    def _repr_html_(self) -> str:
        facts = [("about", self.about), *((name.capitalize(), body) for name, body in self.sections.items())]
        return facts_html(self.title or "no manual", facts)

    @property
    def warranty_years(self) -> int | None:
        """How long the maker answers for it, where the warranty says so in years."""
        found = _YEARS.search(self.warranty)
        return int(found[1]) if found else None

    @property
    def returns_days(self) -> int | None:
        """Within how many days it may be sent back, where the section says so."""
        found = _DAYS.search(self.returns)
        return int(found[1]) if found else None


def read_manual(path: Path) -> Manual:
    """Read a manual and say everything that is wrong with it.

    Raises:
        ShopError: it cannot be read, a section is missing, empty, twice there or has not its shape; one sentence
            for each fault, one below the other.
    """
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as problem:
        raise ShopError(f"{shown(path)}: cannot be read ({problem.strerror}); check the path") from problem
    return _read(path, stamp)


@functools.lru_cache(maxsize=512)
def _read(path: Path, stamp: int) -> Manual:
    try:
        return parse_manual(path.read_text(encoding="utf-8"), shown(path))
    except UnicodeDecodeError as problem:
        raise ShopError(f"{shown(path)}: is not UTF-8 (byte {problem.start}); save it as UTF-8") from problem


def parse_manual(text: str, where: str = "the manual") -> Manual:
    """Read a manual's text; see `read_manual`.

    Args:
        where: how the faults call it.
    """
    head, *rest = _HEADING.split(text)
    names, bodies = rest[::2], [body.strip() for body in rest[1::2]]
    title = re.match(r"\s*# +(.+)", head)
    faults = [] if title else ["does not begin with '# ' and the product's name; add that line"]
    for name in SECTIONS:
        match names.count(name):
            case 0:
                faults.append(f"has no section '## {name}'; add it")
            case 1:
                if not bodies[names.index(name)]:
                    faults.append(f"the section '## {name}' is empty; write it")
            case _:
                faults.append(f"the section '## {name}' stands twice; make one of them")
    faults += [f"has a section '## {name}', which is none of a manual's; use '###' for a part" for name in names
               if name not in SECTIONS]  # fmt: skip
    by_name = dict(zip(names, bodies, strict=True))
    rows = [row.groups() for row in _ROW.finditer(by_name.get("Technical specs", ""))][2:]
    questions = [_QUESTION.fullmatch(part.strip()) for part in re.split(r"\n\s*\n", by_name.get("FAQ", ""))]
    if by_name.get("Technical specs") and not rows:
        faults.append("the section '## Technical specs' has no table of '| what | value |'; make one")
    if by_name.get("FAQ") and None in questions:
        at = questions.index(None) + 1
        faults.append(f"question {at} of '## FAQ' is not '**question** answer' with an empty line around; write it so")
    for name in ("Features", "Cautions"):
        if by_name.get(name) and not _items(by_name[name]):
            faults.append(f"the section '## {name}' has no lines that begin with '- '; make it a list")
    if faults:
        raise ShopError("\n".join(f"{where}: {fault}" for fault in faults))
    return Manual(
        title=title[1].strip() if title else "",
        about=re.sub(r"\s*# +.+", "", head, count=1).strip(),
        features=_items(by_name["Features"]),
        specs={key: parse_spec(value) for key, value in rows},
        user_guide=by_name["User guide"],
        cautions=_items(by_name["Cautions"]),
        warranty=by_name["Warranty"],
        returns=by_name["Returns"],
        faq=tuple(Question(found[1], " ".join(found[2].split())) for found in questions if found),
        sections={name.lower(): body for name, body in by_name.items()},
    )


def _items(text: str) -> tuple[str, ...]:
    return tuple(line[2:].strip() for line in text.splitlines() if line.startswith("- "))
