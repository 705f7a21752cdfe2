"""A call as lines that azure-ai-evaluation reads: a query, what the answer could rest on, and the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

from contoso_lab.recording.bundle import Recording
from contoso_lab.wire import Turn


def azure_lines(recording: Recording) -> Iterator[str]:
    """One line for each answer of the assistant that has words.

    `query` is all that the caller said since the answer before; `context` is what the tools gave back for it, else
    the instructions of the session, which hold the catalogue. Columns that evaluators pass over say where it is from.
    """
    instructions = str((recording.manifest.session or {}).get("instructions") or "")
    asked: list[str] = []
    found: list[str] = []
    number = 0
    for turn in recording.conversation.turns:
        found += [call.output for call in turn.tool_calls if call.output]
        if turn.role == "user" and turn.text:
            asked.append(turn.text)
        elif turn.role == "assistant" and turn.text:
            yield _line(recording, turn, number, " ".join(asked), "\n\n".join(found) or instructions)
            asked, found, number = [], [], number + 1


def _line(recording: Recording, turn: Turn, number: int, query: str, context: str) -> str:
    manifest = recording.manifest
    row = {
        "query": query,
        "context": context,
        "response": turn.text,
        "heard": turn.heard,
        "recording": recording.id,
        "turn": number,
        "item_id": turn.item_id,
        "persona": manifest.persona,
        "scenario": manifest.scenario,
        "model": manifest.target.model,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"
