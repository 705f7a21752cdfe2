"""A judge's licence: how far it agrees with people who rated the same items blind, under the same rubric.

Without one its numbers are provisional. A licence is for one signature: a changed prompt, model or option needs
another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from contoso_lab.errors import ScoringError
from contoso_lab.recording.ratings import Rating, standing
from contoso_lab.scoring.judges.verdicts import Verdict
from contoso_lab.scoring.stats.agreement import cohen_kappa, krippendorff_alpha, observed_agreement
from contoso_lab.scoring.stats.correction import Confusion

LEAST_PER_CLASS = 60
LEAST_TWICE = 0.25
"""Share of the items that two people have to have rated."""
LEAST_KAPPA = 0.6
"""Quadratic-weighted, of the judge against people: "substantial" by Landis & Koch (1977)."""
GOOD_FROM = 4
"""Grades from here on count as yes where a rubric of five grades is read as yes or no."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What is known of a judge, and whether it may be believed."""

    rubric: str
    signature: str
    policy_version: str
    items: int
    """Items with a verdict and a rating."""
    yes: int
    no: int
    """Of them, how many people call good (4 or 5), and how many not."""
    rated_twice: float
    """Share of the items that at least two people rated."""
    base_rate: float
    """Share that people call good; high agreement means little when it is near 0 or 1."""
    agreement: float
    kappa: float
    """Plain κ of the grades."""
    kappa_weighted: float
    """Quadratic-weighted κ: how far apart grades are counts."""
    people_alpha: float
    """Krippendorff's α among people (ordinal): no judge can agree with them better than they do."""
    sensitivity: float
    specificity: float
    self_consistency: float
    """Share of repeated looks that give the same grade; NaN when nothing was repeated."""
    position_consistency: float
    """For pairs: share that keeps its choice when the order changes; NaN for other rubrics."""

    @property
    def faults(self) -> list[str]:
        """Why it is not granted, a sentence each; empty when it is."""
        found = []
        if min(self.yes, self.no) < LEAST_PER_CLASS:
            found.append(f"{self.yes} good and {self.no} other items are rated, {LEAST_PER_CLASS} of each are needed")
        if self.rated_twice < LEAST_TWICE:
            found.append(f"{self.rated_twice:.0%} of the items were rated by two people, {LEAST_TWICE:.0%} are needed")
        if not self.kappa_weighted >= LEAST_KAPPA:
            found.append(f"weighted κ is {self.kappa_weighted:.2f}, {LEAST_KAPPA} is needed")
        return found

    @property
    def granted(self) -> bool:
        """Whether the judge's numbers may stand without the word provisional."""
        return not self.faults

    @property
    def confusion(self) -> Confusion:
        """The judge against people as yes and no, for a correction."""
        both_yes, both_no = round(self.sensitivity * self.yes), round(self.specificity * self.no)
        return Confusion(both_yes, self.yes - both_yes, both_no, self.no - both_no)

    def save(self, path: Path | str) -> Path:
        """Write it as JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> Licence:
        """Read what `save` wrote; raises ScoringError when it is not there or is none."""
        try:
            return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ScoringError(f"{path}: no licence of a judge ({error}); make it anew with license_judge") from error

    def __str__(self) -> str:
        word = "granted" if self.granted else f"not granted ({'; '.join(self.faults)})"
        return (
            f"{self.rubric}: {word}. {self.items} items, base rate {self.base_rate:.0%}, agreement "
            f"{self.agreement:.0%}, κ {self.kappa:.2f}, weighted {self.kappa_weighted:.2f}, people's α "
            f"{self.people_alpha:.2f}"
        )


def license_judge(verdicts: Iterable[Verdict], ratings: Iterable[Rating]) -> Licence:
    """Hold a judge's verdicts against what people said of the same items.

    People's grade of an item is the median of what they gave. Ratings under another version of the rubric are not
    counted: the same judge went from κ .23 to .79 in public when only the wording of the rule changed.

    Args:
        verdicts: Of one signature.
        ratings: Of people, in any order; the newest of each counts.

    Raises:
        ScoringError: verdicts of several signatures, or nothing that both have seen.
    """
    given = list(verdicts)
    kinds = {(v.rubric, v.signature, v.policy_version) for v in given}
    if len(kinds) != 1:
        raise ScoringError(f"a licence is for one signature, and these are verdicts of {len(kinds)}")
    ((rubric, signature, policy),) = kinds
    mine = [one for one in standing(ratings) if one.question == rubric]
    people: dict[str, list[int]] = {}
    for one in mine:
        if one.policy_version == policy and one.rating is not None:
            people.setdefault(one.item, []).append(one.rating)
    first = {v.item: v for v in given if v.status == "ok" and v.repeat == 0}
    both = [item for item in first if item in people and isinstance(first[item].value, float)]
    if not both:
        others = sorted({one.policy_version for one in mine} - {policy})
        hint = f"; there are ratings under {', '.join(others)}, and the rubric is now {policy}" if others else ""
        raise ScoringError(f"no item of '{rubric}' has both a verdict and a rating by a person{hint}")
    truth = [_median(people[item]) for item in both]
    judged = [int(float(first[item].value or 0)) for item in both]
    good = [grade >= GOOD_FROM for grade in truth]
    confusion = Confusion.of(good, [grade >= GOOD_FROM for grade in judged])
    twice = [people[item] for item in both if len(people[item]) > 1]
    return Licence(
        rubric=rubric,
        signature=signature,
        policy_version=policy,
        items=len(both),
        yes=confusion.yes,
        no=confusion.no,
        rated_twice=len(twice) / len(both),
        base_rate=fmean(good),
        agreement=observed_agreement(truth, judged),
        kappa=cohen_kappa(truth, judged, labels=range(1, 6)),
        kappa_weighted=cohen_kappa(truth, judged, weights="quadratic", labels=range(1, 6)),
        people_alpha=krippendorff_alpha(twice, level="ordinal") if twice else math.nan,
        sensitivity=confusion.sensitivity,
        specificity=confusion.specificity,
        self_consistency=self_consistency(given),
        position_consistency=position_consistency(given),
    )


def self_consistency(verdicts: Sequence[Verdict]) -> float:
    """Share of pairs of looks at the same item that agree; NaN when nothing was looked at twice."""
    looks: dict[str, list[Any]] = {}
    for verdict in verdicts:
        if verdict.status == "ok":
            looks.setdefault(verdict.item, []).append(verdict.value)
    pairs = [a == b for values in looks.values() for i, a in enumerate(values) for b in values[i + 1 :]]
    return fmean(pairs) if pairs else math.nan


def position_consistency(verdicts: Sequence[Verdict]) -> float:
    """Share of the pairs whose verdict did not change with the order; NaN when there are none."""
    kept = [v.orders[0] == v.orders[1] for v in verdicts if v.status == "ok" and len(v.orders) == 2]
    return fmean(kept) if kept else math.nan


def _median(grades: Sequence[int]) -> int:
    """The middle grade; of two middle ones the lower, so that doubt does not flatter."""
    return sorted(grades)[(len(grades) - 1) // 2]
