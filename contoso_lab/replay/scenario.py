"""Scenarios of simulated callers."""

from __future__ import annotations


class Scenario:
    """Placeholder that the next commit fills."""
