"""Recordings made worse on purpose in a known way, for tests that ask whether a comparison notices.

Each function copies a bundle and changes its events: the sound stays, and no model is asked. So what a transcript says
and what the track holds differ in `recommends_bought` and `ignores_budget`; scorers of text and pages cannot tell, and
others must not be tried on them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from contoso_lab.recording import Recording
from contoso_lab.shop import Catalog
from contoso_lab.shop.product import Product

Json = dict[str, Any]


def slower(recording: Recording, root: Path, *, by_ms: float = 300.0, persona: str = "slower") -> Recording:
    """Every answer to a turn of the caller comes later by this much, and all that follows with it.

    Time is put in before the answer is begun: the wait between the caller's end and the answer's first sound grows by
    exactly `by_ms`, on the model's side of the ledger, and nothing else changes.
    """
    late_ns, waiting, step_ns = 0, False, round(by_ms * 1e6)
    changed: list[Json] = []
    for line in _lines(recording):
        kind = line["ev"].get("type")
        if line["dir"] == "s2c" and kind == "input_audio_buffer.committed":
            waiting = True
        elif line["dir"] == "s2c" and kind == "response.created" and waiting:
            late_ns, waiting = late_ns + step_ns, False
        changed.append(_later(line, late_ns))
    return _copy(recording, root, persona, changed)


def recommends_bought(
    recordings: Sequence[Recording], root: Path, *, share: float = 0.2, seed: int = 0, persona: str = "sells_again"
) -> list[Recording]:
    """In this share of all answers, and of all pages, something is recommended that the customer owns.

    Over all recordings together the share is met to the nearest answer and page. Customers who own nothing have
    theirs changed nowhere and are not counted.
    """
    owners = [recording for recording in recordings if _bought(recording)]
    answers = [(place, item) for place, one in enumerate(owners) for item in _answers(one)]
    pages = [(place, page) for place, one in enumerate(owners) for page in _pages(one)]
    draw = random.Random(seed)
    chosen = {
        *draw.sample(answers, round(share * len(answers))),
        *draw.sample(pages, round(share * len(pages))),
    }
    made: list[Recording] = []
    for recording in recordings:
        place = owners.index(recording) if recording in owners else -1
        mine = {item for at, item in chosen if at == place}
        made.append(_sells(recording, root, persona, mine, _bought(recording)[:1]))
    return made


def ignores_budget(recording: Recording, root: Path, *, persona: str = "over_budget") -> Recording:
    """Each answer and page after the budget was said recommends the dearest product above it.

    A call without a budget, or with one that nothing exceeds, is copied as it is.
    """
    labels = recording.labels()
    budget = next((demand for demand in labels.demands if demand.most_usd is not None), None) if labels else None
    if labels is None or budget is None or budget.most_usd is None:
        return _sells(recording, root, persona, set(), [])
    dear = [
        product
        for product in Catalog.load().products
        if budget.category in ("", product.category) and float(product.amount) > budget.most_usd
    ]
    dear.sort(key=lambda product: -product.amount)
    said = _answers(recording, after_turn=budget.turn)
    return _sells(recording, root, persona, {*said, *_pages(recording)}, dear[:1])


def _sells(recording: Recording, root: Path, persona: str, chosen: set[str], products: Sequence[Product]) -> Recording:
    """Recommend a product in these answers (by item) and at the head of these pages (by suggestion)."""
    if not products:
        return _copy(recording, root, persona, list(_lines(recording)))
    product = products[0]
    added = f" I recommend the {product.name} at ${product.amount:g}."
    texts = {turn.item_id: turn.text for turn in recording.conversation.turns if turn.item_id in chosen}
    last = {line["ev"]["item_id"]: line["seq"] for line in _lines(recording) if _is_words(line)}
    changed: list[Json] = []
    for line in _lines(recording):
        event = line["ev"]
        if _is_words(line) and last.get(event["item_id"]) == line["seq"] and event["item_id"] in texts:
            event = {**event, "delta": event["delta"] + added}
        elif line["dir"] == "s2c" and texts:
            event = _replaced(event, {text: text + added for text in texts.values() if text})
        elif event.get("type") == "suggestion.shown" and event.get("suggestion_id") in chosen:
            event = _page_with(event, product)
        changed.append({**line, "ev": event})
    return _copy(recording, root, persona, changed)


def _page_with(event: Json, product: Product) -> Json:
    head, _, rest = str(event["text"]).partition("\n### ")
    shown = f"\n### {product.name} ({product.sku})\n\n**${product.amount:g}**\n\n"
    return {
        **event,
        "text": f"{head}{shown}### {rest}" if rest else f"{head}{shown}",
        "skus": list(dict.fromkeys([product.sku, *event["skus"]])),
    }


def _replaced(value: Any, words: dict[str, str]) -> Any:
    match value:
        case str():
            return words.get(value, value)
        case dict():
            return {name: _replaced(inner, words) for name, inner in value.items()}
        case list():
            return [_replaced(inner, words) for inner in value]
        case _:
            return value


def _later(line: Json, late_ns: int) -> Json:
    event = line["ev"]
    if line["dir"] == "local" and "client_ms" in event:
        event = {**event, "client_ms": event["client_ms"] + late_ns / 1e6}
    return {**line, "t_ns": line["t_ns"] + late_ns, "ev": event}


def _answers(recording: Recording, *, after_turn: int = -1) -> list[str]:
    """The items of the assistant that were said to their end, from the answer to a turn of the caller on."""
    heard, found = -1, []
    for turn in recording.conversation.turns:
        heard += turn.role == "user"
        if turn.role == "assistant" and turn.status == "done" and turn.text and heard >= max(0, after_turn):
            found.append(turn.item_id)
    return found


def _pages(recording: Recording) -> list[str]:
    return [str(e.ev["suggestion_id"]) for e in recording.events if e.type == "suggestion.shown"]


def _bought(recording: Recording) -> list[Product]:
    labels = recording.labels()
    return [Catalog.load().get(sku) for sku in (labels.bought if labels else [])]


def _is_words(line: Json) -> bool:
    return line["dir"] == "s2c" and line["ev"].get("type") == "response.output_audio_transcript.delta"


def _lines(recording: Recording) -> Iterator[Json]:
    for line in (recording.path / "events.jsonl").read_text("utf-8").splitlines():
        yield json.loads(line)


def _copy(recording: Recording, root: Path, persona: str, lines: Iterable[Json]) -> Recording:
    folder = root / f"{recording.id}.{persona}"
    # The sound stays what it is, so it is not copied where the system can give it a second name.
    link: Callable[[str, str], object] = _linked
    shutil.copytree(recording.path / "audio", folder / "audio", copy_function=link)
    shutil.copytree(recording.path / "labels", folder / "labels")
    if (recording.path / "prompty.jsonl").exists():
        shutil.copy(recording.path / "prompty.jsonl", folder)
    text = "".join(f"{json.dumps(line, separators=(',', ':'), ensure_ascii=False)}\n" for line in lines)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")
    manifest = json.loads((recording.path / "manifest.json").read_text("utf-8"))
    manifest |= {"id": folder.name, "persona": persona}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return Recording.open(folder)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
