"""Who may call: tokens, secrets, issuers, origins, and how much is too much."""

from __future__ import annotations
