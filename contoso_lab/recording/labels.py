"""What a person says about a recording: the true words of the caller, the right products, the cue."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contoso_lab.errors import RecordingError

Grade = Annotated[int, Field(ge=0, le=3)]
"""How well a product suits: 0 not at all, 1 a little, 2 well, 3 it is what was asked for."""


class LabelledTurn(BaseModel):
    """One utterance of the caller as it was really said; times in ms of the caller's own audio."""

    model_config = ConfigDict(extra="allow")

    text: str
    start_ms: float | None = None
    end_ms: float | None = None
    intent: str = ""


class Labels(BaseModel):
    """One rater's view of one call. Fields that are not known here are kept.

    >>> Labels(turns=[{"text": "Show me the tent."}], products={"TEN-02": 3}, cue_turn=0).products
    {'TEN-02': 3}
    """

    model_config = ConfigDict(extra="allow")

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
    """What the caller demanded in words that can be checked, such as a highest price."""

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
