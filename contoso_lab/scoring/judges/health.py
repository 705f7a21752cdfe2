"""How a judge is doing: answers of the wrong shape, changes of mind, drift of the model behind the name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.judges.licence import position_consistency, self_consistency
from contoso_lab.scoring.judges.verdicts import Verdict
from contoso_lab.scoring.stats import Estimate, wilson


@dataclass(frozen=True, slots=True)
class Health:
    """What the verdicts of one signature tell of the judge itself."""

    verdicts: int
    errors: Estimate
    """Share that is no verdict, with Wilson's interval: "0 of 20" still leaves up to 16 %."""
    error_reasons: dict[str, int]
    self_consistency: float
    position_consistency: float
    models: dict[str, int]
    """How often each model answered under the name that was asked for."""
    grades: dict[str, int]
    first_wins: float | None
    """For pairs: share of all looks, ties left out, in which the answer that stood first won; near .5 is no bias."""

    @property
    def drifted(self) -> bool:
        """Whether more than one model answered: the name was moved to another snapshot between."""
        return len(self.models) > 1


def health_of(verdicts: Iterable[Verdict]) -> Health:
    """Look at the verdicts of one signature."""
    given = list(verdicts)
    if len({verdict.signature for verdict in given}) != 1:
        raise ScoringError("a judge's health is of one signature: choose with Verdicts.of(…)")
    bad = [verdict for verdict in given if verdict.status == "error"]
    firsts: list[bool] = []
    for verdict in given:
        for place, said in enumerate(verdict.orders):
            if said != "tie":
                firsts.append(said == "ab"[place])
    return Health(
        verdicts=len(given),
        errors=wilson(len(bad), len(given)),
        error_reasons=dict(Counter(verdict.reason for verdict in bad).most_common(5)),
        self_consistency=self_consistency(given),
        position_consistency=position_consistency(given),
        models=dict(Counter(verdict.model for verdict in given if verdict.status == "ok")),
        grades=dict(Counter(str(verdict.value) for verdict in given if verdict.status == "ok").most_common()),
        first_wins=sum(firsts) / len(firsts) if firsts else None,
    )
