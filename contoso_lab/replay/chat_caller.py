"""A simulated caller whose words a chat model makes, in place of a script: any that speaks OpenAI's protocol.

The goal, the facts and the temper are the scenario's, so that both kinds of caller want the same. What the model says
is not the same twice, whatever the seed: for pairs that can be compared, the script is the better caller.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from contoso_lab.prompts import load, run
from contoso_lab.replay.scenario import SCENARIOS, Scenario
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from contoso_lab.prompts.trace import PromptRun

HANGS_UP = "[hangs up]"


class ChatMind:
    """What the caller says next, by a chat model. It has the shape of `CallerMind`, and waits.

    Args:
        scenario: who calls, and what for.
        target: where the model is asked.
        seed: of when the caller cuts in and hesitates; the model draws by itself.
    """

    def __init__(self, scenario: Scenario, target: Target, *, seed: int) -> None:
        self.scenario = scenario
        self.chance = random.Random(seed)
        self.runs: list[PromptRun] = []
        """What was asked of the model, and what it took."""
        self._target = target
        self._prompt = load(SCENARIOS / "caller.prompty")
        self._dialogue: list[str] = []
        self._turns = 0
        self._over = False

    async def says(self, heard: str) -> str | None:
        """The next line after what was heard from the agent; None: the caller hangs up.

        Raises:
            PromptError: the model could not be asked.
        """
        if self._over:
            return None
        self._turns += 1
        self._dialogue.append(f"assistant: {heard}")
        if self._turns == 1:
            line = self.scenario.opening
        elif self._turns >= self.scenario.most_turns:
            line, self._over = self.scenario.closing, True
        else:
            line = await self._asked()
        self._dialogue.append(f"customer: {line}")
        return line

    async def _asked(self) -> str:
        scenario = self.scenario
        facts = [f"{', '.join(answer.when)}: {answer.say}" for answer in scenario.answers]
        made = await run(
            self._prompt, self._target, about=scenario.about or scenario.opening, facts="\n".join(facts) or "nothing",
            wants="\n".join(scenario.wants) or "nothing more", dialogue="\n".join(self._dialogue),
        )  # fmt: skip
        self.runs.append(made)
        line, found, _ = made.response.partition(HANGS_UP)
        self._over = bool(found)
        line = " ".join(line.removeprefix("customer:").split())
        if not line:
            self._over = True
            return scenario.closing
        return line
