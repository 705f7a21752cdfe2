"""The languages that the shop speaks, their fixed sentences, and which of them a text is in.

The sentences stand in `prompts/languages.yaml`, where an author can change them; which language a text is in says the
package py3langid, offline, held to our five. Measured on sentences of our own in `data/languages/`
(`tests/shop/test_languages.py` says how well).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast, get_args

from contoso_lab.errors import PromptError
from contoso_lab.settings import HOME

Code = Literal["en", "de", "fr", "es", "ja"]
"""ISO 639-1."""
CODES: tuple[Code, ...] = get_args(Code)
FILE = HOME / "prompts" / "languages.yaml"

_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_SURE = 0.5
"""Below this a guess is none: "OK" is said in all five."""
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Language:
    """One language, and what the shop says in it in fixed words; {who} and {first_name} are filled in by who speaks."""

    code: Code
    name: str
    """In English, as prompts name it."""
    own_name: str
    first: str
    returning: str
    unknown: str
    closing: str
    coming: str
    """A page is on its way to the screen."""
    calling: str
    """The shop rings now."""
    forgotten: str
    """All data of the customer is deleted."""


class Detected(NamedTuple):
    """The language of a text, and how sure that is."""

    code: Code | None
    """None: the text tells nothing, such as a number or "OK"."""
    certainty: float
    """0 to 1."""


def language(code: str) -> Language:
    """One of the shop's languages, by its code or its English name.

    Raises:
        PromptError: the shop does not speak it, or the file of sentences is broken.

    >>> language("de").name, language("German").code
    ('German', 'de')
    """
    known = _languages(FILE.stat().st_mtime_ns if FILE.is_file() else 0)
    low = code.strip().lower()
    for one in known.values():
        if low in (one.code, one.name.lower()) or low.split("-")[0] == one.code:
            return one
    raise PromptError(f"the shop does not speak {code!r}; it speaks {', '.join(one.name for one in known.values())}")


def detect_language(text: str) -> Detected:
    """Which of the five languages a text is in.

    >>> detect_language("Haben Sie ein leichtes Zelt für zwei Personen?").code
    'de'
    >>> detect_language("42").code is None
    True
    """
    if _KANA.search(text):
        return Detected("ja", 1.0)
    if not _LETTER.search(text):
        return Detected(None, 0.0)
    if _HAN.search(text):
        return Detected("ja", 0.9)  # of our five, only Japanese writes so
    with _lock:  # nothing promises that its buffers may be shared by threads
        code, certainty = _identifier().classify(text.lower())
    if certainty < _SURE:
        return Detected(None, float(certainty))
    return Detected(cast(Code, str(code)), float(certainty))


def is_broken(data: Any) -> str | None:
    """What is wrong with the sentences of a file; None when nothing is."""
    wanted = {field.name for field in fields(Language)} - {"code"}
    if not isinstance(data, Mapping):
        return "has to be a mapping of codes to sentences"
    for code in CODES:
        said = data.get(code)
        if not isinstance(said, Mapping):
            return f"lacks the language {code!r}; add it"
        if missing := sorted(wanted - set(said)):
            return f"{code}.{missing[0]} is missing; add it"
        if unknown := sorted(map(str, set(said) - wanted)):
            return f"{code}.{unknown[0]} is not known here; take it out or correct its name"
        if wrong := [key for key, value in said.items() if not isinstance(value, str) or '"' in value or "\n" in value]:
            return f"{code}.{wrong[0]} has to be one line of text without double quotes; correct it"
    return None


@lru_cache(maxsize=2)
def _languages(stamp_ns: int) -> dict[Code, Language]:
    import yaml

    try:
        data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        said = " ".join(str(problem).split())
        raise PromptError(f"prompts/languages.yaml: cannot be read: {said}; correct the file") from problem
    if (wrong := is_broken(data)) is not None:
        raise PromptError(f"prompts/languages.yaml: {wrong}")
    return {code: Language(code, **data[code]) for code in CODES}


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # Takes most of a second, once. One of our own: the package's own is one for the whole process, for all languages.
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(CODES))
    return identifier
