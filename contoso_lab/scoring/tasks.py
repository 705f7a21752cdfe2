"""Whether the caller reached what the caller wanted: compared with the labels, by what stands there at the end."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.pages import ranking
from contoso_lab.scoring.stats import Estimate
from contoso_lab.scoring.stats.trials import pass_over_tasks
from contoso_lab.scoring.text import normalise
from contoso_lab.scoring.value import Score, Scorer, scorer
from contoso_lab.wire.plain import number

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording
    from contoso_lab.recording.labels import Task
    from contoso_lab.scoring.scores import Scores


@scorer(unit="share")
def task_success(recording: Recording) -> Score:
    """Whether the call ended as its task says (τ-bench: the state at the end, not the way there).

    `page`: the products stand on the last page; `cart`: the cart holds exactly these numbers of pieces; `answer` and
    `refusal`: the assistant said the facts; `none`: no page, no cart. A call that broke counts as failed.
    """
    found = features(recording)
    task = found.labels.task if found.labels is not None else None
    if task is None:
        return Score.missing("no label says what the caller wanted")
    fault = shortfall(found, task)
    return Score(fault is None, reason=fault or task.goal)


def shortfall(found: Features, task: Task) -> str | None:
    """What is missing at the end of the call, in a sentence; None when the task is done."""
    shown = list(ranking(found.pages[-1])) if found.pages else []
    missing = None
    match task.kind:
        case "page":
            here = [sku for sku in task.skus if sku in shown]
            if not shown:
                missing = "no page was shown"
            elif task.any_of and task.skus and not here:
                missing = f"none of {', '.join(task.skus)} is on the page"
            elif not task.any_of and len(here) < len(task.skus):
                missing = f"not on the page: {', '.join(sku for sku in task.skus if sku not in here)}"
        case "cart":
            cart = cart_at_end(found)
            if cart != task.cart:
                missing = f"the cart holds {_written(cart)}, not {_written(task.cart)}"
        case "none":
            if shown or cart_at_end(found):
                missing = "something was shown or put into the cart, and nothing was wanted"
        case "answer" | "refusal":
            pass
    if missing is None and task.facts:
        said = f" {_plain(' '.join(words for _, words in found.assistant_turns))} "
        absent = [fact for fact in task.facts if f" {_plain(fact)} " not in said]
        if absent:
            missing = f"the assistant never said {', '.join(repr(fact) for fact in absent)}"
    return missing


def _plain(text: str) -> str:
    """The words as they are compared, sums of money as bare numbers: "238" is in "$238.00"."""
    return normalise(text).replace("$", "")


def cart_at_end(found: Features) -> dict[str, int]:
    """The pieces by SKU in the cart when the call ended, from what the tools gave back and the cart's own events."""
    cart: dict[str, int] = {}
    for event in found.recording.events:
        if event.dir == "local" and event.ev.get("type") == "cart.add":
            sku = str(event.ev.get("sku"))
            cart[sku] = cart.get(sku, 0) + int(number(event.ev.get("quantity")) or 1)
        elif event.dir == "c2s" and event.ev.get("type") == "conversation.item.create":
            told = _cart_told(event.ev.get("item"))
            cart = cart if told is None else told
    return {sku: pieces for sku, pieces in cart.items() if pieces}


def _cart_told(item: object) -> dict[str, int] | None:
    """The cart that a function's result tells; None when it tells of none."""
    if not isinstance(item, Mapping) or item.get("type") != "function_call_output":
        return None
    try:
        output = json.loads(str(item.get("output", "")))
    except ValueError:
        return None
    cart = output.get("cart") if isinstance(output, Mapping) else None
    lines = cart.get("lines", cart.get("items")) if isinstance(cart, Mapping) else cart
    if not isinstance(lines, list) or not all(isinstance(line, Mapping) and "sku" in line for line in lines):
        return None
    return {str(line["sku"]): int(line.get("quantity", 1)) for line in lines}


def _written(cart: Mapping[str, int]) -> str:
    return ", ".join(f"{pieces} × {sku}" for sku, pieces in sorted(cart.items())) or "nothing"


def pass_at(scores: Scores, k: int, *, metric: str = "task_success", every: bool = False) -> Estimate:
    """pass@k of a yes or no over the scenarios of a run, or pass^k when `every`; each scenario run at least k times.

    A run that could not be scored counts as failed. A scenario that was run fewer than k times is left out, and the
    note says how many were.

    Args:
        scores: Of several runs of the same scenarios.
        k: How many trials.
        metric: Which one.
        every: Whether all k have to pass.
    """
    trials: dict[str, list[bool]] = {}
    for row in scores.of(metric):
        if row.status != "skipped":
            trials.setdefault(row.scenario, []).append(row.value is True or row.value == 1)
    enough = [passed for passed in trials.values() if len(passed) >= k]
    left_out = len(trials) - len(enough)
    note = f"{left_out} scenarios were run fewer than {k} times" if left_out else ""
    if not enough:
        return Estimate(math.nan, note=note or f"no scenario has a {metric}")
    told = pass_over_tasks(enough, k, every=every, rng=np.random.default_rng(scores.seed))
    return told if not note else Estimate(**{name: getattr(told, name) for name in _FIELDS} | {"note": note})


_FIELDS: Iterable[str] = tuple(Estimate.__dataclass_fields__)

SCORERS: tuple[Scorer, ...] = (task_success,)
