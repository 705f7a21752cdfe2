"""One HTML file that lets anybody hear a call, read it, and see what the customer waited for.

It needs no network and no server: sound, pictures, style and script are inside, and its own content security
policy forbids the rest. All that comes out of a recording is escaped; the only script that may run is named in that
policy by its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.audio import to_base64
from contoso_lab.errors import ConfigError, ScoringError
from contoso_lab.report.drawn import Scale, drawn
from contoso_lab.report.facts import target_of
from contoso_lab.report.palette import DARK, LIGHT, PARTS, css_variables
from contoso_lab.report.view import look, names_of
from contoso_lab.report.waits import extent_ms

if TYPE_CHECKING:
    from contoso_lab.recording import Recording
    from contoso_lab.report.comparison import Comparison


def page(
    recordings: Sequence[Recording],
    path: str | Path,
    *,
    comparison: Comparison | None = None,
    names: Sequence[str] | None = None,
    summary: str = "",
    title: str = "",
    lede: str = "",
) -> Path:
    """Write calls as one page that opens by itself, and return where it is.

    Args:
        recordings: the calls, each on a tab of its own.
        path: the file to write; its folder is made when it is missing.
        comparison: a table that goes on top.
        names: what to call each call; its persona by default.
        summary: HTML of ours that goes on top of everything, made safe by whoever made it. A button in it with
            `data-jump="call-2"` and `data-at="12.5"` opens the second call at that second.
        title: the title; made of the calls by default.
        lede: the line under it; made of the calls by default.

    Raises:
        ScoringError: there is no recording, or there are not as many names.
        ConfigError: the file cannot be written.
    """
    place = Path(path)
    html = page_html(recordings, comparison=comparison, names=names, summary=summary, title=title, lede=lede)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(html, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{place}: the page cannot be written ({error.strerror}); choose another place") from error
    return place


def page_html(
    recordings: Sequence[Recording],
    *,
    comparison: Comparison | None = None,
    names: Sequence[str] | None = None,
    summary: str = "",
    title: str = "",
    lede: str = "",
) -> str:
    """The text of that page."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    called = chosen_names(recordings, names)
    calls = [look(recording, name) for recording, name in zip(recordings, called, strict=True)]
    scale = Scale(*extent_ms(wait for call in calls for wait in call.waits))
    style = f":root {{ {css_variables(LIGHT)} }}\n@media (prefers-color-scheme: dark) {{ :root {{ "
    style += f"{css_variables(DARK)} }} }}\n{_own('page.css')}"
    script = _own("page.js")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(_own("page.html")).render(
        title=title or _title(recordings, called),
        summary=Markup(summary),
        lede=lede or _lede(recordings),
        policy=_policy(script),
        css=Markup(style),
        js=Markup(script),
        comparison=Markup(comparison._repr_html_()) if comparison is not None else None,
        parts=PARTS,
        scale=scale,
        calls=[drawn(call, f"call-{number}", scale) for number, call in enumerate(calls, start=1)],
    )


def chosen_names(recordings: Sequence[Recording], names: Sequence[str] | None) -> list[str]:
    """What to call each recording; raises ScoringError when there is none, or when names are missing."""
    if not recordings:
        raise ScoringError("there is no call to show: give at least one recording")
    if names is not None and len(names) != len(recordings):
        raise ScoringError(f"{len(recordings)} calls need as many names, not {len(names)}")
    return list(names) if names is not None else names_of(recordings)


def _own(name: str) -> str:
    return files("contoso_lab.report").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    digest = to_base64(hashlib.sha256(script.encode()).digest())
    return (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _title(recordings: Sequence[Recording], names: Sequence[str]) -> str:
    customers = dict.fromkeys(recording.manifest.customer for recording in recordings if recording.manifest.customer)
    who = f" with {' and '.join(customers)}" if customers else ""
    return f"{'A call' if len(recordings) == 1 else f'{len(recordings)} calls'}{who}: {' · '.join(names)}"


def _lede(recordings: Sequence[Recording]) -> str:
    days = dict.fromkeys(day for recording in recordings if (day := recording.manifest.created_at[:10]))
    targets = dict.fromkeys(target_of(recording.manifest) for recording in recordings)
    scenarios = dict.fromkeys(f"scenario {recording.manifest.scenario}" for recording in recordings)
    parts = [
        *(f"recorded {day}" for day in days),
        *(f"target {target}" for target in targets),
        *(scenario for scenario in scenarios if scenario != "scenario "),
    ]
    return " · ".join(parts)
