"""Play it again: change one thing and hear the same customer talk with the assistant once more."""

from contoso_lab.replay.modes import Mode, Paced, Rescore
from contoso_lab.replay.play import replay_call

__all__ = ["Mode", "Paced", "Rescore", "replay_call"]
