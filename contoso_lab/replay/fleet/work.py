"""How one unit is done, in whatever process: play it, score it, say what it cost.

A result holds nothing of the machine, the process or the hour, so that the same plan gives the same bytes however it
is spread out, as far as the target itself says the same things.
"""

from __future__ import annotations

import contextlib
import importlib
import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from contoso_lab.engine.build import Engine
from contoso_lab.errors import LabError, ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay.fleet.journal import Finished
from contoso_lab.replay.fleet.plan import Plan, Unit, Variant
from contoso_lab.replay.play import local_engine, replay
from contoso_lab.replay.scenario import load_scenario
from contoso_lab.replay.simulate import simulate
from contoso_lab.scoring.run import default_scorers, score, uncollected
from contoso_lab.settings import Settings, Target
from contoso_lab.wire.prices import PriceTable, cost_usd


async def do(plan: Plan, unit: Unit) -> Finished:
    """Do one unit, and give its result; what fails is a result, too, with the sentence."""
    variant = plan.variants[unit.variant]
    about = {"session": Path(unit.session).name, "variant": unit.variant, "epoch": unit.epoch, "seed": unit.seed}
    try:
        made = await _made(plan, unit, variant)
        rows = _scored(plan, made)
    except LabError as error:
        return Finished.of({**about, "status": "failed", "reason": str(error), "usd": 0.0, "rows": []})
    usd = spent_usd(made, _model(plan)) if variant.asks else 0.0
    made.let_go()
    return Finished.of({**about, "status": "done", "recording": made.id, "usd": usd, "rows": rows})


def do_blocking(plan_json: str, unit_json: str) -> Finished:
    """`do` for a worker that is told everything as text."""
    import asyncio

    plan, unit = _plan(plan_json), Unit.model_validate_json(unit_json)
    # Short, and all that it makes is gone at its end; a call that is held may take minutes.
    short = plan.variants[unit.variant].mode == "rescore"
    with uncollected() if short else contextlib.nullcontext():
        return asyncio.run(do(plan, unit))


def spent_usd(recording: Recording, model: str | None) -> float:
    """What the answers in a recording cost with a model; 0 for a model without a bill."""
    price = PriceTable().of(model) if model else None
    if price is None:
        return 0.0
    done = (event.ev.get("response") or {} for event in recording.events if event.type == "response.done")
    return round(sum(cost_usd(price, response.get("usage")) for response in done), 6)


def guessed_usd(scenario: Path, model: str) -> float | None:
    """What a simulated call may cost before any was held; None for a model whose price is not known.

    Each turn is taken as three seconds of speech and five of an answer (10 and 20 tokens a second), after 1500 tokens
    of instructions and all that was said before, nothing of it from a cache.
    """
    price = PriceTable().of(model)
    if price is None:
        return None
    caller = load_scenario(scenario)
    turns = min(caller.most_turns, 2 + len(caller.answers) + len(caller.wants))
    usd = 0.0
    for turn in range(1, turns + 1):
        heard = {"audio_tokens": 30 * turn + 100 * (turn - 1), "text_tokens": 1500}
        said = {"audio_tokens": 100, "text_tokens": 30}
        usd += cost_usd(price, {"input_token_details": heard, "output_token_details": said})
    return round(usd, 6)


async def _made(plan: Plan, unit: Unit, variant: Variant) -> Recording:
    if variant.mode == "rescore":
        return Recording.open(unit.session)
    folder = Path(plan.run) / "recordings"
    if plan.relay_url is None and (folder / unit.key).exists():
        shutil.rmtree(folder / unit.key)  # it was not finished, or it would not be done again
    where: dict[str, Any] = {"runs": folder, "id": unit.key, "seed": unit.seed}
    if not variant.asks:
        return await replay(Recording.open(unit.session), variant.how, **where)
    if plan.relay_url is not None:
        where["relay_url"] = plan.relay_url
    elif plan.target is not None:
        where["target"] = _target(plan.target)
    else:
        where["engine"] = _engine(plan.engine)
    if variant.mode == "caller":
        persona = variant.persona or "voice"
        return await simulate(
            load_scenario(Path(unit.session)),
            persona=persona,
            changes=replace(variant.changes, persona=persona),
            **where,
        )
    return await replay(Recording.open(unit.session), variant.how, changes=variant.changes, **where)


def _scored(plan: Plan, recording: Recording) -> list[dict[str, object]]:
    scorers = _scorers(plan.scorers)
    return [row.to_dict() for row in score(recording, scorers).rows] if scorers else []


@lru_cache
def _scorers(names: tuple[str, ...] | None) -> tuple[Any, ...]:
    known = {scorer.name: scorer for scorer in default_scorers()}
    if names is None:
        return tuple(known.values())
    strangers = [name for name in names if name not in known]
    if strangers:
        raise ReplayError(f"there is no scorer {strangers[0]!r}; there are {', '.join(sorted(known))}")
    return tuple(known[name] for name in names)


@lru_cache(maxsize=4)
def _plan(text: str) -> Plan:
    return Plan.model_validate_json(text)


@lru_cache
def _engine(source: str | None) -> Engine:
    if source is None:
        return local_engine()
    module, _, name = source.partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)()
    return engine


def _target(told: dict[str, Any]) -> Target:
    """The target that a plan names, with the key of this process's environment."""
    settings, kind = Settings(), told.get("kind", "local")
    keys = {"azure": settings.azure_openai_api_key, "local": None}
    return Target(
        kind, str(told["base_url"]), str(told["model"]), str(told.get("chat_model") or told["model"]),
        keys.get(kind, settings.openai_api_key), settings.azure_openai_scope,
    )  # fmt: skip


def _model(plan: Plan) -> str | None:
    return None if plan.target is None else str(plan.target.get("model", ""))
