"""Asking a judge: many cases at a time, each with its place, and what was asked before is not asked again.

| resource | acquired | released | on failure |
|---|---|---|---|
| the connection to the target | once, for all cases | when all are judged, or at cancelling | the same |
| the workers, at most `at_once` | in a TaskGroup | when there is no case left | all end; what was judged is kept |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from contoso_lab import prompts
from contoso_lab.errors import PromptError, ScoringError
from contoso_lab.scoring.judges.cases import Case
from contoso_lab.scoring.judges.signature import Signature, signature_of
from contoso_lab.scoring.judges.verdicts import Verdict, Verdicts
from contoso_lab.settings import Target

AT_ONCE = 8
_HOPELESS = frozenset({"APIConnectionError", "AuthenticationError", "PermissionDeniedError", "NotFoundError"})
"""What will be the same for every other case: asking on would only fill the file with errors."""

Progress = Callable[[int, int], object]


async def ask_judge(
    rubric: str,
    cases: Sequence[Case],
    target: Target,
    verdicts: Verdicts,
    *,
    repeats: int = 1,
    at_once: int = AT_ONCE,
    on_progress: Progress | None = None,
) -> Signature:
    """Let a judge grade every case that it has not graded yet.

    Inside `prompts.caching()` the first look may come from the cache; repeats never do, since they are there to see
    whether the judge says the same again. Cancelling keeps what was judged; called again, it goes on.

    Args:
        rubric: The judge's name, such as "groundedness".
        cases: What to judge, as `cases_of` gives it.
        target: Who judges.
        verdicts: Where verdicts are kept and looked up.
        repeats: How often each case is judged; 3 on a tenth of them tell the judge's own noise.
        at_once: How many at the same time.
        on_progress: Called with how many are judged, and of how many.

    Raises:
        ScoringError: the target cannot be reached, or refuses the key or the model.
    """
    signature = signature_of(rubric, target)
    work = [
        (case, repeat)
        for repeat in range(repeats)
        for case in cases
        if not verdicts.has(signature.id, case.item, repeat)
    ]

    async def judge(job: tuple[Case, int]) -> Verdict:
        case, repeat = job
        status, value, reason, told = await _grade(rubric, target, case.inputs, cache=None if repeat == 0 else False)
        return Verdict(
            case.item, case.recording, case.scenario, rubric, signature.id, status, value, reason, repeat,
            signature.policy_version, **told,
        )  # fmt: skip

    await _all(work, judge, target, verdicts, at_once, on_progress)
    return signature


async def compare_pairs(
    pairs: Iterable[tuple[Case, str, str]],
    target: Target,
    verdicts: Verdicts,
    *,
    rubric: str = "preference",
    at_once: int = AT_ONCE,
    on_progress: Progress | None = None,
) -> Signature:
    """Ask which of two answers is better, in both orders; a choice that changes with the order is a tie.

    Args:
        pairs: Cases with a `conversation` among their inputs, each with answer a and answer b to its last line.
        target: Who judges.
        verdicts: Where verdicts (`a`, `b` or `tie`) are kept; `orders` holds what was said in either order.
        rubric: The judge's name.
        at_once: How many at the same time.
        on_progress: Called with how many are judged, and of how many.
    """
    signature = signature_of(rubric, target)
    work = [pair for pair in pairs if not verdicts.has(signature.id, pair[0].item)]

    async def judge(job: tuple[Case, str, str]) -> Verdict:
        case, a, b = job
        said: list[str] = []
        told: dict[str, Any] = {}
        for first, second, names in ((a, b, ("a", "b")), (b, a, ("b", "a"))):
            inputs = {**case.inputs, "first": first, "second": second}
            status, value, reason, told = await _grade(rubric, target, inputs, cache=None)
            if status == "error":
                return Verdict(
                    case.item, case.recording, case.scenario, rubric, signature.id, "error", None, reason, 0,
                    signature.policy_version, **told,
                )  # fmt: skip
            said.append({"first": names[0], "second": names[1]}.get(str(value), "tie"))
        agreed = said[0] if said[0] == said[1] else "tie"
        reason = reason if said[0] == said[1] else f"{said[0]} when a came first, {said[1]} when b did: a tie"
        return Verdict(
            case.item, case.recording, case.scenario, rubric, signature.id, "ok", agreed, reason, 0,
            signature.policy_version, **told | {"orders": tuple(said)},
        )  # fmt: skip

    await _all(work, judge, target, verdicts, at_once, on_progress)
    return signature


async def _grade(
    rubric: str, target: Target, inputs: dict[str, Any], *, cache: bool | None
) -> tuple[Any, float | str | None, str, dict[str, Any]]:
    """One answer: its status, value and reason, and what is known of the run."""
    prompt = prompts.load(f"judges/{rubric}")
    try:
        run = await prompts.run(prompt, target, cache=cache, **inputs)
    except PromptError as problem:
        if type(problem.__cause__).__name__ in _HOPELESS:
            raise ScoringError(f"the judge cannot be asked: {problem}") from problem
        # An answer of the wrong shape is no grade: nothing is scraped out of it.
        return "error", None, str(problem), {}
    data = run.data or {}
    key = next(name for name in prompt.outputs if name != "reason")
    told = {"model": run.model, "cached": run.cached, "duration_ms": None if run.cached else run.duration_ms}
    value = data[key]
    return "ok", float(value) if isinstance(value, int | float) else str(value), str(data.get("reason", "")), told


async def _all(
    work: Sequence[Any],
    judge: Callable[[Any], Any],
    target: Target,
    verdicts: Verdicts,
    at_once: int,
    on_progress: Progress | None,
) -> None:
    """Let a few workers take case after case; the first that meets a hopeless fault ends all."""
    if at_once < 1:
        raise ScoringError(f"at least one case has to be judged at a time, not {at_once}")
    left, done = iter(work), 0

    async def worker() -> None:
        nonlocal done
        for job in left:
            verdicts.add(await judge(job))
            done += 1
            if on_progress is not None:
                on_progress(done, len(work))

    hopeless: Exception | None = None
    try:
        async with prompts.connection(target), asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(work))):
                group.create_task(worker())
    except* ScoringError as problems:
        hopeless = problems.exceptions[0]
    if hopeless is not None:  # raised from within, the first versions of Python 3.11 put it into a group again
        raise hopeless
