"""What a comparison says to do, and the reasons, in words that need no glossary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contoso_lab.report.comparison import Comparison, Difference
from contoso_lab.scoring.verdict import Word

PLAIN = {
    "valid_sku_rate": "naming products that exist",
    "constraint_sat": "keeping to what was demanded",
    "ndcg_linear@3": "the order of its pages",
    "truth_said": "saying what is true",
    "truth_shown": "showing what is true",
    "sold_again_rate": "not selling what is owned",
    "off_budget_rate": "keeping to a budget",
    "task_success": "getting things done",
    "gate_right": "showing a page when one is wanted",
    "persona_adherence": "keeping to its part",
    "speakability": "being easy to take in by ear",
    "wer": "hearing the words",
    "voice_to_voice_ms": "answering soon",
    "voice_to_voice_tool_ms": "answering soon where a tool is used",
    "suggestion_latency_ms": "showing a page soon",
    "setup_ms": "beginning soon",
    "response_rate": "answering at all",
    "usd_per_call": "what a call costs",
}
"""What each metric that gets a verdict is about, for who has never heard its name."""

ORDER: tuple[Word, ...] = ("better", "worse", "equivalent", "not shown", "too few calls to say")


@dataclass(frozen=True, slots=True)
class Reason:
    """One metric that speaks for or against the change."""

    word: Word
    metric: str
    about: str
    """What it measures, in a sentence."""
    numbers: str
    """From what to what, and how sure that is."""


def answer(comparison: Comparison) -> str:
    """What a comparison says to do, in a sentence or two.

    Better at something and worse at nothing is a reason to change; anything else is said as it is.
    """
    first, second = comparison.names
    words: dict[str, list[str]] = {}
    for difference in comparison:
        if difference.verdict is not None:
            words.setdefault(difference.verdict.word, []).append(_plainly(difference.metric.name))
    better, worse = words.get("better", []), words.get("worse", [])
    if better and worse:
        return f"You have to choose: {second} is better at {listed(better)}, and worse at {listed(worse)}."
    if better:
        return f"Ship {second}: it is better at {listed(better)}, and worse at nothing that was measured."
    if worse:
        return f"Ship {first}: {second} is worse at {listed(worse)}, and better at nothing that was measured."
    equivalent = words.get("equivalent", [])
    if equivalent and not words.get("not shown") and not words.get("too few calls to say"):
        return f"Either will do: {first} and {second} are equivalent at {listed(equivalent)}."
    more = [d.verdict.more_calls for d in comparison if d.verdict is not None and d.verdict.more_calls is not None]
    need = f" About {min(more)} more pairs of calls would show the largest of the differences seen." if more else ""
    return f"No reason to change from {first} to {second}: no difference was shown. That is not the same as none.{need}"


def reasons(comparison: Comparison) -> list[Reason]:
    """What stands behind the answer: first what is better and worse, then what is equal, then what was not shown."""
    found = [
        Reason(d.verdict.word, d.metric.name, d.metric.about.rstrip("."), _numbers(d))
        for d in comparison
        if d.verdict is not None and d.difference is not None
    ]
    return sorted(found, key=lambda reason: ORDER.index(reason.word))


def _numbers(difference: Difference) -> str:
    _, before, after, change, interval, *_ = difference.cells
    if difference.verdict is not None and difference.verdict.word in ("better", "worse", "equivalent"):
        return f"{before} → {after} ({change}; 95 % interval {interval})" if interval != "–" else f"{before} → {after}"
    return f"{before} and {after}"


def _plainly(metric: str) -> str:
    return f"{PLAIN[metric]} ({metric})" if metric in PLAIN else metric


def listed(names: Sequence[str]) -> str:
    """Names as they stand in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
