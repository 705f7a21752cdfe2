"""The hand-labelled claims: what is measured on them is what docs/truth.md says, and it stays that good."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType

import pytest

from contoso_lab.settings import HOME
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.shop.truth import KINDS


def _measure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("claims_measure", HOME / "data" / "claims" / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


measure = _measure()
ROWS = list(measure.claims())


def test_the_documentation_says_what_the_script_prints() -> None:
    assert measure.written_table() == measure.table(), "run: python data/claims/measure.py --write"


@pytest.mark.parametrize(("half", "precision", "recall"), [("before", 0.99, 0.99), ("after", 0.98, 0.96)])
def test_the_checker_stays_as_good_as_it_was(half: str, precision: float, recall: float) -> None:
    tally = measure.measure(measure.claims(half))
    for (good, of), floor in ((tally.precision(), precision), (tally.recall(), recall)):
        assert good / of >= floor, "\n".join(tally.misses)


def test_it_stays_as_good_on_the_halves_that_were_unseen_before() -> None:
    tally = measure.measure(measure.claims(file=measure.EARLIER))
    for (good, of), floor in ((tally.precision(), 0.97), (tally.recall(), 0.95)):
        assert good / of >= floor, "\n".join(tally.misses)


def test_there_are_enough_and_half_of_them_were_written_after() -> None:
    assert sum(len(row["labels"]) for row in ROWS) >= 300
    assert len(ROWS) >= 300
    after = [row for row in ROWS if row["written"] == "after"]
    assert 2 * len(after) >= len(ROWS)
    assert 2 * sum(len(row["labels"]) for row in after) >= sum(len(row["labels"]) for row in ROWS)


def test_many_texts_claim_nothing() -> None:
    assert sum(all(label["kind"] == "product" for label in row["labels"]) for row in ROWS) >= 80
    assert sum(not row["labels"] for row in ROWS) >= 70


def test_every_label_can_be_looked_up() -> None:
    catalog = Catalog.load()
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert len({(row["text"], row["language"]) for row in ROWS}) == len(ROWS)
    for row in (*ROWS, *measure.claims(file=measure.EARLIER)):
        assert row["medium"] in ("text", "speech", "page")
        assert row["written"] in ("before", "after")
        assert row["language"] in ("en", "de", "fr", "es", "ja")
        if "customer" in row:
            get_customer(row["customer"])
        for label in row["labels"]:
            assert row["text"][label["start"] :].startswith(label["words"]), row["id"]
            assert label["kind"] in KINDS
            assert label["verdict"] in ("true", "false", "unsupported")
            assert label.get("sku") is None or label["sku"] in catalog, row["id"]


def test_all_five_languages_and_three_media_are_there() -> None:
    for half in ("before", "after"):
        assert {row["language"] for row in measure.claims(half)} == {"en", "de", "fr", "es", "ja"}
        assert {row["medium"] for row in measure.claims(half)} == {"text", "speech", "page"}


def test_a_wrong_label_would_be_noticed() -> None:
    row = json.loads(json.dumps(next(row for row in ROWS if row["labels"])))
    row["labels"][-1]["verdict"] = "unsupported" if row["labels"][-1]["verdict"] != "unsupported" else "true"
    tally = measure.measure([row])
    assert len(tally.misses) == 2
