"""The number for the headline: what people would say of all calls, from the judge's verdicts and a few ratings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.recording.ratings import Rating, standing
from contoso_lab.scoring.judges.licence import GOOD_FROM, Licence
from contoso_lab.scoring.judges.verdicts import Verdict
from contoso_lab.scoring.stats import Estimate, mean_interval
from contoso_lab.scoring.stats.correction import ppi_mean, rogan_gladen


def corrected_mean(verdicts: Iterable[Verdict], ratings: Iterable[Rating]) -> Estimate:
    """The mean grade that people would give, by PPI++, with calls of one scenario as one cluster.

    Args:
        verdicts: Of one signature; repeats are averaged, errors are left out and counted in the note.
        ratings: Of people, on a part of the items or on others; only those under the same version of the rubric count.
    """
    given = list(verdicts)
    judged, cluster, rubric, policy, errors = _read(given)
    people: dict[str, list[int]] = {}
    for one in standing(ratings):
        if one.question == rubric and one.policy_version == policy and one.rating is not None:
            people.setdefault(one.item, []).append(one.rating)
    labelled = [item for item in judged if item in people]
    rest = [item for item in judged if item not in people]
    if len(labelled) < 2:
        raise ScoringError(f"{len(labelled)} items of '{rubric}' have a rating by a person: rate more of them")
    told = ppi_mean(
        [fmean(people[item]) for item in labelled],
        [judged[item] for item in labelled],
        [judged[item] for item in rest],
        clusters_labelled=[cluster[item] for item in labelled],
        clusters_rest=[cluster[item] for item in rest],
    )
    return replace(told, note=_note(errors, len(given), judged))


def corrected_rate(verdicts: Iterable[Verdict], licence: Licence, *, seed: int = 0) -> Estimate:
    """The share of items that people would call good (4 or 5), by Rogan and Gladen, with calls as clusters.

    Args:
        verdicts: Of the licence's signature.
        licence: What is known of the judge's errors.
        seed: For the interval of few calls.
    """
    given = list(verdicts)
    judged, cluster, _, _, errors = _read(given)
    if {verdict.signature for verdict in given} != {licence.signature}:
        raise ScoringError("the licence is for another signature of the judge: license this one")
    good = [float(grade >= GOOD_FROM) for grade in judged.values()]
    plain = mean_interval(good, [cluster[item] for item in judged], np.random.default_rng(seed), share=True)
    told = rogan_gladen(plain.value, len(good), licence.confusion, rate_se=plain.se or None)
    notes = [told.note, _note(errors, len(given), judged), "" if licence.granted else "provisional: no licence"]
    return replace(told, clusters=plain.clusters, note="; ".join(filter(None, notes)))


def _read(given: list[Verdict]) -> tuple[dict[str, float], dict[str, str], str, str, int]:
    kinds = {(v.rubric, v.signature, v.policy_version) for v in given}
    if len(kinds) != 1:
        raise ScoringError(f"a corrected number is of one signature, and these are verdicts of {len(kinds)}")
    ((rubric, _, policy),) = kinds
    looks: dict[str, list[float]] = {}
    for v in given:
        if v.status == "ok" and isinstance(v.value, float):
            looks.setdefault(v.item, []).append(v.value)
    if not looks:
        raise ScoringError(f"there is no verdict on '{rubric}' that is a grade")
    cluster = {v.item: v.scenario for v in given}
    if len(set(cluster.values())) == 1:
        cluster = {v.item: v.recording for v in given}
    errors = sum(v.status == "error" for v in given)
    return {item: fmean(values) for item, values in looks.items()}, cluster, rubric, policy, errors


def _note(errors: int, total: int, judged: dict[str, float]) -> str:
    """Errors, with what the plain mean would be if all of them were the worst grade or the best."""
    if not errors:
        return ""
    n, summed = len(judged) + errors, sum(judged.values())
    low, high = (summed + errors) / n, (summed + 5 * errors) / n
    return f"{errors} of {total} verdicts are errors; the judge's mean lies between {low:.2f} and {high:.2f} with them"
