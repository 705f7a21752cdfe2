"""What a rater is asked, and by which rules: the shop's grades for products, or the rubric that a judge follows.

People and judges are held to the same words: a rubric is read out of the judge's own prompt, and its `policy_version`
changes whenever that file does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from contoso_lab import prompts
from contoso_lab.errors import PromptError
from contoso_lab.widgets.suggestion_cards import GRADES

_SHOWN = {"conversation", "page", "facts"}
"""What can be put before a rater without telling who answered."""
_ASKED = re.compile(r"You judge one thing only: (?:whether )?(.+?)\n")
_SECTION = r"(?ms)^# {name}\n(.*?)(?=^# |\Z)"
_ANCHOR = re.compile(r"(?m)^- (\d): (.+)$")


@dataclass(frozen=True, slots=True)
class Rubric:
    """One question with its possible answers.

    >>> rubric = Rubric.of("suggestion_relevance")
    >>> rubric.asked, sorted(rubric.anchors), rubric.shows
    ('Judge whether the page shows the products and the reasons that the conversation called for.', [1, 2, 3, 4, 5],
     ('conversation', 'page'))
    """

    name: str
    asked: str
    rules: tuple[str, ...]
    anchors: dict[int, str]
    """What each answer means."""
    policy_version: str
    shows: tuple[str, ...]
    """What the rater has to see: `conversation`, `page`, `facts`, `product`."""

    @classmethod
    def of(cls, name: str) -> Rubric:
        """The grades of products (`grade`), or the rubric of `prompts/judges/<name>.prompty`.

        Raises:
            PromptError: there is no such judge, or what it judges cannot be asked blind.
        """
        if name == "grade":
            return cls(
                name="grade",
                asked="How well does this product suit what the customer asked for?",
                rules=("Grade by what the customer said, not by what the assistant said of it.",),
                anchors=dict(enumerate(GRADES)),
                policy_version="1",
                shows=("conversation", "product"),
            )
        prompt = prompts.load(f"judges/{name}")
        inside = prompt.body.partition("\nuser:")[0]
        asked, anchors = _ASKED.search(inside), _ANCHOR.findall(_section(inside, "Anchors"))
        if foreign := [each for each in prompt.inputs if each not in _SHOWN]:
            raise PromptError(
                f"{prompt.where}: cannot be asked blind, because a rater would have to see {', '.join(foreign)}; "
                "ask another rubric"
            )
        if asked is None or not anchors:
            raise PromptError(f"{prompt.where}: has no question and anchors ('- 5: …') to show a rater; write them")
        words = asked[1].strip()
        return cls(
            name=name,
            asked=f"Judge whether {words}",
            rules=tuple(line[2:] for line in _section(inside, "Rubric").splitlines() if line.startswith("- ")),
            anchors={int(value): meaning for value, meaning in anchors},
            policy_version=f"{dict(prompt.front.get('metadata') or {}).get('version', 1)}+{prompt.sha256[:8]}",
            shows=tuple(prompt.inputs),
        )


def _section(text: str, name: str) -> str:
    found = re.search(_SECTION.replace("{name}", name), text)
    return found[1] if found else ""
