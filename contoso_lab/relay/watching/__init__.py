"""What can be seen of calls from outside: log lines, metrics, traces."""

from __future__ import annotations
