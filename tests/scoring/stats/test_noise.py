from __future__ import annotations

import warnings

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.noise import Noise, split_noise, what_next


def _scores(rng: np.random.Generator, calls: int, epochs: int, repeats: int) -> tuple[np.ndarray, list[int], list[int]]:
    """ω² = 1.0 between calls, σ² = 0.5 between runs, 0.25 between looks."""
    values, names, runs = [], [], []
    for call in range(calls):
        base = rng.normal(0, 1.0)
        for epoch in range(epochs):
            run = base + rng.normal(0, 0.5**0.5)
            for _ in range(repeats):
                values.append(run + rng.normal(0, 0.25**0.5))
                names.append(call)
                runs.append(epoch)
    return np.array(values), names, runs


def test_the_three_sources_are_found_again() -> None:
    values, calls, epochs = _scores(np.random.default_rng(1), 600, 3, 3)
    noise = split_noise(values, calls, epochs)
    assert noise.calls == pytest.approx(1.0, abs=0.12)
    assert noise.agent == pytest.approx(0.5, abs=0.05)
    assert noise.measuring == pytest.approx(0.25, abs=0.02)
    assert (noise.n_calls, noise.epochs, noise.repeats) == (600, 3, 3)
    assert sum(noise.shares.values()) == pytest.approx(1)


def test_it_agrees_with_a_mixed_model_of_statsmodels() -> None:
    import pandas as pd
    import statsmodels.formula.api as smf

    values, calls, epochs = _scores(np.random.default_rng(2), 40, 3, 2)
    frame = pd.DataFrame({"y": values, "call": calls, "run": [f"{c}/{e}" for c, e in zip(calls, epochs, strict=True)]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its optimiser talks
        model = smf.mixedlm("y ~ 1", frame, groups="call", re_formula="1", vc_formula={"run": "0 + C(run)"})
        theirs = model.fit(reml=True)
    ours = split_noise(values, calls, epochs)
    assert ours.measuring == pytest.approx(float(theirs.scale), rel=0.02)
    assert ours.agent == pytest.approx(float(theirs.vcomp[0]), rel=0.05)
    assert ours.calls == pytest.approx(float(theirs.cov_re.iloc[0, 0]), rel=0.05)


def test_gaps_in_the_repeats_do_no_harm() -> None:
    rng = np.random.default_rng(3)
    values, calls, epochs = _scores(rng, 600, 3, 3)
    kept = rng.random(values.size) < 0.7
    noise = split_noise(
        values[kept],
        [c for c, k in zip(calls, kept, strict=True) if k],
        [e for e, k in zip(epochs, kept, strict=True) if k],
    )
    assert noise.calls == pytest.approx(1.0, abs=0.15)
    assert noise.agent == pytest.approx(0.5, abs=0.06)
    assert noise.measuring == pytest.approx(0.25, abs=0.03)


def test_what_was_never_repeated_is_counted_above() -> None:
    values, calls, epochs = _scores(np.random.default_rng(4), 500, 1, 1)
    noise = split_noise(values, calls, epochs)
    assert (noise.agent, noise.measuring) == (0.0, 0.0)
    assert noise.calls == pytest.approx(1.75, abs=0.25)


def test_a_machine_that_measures_is_named() -> None:
    noise = split_noise([1.0, 1.2, 5.0, 5.1], "aabb", [0, 0, 0, 0], measured_by="host")
    assert str(noise).startswith("noise: calls ")
    assert "host" in noise.shares


@pytest.mark.parametrize(
    ("noise", "best"),
    [
        (Noise(0.1, 4.0, 0.0, "judge", 20, 1, 1), "epochs"),
        (Noise(4.0, 0.1, 0.1, "judge", 20, 2, 2), "sessions"),
        (Noise(0.1, 0.1, 6.0, "judge", 20, 1, 1), "repeats"),
    ],
)
def test_the_advice_buys_where_the_noise_is(noise: Noise, best: str) -> None:
    offers = what_next(noise, costs={"sessions": 1.0, "epochs": 0.3, "repeats": 0.1})
    assert offers[0].what == best
    assert all(offer.se_after <= offer.se_before for offer in offers)


def test_a_judge_that_is_barely_labelled_asks_for_labels() -> None:
    noise = Noise(0.2, 0.1, 0.05, "judge", 200, 2, 1)
    offers = what_next(noise, costs={"sessions": 2.0, "labels": 0.5}, label_variance=1.0, labels=20)
    assert offers[0].what == "labels"
    assert str(offers[0]).startswith("labels: standard error")


def test_wrong_prices_are_refused() -> None:
    noise = Noise(1, 1, 1, "judge", 10, 1, 1)
    with pytest.raises(ScoringError, match="'gpus'"):
        what_next(noise, costs={"gpus": 1.0})
    with pytest.raises(ScoringError, match="above 0"):
        what_next(noise, costs={"sessions": 0.0})
