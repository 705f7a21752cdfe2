"""Run a suite: choose the calls, play them to each variant where it asks for that, score, keep, check the gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contoso_lab.errors import SuiteError
from contoso_lab.evaluation.baseline import baseline
from contoso_lab.evaluation.cache import ScoreCache, signature
from contoso_lab.evaluation.chosen import chosen_recordings, chosen_scorers
from contoso_lab.evaluation.forecast import last_run, what_can_be_shown
from contoso_lab.evaluation.gates import GateResult, check_gates
from contoso_lab.evaluation.results import Results
from contoso_lab.evaluation.suite import BASELINE, Suite
from contoso_lab.evaluation.suite_file import LoadedSuite, load_suite
from contoso_lab.recording import Recording
from contoso_lab.scoring.run import score
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.value import Scorer
from contoso_lab.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What came of a run of a suite."""

    results: Results
    gates: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate holds."""
        return all(gate.passed for gate in self.gates)

    def __repr__(self) -> str:
        return "\n".join([repr(self.results), *map(str, self.gates)])

    def _repr_html_(self) -> str:
        from html import escape

        gates = "".join(f"<li>{escape(str(gate))}</li>" for gate in self.gates)
        return f"{self.results._repr_html_()}<ul>{gates}</ul>"


async def run_suite(
    suite: str | Path | LoadedSuite,
    *,
    runs: Path | None = None,
    workers: int = 0,
    cache: bool = True,
    fresh: bool = False,
    progress: Progress = lambda _: None,
) -> SuiteRun:
    """Run a suite, keep its results below `runs/evals`, and check its gates.

    First it says what the suite can show and what it will cost. Cancelled or killed in the middle, it leaves the calls
    that were held and what was scored: run again, the same suite goes on from there.

    Args:
        suite: its name, its file, or what `load_suite` gave.
        runs: where results go; `runs` beside the prompts unless given.
        workers: how many processes play calls anew; 0 does it in this one.
        cache: take a scorer's answer from an earlier run where neither it nor the recording has changed.
        fresh: begin anew, also where a run of this very suite was cut off.
        progress: called with each thing that is done.

    Raises:
        SuiteError: the suite does not hold together, or chooses nothing.
        ReplayError: a customer could not talk with a variant.
    """
    loaded = suite if isinstance(suite, LoadedSuite) else load_suite(suite)
    found = loaded.suite
    root = runs or Settings().runs
    scorers = chosen_scorers(loaded)
    calls = {variant: chosen_recordings(loaded, variant) for variant in found.variants}
    store = ScoreCache(root / ".scores") if cache else None
    # Recordings as they are cost nothing, and their scores say it all in a moment.
    told = _forecast(found, calls, scorers, root, store, look=found.play.mode != "rescore")
    for line in told:
        progress(line)
    results = None
    if not fresh and found.play.mode != "rescore":  # which costs nothing, and may well run twice at a time
        results = Results.unfinished(root / "evals", suite=found.suite, suite_sha256=loaded.sha256)
    if results is not None:
        progress(f"going on with {results.id}, which was cut off")
    else:
        results = Results.create(root / "evals", suite=found.model_dump(by_alias=True), suite_sha256=loaded.sha256)
    results.about["forecast"] = told
    if found.play.mode != "rescore":
        from contoso_lab.evaluation.played import played  # it opens an engine, which rescoring does not need

        calls = await played(found, calls, results.path / "calls", workers=workers, progress=progress)
    signatures = {scorer.name: signature(scorer) for scorer in scorers}
    for variant, paths in calls.items():
        if not results.holds(variant, signatures, paths):
            score_variant(results, variant, paths, scorers, store, seed=found.seed, progress=progress)
    if store is not None:
        progress(f"{store.hits} answers of scorers were known, {store.misses} were computed")
    results.finish()
    return SuiteRun(results, tuple(gates_of(results)))


def forecast(suite: str | Path | LoadedSuite, *, runs: Path | None = None) -> list[str]:
    """What a suite can show and what it will cost, in sentences; nothing is run but scorers of recordings.

    Raises:
        SuiteError: the suite does not hold together, or chooses nothing.
    """
    loaded = suite if isinstance(suite, LoadedSuite) else load_suite(suite)
    root = runs or Settings().runs
    calls = {variant: chosen_recordings(loaded, variant) for variant in loaded.suite.variants}
    store = ScoreCache(root / ".scores")
    return _forecast(loaded.suite, calls, chosen_scorers(loaded), root, store, look=True)


def _forecast(
    suite: Suite,
    calls: Mapping[str, Sequence[Path]],
    scorers: Sequence[Scorer],
    root: Path,
    store: ScoreCache | None,
    *,
    look: bool,
) -> list[str]:
    """Sentences; none for a suite that compares nobody and asks nobody. `look` scores recordings where no run tells."""
    told: list[str] = []
    if len(calls) > 1:
        first, second = list(calls.values())[:2]
        earlier: Scores | Sequence[Scores] | None = last_run(root / "evals", suite)
        if earlier is None and look and suite.play.mode != "simulated":
            paths = list(dict.fromkeys([*first, *second]))
            judged = [scorer for scorer in scorers if scorer.metric.judged]
            rows = [row for path in paths for row in _rows(path, judged, store)]
            earlier = Scores(rows, {scorer.name: scorer.metric for scorer in judged}, seed=suite.seed)
        if earlier is not None or look:
            metrics = {scorer.name: scorer.metric for scorer in scorers}
            told += what_can_be_shown(suite, metrics, _sessions(suite, first, second), earlier=earlier)
    if suite.play.mode != "rescore":
        from contoso_lab.evaluation.played import limits_of, plans_of
        from contoso_lab.replay import fleet

        for plan in plans_of(suite, calls, root / "evals" / f"{suite.suite}.not-begun"):
            told.append(str(fleet.forecast(plan, limits_of(suite.play))))
    return told


def _sessions(suite: Suite, first: Sequence[Path], second: Sequence[Path]) -> int:
    """How many customers both variants answer: of recordings as they are those of one scenario, else the same calls."""
    if suite.play.mode != "rescore":
        return len({*first} & {*second})
    one, other = (
        {(call := Recording.open(path)).manifest.scenario or call.id for path in paths} for paths in (first, second)
    )
    return len(one & other)


def score_variant(
    results: Results,
    variant: str,
    paths: Sequence[Path],
    scorers: Sequence[Scorer],
    cache: ScoreCache | None,
    *,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> Scores:
    """Score the recordings of a variant and append what was found to a run."""
    progress(f"{variant}: scoring {len(paths)} recording{'' if len(paths) == 1 else 's'}")
    rows: list[Row] = []
    for path in paths:
        rows += _rows(path, scorers, cache)
    scores = Scores(rows, {scorer.name: scorer.metric for scorer in scorers}, seed=seed)
    results.append(variant, scores, {scorer.name: signature(scorer) for scorer in scorers}, recordings=paths)
    return scores


def rescore(
    results: Results, scorers: Sequence[Scorer], *, cache: ScoreCache | None = None, progress: Progress = lambda _: None
) -> None:
    """Score the recordings of a run once more, with new scorers or with changed ones; nobody is asked anything.

    Raises:
        SuiteError: recordings of the run are not there any more.
    """
    for variant in results.variants:
        paths = results.recordings(variant)
        if gone := [path for path in paths if not path.is_dir()]:
            raise SuiteError((f"{results.id}: {len(gone)} recordings are gone, first {gone[0]}: run the suite again",))
        score_variant(results, variant, paths, scorers, cache, progress=progress)


def gates_of(results: Results) -> list[GateResult]:
    """Check the gates of a run as its suite was when it ran."""
    suite = Suite.model_validate(results.about["suite"])

    def scores_of(name: str) -> Scores:
        kind, _, variant = name.rpartition(":")
        if kind == BASELINE:
            return baseline(suite.suite, variant, results.signatures(variant))
        return results.scores(name)

    return check_gates(suite.gates, results.variants, scores_of, seed=suite.seed)


def _rows(path: Path, scorers: Sequence[Scorer], cache: ScoreCache | None) -> list[Row]:
    """All rows of one recording; it is opened only when something has to be computed."""
    known = {scorer.name: cache.get(path, scorer) if cache else None for scorer in scorers}
    missing = [scorer for scorer in scorers if known[scorer.name] is None]
    if missing:
        fresh = score(Recording.open(path), missing)
        for scorer in missing:
            rows = list(fresh.of(scorer.name))
            known[scorer.name] = rows
            if cache is not None:
                cache.put(path, scorer, rows)
    return [row for scorer in scorers for row in known[scorer.name] or ()]
