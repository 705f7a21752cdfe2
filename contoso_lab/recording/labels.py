"""What a person says about a recording: the true words of the caller, the right products, what should happen when."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contoso_lab.errors import RecordingError
from contoso_lab.facts_card import facts_html

Grade = Annotated[int, Field(ge=0, le=3)]
"""How well a product suits: 0 not at all, 1 a little, 2 well, 3 it is what was asked for."""

BEFORE_ALL = -1
"""The `after_turn` of what the assistant says before the caller has spoken."""


class _Label(BaseModel):
    # Fields that are not known here are kept, so that a rater's own columns survive.
    model_config = ConfigDict(extra="allow")


class Span(_Label):
    """A stretch of the caller's own sound, in ms of its clock."""

    start_ms: float
    end_ms: float


class LabelledTurn(_Label):
    """One utterance of the caller as it was really said; times in ms of the caller's own audio."""

    text: str
    start_ms: float | None = None
    end_ms: float | None = None
    intent: str = ""
    pauses: list[Span] = Field(default_factory=list)
    """Silences inside the utterance, after which the caller goes on: nobody should answer there."""
    cuts_in: bool = False
    """The caller speaks into the assistant's reply and means to be listened to."""


class LabelledEvent(Span):
    """A sound from the caller's side that is no turn: the assistant should go on as if it had not been."""

    kind: Literal["backchannel", "noise"]
    text: str = ""
    """The words of a backchannel, such as "mm-hm"; what made the noise."""


class Constraint(_Label):
    """Something that the caller demanded in words that can be checked: products that break it are wrong."""

    kind: Literal["budget", "capacity", "season", "weight", "use", "owned", "other"]
    said: str
    """The demand in one plain sentence."""
    turn: int
    """Index of the caller's turn that states it."""
    category: str = ""
    """The category of the catalogue that it is about; empty for all."""
    most_usd: float | None = None
    allowed: list[str] = Field(default_factory=list)
    """The products (SKUs) of that category that meet it."""


class GateTruth(_Label):
    """Whether a page of suggestions should be shown in answer to a turn of the caller."""

    after_turn: int
    """Index of the caller's turn that the assistant has answered last; -1 before the first."""
    page: Literal["early", "right", "late", "never"]
    """What a page would be here: too early, right, later than it was asked for, or never wanted in this call."""


class Judgement(_Label):
    """Whether it would be right to recommend a product in this call."""

    right: bool
    why: str


class Task(_Label):
    """What the caller wants to have reached at the end of the call."""

    goal: str
    """In one sentence."""
    kind: Literal["page", "cart", "answer", "refusal", "none"]
    """Products on the screen; products in the cart; a fact; an honest no; nothing."""
    skus: list[str] = Field(default_factory=list)
    """The products of a page, any order; one of them is enough where `any_of` is set."""
    any_of: bool = False
    cart: dict[str, int] = Field(default_factory=dict)
    """Number of pieces by SKU."""
    facts: list[str] = Field(default_factory=list)
    """What the assistant has to have said, each as a word or number that is in the right answer."""


class Labels(_Label):
    """One rater's view of one call. Fields that are not known here are kept.

    >>> Labels(turns=[{"text": "Show me the tent."}], products={"TEN-02": 3}, cue_turn=0).products
    {'TEN-02': 3}
    """

    policy_version: str = "1"
    """Which labelling rules the rater followed; labels under different rules must not be mixed."""
    customer: str = ""
    synthetic: bool = False
    """Whether the caller's voice is a machine's."""
    turns: list[LabelledTurn] = Field(default_factory=list)
    products: dict[str, Grade] = Field(default_factory=dict)
    """Grade by SKU; what is not listed has grade 0."""
    cue_turn: int | None = None
    """Index of the caller's turn that asks for a write-up; None when no turn does."""
    constraints: dict[str, Any] | None = None
    """What the caller demanded, as short numbers by name; see `demands` for what can be checked."""
    demands: list[Constraint] = Field(default_factory=list)
    """The hard constraints."""
    bought: list[str] = Field(default_factory=list)
    """What the caller owns already and does not want to be sold again."""
    known_turn: int | None = None
    """Index of the caller's turn after which the best product can be told; None where there is none."""
    known_ms: float | None = None
    """When that turn ended, in ms of the caller's audio: the cue from which suggestions are early or late."""
    gate: list[GateTruth] = Field(default_factory=list)
    """One for each of the caller's turns, and one before all."""
    recommended: dict[str, Judgement] = Field(default_factory=dict)
    """By SKU, for every product of the catalogue."""
    events: list[LabelledEvent] = Field(default_factory=list)
    """Sounds that are no turns."""
    task: Task | None = None

    def __repr__(self) -> str:
        parts = [
            f"policy {self.policy_version}",
            self.customer,
            f"{len(self.turns)} turns" if self.turns else "",
            ", ".join(f"{sku} {grade}" for sku, grade in self.products.items()),
            "" if self.cue_turn is None else f"cue turn {self.cue_turn}",
        ]
        return f"<Labels: {'; '.join(filter(None, parts))}>"

    def _repr_html_(self) -> str:
        return facts_html(
            "labels",
            [
                ("policy", self.policy_version),
                ("customer", f"{self.customer}{' (a synthetic voice)' if self.synthetic else ''}"),
                *((f"turn {number}", turn.text) for number, turn in enumerate(self.turns)),
                *((f"grade of {sku}", grade) for sku, grade in self.products.items()),
                ("asks for a page in turn", self.cue_turn),
                ("demands", "; ".join(map(str, self.demands))),
                ("owns already", ", ".join(self.bought)),
            ],
        )

    def page_at(self, after_turn: int) -> str | None:
        """What a page would be after this turn of the caller; None when nobody said.

        >>> Labels(gate=[GateTruth(after_turn=BEFORE_ALL, page="early")]).page_at(BEFORE_ALL)
        'early'
        """
        return next((truth.page for truth in self.gate if truth.after_turn == after_turn), None)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Labels:
        """Read labels from a JSON file; raises RecordingError when they are missing or do not fit."""
        place = Path(path)
        try:
            return cls.model_validate_json(place.read_bytes())
        except OSError as error:
            raise RecordingError(f"{place}: the labels cannot be read ({error.strerror}); check the path") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"]) or "the file"
            raise RecordingError(f"{place}: {where}: {first['msg']}; correct the labels") from error
