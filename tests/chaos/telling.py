"""What came of a storm, as Markdown."""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import os
import platform
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .storm import Done

_KINDS = {"sound": "pieces of sound", "item": "items", "mark": "marks", "other": "questions"}
_MOST_SENTENCES = 40


def tell(done: Done) -> str:
    """The tables, and a sentence for each broken promise.

    >>> from tests.chaos.storm import Done, Plan
    >>> print(tell(Done(Plan(minutes=1, calls=2), "a full file system")).splitlines()[0])
    # A storm of 1 minutes over 2 customers
    """
    plan, found = done.plan, done.verdict
    only = f" --only {' '.join(plan.only)}" if plan.only else ""
    lines = [
        f"# A storm of {plan.minutes:g} minutes over {plan.calls} customers",
        "",
        f"`python -m tests.chaos.storm --minutes {plan.minutes:g} --calls {plan.calls} --seed {plan.seed}{only}` on "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, Python {platform.python_version()}. The "
        f"engine runs without models. A full disk was {done.disk}.",
        "",
        f"**{len(found.broken)} promises were broken.** {found.calls} calls; {found.losses} times a line was lost, "
        f"{found.returns} times a customer was back in the same call. {found.opened} recordings, of whoever was killed "
        f"too, were opened. {found.unrecorded} calls were told that they are not recorded, or not any more.",
        "",
        "| from the customers | sent | arrived, as the relay told them | of it promised and recorded | lost |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {words} | {found.sent[kind]} | {found.arrived[kind]} | {found.recorded[kind]} | {found.lost[kind]} |"
            for kind, words in _KINDS.items()
        ),
        "",
        "| from the engine | received by the customers | of it promised and recorded | lost |",
        "|---|--:|--:|--:|",
        *(
            f"| {words} | {found.received[kind]} | {found.heard_recorded[kind]} | {found.lost[f'received {kind}']} |"
            for kind, words in (("event", "events"), ("sound", "pieces of sound"))
        ),
        "",
        f"Of {found.items_asked_for} items that had arrived in calls that ended well, the engine that held the call at "
        f"its end knew {found.items_held}; of {found.items_unanswered} it did not answer in time. Sound that was heard "
        "and went with a killed relay, or met a full disk, before it was written: "
        f"{found.sound_taken_along} pieces. Sent, and never told to have arrived, because the call ended first: "
        f"{found.sent.total() - found.arrived.total()} messages. Not promised is what came when the relay had said "
        "that the recording is broken.",
        "",
        "| how a call ended | calls |",
        "|---|--:|",
        *(f"| {how} | {count} |" for how, count in found.endings.most_common()),
        "",
        "| second | what was broken | what it met |",
        "|--:|---|---|",
        *(f"| {second:.0f} | {name} | {met} |" for second, name, met in done.faults),
        "",
    ]
    if done.failed:
        lines += [f"Errors of the relay's own: {_counts(done.failed)}.", ""]
    if found.broken:
        more = len(found.broken) - _MOST_SENTENCES
        lines += ["Broken:", "", *(f"- {sentence}" for sentence in found.broken[:_MOST_SENTENCES])]
        lines += [f"- … and {more} more"] if more > 0 else []
        lines += [""]
    return "\n".join(lines)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counted.most_common())
