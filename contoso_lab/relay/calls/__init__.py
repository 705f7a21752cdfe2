"""One call: its rules without a socket, its memory, its ends, and the pump that does what the rules say."""

from __future__ import annotations
