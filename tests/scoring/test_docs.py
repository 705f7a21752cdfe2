from __future__ import annotations

from contoso_lab.scoring import default_scorers
from contoso_lab.settings import HOME


def test_every_metric_is_in_the_documentation_as_it_is() -> None:
    text = (HOME / "docs" / "scoring.md").read_text(encoding="utf-8")
    for scorer in default_scorers():
        name = f"**`{scorer.name}`**" if scorer.metric.judged else f"`{scorer.name}`"
        assert f"| {name} | {scorer.metric.unit or '–'} | {scorer.metric.about.rstrip('.')} |" in text, scorer.name
