"""Tools that the relay runs itself: their rules, their running, and how they are hidden from the client."""

from __future__ import annotations
