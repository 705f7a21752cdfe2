"""Who calls, and what for: scenarios of simulated callers, as data in `evals/scenarios/*.yaml`.

```yaml
about: Maya wants a tent for four below $300, and is in no hurry.
customer: maya
opening: Hi, I am looking for a tent for four people.
answers:                       # when the agent asks and the question holds one of the words
  - {when: [budget, spend], say: At most three hundred dollars.}
  - {when: [how many, people], say: We are four.}
otherwise: [I do not mind. What would you take?]
wants: [How much does it cost?, Is it waterproof?]   # asked in this order, when nothing is to be answered
closing: Thank you, that is all. Goodbye!
temper: {interrupts: 0.2, hesitates: 0.3, patience_s: 12}
line: {noise_db: -60, telephone: true, loss: 0.01}
```
"""

from __future__ import annotations

import random
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contoso_lab.errors import ConfigError
from contoso_lab.marked_yaml import Unreadable, plain_yaml
from contoso_lab.replay.line_effects import LineSettings
from contoso_lab.settings import HOME

SCENARIOS = HOME / "evals" / "scenarios"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Part):
    """What the caller says to a question."""

    when: tuple[str, ...] = Field(min_length=1)
    """Any of these words in the question; case does not count."""
    say: str


class Temper(_Part):
    """How the caller behaves; each chance is drawn by the seed."""

    interrupts: float = Field(default=0.0, ge=0, le=1)
    """How likely a reply is cut off."""
    interrupts_after_s: tuple[float, float] = (0.8, 2.5)
    hesitates: float = Field(default=0.0, ge=0, le=1)
    """How likely a pause is made in the middle of a line."""
    pause_s: tuple[float, float] = (0.5, 1.2)
    patience_s: float = Field(default=15.0, gt=0)
    """How long an answer is waited for before the caller asks whether anybody is there, and then hangs up."""


class Scenario(_Part):
    """One simulated caller; the module tells what each part means."""

    name: str = ""
    about: str = ""
    customer: str
    opening: str
    answers: tuple[Answer, ...] = ()
    otherwise: tuple[str, ...] = ("I do not mind. What would you recommend?",)
    wants: tuple[str, ...] = ()
    closing: str = "Thank you, that is all. Goodbye!"
    voice: str = "low"
    temper: Temper = Temper()
    line: LineSettings = LineSettings()
    most_turns: int = Field(default=12, ge=1)


class CallerMind:
    """What the caller says next, by rules and a seed; no clock, no sound.

    >>> mind = CallerMind(Scenario(customer="maya", opening="Hi.", wants=("Is it dry?",)), seed=0)
    >>> mind.says("Hello!"), mind.says("A tent?"), mind.says("It is."), mind.says("It is dry."), mind.says("Bye.")
    ('Hi.', 'I do not mind. What would you recommend?', 'Is it dry?', 'Thank you, that is all. Goodbye!', None)
    """

    def __init__(self, scenario: Scenario, *, seed: int) -> None:
        self.scenario = scenario
        self.chance = random.Random(seed)
        self._answers = list(scenario.answers)
        self._otherwise = list(scenario.otherwise)
        self._wants = list(scenario.wants)
        self._turns = 0
        self._said_goodbye = False

    def says(self, heard: str) -> str | None:
        """The next line after what was heard from the agent; None: the caller hangs up."""
        if self._said_goodbye:
            return None
        self._turns += 1
        if self._turns == 1:
            return self.scenario.opening
        if self._turns < self.scenario.most_turns:
            if "?" in heard and (answer := self._answer(heard)) is not None:
                return answer
            if self._wants:
                return self._wants.pop(0)
        self._said_goodbye = True
        return self.scenario.closing

    def _answer(self, heard: str) -> str | None:
        question = next((part for part in reversed(heard.split(".")) if "?" in part), heard).casefold()
        for answer in self._answers:
            if any(word.casefold() in question for word in answer.when):
                self._answers.remove(answer)  # who is asked twice grows tired of it, and goes on with the own wish
                return answer.say
        return self._otherwise.pop(0) if self._otherwise else None


def load_scenario(name: str | Path, *, folder: Path = SCENARIOS) -> Scenario:
    """Read a scenario by its name in `evals/scenarios`, or by its path.

    Raises:
        ConfigError: there is none, or it is wrong; says where.
    """
    place = Path(name) if Path(name).suffix == ".yaml" else folder / f"{name}.yaml"
    try:
        value = plain_yaml(place.read_text("utf-8"), str(place))
    except OSError as error:
        there = ", ".join(sorted(path.stem for path in folder.glob("*.yaml"))) or "none"
        raise ConfigError(f"cannot read the scenario {place}: {error.strerror}; there are {there}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the scenario {place} is no UTF-8: save it as UTF-8 text") from error
    except Unreadable as error:
        raise ConfigError(f"the scenario {error}; quote texts that hold ': ' or '#'") from error
    try:
        return Scenario.model_validate({"name": place.stem, **value} if isinstance(value, dict) else value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"the scenario {place}, at {where}: {first['msg']}") from error
