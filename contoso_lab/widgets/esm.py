"""One ES module for a widget, put together from small real ones: no bundler, nothing fetched.

A front end takes a widget's code as one string (`_esm`). Here it is written as modules that import each other, which
Node and a browser can also run one by one in tests. Putting together is concatenation in the order of imports:

| in a source file | in the module |
|---|---|
| `import { fold } from "./fold.js";` | gone; the file stands before this one |
| `import captureSource from "./capture.worklet.js";` | `const captureSource = "…";`, that file put together likewise |
| `export const`, `export function`, `export class` | without `export`; a default export stays in the entry |

Worklets and workers run in a scope of their own, so they travel as text for a Blob address: a front end serves no
files of ours. Every name at the top level of a file is one for the whole module, and two files may not share one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from contoso_lab.errors import WidgetError

STATIC = Path(__file__).parent / "static"
OWN_SCOPE = (".worklet.js", ".worker.js")
"""Files that run in a scope of their own."""

_IMPORT = re.compile(r"^import\s+(?P<what>[^;]*?)\s*from\s*\"(?P<path>[^\"]+)\";[ \t]*(?://[^\n]*)?\n?", re.MULTILINE)
_ANY_IMPORT = re.compile(r"^import\b.*", re.MULTILINE)
_ANY_EXPORT = re.compile(r"^export\b.*", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let)\b)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default\b", re.MULTILINE)
_DECLARED = re.compile(
    r"^(?P<exported>export )?(?:(?:async )?function\s*\*?|class|const|let|var)\s+"
    r"(?P<name>[\w$]+|[{\[][^=]*[}\]](?=\s*=))",
    re.MULTILINE,
)


@dataclass(slots=True)
class _Module:
    """What has been put together so far."""

    root: Path
    parts: list[str] = field(default_factory=list)
    exported: dict[Path, frozenset[str]] = field(default_factory=dict)
    owners: dict[str, Path] = field(default_factory=dict)
    opened: list[Path] = field(default_factory=list)


@cache
def assemble(entry: str) -> str:
    """The module that begins with a file of `static/`, as one string for `_esm`.

    Args:
        entry: the file, from `static/` on.

    Raises:
        WidgetError: a file is missing, imports in a circle or in a form that is not in the table above, wants a name
            that is not exported, or uses a name that another file has.

    >>> "export default" in assemble("console/console.js")
    True
    """
    return assembled(STATIC / entry)


def assembled(entry: Path) -> str:
    """`assemble` for a file anywhere."""
    module = _Module(entry.parent)
    _add(entry.resolve(), module, is_entry=True)
    return "\n".join(module.parts)


def style(*names: str) -> str:
    """Style sheets of `static/` in one string for `_css`, our theme first.

    >>> style().startswith("/* The look")
    True
    """
    return "\n".join(_read(STATIC / name) for name in ("theme.css", *names))


def _add(path: Path, module: _Module, *, is_entry: bool = False) -> None:
    if path in module.opened:
        circle = " → ".join(each.name for each in [*module.opened[module.opened.index(path) :], path])
        raise WidgetError(f"{path.name}: imports in a circle ({circle}); move what both need into a third file")
    if path in module.exported:
        return
    module.opened.append(path)
    text = _read(path)
    own: list[str] = []
    for found in _IMPORT.finditer(text):
        if (line := _import(found["what"], found["path"], path, module)) is not None:
            own.append(line)
    text = _IMPORT.sub("", text)
    if strange := _ANY_IMPORT.search(text):
        raise WidgetError(f'{path.name}: {strange[0]!r} is not of the form import {{ name }} from "./file.js";')
    _claim(path, "\n".join([*own, text]), module)
    text = _EXPORT.sub("", text)
    if not is_entry and (default := _DEFAULT.search(text)):
        raise WidgetError(f"{path.name}: {default[0]!r} is for the entry of a widget only; export by name")
    if strange := _ANY_EXPORT.search(_DEFAULT.sub("", text)):
        raise WidgetError(f"{path.name}: {strange[0]!r} is not export in front of a function, class, const or let")
    module.opened.pop()
    module.parts.append("\n".join([f"// {path.name}", *own, text.strip("\n"), ""]))


def _import(what: str, target: str, path: Path, module: _Module) -> str | None:
    """Bring in one import; a line when it becomes a text in this file."""
    if not target.startswith(("./", "../")):
        raise WidgetError(f"{path.name}: {target!r} is not a file beside it; nothing else can be imported here")
    wanted = (path.parent / target).resolve()
    if wanted.name.endswith(OWN_SCOPE):
        if not re.fullmatch(r"[\w$]+", what):
            raise WidgetError(f'{path.name}: {wanted.name} comes as a text: import name from "{target}";')
        return f"const {what} = {json.dumps(assembled(wanted))};"
    if not re.fullmatch(r"\{[\s\w$,]*\}", what):
        raise WidgetError(f'{path.name}: import {what} is not possible here; write import {{ name }} from "{target}";')
    _add(wanted, module)
    names = {name for name in re.split(r"[\s,{}]+", what) if name}
    if missing := sorted(names - module.exported[wanted]):
        raise WidgetError(f"{path.name}: {wanted.name} does not export {', '.join(missing)}")
    return None


def _claim(path: Path, text: str, module: _Module) -> None:
    """Take this file's names; another file must not have one of them."""
    exported: set[str] = set()
    for found in _DECLARED.finditer(text):
        for name in re.findall(r"[\w$]+(?=\s*[,}\]])|^[\w$]+$", found["name"]):
            owner = module.owners.setdefault(name, path)
            if owner != path:
                raise WidgetError(f"{path.name}: {name} is declared in {owner.name} already; rename one of them")
            if found["exported"]:
                exported.add(name)
    module.exported[path] = frozenset(exported)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WidgetError(f"{path}: this part of a widget cannot be read ({error.strerror})") from error
