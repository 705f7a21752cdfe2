"""A judge as a scorer: it reads the verdicts that were given before, so a run can be scored again without a socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.scoring.judges.licence import Licence
from contoso_lab.scoring.judges.verdicts import Verdicts
from contoso_lab.scoring.value import Metric, Score, Scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


@dataclass(frozen=True)
class JudgeScorer(Scorer):
    """A scorer with the signature of its judge."""

    signature: str = ""


def judge_scorer(
    rubric: str, verdicts: Verdicts, *, signature: str | None = None, licence: Licence | None = None
) -> JudgeScorer:
    """A scorer of what a judge said of a call or of its pages, on a scale of 1 to 5.

    With a licence that is granted the metric takes part in verdicts on runs; without, it is shown as provisional and
    without one. Parse failures are errors, with the bound that they leave in the note. Repeats are averaged.

    Args:
        rubric: The judge's name.
        verdicts: What it said; asked for with `ask_judge`.
        signature: Which of several judges of that name; needed when there are several.
        licence: Of the same signature.

    Raises:
        ScoringError: there are no verdicts, or those of several signatures and none was named.
    """
    chosen = signature or verdicts.only(rubric)
    licensed = licence is not None and licence.signature == chosen and licence.granted
    about = f"What the judge '{rubric}' says, 1 to 5 (signature {chosen})"
    why = "no licence" if licence is None else "its licence is for another signature or not granted"
    metric = Metric(
        f"judge_{rubric}" if licensed else f"judge_{rubric}_provisional",
        unit="of 5",
        judged=licensed,
        about=f"{about}." if licensed else f"Provisional, {why}: {about[0].lower()}{about[1:]}.",
        scale=(1.0, 5.0),
    )
    by_recording: dict[str, dict[str, list[Score]]] = {}
    for verdict in verdicts.of(chosen):
        score = Score.error(verdict.reason)
        if verdict.status == "ok" and isinstance(verdict.value, float):
            score = Score(verdict.value, reason=verdict.reason)
        by_recording.setdefault(verdict.recording, {}).setdefault(verdict.item, []).append(score)

    def read(recording: Recording) -> Score | list[Score]:
        items = by_recording.get(recording.id)
        if not items:
            return Score.missing(f"the judge '{rubric}' was not asked about this call")
        return [_averaged(looks) for looks in items.values()]

    return JudgeScorer(metric, read, signature=chosen)


def _averaged(looks: list[Score]) -> Score:
    told = [look for look in looks if look.status == "ok" and isinstance(look.value, float)]
    if not told:
        return looks[0]
    values = [float(look.value or 0.0) for look in told]
    spread = "" if len(set(values)) == 1 else f" (grades {', '.join(f'{value:g}' for value in values)})"
    return Score(sum(values) / len(values), reason=told[0].reason + spread)
