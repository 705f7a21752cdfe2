"""The recorded calls that come with the lab: synthetic, and labelled; data/recordings/README.md says how."""

from __future__ import annotations

from contoso_lab.errors import RecordingError
from contoso_lab.recording.bundle import Recording
from contoso_lab.settings import HOME

EXAMPLES = HOME / "data" / "recordings"
"""Where they lie; `list_recordings(EXAMPLES)` is their table."""


def example_calls(*, scenario: str | None = None, persona: str | None = None) -> list[Recording]:
    """Open the recorded calls that come with the lab, by name.

    Args:
        scenario: only the calls of this customer's script; most have one for each of two personas.
        persona: only the calls that this persona answers.

    >>> [call.id for call in example_calls(scenario="family_tent")]
    ['family_tent--voice', 'family_tent--voice_brief']

    Raises:
        RecordingError: there is no such call, and the message names those that there are.
    """
    names = [tuple(place.parent.name.split("--")) for place in sorted(EXAMPLES.glob("*--*/manifest.json"))]
    wanted = [name for name in names if scenario in (None, name[0]) and persona in (None, name[1])]
    if not wanted:
        there = ", ".join(dict.fromkeys(name[0] for name in names)) or "none"
        asked = " and ".join(filter(None, (scenario, persona))) or "any name"
        raise RecordingError(f"{EXAMPLES} holds no call of {asked}; there are: {there}")
    return [Recording.open(EXAMPLES / "--".join(name)) for name in wanted]
